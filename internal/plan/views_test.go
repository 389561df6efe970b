package plan

// This file counts what real networks copy: the training step of one block of each kind.

import (
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// copies returns how many kernels of a plan only move numbers or fill with zeros, and how
// many numbers they write.
func (p *Plan) copies() (kernels, numbers int) {
	for _, u := range p.units {
		if u.root == nil || !u.called() {
			continue
		}
		v := u.root
		switch v.op {
		case graph.OpSlice, graph.OpTranspose, graph.OpBroadcastTo:
			kernels++
			numbers += v.n
		case graph.OpPad:
			kernels += 2
			numbers += v.n + v.in[0].n
		case graph.OpConcat, graph.OpPack:
			for i, x := range v.in {
				if v.inPlace == nil || !v.inPlace[i] {
					kernels++
					numbers += x.n
				}
			}
		}
	}
	return kernels, numbers
}

// A builder makes a network and keeps its parameters.
type builder struct {
	*graph.Graph
	params []*graph.Node
}

func (b *builder) param(shape ...int) *graph.Node {
	p := b.Param("p", shape)
	b.params = append(b.params, p)
	return p
}

func (b *builder) dense(x *graph.Node, units int) *graph.Node {
	return x.MatMul(b.param(x.Shape()[x.Rank()-1], units)).Add(b.param(units))
}

// conv is a convolution that keeps the size of the image, with a bias.
func (b *builder) conv(x *graph.Node, taps, filters, groups int) *graph.Node {
	pad := []int{taps / 2, taps / 2}
	return x.Conv(b.param(taps, taps, x.Shape()[3]/groups, filters), graph.Window{Low: pad, High: pad, Groups: groups}).Add(b.param(filters))
}

// normalize is batch normalization along an axis.
func (b *builder) normalize(x *graph.Node, axis int) *graph.Node {
	channels := x.Shape()[axis]
	shape, axes := tensor.Shape{channels}, []int{}
	for i := range x.Rank() {
		if i > axis {
			shape = append(shape, 1)
		}
		if i != axis {
			axes = append(axes, i)
		}
	}
	mean := x.MeanKeep(axes...)
	variance := x.Sub(mean).Square().MeanKeep(axes...)
	y := x.Sub(mean).Mul(b.param(channels).Reshape(shape...).Div(variance.AddScalar(1e-3).Sqrt()))
	return y.Add(b.param(channels).Reshape(shape...))
}

// groupNormalize is group normalization (Wu and He 2018) of the channels along an axis.
func (b *builder) groupNormalize(x *graph.Node, axis, groups int) *graph.Node {
	channels := x.Shape()[axis]
	var split, along []int
	for i, d := range x.Shape() {
		if i == axis {
			split, along = append(split, groups, channels/groups), append(along, channels)
		} else {
			split = append(split, d)
		}
		if i > axis {
			along = append(along, 1)
		}
	}
	axes := []int{}
	for i := range split {
		if i != 0 && i != axis {
			axes = append(axes, i)
		}
	}
	y := x.Reshape(split...)
	mean := y.MeanKeep(axes...)
	variance := y.Sub(mean).Square().MeanKeep(axes...)
	y = y.Sub(mean).Div(variance.AddScalar(1e-3).Sqrt()).Reshape(x.Shape()...)
	return y.Mul(b.param(channels).Reshape(along...)).Add(b.param(channels).Reshape(along...))
}

func toLast(x *graph.Node) *graph.Node  { return x.Transpose(0, 2, 3, 1) }
func toFirst(x *graph.Node) *graph.Node { return x.Transpose(0, 3, 1, 2) }

var same = graph.Window{Size: []int{3, 3}, Low: []int{1, 1}, High: []int{1, 1}}

// blocks are the networks, of an image [batch, 8, 8, 16] or a sequence [batch, 6, 24].
var blocks = []struct {
	name             string
	shape            tensor.Shape
	build            func(b *builder, x *graph.Node) *graph.Node
	kernels, numbers int // that copy, and that are copied
}{
	{"attention", tensor.Shape{tensor.Batch, 6, 24}, func(b *builder, x *graph.Node) *graph.Node {
		head := func(x *graph.Node) *graph.Node {
			return b.dense(x, 24).Reshape(tensor.Batch, 6, 3, 8).Transpose(0, 2, 1, 3)
		}
		q, k, v := head(x), head(x), head(x)
		score := q.BatchMatMul(k, false, true).MulScalar(0.25).Softmax(-1)
		return b.dense(score.BatchMatMul(v, false, false).Transpose(0, 2, 1, 3).Reshape(tensor.Batch, 6, 24), 24)
	}, 0, 0},
	{"attention as one operation", tensor.Shape{tensor.Batch, 6, 24}, func(b *builder, x *graph.Node) *graph.Node {
		return b.dense(b.dense(x, 24).Attention(b.dense(x, 24), b.dense(x, 24), nil, graph.Heads{Heads: 3, Scale: 0.25}), 24)
	}, 0, 0},
	{"ResNet", image, func(b *builder, x *graph.Node) *graph.Node {
		y := b.normalize(b.conv(x, 3, 16, 1), 3).Relu()
		return b.normalize(b.conv(y, 3, 16, 1), 3).Add(x).Relu()
	}, 0, 0},
	{"ResNeXt", image, func(b *builder, x *graph.Node) *graph.Node {
		y := b.normalize(b.conv(x, 1, 32, 1), 3).Relu()
		y = b.normalize(b.conv(y, 3, 32, 4), 3).Relu()
		return b.normalize(b.conv(y, 1, 16, 1), 3).Add(x).Relu()
	}, 0, 0},
	{"split channels", image, func(b *builder, x *graph.Node) *graph.Node {
		var parts []*graph.Node
		x = b.conv(x, 1, 32, 1).Relu()
		for i := range 4 {
			parts = append(parts, b.conv(x.SliceAxis(3, 8*i, 8*i+8), 3, 8, 1).Relu())
		}
		return b.conv(graph.Concat(3, parts...), 1, 16, 1)
	}, 4, 8192}, // pixels of few channels
	{"Inception", image, func(b *builder, x *graph.Node) *graph.Node {
		y := graph.Concat(3,
			b.conv(x, 1, 8, 1).Relu(),
			b.conv(b.conv(x, 1, 8, 1).Relu(), 3, 16, 1).Relu(),
			b.conv(x.MaxPool(same), 1, 8, 1).Relu(),
			x.MaxPool(same))
		return b.conv(y, 1, 16, 1).Relu()
	}, 0, 0},
	{"DenseNet", image, func(b *builder, x *graph.Node) *graph.Node {
		for range 3 {
			y := b.normalize(x, 3).Relu()
			x = graph.Concat(3, x, b.conv(y, 3, 8, 1))
		}
		return b.normalize(x, 3).Relu().AveragePool(graph.Window{Size: []int{2, 2}, Stride: []int{2, 2}})
	}, 3, 6144}, // gradients of few channels, which a convolution reads
	{"U-Net", image, func(b *builder, x *graph.Node) *graph.Node {
		half := graph.Window{Size: []int{2, 2}, Stride: []int{2, 2}}
		x = b.conv(x, 3, 16, 1).Relu()
		y := b.conv(x.MaxPool(half), 3, 32, 1).Relu()
		y = y.ConvTranspose(b.param(2, 2, 16, 32), half, 8, 8)
		return b.conv(graph.Concat(3, x, y), 3, 16, 1).Relu()
	}, 1, 4096}, // gradients of few channels, which a convolution reads
	{"squeeze and excite", image, func(b *builder, x *graph.Node) *graph.Node {
		y := b.conv(x, 3, 16, 1).Relu()
		s := b.dense(b.dense(y.Mean(1, 2), 4).Relu(), 16).Sigmoid()
		return y.Mul(s.Reshape(tensor.Batch, 1, 1, 16))
	}, 0, 0},
	{"group normalization", image, func(b *builder, x *graph.Node) *graph.Node {
		return b.groupNormalize(b.conv(x, 3, 64, 1), 3, 4).Relu()
	}, 0, 0},
	{"channels first", image, func(b *builder, x *graph.Node) *graph.Node {
		conv := func(x *graph.Node) *graph.Node { return toFirst(b.conv(toLast(x), 3, 16, 1)) }
		x = conv(toFirst(x))
		y := b.normalize(conv(x), 1).Relu()
		return b.normalize(conv(y), 1).Add(x).Relu()
	}, 1, 4096}, // what the loss sums in the order of its axes
	{"channels first, groups", image, func(b *builder, x *graph.Node) *graph.Node {
		return b.groupNormalize(toFirst(b.conv(x, 3, 32, 1)), 1, 4).Relu()
	}, 2, 16384},
}

var image = tensor.Shape{tensor.Batch, 8, 8, 16}

// step is the training step of a block.
func step(shape tensor.Shape, build func(b *builder, x *graph.Node) *graph.Node) Program {
	b := &builder{Graph: graph.New()}
	y := build(b, b.dense(b.Input("x", shape), shape[len(shape)-1]))
	return trained(y.Square().Mean(), b.params...)
}

func TestWhatBlocksCopy(t *testing.T) {
	for _, c := range blocks {
		t.Run(c.name, func(t *testing.T) {
			program := step(c.shape, c.build)
			if err := program.Graph.Err(); err != nil {
				t.Fatal(err)
			}
			p := compile(t, program, Config{Batch: 4})
			if kernels, numbers := p.copies(); kernels != c.kernels || numbers != c.numbers {
				t.Errorf("%d kernels copy %d numbers, want %d and %d\n%v", kernels, numbers, c.kernels, c.numbers, p)
			}
		})
	}
}

// BenchmarkBlockStep trains each block for one step.
func BenchmarkBlockStep(b *testing.B) {
	pool := par.New(2)
	defer pool.Close()
	for _, c := range blocks {
		b.Run(c.name, func(b *testing.B) {
			program := step(c.shape, c.build)
			p, err := Compile(program, Config{Batch: 128})
			if err != nil {
				b.Fatal(err)
			}
			storage := map[*graph.Node][]float32{}
			for _, n := range program.Graph.Nodes() {
				if n.Op() == graph.OpParam {
					storage[n] = make([]float32, n.Shape().Numel())
					random(storage[n], 0.2, 1)
				}
			}
			e := p.Bind(held(storage))
			random(e.Value(program.Graph.Nodes()[0]), 1, 2)
			for b.Loop() {
				e.Compute(pool)
			}
			b.ReportMetric(float64(p.arena), "numbers")
		})
	}
}
