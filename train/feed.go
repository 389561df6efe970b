package train

// This file brings what a step is fed with to where the step reads it: numbers as float32, integers as int32, checked before a
// kernel sees them.

import (
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// A feed is one of a step's inputs, or of its targets.
type feed struct {
	node   *graph.Node
	target bool
	index  int  // among the inputs, or the targets
	ints   bool // it is held to integers, which are stored as int32
}

// feedsOf lists the inputs and the targets of a step that is traced. Those that are held to integers are stored so from now on.
func feedsOf(inputs, targets []*graph.Node) []feed {
	var list []feed
	for i, n := range inputs {
		list = append(list, feed{n, false, i, n.StoreIntegers()})
	}
	for i, n := range targets {
		list = append(list, feed{n, true, i, n.StoreIntegers()})
	}
	return list
}

// of returns the part of a batch that is for f: numbers or integers, one of which is nil.
func (f *feed) of(b *data.Batch) (numbers *[]float32, integers *[]int32) {
	if f.target {
		return &b.Y[f.index], &b.IntY[f.index]
	}
	return &b.X[f.index], &b.IntX[f.index]
}

// given returns the part of a caller's batch that is for f.
func (f *feed) given(b *data.Batch) (numbers []float32, integers []int32) {
	if f.target {
		return part(b.Y, f.index), part(b.IntY, f.index)
	}
	return part(b.X, f.index), part(b.IntX, f.index)
}

// part returns element i of some lists, nil if there is none.
func part[T any](lists [][]T, i int) []T {
	if i < len(lists) {
		return lists[i]
	}
	return nil
}

// lists returns a batch with a place for what each feed and each weight is given.
func (s *Step) lists() data.Batch {
	inputs, targets := len(s.inputs), len(s.targets)
	return data.Batch{
		X: make([][]float32, inputs), IntX: make([][]int32, inputs), Y: make([][]float32, targets), IntY: make([][]int32, targets),
		W: make([][]float32, len(s.weights)),
	}
}

// from returns what fills b with the next batch of a source: integers as such, if the source has them so. It reads to where the
// step does, but for numbers that have to become integers first.
func from(batches data.Batches) func(b *bound, pool *par.Pool) error {
	var x, y []bool
	if has, ok := batches.(data.IntegerBatches); ok {
		x, y = has.Integers()
	}
	return func(b *bound, pool *par.Pool) error {
		feeds := b.step.feeds
		for i := range feeds {
			f, has := &feeds[i], x
			if f.target {
				has = y
			}
			numbers, integers := f.of(&b.given)
			to, ints := f.of(&b.batch)
			switch *numbers, *integers = *to, nil; {
			case !f.ints:
			case f.index < len(has) && has[f.index]:
				*integers = *ints
			default:
				*numbers = b.staging(i, len(*ints))
			}
		}
		if err := batches.Read(&b.given, pool); err != nil {
			b.lost = true
			return err
		}
		for i := range feeds {
			numbers, integers := feeds[i].of(&b.given)
			if err := feeds[i].put(b, *numbers, *integers); err != nil {
				return err
			}
		}
		return nil
	}
}

// staging returns memory for n numbers of feed i until they are integers.
func (b *bound) staging(i, n int) []float32 {
	if len(b.staged[i]) != n {
		b.staged[i] = make([]float32, n)
	}
	return b.staged[i]
}

// put writes numbers or integers, one of which is nil, to where the step reads them, and zeros behind them. It returns an error
// if there is one that f can't hold.
func (f *feed) put(b *bound, numbers []float32, integers []int32) error {
	var bad int
	var value float64
	if to, ints := f.of(&b.batch); f.ints {
		bad, value = f.integers(*ints, numbers, integers)
	} else {
		bad, value = asNumbers(*to, numbers, integers)
	}
	if bad >= 0 {
		return f.wrong(bad, value)
	}
	return nil
}

// integers writes integers, or else numbers that are some, to dst. It returns the place of the first that f can't hold, -1 if
// there is none.
func (f *feed) integers(dst []int32, numbers []float32, integers []int32) (bad int, value float64) {
	allowed := f.node.Attr().Domain
	for i, v := range numbers {
		if !allowed.Has(v) {
			return i, float64(v)
		}
		dst[i] = int32(v)
	}
	for i, v := range integers {
		if uint(v) >= uint(allowed.N) && !allowed.HasInteger(int(v)) {
			return i, float64(v)
		}
	}
	if !same(dst, integers) {
		copy(dst, integers)
		clear(dst[max(len(numbers), len(integers)):])
	}
	return -1, 0
}

// asNumbers writes numbers, or else integers that float32 has, to dst. It returns the place of the first that it has not, -1 if
// there is none.
func asNumbers(dst, numbers []float32, integers []int32) (bad int, value float64) {
	for i, v := range integers {
		if v > number.MaxInteger || v < -number.MaxInteger {
			return i, float64(v)
		}
		dst[i] = float32(v)
	}
	if !same(dst, numbers) {
		copy(dst, numbers)
		clear(dst[max(len(numbers), len(integers)):])
	}
	return -1, 0
}

// same reports whether a and b are the same memory.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// wrong is the error of element i, which is v.
func (f *feed) wrong(i int, v float64) error {
	attr, shape := f.node.Attr(), f.node.Shape()
	if len(shape) > 0 && shape[0] == tensor.Batch {
		shape = shape[1:]
	}
	width := shape.Numel()
	row, rest := i/width, i%width
	var at []int
	if width > 1 {
		at = make([]int, len(shape))
		for k := len(at) - 1; k >= 0; k-- {
			at[k] = rest % shape[k]
			rest /= shape[k]
		}
	}
	if f.target && f.ints {
		return &data.LabelError{Row: row, At: at, Label: v, Classes: attr.Domain.N}
	}
	return &data.IntegerError{Input: attr.Name, Row: row, At: at, Value: v, N: attr.Domain.N}
}
