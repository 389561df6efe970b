package layer_test

// Layers that slide a window over images: what they compute, and what they refuse.

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// The oracle allows what float32 may make of the layer's own formula, whatever the order of the sums. Keras's sums are
// in another order.
func TestWindowsOverImagesAreKerass(t *testing.T) {
	sameWindows(t, golden.Load(t, "windows"))
}

func TestFreshWindowsOverImagesAreKerass(t *testing.T) {
	sameWindows(t, golden.LoadFresh(t, "windows"))
}

func sameWindows(t *testing.T, file golden.File) {
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			l, err := layer.FromConfig(c.Class, c.Config)
			if err != nil {
				t.Fatal(err)
			}
			in := c.Tensors["x"]
			x := layer.Apply(&layer.Input{Shape: in.Shape[1:]})
			n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(l, x)})
			if err != nil {
				t.Fatal(err)
			}
			g := graph.New()
			ctx := layer.NewContext(g, true)
			image := g.Input("x", x.Shape())
			feed := map[*graph.Node][]float64{image: floats(in.Data)}
			wrt, want := []*graph.Node{image}, []golden.Tensor{c.Tensors["y"], c.Tensors["dx"]}
			for _, v := range n.Variables() {
				value := c.Tensors["weight "+v.Name]
				if !v.Shape.Equal(value.Shape) {
					t.Fatalf("%s has the shape %v, Keras's %v", v.Name, v.Shape, value.Shape)
				}
				feed[ctx.Value(v)] = floats(value.Data)
				wrt, want = append(wrt, ctx.Value(v)), append(want, c.Tensors["gradient "+v.Name])
			}
			y := n.Trace(ctx, []*graph.Node{image})[0]
			if shape := y.Shape().Concrete(in.Shape[0]); !shape.Equal(want[0].Shape) {
				t.Fatalf("the result has the shape %v, Keras's %v", shape, want[0].Shape)
			}
			upstream := g.Input("upstream", y.Shape())
			feed[upstream] = floats(c.Tensors["upstream"].Data)
			results := append([]*graph.Node{y}, graph.Gradients(y.Mul(upstream).Sum(), wrt...)...)
			lo, hi, err := ref.Run{Batch: in.Shape[0], Feed: feed}.Bounds(g, results...)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				for k, v := range w.Data {
					if v := float64(v); !(lo[i][k] <= v && v <= hi[i][k]) {
						t.Fatalf("result %d, element %d is within [%v, %v], Keras's is %v", i, k, lo[i][k], hi[i][k], v)
					}
				}
			}
		})
	}
}

func floats(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// A grid is where a window goes over images of three spatial dimensions, all of one in those that a
// layer hasn't.
type grid struct {
	image, places, taps, stride, dilation, low [3]int
	channels                                   int
}

// touches calls f for each tap that is at a pixel from a place, sample by sample: with the numbers of
// all three, of place and pixel through the batch of two.
func (g grid) touches(f func(place, tap, pixel int)) {
	volume := func(d [3]int) int { return d[0] * d[1] * d[2] }
	at := func(i int, d [3]int) [3]int { return [3]int{i / (d[1] * d[2]), i / d[2] % d[1], i % d[2]} }
	for sample := range 2 {
		for place := range volume(g.places) {
			for tap := range volume(g.taps) {
				o, t := at(place, g.places), at(tap, g.taps)
				pixel, inside := 0, true
				for d := range 3 {
					p := o[d]*g.stride[d] - g.low[d] + t[d]*g.dilation[d]
					inside = inside && 0 <= p && p < g.image[d]
					pixel = pixel*g.image[d] + p
				}
				if inside {
					f(sample*volume(g.places)+place, tap, sample*volume(g.image)+pixel)
				}
			}
		}
	}
}

func (g grid) outputs() int { return 2 * g.places[0] * g.places[1] * g.places[2] }
func (g grid) pixels() int  { return 2 * g.image[0] * g.image[1] * g.image[2] }

// convolved is a convolution of so many filters, in groups, with a bias.
func (g grid) convolved(filters, groups int) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		y := make([]float64, g.outputs()*filters)
		in, out := g.channels/groups, filters/groups
		for i := range y {
			y[i] = w[len(w)-filters+i%filters]
		}
		g.touches(func(place, tap, pixel int) {
			for f := range filters {
				for c := range in {
					y[place*filters+f] += x[pixel*g.channels+f/out*in+c] * w[(tap*in+c)*filters+f]
				}
			}
		})
		return y
	}
}

// spread is the transpose: x has the places, of so many channels, and what comes of it the pixels.
func (g grid) spread(channels int) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		y := make([]float64, g.pixels()*g.channels)
		for i := range y {
			y[i] = w[len(w)-g.channels+i%g.channels]
		}
		g.touches(func(place, tap, pixel int) {
			for f := range g.channels {
				for c := range channels {
					y[pixel*g.channels+f] += x[place*channels+c] * w[(tap*g.channels+f)*channels+c]
				}
			}
		})
		return y
	}
}

// pooled joins what is under the window, beginning with what is first.
func (g grid) pooled(join func(sum, x float64) float64, last func(sum float64, n int) float64) func(x, w []float64) []float64 {
	return func(x, _ []float64) []float64 {
		y, n := make([]float64, g.outputs()*g.channels), make([]int, g.outputs()*g.channels)
		g.touches(func(place, _, pixel int) {
			for c := range g.channels {
				i := place*g.channels + c
				if n[i]++; n[i] == 1 {
					y[i] = x[pixel*g.channels+c]
				} else {
					y[i] = join(y[i], x[pixel*g.channels+c])
				}
			}
		})
		for i := range y {
			y[i] = last(y[i], n[i])
		}
		return y
	}
}

func (g grid) greatest() func(x, w []float64) []float64 {
	return g.pooled(math.Max, func(y float64, _ int) float64 { return y })
}

func (g grid) mean() func(x, w []float64) []float64 {
	return g.pooled(func(a, b float64) float64 { return a + b }, func(y float64, n int) float64 { return y / float64(n) })
}

// separated convolves each channel by itself, then all of them pixel by pixel.
func (g grid) separated(multiplier, filters int) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		taps := g.taps[0] * g.taps[1] * g.taps[2] * g.channels * multiplier
		middle := g.channels * multiplier
		y := g.convolved(middle, g.channels)(x, append(slices.Clone(w[:taps]), make([]float64, middle)...))
		points := grid{image: g.places, places: g.places, taps: [3]int{1, 1, 1}, stride: [3]int{1, 1, 1}, dilation: [3]int{1, 1, 1}, channels: middle}
		return points.convolved(filters, 1)(y, w[taps:])
	}
}

func init() {
	one := [3]int{1, 1, 1}
	line := grid{[3]int{1, 1, 5}, [3]int{1, 1, 3}, [3]int{1, 1, 3}, one, one, [3]int{}, 2}
	causal := grid{[3]int{1, 1, 5}, [3]int{1, 1, 5}, [3]int{1, 1, 2}, one, [3]int{1, 1, 2}, [3]int{0, 0, 2}, 2}
	plane := grid{[3]int{1, 4, 3}, [3]int{1, 2, 2}, [3]int{1, 3, 2}, [3]int{1, 2, 2}, one, [3]int{0, 0, 0}, 2}
	same := grid{[3]int{1, 3, 4}, [3]int{1, 3, 4}, [3]int{1, 2, 3}, one, one, [3]int{0, 0, 1}, 4}
	space := grid{[3]int{2, 3, 2}, [3]int{1, 2, 2}, [3]int{2, 2, 1}, one, one, [3]int{}, 2}
	bias := initializer.Constant{Value: 0.25}
	bent := func(values func(x, w []float64) []float64) func(x, w []float64) []float64 {
		return func(x, w []float64) []float64 { return each(math.Tanh)(values(x, w), nil) }
	}
	samples = append(samples, []sample{
		{&layer.Conv1D{Filters: 3, KernelSize: 3, BiasInitializer: bias, Activation: activation.Tanh{}}, []tensor.Shape{{5, 2}}, tensor.Shape{3, 3}, 21, bent(line.convolved(3, 1))},
		{&layer.Conv1D{Filters: 1, KernelSize: 2, Padding: "causal", DilationRate: 2}, []tensor.Shape{{5, 2}}, tensor.Shape{5, 1}, 5, causal.convolved(1, 1)},
		{&layer.Conv2D{Filters: 3, KernelSize: [2]int{3, 2}, Strides: [2]int{2, 2}, Padding: "same", BiasInitializer: bias}, []tensor.Shape{{4, 3, 2}}, tensor.Shape{2, 2, 3}, 39, plane.convolved(3, 1)},
		{&layer.Conv2D{Filters: 6, KernelSize: [2]int{2, 3}, Padding: "same", Groups: 2}, []tensor.Shape{{3, 4, 4}}, tensor.Shape{3, 4, 6}, 78, same.convolved(6, 2)},
		{&layer.Conv3D{Filters: 2, KernelSize: [3]int{2, 2, 1}, BiasInitializer: bias}, []tensor.Shape{{2, 3, 2, 2}}, tensor.Shape{1, 2, 2, 2}, 18, space.convolved(2, 1)},
		{&layer.Conv1DTranspose{Filters: 2, KernelSize: 3, BiasInitializer: bias}, []tensor.Shape{{3, 4}}, tensor.Shape{5, 2}, 26, line.spread(4)},
		{&layer.Conv2DTranspose{Filters: 2, KernelSize: [2]int{3, 2}, Strides: [2]int{2, 2}, Padding: "same"}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{4, 4, 2}, 14, grid{
			[3]int{1, 4, 4}, [3]int{1, 2, 2}, [3]int{1, 3, 2}, [3]int{1, 2, 2}, one, [3]int{}, 2,
		}.spread(1)},
		{&layer.Conv3DTranspose{Filters: 2, KernelSize: [3]int{2, 2, 1}, BiasInitializer: bias}, []tensor.Shape{{1, 2, 2, 3}}, tensor.Shape{2, 3, 2, 2}, 26, space.spread(3)},
		{&layer.DepthwiseConv1D{KernelSize: 3, DepthMultiplier: 2, BiasInitializer: bias}, []tensor.Shape{{5, 2}}, tensor.Shape{3, 4}, 16, line.convolved(4, 2)},
		{&layer.DepthwiseConv2D{KernelSize: [2]int{2, 3}, Padding: "same", Activation: activation.Tanh{}}, []tensor.Shape{{3, 4, 4}}, tensor.Shape{3, 4, 4}, 28, bent(same.convolved(4, 4))},
		{&layer.SeparableConv1D{Filters: 3, KernelSize: 3, DepthMultiplier: 2, BiasInitializer: bias}, []tensor.Shape{{5, 2}}, tensor.Shape{3, 3}, 27, line.separated(2, 3)},
		{&layer.SeparableConv2D{Filters: 2, KernelSize: [2]int{3, 2}, Strides: [2]int{2, 2}, Padding: "same"}, []tensor.Shape{{4, 3, 2}}, tensor.Shape{2, 2, 2}, 18, plane.separated(1, 2)},
		{&layer.MaxPooling1D{PoolSize: 3, Strides: 1}, []tensor.Shape{{5, 2}}, tensor.Shape{3, 2}, 0, line.greatest()},
		{&layer.MaxPooling2D{PoolSize: [2]int{3, 2}, Strides: [2]int{2, 2}, Padding: "same"}, []tensor.Shape{{4, 3, 2}}, tensor.Shape{2, 2, 2}, 0, plane.greatest()},
		{&layer.MaxPooling3D{PoolSize: [3]int{2, 2, 1}, Strides: [3]int{1, 1, 1}}, []tensor.Shape{{2, 3, 2, 2}}, tensor.Shape{1, 2, 2, 2}, 0, space.greatest()},
		{&layer.AveragePooling1D{PoolSize: 3, Strides: 1}, []tensor.Shape{{5, 2}}, tensor.Shape{3, 2}, 0, line.mean()},
		{&layer.AveragePooling2D{PoolSize: [2]int{3, 2}, Strides: [2]int{2, 2}, Padding: "same"}, []tensor.Shape{{4, 3, 2}}, tensor.Shape{2, 2, 2}, 0, plane.mean()},
		{&layer.AveragePooling3D{PoolSize: [3]int{2, 2, 1}, Strides: [3]int{1, 1, 1}}, []tensor.Shape{{2, 3, 2, 2}}, tensor.Shape{1, 2, 2, 2}, 0, space.mean()},
	}...)
	// What pools a whole image is a window as large as that.
	for dims, image := range []tensor.Shape{1: {3, 2}, 2: {2, 2, 2}, 3: {1, 2, 2, 2}} {
		if dims == 0 {
			continue
		}
		whole := grid{image: one, places: one, taps: one, stride: one, dilation: one, channels: 2}
		copy(whole.image[3-dims:], image[:dims])
		whole.taps = whole.image
		max := []layer.Layer{1: &layer.GlobalMaxPooling1D{}, 2: &layer.GlobalMaxPooling2D{}, 3: &layer.GlobalMaxPooling3D{}}[dims]
		mean := []layer.Layer{1: &layer.GlobalAveragePooling1D{}, 2: &layer.GlobalAveragePooling2D{}, 3: &layer.GlobalAveragePooling3D{}}[dims]
		samples = append(samples, sample{max, []tensor.Shape{image}, tensor.Shape{2}, 0, whole.greatest()}, sample{mean, []tensor.Shape{image}, tensor.Shape{2}, 0, whole.mean()})
	}
}

func TestWindowsThatFitNowhereAreErrorsThatSayWhatWould(t *testing.T) {
	three, five := [2]int{3, 3}, [2]int{5, 5}
	for _, c := range []struct {
		layer layer.Layer
		in    tensor.Shape
		want  string
	}{
		{&layer.Conv2D{KernelSize: three}, tensor.Shape{8, 8, 1}, "Filters is 0, it must be positive"},
		{&layer.Conv2D{Filters: 4}, tensor.Shape{8, 8, 1}, "KernelSize is 0, 0, it must be from 1 to 268435456 along rows, columns"},
		{&layer.Conv2D{Filters: 4, KernelSize: [2]int{3, 0}}, tensor.Shape{8, 8, 1}, "KernelSize is 3, 0, it must be from 1 to 268435456 along rows, columns"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Strides: [2]int{2, 0}}, tensor.Shape{8, 8, 1}, "Strides is 2, 0, it must be from 1"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, DilationRate: [2]int{-1, -1}}, tensor.Shape{8, 8, 1}, "DilationRate is -1, -1, it must be from 1"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Strides: [2]int{2, 2}, DilationRate: [2]int{2, 2}}, tensor.Shape{8, 8, 1}, "Strides are 2, 2 and DilationRate is 2, 2: one of them must be 1"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Padding: "Same"}, tensor.Shape{8, 8, 1}, `Padding is "Same", it must be one of ["valid" "same"]`},
		{&layer.Conv2D{Filters: 4, KernelSize: three, DataFormat: "last"}, tensor.Shape{8, 8, 1}, `DataFormat is "last", it must be "channels_last" or "channels_first"`},
		{&layer.Conv2D{Filters: 4, KernelSize: three}, tensor.Shape{28, 28}, "the input needs 4 axes, (batch, rows, columns, channels): if it has one channel, put layer.Reshape{TargetShape: tensor.Shape{28, 28, 1}} before"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, DataFormat: "channels_first"}, tensor.Shape{28, 28}, "put layer.Reshape{TargetShape: tensor.Shape{1, 28, 28}} before"},
		{&layer.Conv2D{Filters: 4, KernelSize: three}, tensor.Shape{784}, "the input needs 4 axes, (batch, rows, columns, channels)"},
		{&layer.Conv2D{Filters: 4, KernelSize: five}, tensor.Shape{4, 8, 1}, `KernelSize 5, 5 reaches over 5 rows, the image has 4: make it smaller, or say Padding: "same"`},
		{&layer.Conv1D{Filters: 4, KernelSize: 3, DilationRate: 4}, tensor.Shape{8, 1}, `KernelSize 3, with DilationRate 4, reaches over 9 steps, the image has 8`},
		{&layer.Conv2D{Filters: 4, KernelSize: five}, tensor.Shape{3, 32, 32}, `if the first 3 are channels, say DataFormat: "channels_first"`},
		{&layer.Conv2D{Filters: 4, KernelSize: five, DataFormat: "channels_first"}, tensor.Shape{32, 32, 3}, "if the last 3 are channels, leave DataFormat out"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Groups: 3}, tensor.Shape{8, 8, 6}, "Groups is 3, it must divide the 6 channels of the input and the 4 Filters"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Groups: -1}, tensor.Shape{8, 8, 6}, "Groups is -1, it must be positive"},
		{&layer.Conv2D{Filters: 4, KernelSize: three, Padding: "same"}, tensor.Shape{0, 8, 6}, "the image has no rows"},
		{&layer.Conv2DTranspose{Filters: 4, KernelSize: three, Strides: [2]int{2, 2}, OutputPadding: &[2]int{2, 2}}, tensor.Shape{4, 4, 1}, "OutputPadding is [2 2], it must be at least 0 and less than Strides, [2 2]"},
		{&layer.Conv1DTranspose{Filters: 4, KernelSize: 2, Padding: "same", OutputPadding: new(0)}, tensor.Shape{1, 1}, "the output would have 0 steps: make OutputPadding larger, or leave it out"},
		{&layer.DepthwiseConv2D{KernelSize: three, DepthMultiplier: -1}, tensor.Shape{8, 8, 1}, "DepthMultiplier is -1, it must be positive"},
		{&layer.SeparableConv2D{KernelSize: three}, tensor.Shape{8, 8, 1}, "Filters is 0, it must be positive"},
		{&layer.MaxPooling2D{}, tensor.Shape{1, 8, 1}, `PoolSize 2, 2 reaches over 2 rows, the image has 1: make it smaller, or say Padding: "same"`},
		{&layer.AveragePooling3D{}, tensor.Shape{8, 8, 1}, "the input needs 5 axes, (batch, planes, rows, columns, channels)"},
		{&layer.GlobalMaxPooling1D{}, tensor.Shape{0, 4}, "there are no steps to pool"},
		{&layer.AdaptiveMaxPooling2D{OutputSize: [2]int{3, 0}}, tensor.Shape{8, 8, 1}, "OutputSize is 3, 0, it must be from 1 to 4096 along rows, columns"},
		{&layer.AdaptiveAveragePooling1D{OutputSize: 3}, tensor.Shape{0, 4}, "there are no steps to pool"},
		{&layer.AdaptiveAveragePooling3D{OutputSize: [3]int{1, 1, 1}}, tensor.Shape{8, 8, 1}, "the input needs 5 axes, (batch, planes, rows, columns, channels)"},
	} {
		y := layer.Apply(c.layer, layer.Apply(&layer.Input{Shape: c.in}))
		err := y.Err()
		if err == nil {
			t.Errorf("%T of %v is no error, want %q", c.layer, c.in, c.want)
			continue
		}
		prefix := fmt.Sprintf("(%s) of %v: ", layer.Class(c.layer), append(tensor.Shape{tensor.Batch}, c.in...))
		if text := err.Error(); !strings.Contains(text, prefix) || !strings.Contains(text, c.want) {
			t.Errorf("%T of %v: the error is\n%q, want\n%q", c.layer, c.in, text, c.want)
		}
	}
}

// A layer that is applied again may meet another form of input than the one it was built for.
func TestAWindowThatIsAppliedAgainToOtherImagesIsAnError(t *testing.T) {
	for _, l := range []layer.Layer{
		&layer.Conv2D{Filters: 1, KernelSize: [2]int{3, 3}}, &layer.Conv2DTranspose{Filters: 1, KernelSize: [2]int{3, 3}},
		&layer.SeparableConv2D{Filters: 1, KernelSize: [2]int{3, 3}}, &layer.DepthwiseConv2D{KernelSize: [2]int{3, 3}}, &layer.MaxPooling2D{},
	} {
		if err := layer.Apply(l, layer.Apply(&layer.Input{Shape: tensor.Shape{8, 8, 2}})).Err(); err != nil {
			t.Fatal(err)
		}
		for _, other := range []tensor.Shape{{}, {8}, {8, 8}, {8, 8, 2, 2}} {
			if layer.Apply(l, layer.Apply(&layer.Input{Shape: other})).Err() == nil {
				t.Errorf("%T, built for images, takes %v", l, other)
			}
		}
	}
}
