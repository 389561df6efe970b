package data

// This file holds the source over arrays in memory.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// Arrays is a source over columns in memory: one for each input of a network, one
// for each target.
//
//	x, err := data.Floats(values, 784)
//	y, err := data.OneHot(labels, 10)
//	source := &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
//
// Don't change an Arrays while it is in use, and don't copy it.
type Arrays struct {
	X, Y    []Column
	Weights []float32 // of the samples; nil: all weigh 1

	// TargetWeights has sample weights for each target, in place of Weights. A column
	// has one number for each sample, or, in the shape of the target's first axes, one
	// for each of its steps. Where a column is nil all samples weigh 1.
	TargetWeights []Column

	view []int32 // the rows that are samples, in order; nil: all rows
	of   int     // how many rows there were when the view was made

	mu   sync.Mutex
	idle []orders // of past epochs
}

// New is the source of a network with one input and one output: the first
// dimension of x and y counts the samples. y is nil if there are no targets.
func New(x, y *tensor.Tensor) (*Arrays, error) {
	a := &Arrays{}
	column, err := FromTensor(x)
	if err != nil {
		return nil, err
	}
	a.X = []Column{column}
	if y != nil {
		if column, err = FromTensor(y); err != nil {
			return nil, err
		}
		a.Y = []Column{column}
	}
	return a, a.Check()
}

// FromRows is the source of a network with one input and one output, whose
// samples are the rows of x and y. Those of x have one length and those of y
// another; they are copied. y is nil if there are no targets.
func FromRows[T tensor.Element](x, y [][]T) (*Arrays, error) {
	if len(x) == 0 {
		return nil, ErrEmpty
	}
	inputs, err := tensor.FromRows(x)
	if err != nil {
		return nil, fmt.Errorf("data: x: %w", err)
	}
	if y == nil {
		return New(inputs, nil)
	}
	targets, err := tensor.FromRows(y)
	if err != nil {
		return nil, fmt.Errorf("data: y: %w", err)
	}
	return New(inputs, targets)
}

// Check returns an error if there are no samples (ErrEmpty), if not all parts
// have the same number of them (a *LengthError), or if these are a part of other
// arrays and their columns have been exchanged for longer or shorter ones.
func (a *Arrays) Check() error {
	if a == nil || len(a.X) == 0 {
		return ErrEmpty
	}
	rows := -1 // those of x[0]
	check := func(name string, n int) error {
		if rows < 0 {
			rows = n
		}
		if n != rows {
			return &LengthError{part("x", 0), name, rows, n}
		}
		return nil
	}
	for _, list := range []struct {
		name    string
		columns []Column
	}{{"x", a.X}, {"y", a.Y}, {"weights", a.TargetWeights}} {
		for i, c := range list.columns {
			name := part(list.name, i)
			if list.name == "weights" && c == nil {
				continue
			}
			if config.IsNil(c) {
				return fmt.Errorf("data: %s is nil", name)
			}
			if _, ok := c.(*texts); ok && list.name != "x" {
				return fmt.Errorf("data: %s is texts: only inputs can be; a StringLookup makes numbers of classes, say", name)
			}
			if _, err := widthOf(0, c.Shape()); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := check(name, max(c.Len(), 0)); err != nil {
				return err
			}
		}
	}
	if a.Weights != nil {
		if err := check("weights", len(a.Weights)); err != nil {
			return err
		}
	}
	switch {
	case rows == 0:
		return ErrEmpty
	case a.TargetWeights != nil && a.Weights != nil:
		return errors.New("data: there are Weights and TargetWeights, only one of them can be")
	case a.TargetWeights != nil && len(a.TargetWeights) != len(a.Y):
		return fmt.Errorf("data: there are %d TargetWeights for %d targets", len(a.TargetWeights), len(a.Y))
	case rows > math.MaxInt32:
		return fmt.Errorf("data: %d samples are more than %d", rows, math.MaxInt32)
	case a.view != nil && rows != a.of:
		return fmt.Errorf("data: these samples are a part of %d rows, but x[0] has %d now: split or take again after exchanging columns", a.of, rows)
	case a.Len() == 0:
		return ErrEmpty
	}
	return nil
}

// rows returns the number of rows that the columns have.
func (a *Arrays) rows() int {
	if a == nil || len(a.X) == 0 || a.X[0] == nil {
		return 0
	}
	return max(a.X[0].Len(), 0)
}

// Len returns the number of samples.
func (a *Arrays) Len() int {
	if a != nil && a.view != nil {
		return len(a.view)
	}
	return a.rows()
}

// Spec describes the samples.
func (a *Arrays) Spec() Spec {
	s := Spec{Len: a.Len()}
	if a == nil {
		return s
	}
	for i, c := range a.X {
		s.X = append(s.X, shapeOf(c))
		if _, ok := c.(*texts); ok {
			if s.Types == nil {
				s.Types = make([]tensor.DType, len(a.X))
			}
			s.Types[i] = tensor.String
		}
		if b, ok := c.(Ranger); ok {
			if s.Bytes == nil {
				s.Bytes = make([]Range, len(a.X))
			}
			s.Bytes[i] = b.Range()
		}
	}
	for _, c := range a.Y {
		s.Y = append(s.Y, shapeOf(c))
	}
	if a.Weights != nil {
		s.W = []tensor.Shape{nil}
	}
	for _, c := range a.TargetWeights {
		s.W = append(s.W, shapeOf(c))
	}
	return s
}

// shapeOf returns the shape of a column's samples, none if there is no column:
// Check says what is wrong then.
func shapeOf(c Column) tensor.Shape {
	if c == nil {
		return nil
	}
	return c.Shape()
}

// Epoch starts an epoch. The shuffle is a function of seed and epoch.
func (a *Arrays) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	if c.BatchSize < 1 {
		return nil, fmt.Errorf("data: the batch size is %d, it must be at least 1", c.BatchSize)
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	b := &arrayBatches{arrays: a, spec: a.Spec(), orders: a.reuse(), batchSize: min(c.BatchSize, a.Len())}
	b.of(a)
	b.order = resize(b.order, a.Len())
	if cap(b.rows) < b.batchSize {
		b.bound = nil
	}
	b.rows = resize(b.rows, b.batchSize)
	if c.Shuffle {
		rng.Perm(b.order, c.Seed, c.Epoch)
	} else {
		for i := range b.order {
			b.order[i] = int32(i)
		}
	}
	if a.view != nil {
		for i, sample := range b.order {
			b.order[i] = a.view[sample]
		}
	}
	return b, nil
}

func resize(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

// orders are the rows of an epoch in its order, those of the present batch, and
// the kernels that are bound to these and to the columns.
type orders struct {
	order, rows []int32
	x, y        []Column
	intX, intY  []bool // which of them are integers
	weights     []float32
	each        []Column // the weights of each target
	bound       []bound
}

// of makes the orders those of the present columns of a.
func (o *orders) of(a *Arrays) {
	if slices.EqualFunc(o.x, a.X, sameColumn) && slices.EqualFunc(o.y, a.Y, sameColumn) &&
		sameMemory(o.weights, a.Weights) && slices.EqualFunc(o.each, a.TargetWeights, sameColumn) {
		return
	}
	o.x, o.y, o.weights, o.each, o.bound = slices.Clone(a.X), slices.Clone(a.Y), a.Weights, slices.Clone(a.TargetWeights), nil
	o.intX, o.intY = areIntegers(o.x), areIntegers(o.y)
}

func areIntegers(columns []Column) []bool {
	list := make([]bool, len(columns))
	for i, c := range columns {
		_, list[i] = c.(integerColumn)
	}
	return list
}

// Integers reports which columns are integers.
func (b *arrayBatches) Integers() (x, y []bool) { return b.intX, b.intY }

// sameColumn reports whether a and b are known to be one column.
func sameColumn(a, b Column) bool { return reflect.ValueOf(a).Comparable() && a == b }

// arrayBatches go through the rows in some order.
type arrayBatches struct {
	arrays *Arrays // nil when closed
	spec   Spec
	orders
	batchSize int
	next      int // the first sample after the present batch
	n         int // samples of the present batch
}

// A bound is what fills one Batch.
type bound struct {
	batch   Batch
	kernels []Kernel
}

// reuse returns the memory of a past epoch, if there is one.
func (a *Arrays) reuse() (o orders) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.idle); n > 0 {
		o = a.idle[n-1]
		a.idle = a.idle[:n-1]
	}
	return o
}

func (b *arrayBatches) Close() {
	a := b.arrays
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// What is bound holds on to the memory of networks. Keep what the next epoch is
	// likely to need: whole batches and a smaller last one.
	if extra := len(b.bound) - 2; extra > 0 {
		b.bound = slices.Delete(b.bound, 0, extra)
	}
	a.idle = append(a.idle, b.orders)
	*b = arrayBatches{}
}

// Prompt reports that the batches wait for nobody.
func (b *arrayBatches) Prompt() bool { return true }

func (b *arrayBatches) Next() (int, error) {
	b.n = min(b.batchSize, len(b.order)-b.next)
	if b.n == 0 {
		return 0, io.EOF
	}
	b.next += b.n
	return b.n, nil
}

func (b *arrayBatches) Read(batch *Batch, p *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	kernels, err := b.bind(batch)
	if err != nil {
		return err
	}
	copy(b.rows, b.order[b.next-b.n:b.next])
	for _, k := range kernels {
		k.Run(p)
	}
	return nil
}

// bind returns the kernels that fill the batch, made when its memory is first
// seen.
func (b *arrayBatches) bind(batch *Batch) ([]Kernel, error) {
	for i := range b.bound {
		if k := &b.bound[i]; k.batch.same(batch) {
			return k.kernels, nil
		}
	}
	if err := checkBatch(batch, b.spec, b.n, b.intX, b.intY); err != nil {
		return nil, err
	}
	rows := b.rows[:b.n]
	var kernels []Kernel
	add := func(name string, columns []Column, numbers [][]float32, integers [][]int32) error {
		for i, c := range columns {
			switch c := c.(type) {
			case *texts:
				kernels = append(kernels, &gatherTexts{c, batch.T[i], rows})
			case integerColumn:
				if dst := at(integers, i); dst != nil {
					kernels = append(kernels, c.integers(dst, rows))
					continue
				}
				if err := c.exact(); err != nil {
					return fmt.Errorf("data: %s: %w", part(name, i), err)
				}
				kernels = append(kernels, c.Kernel(at(numbers, i), rows))
			default:
				kernels = append(kernels, c.Kernel(at(numbers, i), rows))
			}
		}
		return nil
	}
	if err := add("x", b.x, batch.X, batch.IntX); err != nil {
		return nil, err
	}
	if len(batch.Y) > 0 || len(batch.IntY) > 0 {
		if err := add("y", b.y, batch.Y, batch.IntY); err != nil {
			return nil, err
		}
	}
	for i, dst := range batch.W {
		switch {
		case b.weights != nil:
			kernels = append(kernels, (&floats{b.weights, nil, 1}).Kernel(dst, rows))
		case i < len(b.each) && b.each[i] != nil:
			kernels = append(kernels, b.each[i].Kernel(dst, rows))
		default:
			kernels = append(kernels, ones(dst))
		}
	}
	b.bound = append(b.bound, bound{batch.clone(), kernels})
	return kernels, nil
}

// clone returns a batch of the same memory.
func (b *Batch) clone() Batch {
	return Batch{
		X: slices.Clone(b.X), Y: slices.Clone(b.Y), W: slices.Clone(b.W), T: slices.Clone(b.T),
		IntX: slices.Clone(b.IntX), IntY: slices.Clone(b.IntY),
	}
}

// same reports whether both batches are the same memory.
func (b *Batch) same(c *Batch) bool {
	return slices.EqualFunc(b.X, c.X, sameMemory) && slices.EqualFunc(b.Y, c.Y, sameMemory) && slices.EqualFunc(b.W, c.W, sameMemory) &&
		slices.EqualFunc(b.T, c.T, sameMemory) && slices.EqualFunc(b.IntX, c.IntX, sameMemory) && slices.EqualFunc(b.IntY, c.IntY, sameMemory)
}

func sameMemory[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

type ones []float32

func (k ones) Run(*Pool) {
	for i := range k {
		k[i] = 1
	}
}

// checkBatch returns an error unless a batch has room for n samples of the spec. intX and intY say which inputs and targets can
// be wanted as integers.
func checkBatch(batch *Batch, s Spec, n int, intX, intY []bool) error {
	check := func(name string, dst [][]float32, integers [][]int32, has []bool, shapes []tensor.Shape) error {
		if got := max(len(dst), len(integers)); got != len(shapes) {
			return fmt.Errorf("data: there are %d of %s, but %d were expected", len(shapes), name, got)
		}
		for i, shape := range shapes {
			if name == "x" && s.texts(i) {
				if width := shape.Numel(); i >= len(batch.T) || len(batch.T[i])%width != 0 || len(batch.T[i])/width != n {
					return fmt.Errorf("data: %s is texts, of shape %v, and %d samples of numbers were expected: a model takes texts by an Input whose DType is tensor.String", part(name, i), shape, n)
				}
				continue
			}
			numbers, ints := at(dst, i), at(integers, i)
			switch {
			case ints != nil && len(numbers) > 0:
				return fmt.Errorf("data: %s is wanted as numbers and as integers, it can be either", part(name, i))
			case ints != nil && !at(has, i):
				return fmt.Errorf("data: %s is wanted as integers, and can be read as float32 alone", part(name, i))
			}
			if width, room := shape.Numel(), len(numbers)+len(ints); room%width != 0 || room/width != n {
				return fmt.Errorf("data: %d samples of %s, of shape %v, are %d values each, but %d in all were expected",
					n, part(name, i), shape, width, room)
			}
		}
		return nil
	}
	if err := check("x", batch.X, batch.IntX, intX, s.X); err != nil {
		return err
	}
	if len(batch.Y) > 0 || len(batch.IntY) > 0 {
		if err := check("y", batch.Y, batch.IntY, intY, s.Y); err != nil {
			return err
		}
	}
	if len(batch.W) > 0 && len(s.W) > 0 {
		return check("weights", batch.W, nil, nil, s.W)
	}
	return nil
}
