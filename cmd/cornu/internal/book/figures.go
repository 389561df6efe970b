package book

// This file draws the chapter's figures, computed by the library.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

// A Figure is a picture under its name, which begins with the number that the book gives it.
type Figure struct {
	Name string
	Draw func() (viz.Picture, error)
}

// Figures are those of the chapter.
var Figures = []Figure{
	{"1.3.1-samples", samplesFigure},
	{"1.3.2-reshapes", func() (viz.Picture, error) { return reshapesFigure(), nil }},
	{"1.3.3-network", func() (viz.Picture, error) { return networkFigure(), nil }},
	{"1.3.4-perceptrons", func() (viz.Picture, error) { return perceptronsFigure(), nil }},
	{"1.3.5-relu", reluFigure},
	{"1.3.5-softplus-elu-selu", nonlinearFigure},
	{"1.3.6-sigmoid-tanh", sigmoidFigure},
	{"1.3.7-descent", descentFigure},
	{"1.3.8-minima", minimaFigure},
	{"1.3.9-diagram", diagramFigure},
	{"1.4.1-maps", mapsFigure},
	{"1.4.1-filters", filtersFigure},
}

func samplesFigure() (viz.Picture, error) {
	digits, _, err := mnist.Load()
	if err != nil {
		return nil, err
	}
	return Sample(digits, 25, 0), nil
}

// A function is one of x, as an expression.
type function func(x *graph.Node) *graph.Node

// line computes a function over a range.
func (f function) line(name string, low, high float64) (viz.Line, error) {
	const points = 601
	line := viz.Line{Name: name}
	for i := range points {
		line.X = append(line.X, low+(high-low)*float64(i)/(points-1))
	}
	var err error
	line.Y, err = compute(f, line.X)
	return line, err
}

func reluFigure() (viz.Picture, error) {
	return activations("ReLU", -5, 5, activation.ReLU{})
}

func nonlinearFigure() (viz.Picture, error) {
	return activations("softplus, elu and selu", -5, 5, activation.Softplus{}, activation.ELU{}, activation.SELU{})
}

func sigmoidFigure() (viz.Picture, error) {
	return activations("sigmoid and tanh", -6, 6, activation.Sigmoid{}, activation.Tanh{})
}

func activations(title string, low, high float64, list ...activation.Activation) (viz.Picture, error) {
	chart := viz.Chart{Title: title, XLabel: "x", YLabel: "y"}
	for _, a := range list {
		line, err := function(a.Apply).line(a.Name()+"(x)", low, high)
		if err != nil {
			return nil, err
		}
		chart.Lines = append(chart.Lines, line)
	}
	return chart, nil
}

// valley is the function of figure 1.3.7: y = x² − x − 1.
func valley(x *graph.Node) *graph.Node {
	return x.Square().Sub(x).AddScalar(-1)
}

// hills is the function of figure 1.3.8: y = x⁴ − 0.2x³ − 5x² + 4.
func hills(x *graph.Node) *graph.Node {
	square := x.Square()
	return square.Square().Sub(square.Mul(x).MulScalar(0.2)).Sub(square.MulScalar(5)).AddScalar(4)
}

// withSlope is a chart of a function and its derivative.
func withSlope(title, formula string, f function, low, high float64) (viz.Chart, error) {
	chart := viz.Chart{Title: title, XLabel: "x", YLabel: "y"}
	curve, err := f.line(formula, low, high)
	if err != nil {
		return chart, err
	}
	slope, err := f.slope().line("its derivative", low, high)
	slope.Dashed = true
	chart.Lines = append(chart.Lines, curve, slope)
	return chart, err
}

func descentFigure() (viz.Picture, error) {
	chart, err := withSlope("Gradient descent from x = −0.5 by 0.01 × the slope", "y = x² − x − 1", valley, -1, 2)
	if err != nil {
		return nil, err
	}
	path, err := descend(valley, -0.5, 0.01, 400)
	if err != nil {
		return nil, err
	}
	line, err := stops(valley, "every tenth stop", path, 10)
	if err != nil {
		return nil, err
	}
	chart.Lines = append(chart.Lines, line)
	end := len(line.X) - 1
	chart.Marks = []viz.Mark{
		{X: line.X[0], Y: line.Y[0], Text: fmt.Sprintf("x = %s, then %s", short(path[0]), short(path[1]))},
		{X: line.X[end], Y: line.Y[end], Text: fmt.Sprintf("x = %s, y = %s", short(line.X[end]), short(line.Y[end])), Below: true},
	}
	return chart, nil
}

func minimaFigure() (viz.Picture, error) {
	chart, err := withSlope("Two minima, and where a descent from x = −2.4 ends", "y = x⁴ − 0.2x³ − 5x² + 4", hills, -2.7, 2.7)
	if err != nil {
		return nil, err
	}
	chart.YMin, chart.YMax = -16, 24
	for _, d := range []struct {
		name string
		rate float64
	}{{"small steps, 0.01", 0.01}, {"large steps, 0.08", 0.08}} {
		path, err := descend(hills, -2.4, d.rate, 200)
		if err != nil {
			return nil, err
		}
		line, err := stops(hills, d.name, path, 1)
		if err != nil {
			return nil, err
		}
		chart.Lines = append(chart.Lines, line)
		end := len(path) - 1
		chart.Marks = append(chart.Marks, viz.Mark{X: line.X[end], Y: line.Y[end], Text: "x = " + short(line.X[end]), Below: true})
	}
	return chart, nil
}

// stops is the line from stop to stop of a descent, every n-th of them.
func stops(f function, name string, path []float64, n int) (viz.Line, error) {
	line := viz.Line{Name: name, Dots: true}
	for i := 0; i < len(path); i += n {
		line.X = append(line.X, path[i])
	}
	var err error
	line.Y, err = compute(f, line.X)
	return line, err
}

// short writes a number with as many of two digits as it needs.
func short(v float64) string {
	v = math.Round(v*100) / 100
	if v < 0 {
		return fmt.Sprintf("−%v", -v)
	}
	return fmt.Sprint(v)
}

func diagramFigure() (viz.Picture, error) {
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	return viz.Diagram{Model: model, Style: layer.Keras2}, nil
}

// Sample draws n digits with replacement.
func Sample(digits *mnist.Set, n int, seed uint64) viz.Grid {
	grid := viz.Grid{Width: mnist.Columns, Height: mnist.Rows, Columns: 5}
	random := rng.New(seed, 0, 0)
	for i := range n {
		k := uint64(random.Uint32(uint64(i))) * uint64(digits.Len()) >> 32
		grid.Images = append(grid.Images, digits.Image(int(k)))
	}
	return grid
}
