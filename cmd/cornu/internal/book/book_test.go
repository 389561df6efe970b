package book

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

func TestADescentEndsInAMinimum(t *testing.T) {
	root := math.Sqrt(160.36) // of the derivative of hills, x·(4x² − 0.6x − 10)
	for _, test := range []struct {
		name        string
		f           function
		start, rate float64
		first, end  float64
		y           float64
	}{
		{"figure 1.3.7", valley, -0.5, 0.01, -0.48, 0.5, -1.25},
		{"figure 1.3.8, small steps", hills, -2.4, 0.01, -2.05248, (0.6 - root) / 8, -1.5131},
		{"figure 1.3.8, large steps", hills, -2.4, 0.08, 0.38016, (0.6 + root) / 8, -3.0996},
	} {
		path, err := descend(test.f, test.start, test.rate, 800)
		if err != nil {
			t.Fatal(err)
		}
		y, err := compute(test.f, path)
		if err != nil {
			t.Fatal(err)
		}
		end := len(path) - 1
		for _, pair := range [][2]float64{{path[0], test.start}, {path[1], test.first}, {path[end], test.end}, {y[end], test.y}} {
			if math.Abs(pair[0]-pair[1]) > 1e-4 {
				t.Errorf("%s: it went from %v to %v, and ended at %v with y = %v", test.name, path[0], path[1], path[end], y[end])
				break
			}
		}
	}
}

func TestASlopeIsTheDerivative(t *testing.T) {
	x := []float64{-2.4, -1, 0, 0.5, 3}
	for name, test := range map[string]struct {
		f    function
		want func(x float64) float64
	}{
		"valley": {valley, func(x float64) float64 { return 2*x - 1 }},
		"hills":  {hills, func(x float64) float64 { return 4*x*x*x - 0.6*x*x - 10*x }},
	} {
		slopes, err := compute(test.f.slope(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i, slope := range slopes {
			if want := test.want(x[i]); math.Abs(slope-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("%s: the slope at %v is %v, want %v", name, x[i], slope, want)
			}
		}
	}
}

// The numbers in them may differ in their last digits from one processor to another.
func TestTheGuideHasThePicturesThatTheProgramDraws(t *testing.T) {
	number := regexp.MustCompile(`[-\d.]+(e[-+]?\d+)?`)
	for _, f := range Figures {
		picture, err := f.Draw()
		if err != nil {
			t.Fatal(err)
		}
		var drawn strings.Builder
		if err := viz.Write(&drawn, viz.SVG, picture); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join("../../../../docs/chapter1", f.Name+".svg"))
		if err != nil {
			t.Error(err)
		} else if number.ReplaceAllString(drawn.String(), "0") != number.ReplaceAllString(string(kept), "0") {
			t.Errorf("docs/chapter1/%s.svg is not what `cornu figures` draws", f.Name)
		}
	}
}

// What is no number, or infinite, has a shade too, the same on every machine.
func TestFiltersOfAnyNumbersAreDrawn(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3, 3, 1}}, &layer.Conv2D{Filters: 1, KernelSize: [2]int{2, 3}})
	for _, c := range []struct {
		kernel []float32
		want   []uint8
	}{
		{[]float32{0, 1, -2, 2, -1, 0.5}, []uint8{128, 191, 0, 254, 64, 159}},
		{[]float32{nan, 1, -2, inf, -inf, 0}, []uint8{0, 191, 0, 254, 0, 128}},
		{[]float32{nan, nan, inf, -inf, 0, 0}, []uint8{0, 0, 254, 0, 128, 128}},
	} {
		kernel, err := tensor.Of(c.kernel, 2, 3, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		bias, err := tensor.Zeros(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := model.SetWeights([]*tensor.Tensor{kernel, bias}); err != nil {
			t.Fatal(err)
		}
		if grid := Filters(&model.Model, FirstConvolution(&model.Model)); !slices.Equal(grid.Images[0], c.want) {
			t.Errorf("%v is drawn as %v, want %v", c.kernel, grid.Images[0], c.want)
		}
	}
}

// The figures' convolution is that of a trained network. CORNU_CNN=FILE, where `cornu mnist train --model cnn --save FILE` has saved one,
// compares them, and writes it anew if it is another.
func TestTheFiguresConvolutionIsThatOfTheTrainedNetwork(t *testing.T) {
	file := os.Getenv("CORNU_CNN")
	if file == "" {
		t.Skip("CORNU_CNN is not set")
	}
	model, err := cornu.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	var now bytes.Buffer
	if err := tensor.WriteNpz(&now, map[string]*tensor.Tensor{"kernel": weights[0], "bias": weights[1]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(now.Bytes(), convolution) {
		t.Error("it was another, and is written anew")
		if err := os.WriteFile("convolution.npz", now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
