package initializer_test

import (
	"math"
	"testing"

	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/tensor"
)

// Of the draws that Keras made, the fans must agree, the ends of a bounded distribution, and mean and deviation as far
// as two samples of that size do.
func TestDrawsAreSpreadAsKerassAre(t *testing.T) {
	sameSpread(t, golden.Load(t, "initializers").Cases)
}

func TestFreshDrawsAreSpreadAsKerassAre(t *testing.T) {
	sameSpread(t, golden.LoadFresh(t, "initializers").Cases)
}

func sameSpread(t *testing.T, cases []golden.Case) {
	t.Helper()
	for _, c := range cases {
		holder := struct{ I initializer.Initializer }{}
		if err := config.Decode(map[string]any{"i": map[string]any{"class_name": c.Class, "config": c.Config}}, &holder); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if want, ok := c.Tensors["value"]; ok {
			got := draw(t, holder.I, want.Shape)
			for i, v := range want.Data {
				if got[i] != v {
					t.Errorf("%s: element %d is %v, Keras's %v", c.Name, i, got[i], v)
				}
			}
			continue
		}
		var shape tensor.Shape
		for _, d := range c.Numbers["shape"] {
			shape = append(shape, int(d))
		}
		number := func(name string) float64 { return c.Numbers[name][0] }
		if in, out := initializer.Fans(shape); in != number("fan_in") || out != number("fan_out") {
			t.Errorf("%s: fans %v and %v, Keras's %v and %v", c.Name, in, out, number("fan_in"), number("fan_out"))
		}

		values := draw(t, holder.I, shape)
		mean, low, high := 0.0, math.Inf(1), math.Inf(-1)
		for _, v := range values {
			mean += float64(v) / float64(len(values))
			low, high = min(low, float64(v)), max(high, float64(v))
		}
		variance := 0.0
		for _, v := range values {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(values))
		}
		// Five standard errors of a difference between two samples.
		std, n := number("std"), float64(len(values))
		if off := math.Abs(mean - number("mean")); off > 5*std*math.Sqrt(2/n)+1e-7 {
			t.Errorf("%s: mean %v, Keras's %v", c.Name, mean, number("mean"))
		}
		if off := math.Abs(math.Sqrt(variance) - std); off > 5*std*math.Sqrt(1/n)+1e-7 {
			t.Errorf("%s: deviation %v, Keras's %v", c.Name, math.Sqrt(variance), std)
		}
		// A uniform or a truncated sample comes within a few parts in its size of both ends.
		span := number("max") - number("min")
		if c.Class != "RandomNormal" && c.Class != "Orthogonal" && c.Config["distribution"] != "untruncated_normal" {
			if slack := 60 * span / n; math.Abs(low-number("min")) > slack || math.Abs(high-number("max")) > slack {
				t.Errorf("%s: from %v to %v, Keras's from %v to %v", c.Name, low, high, number("min"), number("max"))
			}
		}
	}
}

func draw(t *testing.T, i initializer.Initializer, shape tensor.Shape) []float32 {
	t.Helper()
	values := make([]float32, shape.Numel())
	if err := i.Init(values, shape, 1, 0x8000); err != nil {
		t.Fatal(err)
	}
	return values
}
