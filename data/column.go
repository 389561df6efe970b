package data

// This file holds the columns that arrays are made of.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Column is one input or one target of all samples.
type Column interface {
	// Len returns the number of samples.
	Len() int
	// Shape returns the shape of one sample.
	Shape() tensor.Shape
	// Kernel returns what writes the samples of these rows to dst, one after the
	// other. It is run many times, with other rows in the same slice.
	Kernel(dst []float32, rows []int32) Kernel
}

// A Ranger is a column that is made of bytes, such as Bytes and Pixels return.
type Ranger interface {
	// Range returns what the bytes became.
	Range() Range
}

// A Kernel is a piece of work that is bound to its memory.
type Kernel interface {
	// Run does the work: on the caller alone, or on the workers of p, which may
	// be nil.
	Run(p *Pool)
}

// Floats is a column of samples of that shape, which share the memory of values.
// No shape means one value a sample.
func Floats(values []float32, shape ...int) (Column, error) {
	width, err := widthOf(len(values), shape)
	if err != nil {
		return nil, err
	}
	return &floats{values, tensor.Shape(shape).Clone(), width}, nil
}

// Bytes is a column of bytes that are numbers from 0 to 255, as they are
// everywhere unless one asks for something else.
func Bytes(values []uint8, shape ...int) (Column, error) {
	return bytesOf(values, shape, &byteToFloat, Range{0, 255})
}

// Pixels is a column of bytes that become numbers from 0 to 1, the float32 nearest
// to u/255. They stay bytes in memory. A model that was trained on them wants the
// same of what it predicts: give PredictSource such a column, or Predict what
// tensor.FromBytes(x, 0, 1) returns. It refuses plain bytes.
func Pixels(values []uint8, shape ...int) (Column, error) {
	return bytesOf(values, shape, &fmath.ByteToUnit, Range{0, 1})
}

// Scaled is a column of bytes that become numbers from low to high, as
// tensor.FromBytes makes them: from −1 to 1, say. They stay bytes in memory.
func Scaled(values []uint8, low, high float64, shape ...int) (Column, error) {
	all := make([]uint8, 256)
	for u := range all {
		all[u] = uint8(u)
	}
	x, err := tensor.Of(all)
	if err == nil {
		x, err = tensor.FromBytes(x, low, high)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	table, err := tensor.Data[float32](x)
	if err != nil {
		return nil, err
	}
	return bytesOf(values, shape, (*[256]float32)(table), Range{low, high})
}

func bytesOf(values []uint8, shape tensor.Shape, table *[256]float32, r Range) (Column, error) {
	width, err := widthOf(len(values), shape)
	if err != nil {
		return nil, err
	}
	return &bytes{values, shape.Clone(), width, table, r}, nil
}

// Texts is a column of texts, for a model that takes some: one of the first layers, such as a TextVectorization, makes
// numbers of them. It is one of the inputs.
func Texts(values []string, shape ...int) (Column, error) {
	width, err := widthOf(len(values), shape)
	if err != nil {
		return nil, err
	}
	return &texts{values, tensor.Shape(shape).Clone(), width}, nil
}

// An Integer is a type of labels.
type Integer interface {
	~uint8 | ~int32 | ~int64 | ~int
}

// OneHot is a column of labels, each of which becomes a vector that is 1 at the
// label and 0 elsewhere. It is a *LabelError if one is outside the classes.
func OneHot[T Integer](labels []T, classes int) (Column, error) {
	for row, label := range labels {
		if label < 0 || int64(label) >= int64(classes) {
			return nil, &LabelError{Row: row, Label: float64(label), Classes: classes}
		}
	}
	return &oneHot[T]{labels, classes}, nil
}

// Labels is a column of labels as they are, for losses and metrics that take
// labels.
func Labels[T Integer](labels []T) (Column, error) { return Integers(labels) }

// Integers is a column of integers as they are, such as the numbers of words that an Embedding looks up: samples of that
// shape, which share the memory of values. No shape means one integer a sample. Those beyond ±(2³¹-1) are an error. What is
// computed with is float32, so an input or a target that isn't labels or indices can't have any beyond ±2²⁴.
func Integers[T Integer](values []T, shape ...int) (Column, error) {
	width, err := widthOf(len(values), shape)
	if err != nil {
		return nil, err
	}
	c := &integers[T]{values: values, shape: tensor.Shape(shape).Clone(), width: width, inexact: -1}
	for i, v := range values {
		if v := int64(v); v > math.MaxInt32 || v < -math.MaxInt32 {
			return nil, fmt.Errorf("data: value %d is %d, but integers are at most %d: texts, which StringLookup and Hashing take, may be any", i, v, math.MaxInt32)
		} else if c.inexact < 0 && (v > number.MaxInteger || v < -number.MaxInteger) {
			c.inexact = i
		}
	}
	return c, nil
}

// FromTensor is a column of a tensor's rows: its first dimension counts the
// samples. Numbers stay what they are, bytes too: those of an image go from 0 to
// 255, and Pixels scales them. false and true become 0 and 1, texts stay texts.
func FromTensor(t *tensor.Tensor) (Column, error) {
	if t == nil || len(t.Shape()) == 0 {
		return nil, fmt.Errorf("data: %v has no dimension that counts samples", t)
	}
	shape := t.Shape()[1:]
	if values, err := tensor.Data[string](t); err == nil {
		return Texts(values, shape...)
	}
	if values, err := tensor.Data[uint8](t); err == nil {
		return Bytes(values, shape...)
	}
	if values, err := tensor.Data[int32](t); err == nil {
		return Integers(values, shape...)
	}
	if values, err := tensor.Data[int64](t); err == nil {
		return Integers(values, shape...)
	}
	values, err := float32s(t)
	if err != nil {
		return nil, err
	}
	return Floats(values, shape...)
}

// float32s returns the elements of a tensor of numbers of any type.
func float32s(t *tensor.Tensor) ([]float32, error) {
	if values, err := tensor.Data[float32](t); err == nil {
		return values, nil
	}
	values, err := layer.ValuesOf(t)
	if err != nil {
		return nil, err
	}
	numbers, err := values.Float32()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return numbers, nil
}

// widthOf returns the number of values of a sample.
func widthOf(values int, shape tensor.Shape) (int, error) {
	if err := shape.Check(); err != nil {
		return 0, fmt.Errorf("data: %w", err)
	}
	width := shape.Numel()
	if width < 1 {
		return 0, fmt.Errorf("data: samples of shape %v have no values", shape)
	}
	if values%width != 0 {
		return 0, fmt.Errorf("data: %d values don't make samples of shape %v, which have %d each", values, shape, width)
	}
	return width, nil
}

type floats struct {
	values []float32
	shape  tensor.Shape
	width  int
}

func (c *floats) Len() int            { return len(c.values) / c.width }
func (c *floats) Shape() tensor.Shape { return c.shape }
func (c *floats) Kernel(dst []float32, rows []int32) Kernel {
	return &move.GatherFloat32{Src: c.values, Dst: dst, Width: c.width, Rows: rows}
}

type bytes struct {
	values []uint8
	shape  tensor.Shape
	width  int
	table  *[256]float32
	became Range
}

func (c *bytes) Len() int            { return len(c.values) / c.width }
func (c *bytes) Shape() tensor.Shape { return c.shape }
func (c *bytes) Range() Range        { return c.became }
func (c *bytes) Kernel(dst []float32, rows []int32) Kernel {
	return &move.GatherUint8{Src: c.values, Dst: dst, Width: c.width, Table: c.table, Rows: rows}
}

// An integerColumn is also read as integers.
type integerColumn interface {
	Column
	// integers is Kernel for int32.
	integers(dst, rows []int32) Kernel
	// exact returns an error unless float32 can hold all integers.
	exact() error
}

type integers[T Integer] struct {
	values  []T
	shape   tensor.Shape
	width   int
	inexact int // the place of an integer that float32 can't hold, -1 if there was none
}

func (c *integers[T]) Len() int            { return len(c.values) / c.width }
func (c *integers[T]) Shape() tensor.Shape { return c.shape }
func (c *integers[T]) Kernel(dst []float32, rows []int32) Kernel {
	return &move.GatherIntegers[T, float32]{Src: c.values, Dst: dst, Width: c.width, Rows: rows}
}

func (c *integers[T]) integers(dst, rows []int32) Kernel {
	return &move.GatherIntegers[T, int32]{Src: c.values, Dst: dst, Width: c.width, Rows: rows}
}

func (c *integers[T]) exact() error {
	if c.inexact < 0 {
		return nil
	}
	return inexact(c.inexact, int64(c.values[c.inexact]))
}

// inexact is the error of value i, an integer that float32 can't hold.
func inexact(i int, v int64) error {
	return fmt.Errorf("value %d is %d, but only integers up to %d are exact in float32, and only labels and indices are read as integers", i, v, number.MaxInteger)
}

type texts struct {
	values []string
	shape  tensor.Shape
	width  int
}

func (c *texts) Len() int            { return len(c.values) / c.width }
func (c *texts) Shape() tensor.Shape { return c.shape }

// Kernel writes NaN: texts are no numbers. Arrays gathers them by gatherTexts.
func (c *texts) Kernel(dst []float32, _ []int32) Kernel { return notANumber(dst) }

type notANumber []float32

func (k notANumber) Run(*Pool) {
	for i := range k {
		k[i] = float32(math.NaN())
	}
}

type gatherTexts struct {
	*texts
	dst  []string
	rows []int32
}

func (k *gatherTexts) Run(*Pool) {
	for i, row := range k.rows {
		copy(k.dst[i*k.width:][:k.width], k.values[int(row)*k.width:])
	}
}

var byteToFloat = func() (t [256]float32) {
	for u := range t {
		t[u] = float32(u)
	}
	return t
}()

type oneHot[T Integer] struct {
	labels  []T
	classes int
}

func (c *oneHot[T]) Len() int            { return len(c.labels) }
func (c *oneHot[T]) Shape() tensor.Shape { return tensor.Shape{c.classes} }
func (c *oneHot[T]) Kernel(dst []float32, rows []int32) Kernel {
	return &gatherOneHot[T]{c, dst, rows}
}

type gatherOneHot[T Integer] struct {
	*oneHot[T]
	dst  []float32
	rows []int32
}

func (k *gatherOneHot[T]) Run(*Pool) {
	dst := k.dst[:len(k.dst):len(k.dst)][:len(k.rows)*k.classes]
	clear(dst)
	for i, row := range k.rows {
		label := k.labels[row]
		if label < 0 || int64(label) >= int64(k.classes) { // changed since OneHot looked at it
			panic(&LabelError{Row: int(row), Label: float64(label), Classes: k.classes})
		}
		dst[i*k.classes+int(label)] = 1
	}
}
