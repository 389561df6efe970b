// Package book has what Cornu repeats of the book's first chapter: the networks of its table 1.3.2, and its figures.
package book

// This file has the table.

import (
	"fmt"
	"slices"
)

// A Row is a line of the table: a network, and the accuracies, in percent, that the book gives it. Its three numbers are
// what the book calls the units of layers 1 to 3.
type Row struct {
	Layers        [3]int
	Dropout, L2   float64
	Optimizer     string
	Linear        bool // no ReLU
	Running, Test float64
}

// Rows are the lines of the table.
var Rows = []Row{
	{[3]int{256, 256, 256}, 0, 0, "sgd", true, 93.65, 92.5},
	{[3]int{256, 256, 256}, 0, 0.001, "sgd", false, 99.35, 98.0},
	{[3]int{256, 256, 256}, 0, 0.01, "sgd", false, 96.90, 96.7},
	{[3]int{256, 256, 256}, 0, 0, "sgd", false, 99.93, 98.0},
	{[3]int{256, 256, 256}, 0.4, 0, "sgd", false, 98.23, 98.1},
	{[3]int{256, 256, 256}, 0.45, 0, "sgd", false, 98.07, 98.1},
	{[3]int{256, 256, 256}, 0.5, 0, "sgd", false, 97.68, 98.1},
	{[3]int{256, 256, 256}, 0.6, 0, "sgd", false, 97.11, 97.9},
	{[3]int{256, 512, 256}, 0.45, 0, "sgd", false, 98.21, 98.2},
	{[3]int{512, 512, 512}, 0.2, 0, "sgd", false, 99.45, 98.3},
	{[3]int{512, 512, 512}, 0.4, 0, "sgd", false, 98.95, 98.3},
	{[3]int{512, 1024, 512}, 0.45, 0, "sgd", false, 98.90, 98.2},
	{[3]int{1024, 1024, 1024}, 0.4, 0, "sgd", false, 99.37, 98.3},
	{[3]int{256, 256, 256}, 0.6, 0, "adam", false, 98.64, 98.2},
	{[3]int{256, 256, 256}, 0.55, 0, "adam", false, 99.02, 98.3},
	{[3]int{256, 256, 256}, 0.45, 0, "adam", false, 99.39, 98.5},
	{[3]int{256, 256, 256}, 0.45, 0, "rmsprop", false, 98.75, 98.1},
	{[3]int{128, 128, 128}, 0.45, 0, "adam", false, 98.70, 97.7},
}

// The readings of a row's three numbers.
const (
	AsTable   = "table"   // three hidden layers before the ten outputs
	AsListing = "listing" // listing 1.3.2: two hidden layers, the third is the ten outputs
)

// Hidden returns the units of the hidden layers.
func (r Row) Hidden(reading string) []int {
	if reading == AsListing {
		return r.Layers[:2]
	}
	return r.Layers[:]
}

// Units, Regularizer and ReLU are what the table says in these columns.
func (r Row) Units() string {
	return fmt.Sprintf("%d-%d-%d", r.Layers[0], r.Layers[1], r.Layers[2])
}

func (r Row) Regularizer() string {
	switch {
	case r.Dropout > 0:
		return fmt.Sprintf("Dropout(%v)", r.Dropout)
	case r.L2 > 0:
		return fmt.Sprintf("L2(%v)", r.L2)
	}
	return "None"
}

func (r Row) ReLU() string {
	if r.Linear {
		return "None"
	}
	return "Yes"
}

func (r Row) String() string {
	name := fmt.Sprintf("%s %s %s", r.Units(), r.Regularizer(), r.Optimizer)
	if r.Linear {
		name += " without ReLU"
	}
	return name
}

// Work is how many multiplications a digit costs in training, about: the share of a row in the time of a table.
func (r Row) Work(reading string) int {
	const pixels, classes = 784, 10
	last, all := pixels, 0
	for i, units := range append(slices.Clone(r.Hidden(reading)), classes) {
		all += 3 * last * units // the output, the gradient of the weights, that of the input
		if i == 0 {
			all -= last * units // which the first layer doesn't need
		}
		last = units
	}
	return all
}
