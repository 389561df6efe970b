package data

// This file holds the errors that a program may want to tell apart.

import (
	"errors"
	"fmt"
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
		e.Row, at(e.At), e.Label, e.Classes, e.Classes-1)
}

// An IntegerError says that an input that holds integers from 0 to N-1, such as words or categories by
// number, has another number.
type IntegerError struct {
	Input string
	Row   int   // of the sample
	At    []int // which number of the sample, in its shape; nil if it has one
	Value float64
	N     int
}

func (e *IntegerError) Error() string {
	return fmt.Sprintf("data: input %q has %v at row %d%s: its numbers are whole and from 0 to %d",
		e.Input, e.Value, e.Row, at(e.At), e.N-1)
}

// at writes where in a sample something is.
func at(index []int) string {
	if index == nil {
		return ""
	}
	return fmt.Sprintf(", %v", index)
}

// part names an element of X or Y.
func part(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }
