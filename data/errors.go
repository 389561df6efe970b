package data

// This file holds the errors that a program may want to tell apart.

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/cornu-ml/cornu/internal/number"
)

// ErrEmpty says that there are no samples.
var ErrEmpty = errors.New("data: there are no samples")

// A LengthError says that two parts of the data have different numbers of
// samples.
type LengthError struct {
	A, B       string // the parts: x[0], y[0], weights
	LenA, LenB int
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("data: %s has %d samples, but %s has %d", e.A, e.LenA, e.B, e.LenB)
}

// A LabelError says that a label is none of the classes 0 … Classes-1.
type LabelError struct {
	Row     int // of the sample
	Label   float64
	Classes int
	At      []int // which label of the sample, in its shape; nil if it has one
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("data: the label of row %d%s is %v: with %d classes, labels are whole numbers from 0 to %d",
		e.Row, place(e.At), digits(e.Label), e.Classes, e.Classes-1)
}

// An IntegerError says that an input that holds integers from 0 to N-1, such as words or categories by
// number, has another number. If N is 0 the input is computed with, and float32 does not hold its integer exactly.
type IntegerError struct {
	Input string
	Row   int   // of the sample
	At    []int // which number of the sample, in its shape; nil if it has one
	Value float64
	N     int
}

func (e *IntegerError) Error() string {
	where := fmt.Sprintf("data: input %q has %v at row %d%s", e.Input, digits(e.Value), e.Row, place(e.At))
	if e.N == 0 {
		return fmt.Sprintf("%s: it is computed with as float32, and only integers up to %d are exact in that", where, number.MaxInteger)
	}
	return fmt.Sprintf("%s: its numbers are whole and from 0 to %d, as the layer that looks them up says (an Embedding by its InputDim)", where, e.N-1)
}

// place writes where in a sample something is.
func place(index []int) string {
	if index == nil {
		return ""
	}
	return fmt.Sprintf(", %v", index)
}

// part names an element of X or Y.
func part(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

// digits writes a number: one that is whole without an exponent.
func digits(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
