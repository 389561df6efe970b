package viz_test

import (
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
	"github.com/cornu-ml/cornu/viz"
)

// temporary is a file in the folder for temporary files, which each example removes.
func temporary(name string) string { return filepath.Join(os.TempDir(), "cornu-example-"+name) }

func ExampleSave() {
	file := temporary("sine.png")
	defer os.Remove(file)
	sine := viz.Chart{XMin: -math.Pi, XMax: math.Pi, Lines: []viz.Line{{Name: "sin x", F: math.Sin}}}
	if err := viz.Save(file, sine); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(file)
	fmt.Println(info.Size() > 1000, err)
	// Output: true <nil>
}

// A function as a line, and what was measured of it as points.
func ExampleChart() {
	file := temporary("chart.svg")
	defer os.Remove(file)
	chart := viz.Chart{
		Title: "a law and its measurements", XLabel: "x", YLabel: "y", XMin: 0, XMax: 4,
		Lines: []viz.Line{
			{Name: "y = x²", F: func(x float64) float64 { return x * x }},
			{Name: "measured", X: []float64{0.5, 1.5, 2.5, 3.5}, Y: []float64{0.3, 2.1, 6.4, 12.1}, Points: true},
		},
		Marks: []viz.Mark{{X: 2, Y: 4, Text: "2² = 4"}},
	}
	fmt.Println(viz.Save(file, chart))
	// Output: <nil>
}

// Two classes of points, as a scatter chart.
func ExampleLine_points() {
	file := temporary("scatter.svg")
	defer os.Remove(file)
	chart := viz.Chart{XLabel: "petal length", YLabel: "petal width", Lines: []viz.Line{
		{Name: "setosa", X: []float64{1.4, 1.3, 1.5, 1.7}, Y: []float64{0.2, 0.2, 0.3, 0.4}, Points: true},
		{Name: "virginica", X: []float64{6.0, 5.1, 5.9, 5.6}, Y: []float64{2.5, 1.9, 2.1, 1.8}, Points: true},
	}}
	fmt.Println(viz.Save(file, chart))
	// Output: <nil>
}

// Images with what a network takes them for below them.
func ExampleGrid() {
	file := temporary("grid.png")
	defer os.Remove(file)
	grid := viz.Grid{
		Images:   [][]uint8{{0, 255, 0, 0, 255, 0, 0, 255, 0}, {255, 255, 255, 255, 0, 255, 255, 255, 255}},
		Width:    3,
		Height:   3,
		Captions: []string{"1 (99 %)", "0 (87 %)"},
	}
	fmt.Println(viz.Save(file, grid))
	// Output: <nil>
}

// The history that Fit returns, here made by hand.
func ExampleCurves() {
	file := temporary("curves.svg")
	defer os.Remove(file)
	history := &train.History{Epoch: []int{0, 1, 2}, Values: map[string][]float64{
		"loss": {0.9, 0.5, 0.4}, "val_loss": {0.8, 0.6, 0.6},
	}}
	fmt.Println(viz.Save(file, viz.Curves{History: history}))
	// Output: <nil>
}

func ExampleConfusion() {
	file := temporary("confusion.svg")
	defer os.Remove(file)
	confusion := viz.Confusion{Counts: [][]float64{{48, 2}, {5, 45}}, Labels: []string{"cat", "dog"}}
	fmt.Println(viz.Save(file, confusion))
	// Output: <nil>
}

func ExampleDiagram() {
	file := temporary("diagram.svg")
	defer os.Remove(file)
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256, Activation: activation.ReLU{}},
		&layer.Dense{Units: 10, Activation: activation.Softmax{}},
	)
	fmt.Println(viz.Save(file, viz.Diagram{Model: model, Activations: true}))
	// Output: <nil>
}

func ExampleSketch() {
	file := temporary("sketch.svg")
	defer os.Remove(file)
	sketch := viz.Sketch{Width: 200, Height: 60, Shapes: []viz.Shape{
		viz.Box{X: 10, Y: 15, Width: 70, Height: 30, Text: "encoder", Fill: viz.Blue},
		viz.Link{X1: 80, Y1: 30, X2: 118, Y2: 30, Arrow: true},
		viz.Box{X: 120, Y: 15, Width: 70, Height: 30, Text: "decoder", Fill: viz.Green},
	}}
	fmt.Println(viz.Save(file, sketch))
	// Output: <nil>
}
