package optimizer_test

import (
	"math"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/optimizer"
)

// The lengths are added up one by one.
func TestRestartsComeWhenTheLengthsBeforeAreOver(t *testing.T) {
	for _, s := range []optimizer.CosineDecayRestarts{
		{InitialLearningRate: 0.1, FirstDecaySteps: 10},
		{InitialLearningRate: 0.1, FirstDecaySteps: 1},
		{InitialLearningRate: 0.1, FirstDecaySteps: 3, TMul: 1.5, MMul: new(0.8), Alpha: 0.05},
		{InitialLearningRate: 1, FirstDecaySteps: 7, TMul: 1.001, MMul: new(0.99)},
		{InitialLearningRate: 1, FirstDecaySteps: 5, TMul: 1.0000001},
		{InitialLearningRate: 1, FirstDecaySteps: 5, TMul: 1e9},
	} {
		tMul, mMul := s.TMul, 1.0
		if tMul == 0 {
			tMul = 2
		}
		if s.MMul != nil {
			mMul = *s.MMul
		}
		for steps := range uint64(3000) {
			at, height := float64(steps)/float64(s.FirstDecaySteps), 1.0
			length := 1.0
			for ; at >= length-1e-9; length *= tMul {
				at -= length
				height *= mMul
			}
			wave := 0.5 * height * (1 + math.Cos(math.Pi*max(at, 0)/length))
			want := s.InitialLearningRate * ((1-s.Alpha)*wave + s.Alpha)
			got := s.Rate(steps)
			// At a restart, rounding may say that it has not come yet.
			if math.Abs(got-want) > 1e-6 {
				t.Errorf("%+v after %d steps: %v, want %v", s, steps, got, want)
			}
		}
	}
}

func TestRestartsThatHardlyGrowAreCounted(t *testing.T) {
	done := make(chan bool)
	go func() {
		defer func() { done <- true }()
		for _, growth := range []float64{1 + 1e-15, math.Nextafter(1, 2), 1 + 1e-12, math.NaN(), math.Inf(1), math.MaxFloat64, 0.5, -1} {
			for _, steps := range []uint64{0, 1, 1000, 1 << 53, math.MaxUint64} {
				s := optimizer.CosineDecayRestarts{InitialLearningRate: 1, FirstDecaySteps: 10, TMul: growth}
				rate := s.Rate(steps)
				if s.Check() == nil && !(rate >= 0 && rate <= 1) {
					t.Errorf("of %v, after %d steps: %v", growth, steps, rate)
				}
			}
		}
		// After 1,003 steps of restarts every 10 it is the fourth step.
		hardly := optimizer.CosineDecayRestarts{InitialLearningRate: 1, FirstDecaySteps: 10, TMul: 1 + 1e-15}
		never := optimizer.CosineDecayRestarts{InitialLearningRate: 1, FirstDecaySteps: 10, TMul: 1}
		if a, b := hardly.Rate(1003), never.Rate(1003); math.Abs(a-b) > 1e-9 {
			t.Errorf("%v, without growth %v", a, b)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("they never come to an end")
	}
	for _, growth := range []float64{math.NaN(), math.Inf(1), 0.5, -1} {
		if (optimizer.CosineDecayRestarts{InitialLearningRate: 1, FirstDecaySteps: 10, TMul: growth}).Check() == nil {
			t.Errorf("TMul %v is no error", growth)
		}
	}
}
