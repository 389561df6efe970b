package book

// This file draws the figures that no function computes: an image in three shapes, and the network from near and far.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/viz"
)

// reshapesFigure is figure 1.3.2: an image of 3 × 3 pixels as the input of three kinds of network.
func reshapesFigure() viz.Picture {
	pixels := [3][3]uint8{{0, 128, 255}, {64, 192, 32}, {224, 96, 160}}
	s := viz.Sketch{Width: 490, Height: 350}
	add := func(shapes ...viz.Shape) { s.Shapes = append(s.Shapes, shapes...) }
	cell := func(x, y, size float64, v uint8) {
		add(viz.Box{X: x, Y: y, Width: size, Height: size, Text: fmt.Sprint(v), Fill: viz.Gray(v)})
	}
	image := func(x, y, size, gap float64) {
		for i, row := range pixels {
			for j, v := range row {
				cell(x+float64(j)*size, y+float64(i)*(size+gap), size, v)
			}
		}
	}
	const small = 26
	image(24, 130, 40, 0)
	add(viz.Text{X: 84, Y: 114, Text: "an image of 3 × 3 pixels"})

	const from, to, left = 156, 214, 228
	add(viz.Link{X1: from, Y1: 160, X2: to, Y2: 60, Arrow: true})
	add(viz.Text{X: left, Y: 24, Text: "MLP", Bold: true, Align: viz.Left},
		viz.Text{X: left + 34, Y: 24, Text: "one vector of 9 numbers, shape (9,)", Align: viz.Left})
	for i, row := range pixels {
		for j, v := range row {
			cell(left+float64(3*i+j)*small, 46, small, v)
		}
	}

	add(viz.Link{X1: from, Y1: 190, X2: to, Y2: 170, Arrow: true})
	add(viz.Text{X: left, Y: 110, Text: "CNN", Bold: true, Align: viz.Left},
		viz.Text{X: left + 34, Y: 110, Text: "height, width and one channel, shape (3, 3, 1)", Align: viz.Left})
	image(left, 130, small, 0)

	add(viz.Link{X1: from, Y1: 220, X2: to, Y2: 284, Arrow: true})
	add(viz.Text{X: left, Y: 234, Text: "RNN", Bold: true, Align: viz.Left},
		viz.Text{X: left + 34, Y: 234, Text: "3 steps of 3 features, shape (3, 3)", Align: viz.Left})
	image(left, 250, small, 4)
	for i := range pixels {
		add(viz.Text{X: left + 3*small + 10, Y: 250 + float64(i)*(small+4) + small/2, Text: fmt.Sprintf("step %d", i+1), Align: viz.Left})
	}
	return s
}

// networkFigure is figure 1.3.3: the layers of listing 1.3.2.
func networkFigure() viz.Picture {
	s := viz.Sketch{Width: 640, Height: 176}
	add := func(shapes ...viz.Shape) { s.Shapes = append(s.Shapes, shapes...) }
	const middle = 82
	groups := []struct {
		title  string
		fill   viz.Tint
		layers []string
		below  string
	}{
		{"image", viz.Clear, []string{"28 × 28"}, "784 pixels"},
		{"first layer", viz.Blue, []string{"Dense 256", "ReLU", "Dropout 0.45"}, "200,960 weights"},
		{"second layer", viz.Blue, []string{"Dense 256", "ReLU", "Dropout 0.45"}, "65,792 weights"},
		{"third layer", viz.Green, []string{"Dense 10", "softmax"}, "2,570 weights"},
		{"prediction", viz.Clear, []string{"10 numbers"}, "0 … 9"},
	}
	const width, height, gap, left = 98, 28, 30, 15
	for i, g := range groups {
		x := left + float64(i)*(width+gap)
		top := middle - height*float64(len(g.layers))/2
		for j, name := range g.layers {
			add(viz.Box{X: x, Y: top + height*float64(j), Width: width, Height: height, Text: name, Fill: g.fill})
		}
		add(viz.Text{X: x + width/2, Y: 20, Text: g.title, Bold: true}, viz.Text{X: x + width/2, Y: 148, Text: g.below})
		if i > 0 {
			add(viz.Link{X1: x - gap + 3, Y1: middle, X2: x - 2, Y2: middle, Arrow: true})
		}
	}
	return s
}

// perceptronsFigure is figure 1.3.4: the units of the network, and one of them alone.
func perceptronsFigure() viz.Picture {
	s := viz.Sketch{Width: 640, Height: 370}
	add := func(shapes ...viz.Shape) { s.Shapes = append(s.Shapes, shapes...) }

	layers := []struct {
		x     float64
		units int
		title string
		fill  viz.Tint
	}{
		{50, 784, "784 pixels", viz.Clear},
		{140, 256, "256 units", viz.Blue},
		{230, 256, "256 units", viz.Blue},
		{320, 10, "10 units", viz.Green},
	}
	// Of each layer the first four units and the last.
	places := []float64{70, 116, 162, 208, 300}
	const radius = 15
	for i := 1; i < len(layers); i++ {
		for _, from := range places {
			for _, to := range places {
				add(viz.Link{X1: layers[i-1].x, Y1: from, X2: layers[i].x, Y2: to, Faint: true})
			}
		}
	}
	for _, l := range layers {
		for j, y := range places {
			number := j
			if j == len(places)-1 {
				number = l.units - 1
			}
			add(viz.Circle{X: l.x, Y: y, Radius: radius, Text: fmt.Sprint(number), Fill: l.fill})
		}
		for _, y := range []float64{244, 254, 264} {
			add(viz.Circle{X: l.x, Y: y, Radius: 1.2, Fill: viz.Gray(0)})
		}
		add(viz.Text{X: l.x, Y: 36, Text: l.title, Bold: true})
	}
	add(viz.Text{X: 185, Y: 346, Text: "each unit takes the outputs of all units before it"})

	// One unit.
	const x, y = 540, 185
	inputs := []struct {
		y             float64
		input, weight string
	}{{95, "x₀", "w₀"}, {145, "x₁", "w₁"}, {195, "x₂", "w₂"}, {275, "x₇₈₃", "w₇₈₃"}}
	for _, in := range inputs {
		const from, big = 425, 30
		length := math.Hypot(x-from, y-in.y)
		dx, dy := (x-from)/length, (y-in.y)/length
		add(viz.Link{X1: from, Y1: in.y, X2: x - (big+1)*dx, Y2: y - (big+1)*dy, Arrow: true})
		add(viz.Circle{X: from, Y: in.y, Radius: radius + 3, Text: in.input})
		aside := 9.0 // above the line, or below if that is steep
		if in.y > y+2*big {
			aside = -13
		}
		add(viz.Text{X: from + 50*dx + aside*dy, Y: in.y + 50*dy - aside*dx, Text: in.weight})
	}
	for _, dot := range []float64{226, 235, 244} {
		add(viz.Circle{X: 425, Y: dot, Radius: 1.2, Fill: viz.Gray(0)})
	}
	add(viz.Link{X1: x, Y1: 110, X2: x, Y2: y - 31, Arrow: true}, viz.Text{X: x, Y: 100, Text: "bias b"})
	add(viz.Circle{X: x, Y: y, Radius: 30, Text: "Σ wᵢxᵢ + b", Fill: viz.Blue})
	add(viz.Link{X1: x + 30, Y1: y, X2: 606, Y2: y, Arrow: true}, viz.Text{X: 618, Y: y, Text: "a"})
	add(viz.Text{X: 525, Y: 36, Text: "one unit, a perceptron", Bold: true})
	add(viz.Text{X: 525, Y: 346, Text: "a = w₀x₀ + w₁x₁ + … + w₇₈₃x₇₈₃ + b"})
	return s
}
