package cornu_test

// This file trains on sources that don't do what they should.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A rogue is a source that does as its functions say, and as it should where it has none.
type rogue struct {
	spec  func(data.Spec) data.Spec
	epoch func(context.Context) (data.Batches, error)
	next  func(calls, n int) (int, error)
	read  func(*data.Batch) error
	close func()
	waits bool // Next returns when ctx has ended
}

const rogueSamples = 12

var rogueSpec = data.Spec{X: []tensor.Shape{{8}}, Y: []tensor.Shape{{3}}, Len: rogueSamples}

func (r *rogue) Spec() data.Spec {
	if r.spec != nil {
		return r.spec(rogueSpec)
	}
	return rogueSpec
}

func (r *rogue) Epoch(ctx context.Context, c data.EpochConfig) (data.Batches, error) {
	if r.epoch != nil {
		return r.epoch(ctx)
	}
	return &rogueBatches{rogue: r, ctx: ctx, size: c.BatchSize, left: rogueSamples}, nil
}

type rogueBatches struct {
	*rogue
	ctx               context.Context
	size, left, calls int
}

func (b *rogueBatches) Next() (int, error) {
	n := min(b.size, b.left)
	b.left -= n
	b.calls++
	if b.waits {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	if b.next != nil {
		return b.next(b.calls, n)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *rogueBatches) Read(batch *data.Batch, _ *data.Pool) error {
	for i := range batch.Y[0] {
		batch.Y[0][i] = float32((i + 1) % 3 / 2)
	}
	if b.read != nil {
		return b.read(batch)
	}
	return nil
}

func (b *rogueBatches) Close() {
	if b.close != nil {
		b.close()
	}
}

func TestASourceThatMisbehavesIsAnErrorOfFit(t *testing.T) {
	inTurn := func(values ...int) func() int {
		return func() int {
			v := values[0]
			if len(values) > 1 {
				values = values[1:]
			}
			return v
		}
	}
	for name, c := range map[string]struct {
		source *rogue
		says   string
	}{
		"more samples than Len": {&rogue{next: func(int, int) (int, error) { return 4, nil }}, "more samples than the 12"},
		"fewer samples than Len": {&rogue{next: func(calls, n int) (int, error) {
			if calls == 3 {
				return 0, io.EOF
			}
			return n, nil
		}}, "ended after 8 samples, its Spec says 12"},
		"a batch larger than asked":  {&rogue{next: func(int, int) (int, error) { return 12, nil }}, "batch of 12 samples, at most 4"},
		"batches that grow":          {&rogue{next: func(calls, _ int) (int, error) { return 2 + 2*calls, nil }}, "batch of 6 samples, at most 4"},
		"an enormous batch":          {&rogue{next: func(int, int) (int, error) { return math.MaxInt, nil }}, "at most 4"},
		"an empty batch":             {&rogue{next: func(int, int) (int, error) { return 0, nil }}, "batch of 0 samples"},
		"a negative batch":           {&rogue{next: func(int, int) (int, error) { return -4, nil }}, "batch of -4 samples"},
		"an error":                   {&rogue{next: func(int, int) (int, error) { return 0, errors.New("no more tape") }}, "no more tape"},
		"an error of Read":           {&rogue{read: func(*data.Batch) error { return errors.New("no more tape") }}, "no more tape"},
		"a panic in Epoch":           {&rogue{epoch: func(context.Context) (data.Batches, error) { panic("tape jam") }}, "tape jam at "},
		"a panic in Next":            {&rogue{next: func(int, int) (int, error) { panic("tape jam") }}, "tape jam at "},
		"a panic in Read":            {&rogue{read: func(b *data.Batch) error { b.X[0][1<<20] = 1; return nil }}, "sources_test.go"},
		"a panic of an error":        {&rogue{read: func(*data.Batch) error { panic(io.ErrUnexpectedEOF) }}, "unexpected EOF"},
		"the end of the goroutine":   {&rogue{read: func(*data.Batch) error { runtime.Goexit(); return nil }}, "goroutine"},
		"no batches":                 {&rogue{epoch: func(context.Context) (data.Batches, error) { return nil, nil }}, "no batches"},
		"a nil pointer to batches":   {&rogue{epoch: func(context.Context) (data.Batches, error) { return (*rogueBatches)(nil), nil }}, "no batches"},
		"an error of Epoch":          {&rogue{epoch: func(context.Context) (data.Batches, error) { return nil, errors.New("no tape") }}, "no tape"},
		"a Spec that panics":         {&rogue{spec: func(data.Spec) data.Spec { panic("tape jam") }}, "tape jam at "},
		"a Spec of negative samples": {&rogue{spec: func(s data.Spec) data.Spec { s.X = []tensor.Shape{{-8}}; return s }}, "-8"},
		"a Spec of enormous samples": {&rogue{spec: func(s data.Spec) data.Spec { s.X = []tensor.Shape{{math.MaxInt, math.MaxInt}}; return s }}, "too many elements"},
		"a Spec that changes": {func() *rogue {
			width := inTurn(8, 8, 8, 9)
			return &rogue{spec: func(s data.Spec) data.Spec { s.X = []tensor.Shape{{width()}}; return s }}
		}(), "(9,)"},
	} {
		for kind, source := range map[string]data.Source{"": c.source, ", read ahead": data.Prefetch(c.source, 2)} {
			if strings.HasPrefix(name, "a Spec that changes") && kind != "" {
				continue // the calls are counted
			}
			m := compiled(t, 0.3, optimizer.Adam{})
			_, err := m.Fit(t.Context(), source, cornu.FitConfig{BatchSize: 4, Epochs: 2, Quiet: true})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s%s: error %v, want one that says %q", name, kind, err, c.says)
			}
			if _, err := m.Fit(t.Context(), points(t, 10), cornu.FitConfig{Quiet: true}); err != nil {
				t.Errorf("%s%s: the model is no good any more: %v", name, kind, err)
			}
		}
	}
	// Closing comes too late to be an error.
	late := &rogue{close: func() { panic("tape jam") }}
	for _, source := range []data.Source{late, data.Prefetch(late, 2)} {
		if _, err := compiled(t, 0, nil).Fit(t.Context(), source, cornu.FitConfig{Quiet: true}); err != nil {
			t.Error(err)
		}
	}
}

// The clock is synctest's, which moves only when everything waits: what is asserted is exact on any machine.
func TestAContextReachesASourceThatBlocks(t *testing.T) {
	const deadline, patience = 20 * time.Millisecond, time.Second // what data.Epoch says
	par.Default()                                                 // the pool's goroutines start outside of the bubbles
	for name, c := range map[string]struct {
		source func(wait func()) *rogue
		wants  time.Duration
	}{
		"Next blocks": {func(wait func()) *rogue {
			return &rogue{next: func(int, int) (int, error) { wait(); return 0, nil }}
		}, deadline + patience},
		"Read blocks": {func(wait func()) *rogue {
			return &rogue{read: func(*data.Batch) error { wait(); return nil }}
		}, deadline + patience},
		"Epoch blocks": {func(wait func()) *rogue {
			return &rogue{epoch: func(context.Context) (data.Batches, error) { wait(); return nil, nil }}
		}, deadline + patience},
		"Close blocks": {func(wait func()) *rogue {
			return &rogue{close: wait, next: func(int, int) (int, error) { wait(); return 0, nil }}
		}, deadline + patience},
		"Epoch waits for ctx": {func(func()) *rogue {
			return &rogue{epoch: func(ctx context.Context) (data.Batches, error) { <-ctx.Done(); return nil, ctx.Err() }}
		}, deadline},
		"Next waits for ctx": {func(func()) *rogue { return &rogue{waits: true} }, deadline},
	} {
		for _, ahead := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, read ahead: %t", name, ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					over := make(chan struct{})
					defer close(over)
					var source data.Source = c.source(func() { <-over })
					if ahead {
						source = data.Prefetch(source, 2)
					}
					m := compiled(t, 0, nil)
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					defer cancel()
					start := time.Now()
					_, err := m.Fit(ctx, source, cornu.FitConfig{Epochs: 3, BatchSize: 4, Quiet: true})
					if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != c.wants {
						t.Errorf("%v after %v, want the deadline's error after %v", err, took, c.wants)
					}
					if _, err := m.Fit(t.Context(), points(t, 10), cornu.FitConfig{Quiet: true}); err != nil {
						t.Errorf("the model is no good any more: %v", err)
					}
				})
			})
		}
	}
}

func TestAGeneratorThatBlocksOrPanicsIsAnErrorOfFit(t *testing.T) {
	par.Default() // as above
	generator := func(at5 func(ctx context.Context)) data.Source {
		return data.Func(rogueSpec, func(ctx context.Context, _ data.EpochConfig) iter.Seq2[data.Sample, error] {
			return func(yield func(data.Sample, error) bool) {
				for i := 0; ; i++ {
					if i == 5 {
						at5(ctx)
					}
					if !yield(data.Sample{X: [][]float32{make([]float32, 8)}, Y: [][]float32{{0, 1, 0}}}, nil) {
						return
					}
				}
			}
		})
	}
	for name, c := range map[string]struct {
		at5  func(ctx context.Context, over chan struct{})
		says string
	}{
		"more than Len":    {func(context.Context, chan struct{}) {}, "sample 12 of the epoch: the source's spec says that there are 12"},
		"a panic":          {func(context.Context, chan struct{}) { panic("tape jam") }, "tape jam"},
		"it blocks":        {func(_ context.Context, over chan struct{}) { <-over }, "did not return"},
		"it waits for ctx": {func(ctx context.Context, _ chan struct{}) { <-ctx.Done() }, "deadline exceeded"},
	} {
		for _, ahead := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, read ahead: %t", name, ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					over := make(chan struct{})
					defer close(over)
					source := generator(func(ctx context.Context) { c.at5(ctx, over) })
					if ahead {
						source = data.Prefetch(source, 2)
					}
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					_, err := compiled(t, 0, nil).Fit(ctx, source, cornu.FitConfig{Epochs: 3, BatchSize: 4, Quiet: true})
					if ahead && errors.Is(err, context.DeadlineExceeded) {
						return // it is the wait for the next batch that ends
					}
					if err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("error %v, want one that says %q", err, c.says)
					}
				})
			})
		}
	}
}

// Evaluate, TrainOnBatch and PredictSource hold sources to their word too.
func TestASourceThatMisbehavesIsAnErrorWhoeverReadsIt(t *testing.T) {
	source := &rogue{next: func(int, int) (int, error) { panic("tape jam") }}
	m := compiled(t, 0, nil)
	_, evaluate := m.Evaluate(t.Context(), source, cornu.EvaluateConfig{Quiet: true})
	_, onBatch := m.TrainOnBatch(source)
	_, predict := m.PredictSource(t.Context(), source, cornu.PredictConfig{})
	_, validation := m.Fit(t.Context(), points(t, 10), cornu.FitConfig{ValidationData: source, Quiet: true})
	for i, err := range []error{evaluate, onBatch, predict, validation} {
		if err == nil || !strings.Contains(err.Error(), "tape jam") {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// A bomb is a job that panics.
type bomb struct{}

func (bomb) Do(_, i int) {
	if i == 3 {
		panic("tape jam")
	}
}

func TestAJobOfASourceThatPanicsIsAnErrorAndThePoolGoesOn(t *testing.T) {
	cornu.SetThreads(2)
	defer cornu.SetThreads(0)
	source := &rogue{}
	source.read = func(*data.Batch) error { par.Default().Run(bomb{}, 8); return nil }
	m := compiled(t, 0, nil)
	for range 50 {
		if _, err := m.Fit(t.Context(), source, cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), "tape jam") {
			t.Fatalf("error %v", err)
		}
	}
	if _, err := m.Fit(t.Context(), points(t, 10), cornu.FitConfig{Quiet: true}); err != nil {
		t.Error(err)
	}
}
