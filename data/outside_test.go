package data

// This file holds columns to reading and writing nothing that isn't theirs.

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// onEveryTier runs f with the kernels of each instruction set that the machine has.
func onEveryTier(t *testing.T, f func(t *testing.T)) {
	before := isa.Active()
	defer func() { _ = isa.Force(before) }()
	for _, tier := range isa.Supported() {
		t.Run(tier.String(), func(t *testing.T) {
			if err := isa.Force(tier); err != nil {
				t.Fatal(err)
			}
			f(t)
		})
	}
}

// panics reports whether f does.
func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestAKernelReadsNoRowThatItsColumnDoesNotHave(t *testing.T) {
	pool := par.New(2)
	defer pool.Close()
	onEveryTier(t, func(t *testing.T) {
		for _, width := range []int{1, 3, 7, 8, 15, 16, 17, 40, 784} {
			// The memory after the 4 rows is not the columns'.
			floatMemory, byteMemory, labelMemory := make([]float32, 64*width), make([]uint8, 64*width), make([]int32, 64)
			for name, c := range map[string]Column{
				"floats":  must[Column](t)(Floats(floatMemory[:4*width], width)),
				"bytes":   must[Column](t)(Bytes(byteMemory[:4*width], width)),
				"pixels":  must[Column](t)(Pixels(byteMemory[:4*width], width)),
				"scaled":  must[Column](t)(Scaled(byteMemory[:4*width], -1, 1, width)),
				"one-hot": must[Column](t)(OneHot(labelMemory[:4], width)),
				"labels":  must[Column](t)(Labels(labelMemory[:4])),
				"tensor":  must[Column](t)(FromTensor(must[*tensor.Tensor](t)(tensor.Of(floatMemory[:4*width], 4, width)))),
			} {
				width := c.Shape().Numel()
				for _, row := range []int32{4, 5, 63, 1 << 30, 1<<31 - 1, -1, -1 << 31} {
					for _, at := range []int{0, 1, 2} {
						rows := []int32{0, 3, 1}
						rows[at] = row
						if !panics(func() { c.Kernel(make([]float32, 3*width), rows).Run(nil) }) {
							t.Errorf("%s of width %d: row %d of 4 was read", name, width, row)
						}
					}
				}
				memory := make([]float32, 3*width)
				if !panics(func() { c.Kernel(memory[:3*width-1], []int32{0, 3, 1}).Run(nil) }) {
					t.Errorf("%s of width %d: 3 rows were written to memory for fewer", name, width)
				}
				if panics(func() { c.Kernel(memory, []int32{0, 3, 1}).Run(pool) }) {
					t.Errorf("%s of width %d: rows that there are can't be read", name, width)
				}
			}
		}
	})
}

func TestLabelsThatChangeAreNoForeignMemory(t *testing.T) {
	labels := []int32{0, 1, 2}
	c := must[Column](t)(OneHot(labels, 3))
	labels[1] = 3
	if !panics(func() { c.Kernel(make([]float32, 9), []int32{0, 1, 2}).Run(nil) }) {
		t.Error("label 3 of 3 classes was taken")
	}
}

func TestAPartOfArraysChecksItsRowsAgainstTheColumns(t *testing.T) {
	onEveryTier(t, func(t *testing.T) {
		whole := func() *Arrays {
			return &Arrays{
				X: []Column{must[Column](t)(Floats(make([]float32, 1000*16), 16))},
				Y: []Column{must[Column](t)(Floats(make([]float32, 1000), 1))},
			}
		}
		x := must[Column](t)(Floats(make([]float32, 100*16), 16))
		y := must[Column](t)(Floats(make([]float32, 100), 1))
		long := must[Column](t)(Floats(make([]float32, 2000*16), 16))
		train, validation, err := whole().Split(0.1)
		if err != nil {
			t.Fatal(err)
		}
		shuffledTrain, shuffledTest, err := whole().TrainTestSplit(0.1, 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range map[string]*Arrays{
			"train": train, "validation": validation, "shuffled": shuffledTrain, "shuffled test": shuffledTest,
			"taken": whole().Take(50), "taken of a part": validation.Take(5),
		} {
			if err := a.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			a.X, a.Y = []Column{x}, []Column{y}
			if err := a.Check(); err == nil || !strings.Contains(err.Error(), "1000 rows") || !strings.Contains(err.Error(), "100 now") {
				t.Errorf("%s with columns of 100 rows: %v", name, err)
			}
			if _, err := a.Epoch(t.Context(), EpochConfig{BatchSize: 8}); err == nil {
				t.Errorf("%s with columns of 100 rows has an epoch", name)
			}
			if err := a.CheckLabels(0, 1); err == nil {
				t.Errorf("%s with columns of 100 rows has labels", name)
			}
			if err := a.Take(3).Check(); err == nil {
				t.Errorf("a part of %s with columns of 100 rows is one", name)
			}
			a.X, a.Y = []Column{long}, nil
			if err := a.Check(); err == nil {
				t.Errorf("%s with columns of 2000 rows: no error", name)
			}
		}
	})
}

// Columns may be exchanged between epochs; what was prepared for the old ones is
// forgotten then.
func TestExchangedColumnsAreRead(t *testing.T) {
	a := counting(t, 4)
	a.Weights = nil
	batch := newBatch(a.Spec(), 4)
	next := func() []float32 {
		b := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 4}))
		defer b.Close()
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
		if err := b.Read(&batch, nil); err != nil {
			t.Fatal(err)
		}
		return batch.Y[0]
	}
	next()
	a.Y = []Column{must[Column](t)(Labels([]int32{9, 8, 7, 6}))}
	if y := next(); y[0] != 9 || y[3] != 6 {
		t.Errorf("targets are %v, want those of the new column", y)
	}
	a.Weights = []float32{2, 3, 4, 5}
	batch.W = [][]float32{make([]float32, 4)}
	if next(); batch.W[0][0] != 2 {
		t.Errorf("weights are %v, want the new ones", batch.W)
	}
	// within an epoch, it stays as it was
	b := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 2}))
	defer b.Close()
	spec := a.Spec()
	a.X = []Column{must[Column](t)(Floats(make([]float32, 2), 1))}
	for {
		n, err := b.Next()
		if err != nil {
			break
		}
		small := newBatch(spec, n)
		if err := b.Read(&small, nil); err != nil {
			t.Error(err)
		}
	}
}

// A badColumn is one of the user's that says impossible things of itself.
type badColumn struct {
	rows  int
	shape tensor.Shape
}

func (c badColumn) Len() int                         { return c.rows }
func (c badColumn) Shape() tensor.Shape              { return c.shape }
func (c badColumn) Kernel([]float32, []int32) Kernel { return nil }

func TestImpossibleColumnsAreErrors(t *testing.T) {
	for _, c := range []Column{
		nil, (*pointerColumn)(nil),
		badColumn{4, tensor.Shape{-5}},
		badColumn{4, tensor.Shape{tensor.Batch}},
		badColumn{4, tensor.Shape{math.MaxInt, math.MaxInt}},
		badColumn{4, tensor.Shape{0}},
		badColumn{-4, tensor.Shape{1}},
		badColumn{math.MaxInt, tensor.Shape{1}},
	} {
		if err := (&Arrays{X: []Column{c}}).Check(); err == nil {
			t.Errorf("%+v is a column", c)
		}
	}
	if err := (*Arrays)(nil).Check(); !errors.Is(err, ErrEmpty) {
		t.Errorf("no arrays: %v", err)
	}
}

type pointerColumn struct{ badColumn }
