package train

// This file tests which plans and arenas a step keeps, and who waits for whom.

import (
	"math"
	"testing"

	"github.com/cornu-ml/cornu/tensor"
)

// doubled is a step that doubles its input, 1000 numbers a sample.
func doubled(t *testing.T) *Step {
	t.Helper()
	s, err := NewStep(1, func(s *StepBuilder) {
		s.Output(s.Input("x", tensor.Shape{tensor.Batch, 1000}).MulScalar(2))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bind(t *testing.T, s *Step, n int) *bound {
	t.Helper()
	b, err := s.bind(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPlanThatIsBeingCompiledKeepsNoOtherSizeWaiting(t *testing.T) {
	s := doubled(t)
	slow, _, first := s.plans.take(batchKind{s, 7})
	if !first {
		t.Fatal("the plan is there already")
	}
	s.release(bind(t, s, 3))
	done := make(chan int)
	go func() {
		b, err := s.bind(7) // waits for the one who compiles
		if err != nil {
			t.Error(err)
		}
		done <- b.n
	}()
	s.compile(7, slow)
	if n := <-done; n != 7 {
		t.Errorf("a step for %d samples, want 7", n)
	}
}

func TestThePlanThatWasUsedLongestAgoIsForgotten(t *testing.T) {
	s := doubled(t)
	for n := 1; n <= maxPlans; n++ {
		s.release(bind(t, s, n))
	}
	for n := 1; n <= maxPlans; n++ {
		if n != 5 {
			s.release(bind(t, s, n))
		}
	}
	s.release(bind(t, s, 100))
	if len(s.plans.bySize) != maxPlans || s.plans.bySize[batchKind{s, 5}] != nil || s.plans.bySize[batchKind{s, 100}] == nil {
		t.Errorf("%d plans are kept, that of 5 samples %v, that of 100 %v", len(s.plans.bySize), s.plans.bySize[batchKind{s, 5}], s.plans.bySize[batchKind{s, 100}])
	}
	held := 0
	for _, of := range s.plans.bySize {
		held += len(of.idle) * of.plan.Arena()
	}
	if held != s.plans.idle {
		t.Errorf("idle arenas hold %d numbers, counted are %d", held, s.plans.idle)
	}
}

func TestIdleArenasAreBounded(t *testing.T) {
	s := doubled(t)
	s.release(bind(t, s, 2))
	s.plans.limit = 10 * s.plans.bySize[batchKind{s, 2}].plan.Arena()
	var list []*bound
	for range 30 {
		list = append(list, bind(t, s, 2), bind(t, s, 1))
	}
	for _, b := range list {
		s.release(b)
		if s.plans.idle > s.plans.limit {
			t.Fatalf("idle arenas hold %d numbers, the limit is %d", s.plans.idle, s.plans.limit)
		}
	}
	if s.plans.idle < s.plans.limit*8/10 {
		t.Errorf("idle arenas hold %d numbers of %d", s.plans.idle, s.plans.limit)
	}
	big := bind(t, s, 1000)
	s.release(big)
	if again := bind(t, s, 1000); again != big {
		t.Error("an arena beyond the limit is not used again")
	}
}

func TestAStepThatCannotBeCompiledIsTriedAgain(t *testing.T) {
	s := doubled(t)
	for range 2 {
		if _, err := s.bind(math.MaxInt / 4000); err == nil {
			t.Fatal("a step for so many samples is compiled")
		}
	}
	if len(s.plans.bySize) != 0 {
		t.Errorf("%d plans are kept", len(s.plans.bySize))
	}
}
