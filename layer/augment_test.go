package layer_test

// This file tests the layers that change images at random: what they do with what is drawn, and what is drawn.

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// The layer is given the numbers that Keras drew, in place of its own.
func TestImagesAreChangedAsKerasChangesThem(t *testing.T) {
	for _, c := range golden.Load(t, "augment").Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, want := c.Tensors["x"], c.Tensors["y"]
			batch := x.Shape[0]
			mode, interpolation, fill := c.String("mode"), c.String("interpolation"), c.Float("fill", 0)
			zero := make([]float64, batch) // where it makes no difference
			// drawn returns where in [low, high) a column of numbers lies, from 0 to 1: what is drawn to get them.
			drawn := func(name string, column int, low, high float64) []float64 {
				v := c.Tensors[name]
				list := make([]float64, batch)
				for i := range list {
					list[i] = (float64(v.Data[i*v.Shape[1]+column]) - low) / (high - low)
				}
				return list
			}
			var l layer.Layer
			var draws [][]float64
			switch c.Class {
			case "RandomTranslation":
				l = &layer.RandomTranslation{HeightFactor: [2]float64{0, 1}, WidthFactor: [2]float64{0, 1}, FillMode: mode, Interpolation: interpolation, FillValue: fill}
				draws = [][]float64{drawn("down", 0, 0, float64(x.Shape[1])), drawn("right", 0, 0, float64(x.Shape[2]))}
			case "RandomZoom":
				l = &layer.RandomZoom{HeightFactor: [2]float64{0, 1}, WidthFactor: &[2]float64{0, 1}, FillMode: mode, Interpolation: interpolation, FillValue: fill}
				draws = [][]float64{drawn("down", 0, 1, 2), drawn("right", 0, 1, 2)}
			case "RandomRotation":
				f := c.Float("factor", 0)
				l = &layer.RandomRotation{Factor: [2]float64{f, f}, FillMode: mode, Interpolation: interpolation, FillValue: fill, DataFormat: c.String("format")}
				draws = [][]float64{zero}
			case "RandomShear":
				l = &layer.RandomShear{XFactor: [2]float64{0, 1}, YFactor: [2]float64{0, 1}, FillMode: mode, Interpolation: interpolation, FillValue: fill}
				draws = [][]float64{zero, drawn("right", 0, 0, 1), drawn("down", 0, 0, 1)}
			case "RandomPerspective":
				l = &layer.RandomPerspective{Factor: &[2]float64{1, 1}, Interpolation: interpolation, FillValue: fill}
				for i := range 4 {
					draws = append(draws, drawn("corners", i, 0.5, 1.5))
				}
				draws = append(draws, zero, zero)
			case "RandomContrast":
				l = &layer.RandomContrast{Factor: [2]float64{1, 0}, ValueRange: [2]float64{0, 1}}
				draws = [][]float64{drawn("factor", 0, 0, 1)}
			case "RandomElasticTransform":
				l = &layer.RandomElasticTransform{FillMode: c.String("fill_mode"), Interpolation: c.String("interpolation"), FillValue: c.Float("fill_value", 0), ValueRange: [2]float64{0, 1}, DataFormat: c.String("data_format")}
				draws = [][]float64{zero, drawn("scale", 0, 0, 1), drawn("scale", 0, 0, 1)}
				for _, name := range []string{"right", "down"} { // each normal number is of a radius and an angle
					var radius, angle []float64
					for _, v := range c.Tensors[name].Data {
						radius = append(radius, -math.Expm1(-float64(v)*float64(v)/2))
						angle = append(angle, map[bool]float64{true: 0.5, false: 0}[v < 0])
					}
					draws = append(draws, radius, angle)
				}
			case "RandomHue":
				l = &layer.RandomHue{Factor: [2]float64{0, 1}, ValueRange: [2]float64{0, 1}, DataFormat: c.String("format")}
				draws = [][]float64{zero, drawn("turns", 0, 0, 0.5)}
				for i, turns := range draws[1] {
					if turns < 0 { // the other way
						draws[0] = slices.Clone(draws[0])
						draws[0][i], draws[1][i] = 1, -turns
					}
				}
			default: // what is drawn from a range of one number is that number
				given, err := layer.FromConfig(c.Class, c.Config)
				if err != nil {
					t.Fatal(err)
				}
				if l = given; c.Tensors["threshold"].Shape != nil {
					l = &layer.Solarization{AdditionFactor: [2]float64{0, 1}, ThresholdFactor: [2]float64{0, 1}, ValueRange: [2]float64{0, 1}}
					draws = [][]float64{drawn("addition", 0, 0, 255), drawn("threshold", 0, 0, 255)}
				}
			}
			g := graph.New()
			in := g.Input("x", append(tensor.Shape{tensor.Batch}, x.Shape[1:]...))
			y := appliedTo(t, g, l, in)
			images := make([]float64, len(x.Data))
			for i, v := range x.Data {
				images[i] = float64(v)
			}
			feed, fed := map[*graph.Node][]float64{in: images}, draws != nil
			for _, n := range g.Nodes() {
				if n.Op() == graph.OpRandomUniform && fed {
					if len(draws) == 0 {
						t.Fatal("more is drawn than was given")
					}
					feed[n], draws = draws[0], draws[1:]
				}
			}
			if len(draws) > 0 {
				t.Fatalf("%d of the numbers are not drawn", len(draws))
			}
			out, err := ref.Eval(g, batch, feed, y)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range want.Data {
				if d := math.Abs(out[0][i] - float64(want)); !(d <= kerasBound*max(1, math.Abs(float64(want)))) {
					t.Fatalf("number %d is %v, Keras's %v", i, out[0][i], want)
				}
			}
		})
	}
}

// appliedTo applies a layer in training.
func appliedTo(t *testing.T, g *graph.Graph, l layer.Layer, in *graph.Node) *graph.Node {
	t.Helper()
	x := layer.Apply(&layer.Input{Shape: in.Shape()[1:]})
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(l, x)})
	if err != nil {
		t.Fatal(err)
	}
	return n.Trace(layer.NewContext(g, true), []*graph.Node{in})[0]
}

// inTraining applies a layer in training to images whose pixels have the numbers 1, 2, …, and returns each image.
func inTraining(t *testing.T, l layer.Layer, shape tensor.Shape, batch int) [][]float64 {
	t.Helper()
	g := graph.New()
	in := g.Input("x", append(tensor.Shape{tensor.Batch}, shape...))
	out := appliedTo(t, g, l, in)
	size := shape.Numel()
	images := make([]float64, batch*size)
	for i := range images {
		images[i] = float64(i%size + 1)
	}
	y, err := ref.Eval(g, batch, map[*graph.Node][]float64{in: images}, out)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]float64
	for len(y[0]) > 0 {
		n := len(y[0]) / (batch - len(list))
		list, y[0] = append(list, y[0][:n]), y[0][n:]
	}
	return list
}

// Over many images what can be drawn is drawn, and in the shares that it should be.
func TestWhatIsDrawnForImagesIsWhatTheLayerSays(t *testing.T) {
	const n = 2000
	count := func(l layer.Layer, shape tensor.Shape, kind func(image []float64) string) map[string]int {
		counts := map[string]int{}
		for _, image := range inTraining(t, l, shape, n) {
			counts[kind(image)]++
		}
		return counts
	}
	about := func(what string, got int, share float64) {
		t.Helper()
		// Five deviations of a binomial distribution.
		if d := math.Abs(float64(got) - share*n); d > 5*math.Sqrt(n*share*(1-share)) {
			t.Errorf("%s: %d of %d, want a share of %v", what, got, n, share)
		}
	}
	text := func(image []float64) string { return fmt.Sprint(image) }
	rounded := func(image []float64) string {
		image = slices.Clone(image)
		for i, v := range image {
			image[i] = math.Round(1e5*v) / 1e5
		}
		return fmt.Sprint(image)
	}

	flips := count(&layer.RandomFlip{Mode: "horizontal"}, tensor.Shape{1, 2, 1}, text)
	about("turned around", flips["[2 1]"], 0.5)
	about("not turned", flips["[1 2]"], 0.5)
	both := count(&layer.RandomFlip{}, tensor.Shape{2, 2, 1}, text)
	about("turned both ways", both["[4 3 2 1]"], 0.5)
	about("turned no way", both["[1 2 3 4]"], 0.5)

	crops := count(&layer.RandomCrop{Height: 1, Width: 2}, tensor.Shape{1, 4, 1}, text)
	for _, part := range []string{"[1 2]", "[2 3]", "[3 4]"} {
		about("cut out "+part, crops[part], 1.0/3)
	}

	shifts := count(&layer.RandomTranslation{WidthFactor: [2]float64{0, 1}, Interpolation: "nearest", FillMode: "constant"}, tensor.Shape{1, 2, 1}, text)
	about("not shifted", shifts["[1 2]"], 0.25)
	about("shifted by one", shifts["[0 1]"], 0.5)
	about("shifted out", shifts["[0 0]"], 0.25)

	turns := count(&layer.RandomRotation{Factor: [2]float64{0, 0.75}, Interpolation: "nearest"}, tensor.Shape{1, 2, 1}, text)
	about("turned less than a quarter", turns["[1 2]"], 1.0/3)
	about("turned more", turns["[2 1]"], 2.0/3)

	sheared := count(&layer.RandomShear{XFactor: [2]float64{0.4, 0.8}, Interpolation: "nearest", FillMode: "constant"}, tensor.Shape{2, 2, 1}, text)
	about("not sheared", sheared["[1 2 3 4]"], 0.25)
	about("sheared to the left", sheared["[1 2 4 0]"], 0.375)
	about("sheared to the right", sheared["[1 2 0 3]"], 0.375)

	aside := count(&layer.RandomPerspective{Factor: &[2]float64{0.25, 0.25}}, tensor.Shape{2, 2, 1}, text)
	about("not seen from aside", aside["[1 2 3 4]"], 0.75)

	erased := count(&layer.RandomErasing{Factor: &[2]float64{0.25, 0.25}, Scale: [2]float64{1, 1}, FillValue: new(7.0)}, tensor.Shape{2, 2, 1}, text)
	about("erased whole", erased["[7 7 7 7]"], 0.25)
	about("not erased", erased["[1 2 3 4]"], 0.75)

	grayed := count(&layer.RandomGrayscale{Factor: new(0.25)}, tensor.Shape{1, 1, 3}, text)
	about("in color", grayed["[1 2 3]"], 0.75)

	inverted := count(&layer.RandomInvert{Factor: &[2]float64{0.25, 0.25}, ValueRange: [2]float64{0, 3}}, tensor.Shape{1, 2, 1}, text)
	about("inverted", inverted["[2 1]"], 0.25)
	about("not inverted", inverted["[1 2]"], 0.75)

	posters := count(&layer.RandomPosterization{Factor: [2]int{6, 8}}, tensor.Shape{2, 2, 1}, text)
	about("six bits", posters["[0 0 0 4]"], 0.5)
	about("seven bits", posters["[0 2 2 4]"], 0.5)

	solar := count(&layer.Solarization{ThresholdFactor: [2]float64{0, 1}, ValueRange: [2]float64{0, 4}}, tensor.Shape{1, 1, 1}, rounded)
	about("below the threshold", solar["[1]"], 0.75)
	about("turned to dark", solar["[3]"], 0.25)

	blurred := count(&layer.RandomGaussianBlur{Factor: &[2]float64{0.25, 0.25}, Sigma: &[2]float64{0.5, 1}}, tensor.Shape{1, 2, 1}, text)
	about("not blurred", blurred["[1 2]"], 0.75)

	hues := count(&layer.RandomHue{Factor: [2]float64{2.0 / 3, 2.0 / 3}, ValueRange: [2]float64{1, 3}}, tensor.Shape{1, 1, 3}, rounded)
	about("a third of a turn", hues["[3 1 2]"], 0.5)
	about("a third the other way", hues["[2 3 1]"], 0.5)

	left := 0
	const few = n / 20 // of which all eleven ways are computed
	for _, image := range inTraining(t, &layer.RandAugment{NumOps: 1, Factor: &[2]float64{0, 0}, ValueRange: [2]float64{1, 12}}, tensor.Shape{2, 2, 3}, few) {
		if text(image) == "[1 2 3 4 5 6 7 8 9 10 11 12]" {
			left++
		}
	}
	if math.Abs(float64(left)-few*6.0/11) > 5*math.Sqrt(few*30.0/121) {
		t.Errorf("left as it is by six ways of eleven: %d of %d", left, few)
	}

	brighter := count(&layer.RandomBrightness{Factor: [2]float64{0.1, 0.3}, ValueRange: [2]float64{0, 10}}, tensor.Shape{1, 2, 1}, func(image []float64) string {
		if d := image[0] - 1; d < 1 || d > 3 || math.Abs(image[1]-image[0]-1) > 1e-6 {
			t.Errorf("1 and 2 become %v", image)
		}
		return map[bool]string{true: "much", false: "little"}[image[0] > 3]
	})
	about("much brighter", brighter["much"], 0.5)
}

func TestImagesThatCannotBeTurnedAreErrors(t *testing.T) {
	image := tensor.Shape{4, 4, 1}
	for _, c := range []struct {
		layer layer.Layer
		in    tensor.Shape
		want  string
	}{
		{&layer.RandomRotation{Factor: [2]float64{0.5, 1.5}}, image, "Factor is [0.5 1.5], it must be the least and the greatest, within [-1, 1]"},
		{&layer.RandomRotation{FillMode: "mirror"}, image, `FillMode is "mirror", it must be one of ["constant" "nearest" "reflect" "wrap"]`},
		{&layer.RandomRotation{Interpolation: "bicubic"}, image, `Interpolation is "bicubic", it must be "bilinear" or "nearest"`},
		{&layer.RandomRotation{}, tensor.Shape{4, 4}, "the input needs 4 dimensions"},
		{&layer.RandomRotation{}, tensor.Shape{4096, 4097, 1}, "images of 4096 × 4097 have more than 16777216 pixels: resize them before"},
		{&layer.RandomShear{YFactor: [2]float64{0.5, 0.25}}, image, "YFactor is [0.5 0.25], it must be the least and the greatest"},
		{&layer.RandomPerspective{Scale: new(1.5)}, image, "Scale is 1.5, it must be within [0, 1]"},
		{&layer.RandomPerspective{Factor: &[2]float64{-1, 1}}, image, "Factor is [-1 1], it must be the least and the greatest, within [0, 1]"},
		{&layer.RandomHue{}, image, "the images have 1 channels, they need 3: red, green and blue"},
		{&layer.RandomSaturation{DataFormat: "channels_first"}, tensor.Shape{4, 4, 3}, "the images have 4 channels"},
		{&layer.RandomGrayscale{Factor: new(1.5)}, image, "Factor is 1.5, it must be within [0, 1]"},
		{&layer.RandomPosterization{}, image, "Factor is [0 0], it must be the least and the greatest number of bits, within [1, 8]"},
		{&layer.RandomGaussianBlur{KernelSize: [2]int{3, 4}}, image, "KernelSize is [3 4], its numbers must be odd, from 1 to 4095"},
		{&layer.RandomInvert{ValueRange: [2]float64{1, 0}}, image, "ValueRange is [1 0], it must be the least and the greatest that a pixel can be"},
		{&layer.Equalization{Bins: -1}, image, "Bins is -1, it must be from 1 to 16777216 for images of 1 channels"},
		{&layer.RandomColorJitter{HueFactor: &[2]float64{0, 2}}, tensor.Shape{4, 4, 3}, "its RandomHue: Factor is [0 2], it must be the least and the greatest, within [0, 1]"},
		{&layer.RandomElasticTransform{Scale: &[2]float64{0, 2}}, image, "Scale is [0 2], it must be the least and the greatest, within [0, 1]"},
		{&layer.ContrastLimitedAdaptiveHistogramEqualization{TileGridSize: [2]int{8, -1}}, image, "TileGridSize is [8 -1], it must be positive, and at most 65536 parts for images of 1 channels"},
		{&layer.RandAugment{NumOps: 17}, tensor.Shape{4, 4, 3}, "NumOps is 17, it must be from 1 to 16"},
		{&layer.RandAugment{Interpolation: "cubic"}, tensor.Shape{4, 4, 3}, "its RandomShear: Interpolation is"},
	} {
		x := layer.Apply(&layer.Input{Shape: c.in})
		_, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(c.layer, x)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v of %v: %v, want %q", c.layer, c.in, err, c.want)
		}
	}
}
