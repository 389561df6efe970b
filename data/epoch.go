package data

// This file holds sources to their word, whoever wrote them.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// patience is how long a source that doesn't return is waited for when ctx has ended.
const patience = time.Second

// Epoch starts an epoch of s and holds s to what its Spec says, which is how training
// and evaluation read every source. It is an error, of Epoch, Next or Read, if s
//
//   - panics,
//   - gives a batch that is empty or larger than was asked for,
//   - gives more samples than its Spec says, or fewer,
//   - doesn't return for a second after ctx has ended. The call is left to itself then,
//     and may still write to the batch that Read was given.
//
// A source that may wait for something is called from a goroutine of its own, but never
// from two at once.
func Epoch(ctx context.Context, s Source, c EpochConfig) (Batches, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if c.BatchSize < 1 {
		return nil, fmt.Errorf("data: the batch size is %d, it must be at least 1", c.BatchSize)
	}
	spec, err := SpecOf(s)
	if err != nil {
		return nil, err
	}
	b := &watched{ctx: ctx, source: s, spec: spec, shapes: spec, open: spec.open(), config: c}
	ctx, b.cancel = context.WithCancel(ctx)
	if _, ok := s.(*Arrays); ok {
		b.prompt = true
	}
	if err := b.call(request{begin: ctx}).err; err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// SpecOf returns the Spec of a source, or an error if there is no source, it panics, or
// its samples have impossible shapes.
func SpecOf(s Source) (spec Spec, err error) {
	if config.IsNil(s) {
		return spec, errors.New("data: there is no source: it is nil")
	}
	defer recovered(&err)
	spec = s.Spec()
	return spec, spec.check()
}

// recovered makes a panic an error. It is deferred.
func recovered(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("data: the source failed: %w", par.Recovered(value))
	}
}

// check returns an error unless samples of the spec can be made.
func (s Spec) check() error {
	for _, list := range []struct {
		name   string
		shapes []tensor.Shape
	}{{"x", s.X}, {"y", s.Y}, {"weights", s.W}} {
		for i, shape := range list.shapes {
			if _, err := widthOf(0, least(shape)); err != nil {
				return fmt.Errorf("%s: %w", part(list.name, i), err)
			}
		}
	}
	return nil
}

// least returns the smallest shape that a shape with tensor.None stands for.
func least(shape tensor.Shape) tensor.Shape {
	if !slices.Contains(shape, tensor.None) {
		return shape
	}
	shape = shape.Clone()
	for i, d := range shape {
		if d == tensor.None {
			shape[i] = 1
		}
	}
	return shape
}

// atMost returns how many samples a batch can have of those that are wanted.
func (s Spec) atMost(wanted int) int {
	if s.Len >= 0 {
		return min(wanted, s.Len)
	}
	return wanted
}

// fits returns an error if some batches of n samples take more memory than the limit.
func (s Spec) fits(n int, batches float64, what string) error {
	bytes := 0.0
	for i, shape := range s.X {
		if s.texts(i) { // without the letters, which the samples share with their source
			bytes += float64(float64(tensor.String.Size()-4) * float64(least(shape).Numel()))
		}
	}
	for _, shapes := range [][]tensor.Shape{s.X, s.Y, s.W} {
		for _, shape := range shapes {
			bytes += float64(4 * float64(least(shape).Numel()))
		}
	}
	samples := float64(n) * batches
	return mem.CheckBatch(n, samples*bytes, 0, "data: %s, %.0f samples of shapes %v and %v,", what, samples, s.X, s.Y)
}

// A request is a call of a source's: of its Epoch if it has a context, of Read if it has a
// batch, and else of Next.
type request struct {
	begin context.Context
	batch *Batch
	pool  *Pool
}

type answer struct {
	n      int
	shapes Spec // of the batch, where batches differ
	err    error
}

// watched are batches that are held to their source's word.
type watched struct {
	ctx    context.Context
	cancel context.CancelFunc // of what the source was given
	source Source
	spec   Spec
	open   bool // the spec is
	config EpochConfig

	inner    Batches // nil until Epoch has returned
	intX     []bool  // which of its inputs and targets are integers
	intY     []bool
	prompt   bool          // inner waits for nobody, and is called directly
	requests chan request  // to the goroutine, if there is one
	answers  chan answer   // from it
	ended    chan struct{} // closed when it has ended
	lost     error         // what it was at when it was given up

	given  int // samples
	n      int // of the present batch
	shapes Spec
	closed bool
}

// A prompter are batches that say of themselves that they wait for nobody but ctx.
type prompter interface{ Prompt() bool }

// do makes a call, and catches its panic.
func (b *watched) do(r request) (a answer) {
	defer recovered(&a.err)
	switch {
	case r.begin != nil:
		b.inner, a.err = b.source.Epoch(r.begin, b.config)
		if a.err == nil && config.IsNil(b.inner) {
			a.err = errors.New("data: the source gave no batches and no error")
		}
		if a.err == nil {
			b.intX, b.intY = integersOf(b.inner)
		}
	case r.batch != nil:
		a.err = b.inner.Read(r.batch, r.pool)
	default:
		a.n, a.err = b.inner.Next()
		if shaped, ok := b.inner.(Shaped); ok && a.err == nil && b.open {
			a.shapes = shaped.Shapes()
		}
	}
	return a
}

// call makes a call where it belongs, and waits for it while ctx lasts.
func (b *watched) call(r request) answer {
	if b.lost != nil {
		return answer{err: b.lost}
	}
	if b.prompt {
		return b.do(r)
	}
	if b.requests == nil {
		b.requests, b.answers, b.ended = make(chan request), make(chan answer, 1), make(chan struct{})
		go b.serve()
	}
	b.requests <- r
	a, ok := b.await()
	if ok && r.begin != nil && a.err == nil {
		if p, is := b.inner.(prompter); is && p.Prompt() {
			b.prompt = true
		}
	}
	return a
}

// await waits for the answer. ok is false if it was given up.
func (b *watched) await() (a answer, ok bool) {
	select {
	case a, ok = <-b.answers:
	case <-b.ctx.Done():
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case a, ok = <-b.answers:
		case <-late.C:
			b.lost = fmt.Errorf("data: the source did not return: %w", b.ctx.Err())
			return answer{err: b.lost}, false
		}
	}
	if !ok {
		b.lost = errors.New("data: the source ended the goroutine that it was called from")
		a.err = b.lost
	}
	return a, ok
}

// serve makes calls from a goroutine of its own, and closes the batches at the end.
func (b *watched) serve() {
	defer close(b.ended)
	defer close(b.answers)
	for r := range b.requests {
		b.answers <- b.do(r)
	}
	_ = b.end()
}

// end closes the batches.
func (b *watched) end() (err error) {
	defer recovered(&err)
	if b.inner != nil {
		b.inner.Close()
	}
	return nil
}

func (b *watched) Next() (int, error) {
	b.n = 0
	if b.closed {
		return 0, io.EOF
	}
	a := b.call(request{})
	length := b.spec.Len
	switch {
	case a.err == io.EOF && length > b.given:
		return 0, fmt.Errorf("data: the source ended after %d samples, its Spec says %d", b.given, length)
	case a.err != nil:
		return 0, a.err
	case a.n < 1:
		return 0, fmt.Errorf("data: the source gave a batch of %d samples", a.n)
	case a.n > b.config.BatchSize:
		return 0, fmt.Errorf("data: the source gave a batch of %d samples, at most %d were asked for", a.n, b.config.BatchSize)
	case length >= 0 && a.n > length-b.given:
		return 0, fmt.Errorf("data: the source gives more samples than the %d that its Spec says", length)
	case b.open && (a.shapes.open() || !a.shapes.fitsIn(b.spec)):
		return 0, fmt.Errorf("data: the source gave a batch of samples of shapes %v to %v, weights %v, its Spec says %v to %v, weights %v: the Batches of a source whose Spec has tensor.None are Shaped", a.shapes.X, a.shapes.Y, a.shapes.W, b.spec.X, b.spec.Y, b.spec.W)
	}
	if b.n = a.n; b.open {
		b.shapes = a.shapes
	}
	b.given += a.n
	return b.n, nil
}

func (b *watched) Read(batch *Batch, p *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	if err := checkBatch(batch, b.shapes, b.n, b.intX, b.intY); err != nil {
		return err
	}
	return b.call(request{batch: batch, pool: p}).err
}

// Shapes describes the samples of the present batch.
func (b *watched) Shapes() Spec { return b.shapes }

func (b *watched) Close() {
	if b.closed {
		return
	}
	b.closed = true
	b.cancel()
	if b.requests == nil {
		_ = b.end()
		return
	}
	close(b.requests)
	late := time.NewTimer(patience)
	defer late.Stop()
	if b.lost == nil {
		select {
		case <-b.ended:
		case <-late.C:
		}
	}
}

// Prompt reports whether the batches wait for nobody but ctx.
func (b *watched) Prompt() bool { return true }

// Integers reports which inputs and targets of the source are integers.
func (b *watched) Integers() (x, y []bool) { return b.intX, b.intY }
