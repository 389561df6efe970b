package layer_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A sample is a layer, the shapes of what it is applied to (without the batch),
// and what it gives of x, its inputs one behind the other, and of w, its
// variables, where the batch is 2.
type sample struct {
	layer   layer.Layer
	in      []tensor.Shape
	out     tensor.Shape
	weights int
	values  func(x, w []float64) []float64 // nil: checked elsewhere
}

func same(x, _ []float64) []float64 { return x }

func each(f func(x float64) float64) func(x, w []float64) []float64 {
	return func(x, _ []float64) []float64 {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = f(x[i])
		}
		return y
	}
}

// both joins two inputs of three numbers a sample.
func both(f func(a, b float64) float64) func(x, w []float64) []float64 {
	return func(x, _ []float64) []float64 {
		y := make([]float64, 6)
		for i := range y {
			y[i] = f(x[i], x[6+i])
		}
		return y
	}
}

// lookedUp gives the rows of w, a table, that x names.
func lookedUp(x, w []float64) []float64 {
	width := map[int]int{15: 3, 6: 2}[len(w)]
	var y []float64
	for _, index := range x {
		y = append(y, w[int(index)*width:][:width]...)
	}
	return y
}

// picked gives the numbers of a sample that have these places in it, 0 where the place is -1.
func picked(places ...int) func(x, w []float64) []float64 {
	return func(x, _ []float64) []float64 {
		var y []float64
		for sample := range 2 {
			for _, i := range places {
				if i < 0 {
					y = append(y, 0)
				} else {
					y = append(y, x[sample*len(x)/2+i])
				}
			}
		}
		return y
	}
}

// recurring runs a step over samples of steps × features numbers. next returns the state, which begins at zeros, after it
// has seen the features of one step. It gives the first units numbers of the state after the last step, or after each.
func recurring(steps, features, states, units int, each, backwards bool, next func(x, h, w []float64) []float64) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		var y []float64
		for sample := range 2 {
			h := make([]float64, states*units)
			for t := range steps {
				at := t
				if backwards {
					at = steps - 1 - t
				}
				h = next(x[(sample*steps+at)*features:][:features], h, w)
				if each || t == steps-1 {
					y = append(y, h[:units]...)
				}
			}
		}
		return y
	}
}

// product returns what x is worth by columns from … to-1 of a matrix.
func product(x, matrix []float64, columns, from, to int) []float64 {
	y := make([]float64, to-from)
	for j := range y {
		for k, v := range x {
			y[j] += float64(v * matrix[k*columns+from+j])
		}
	}
	return y
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// stepping applies a step once, to samples of so many features and the states that are the inputs behind them. next returns the output,
// and behind it what isn't looked at.
func stepping(features, states, units int, next func(x, h, w []float64) []float64) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		var y []float64
		for sample := range 2 {
			var h []float64
			for i := range states {
				h = append(h, x[2*features+(2*i+sample)*units:][:units]...)
			}
			y = append(y, next(x[sample*features:][:features], h, w)[:units]...)
		}
		return y
	}
}

func stepOfSimpleRNN(x, h, w []float64) []float64 {
	const n = 2
	next := product(x, w, n, 0, n)
	for i, r := range product(h, w[n*len(x):], n, 0, n) {
		next[i] = math.Tanh(next[i] + r + w[n*(len(x)+n)+i])
	}
	return next
}

// stepOfStack is one of SimpleRNN of two features and one of LSTM behind it: it returns the state of this before that of the other.
func stepOfStack(x, h, w []float64) []float64 {
	one := stepOfSimpleRNN(x, h[4:], w)
	return append(stepOfLSTM(one, h[:4], w[10:]), one...)
}

func stepOfLSTM(x, h, w []float64) []float64 {
	const n = 2
	features := len(x)
	z, r := product(x, w, 4*n, 0, 4*n), product(h[:n], w[4*n*features:], 4*n, 0, 4*n)
	next := make([]float64, 2*n)
	for i := range n {
		at := func(gate int) float64 { return z[gate*n+i] + r[gate*n+i] + w[4*n*(features+n)+gate*n+i] }
		next[n+i] = float64(logistic(at(1))*h[n+i]) + float64(logistic(at(0))*math.Tanh(at(2)))
		next[i] = logistic(at(3)) * math.Tanh(next[n+i])
	}
	return next
}

func stepOfGRU(before bool) func(x, h, w []float64) []float64 {
	return func(x, h, w []float64) []float64 {
		const n = 2
		features := len(x)
		kernel, bias := w[3*n*features:], w[3*n*(features+n):]
		z, r := product(x, w, 3*n, 0, 3*n), product(h, kernel, 3*n, 0, 3*n)
		for i := range z {
			z[i] += bias[i]
			if !before {
				r[i] += bias[3*n+i]
			}
		}
		reset := make([]float64, n)
		for i := range reset {
			reset[i] = logistic(z[n+i] + r[n+i])
		}
		if before {
			var part []float64
			for i := range reset {
				part = append(part, reset[i]*h[i])
			}
			copy(r[2*n:], product(part, kernel, 3*n, 2*n, 3*n))
		}
		next := make([]float64, n)
		for i := range next {
			update := logistic(z[i] + r[i])
			inner := r[2*n+i]
			if !before {
				inner = float64(inner * reset[i])
			}
			next[i] = float64(update*h[i]) + float64((1-update)*math.Tanh(z[2*n+i]+inner))
		}
		return next
	}
}

// weighing gives for queries of two steps and values of three, of one number each, the means of the values, which are the keys too,
// weighed by the softmax of a score, or what is made of them.
func weighing(score func(q, k float64, w []float64) float64, result func(mean float64, w []float64) float64) func(x, w []float64) []float64 {
	return func(x, w []float64) []float64 {
		var y []float64
		for i, q := range x[:4] {
			mean, total := 0.0, 0.0
			for _, v := range x[4+i/2*3:][:3] {
				e := math.Exp(score(q, v, w))
				mean += float64(e * v)
				total += e
			}
			mean /= total
			if result != nil {
				mean = result(mean, w)
			}
			y = append(y, mean)
		}
		return y
	}
}

var three, pair = []tensor.Shape{{3}}, []tensor.Shape{{3}, {3}}

// wide is a range that all pixels of samples are in.
var wide = [2]float64{-2, 2}

func halfway(a, b float64) float64 { return (a + b) / 2 }

// pooled joins the first two and the last two of three numbers.
func pooled(join func(a, b float64) float64) func(x, w []float64) []float64 {
	return func(x, _ []float64) []float64 {
		return []float64{join(x[0], x[1]), join(x[1], x[2]), join(x[3], x[4]), join(x[4], x[5])}
	}
}

// samples has at least one of every registered class.
var samples = []sample{
	{&layer.Dense{Units: 2, Activation: activation.Tanh{}, BiasInitializer: initializer.Ones{}}, three, tensor.Shape{2}, 8, func(x, w []float64) []float64 {
		y := make([]float64, 4)
		for i := range y {
			row, column := i/2, i%2
			y[i] = w[6+column]
			for k := range 3 {
				y[i] += x[row*3+k] * w[k*2+column]
			}
			y[i] = math.Tanh(y[i])
		}
		return y
	}},
	{&layer.Dense{Units: 2, NoBias: true}, []tensor.Shape{{4, 3}}, tensor.Shape{4, 2}, 6, func(x, w []float64) []float64 {
		y := make([]float64, 16)
		for i := range y {
			for k := range 3 {
				y[i] += x[i/2*3+k] * w[k*2+i%2]
			}
		}
		return y
	}},
	{&layer.Embedding{InputDim: 5, OutputDim: 3}, []tensor.Shape{{2}}, tensor.Shape{2, 3}, 15, lookedUp},
	{&layer.Embedding{InputDim: 3, OutputDim: 2, MaskZero: true, EmbeddingsRegularizer: regularizer.L2{L2: 0.1}}, three, tensor.Shape{3, 2}, 6, lookedUp},
	{&layer.Activation{Func: activation.Sigmoid{}}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })},
	{&layer.Flatten{}, []tensor.Shape{{2, 2, 3}}, tensor.Shape{12}, 0, same},
	{&layer.Flatten{}, []tensor.Shape{{}}, tensor.Shape{1}, 0, same},
	{&layer.Reshape{TargetShape: tensor.Shape{3, -1}}, []tensor.Shape{{2, 6}}, tensor.Shape{3, 4}, 0, same},
	{&layer.Reshape{TargetShape: tensor.Shape{}}, []tensor.Shape{{1}}, tensor.Shape{}, 0, same},
	{&layer.Rescaling{Scale: 0.5, Offset: -1}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return x*0.5 - 1 })},
	{&layer.Rescaling{Scale: 1}, three, tensor.Shape{3}, 0, same},
	{&layer.Rescaling{Scales: []float64{0.5, 2, -1}, Offset: -1}, three, tensor.Shape{3}, 0, func(x, _ []float64) []float64 {
		return []float64{x[0]*0.5 - 1, x[1]*2 - 1, -x[2] - 1, x[3]*0.5 - 1, x[4]*2 - 1, -x[5] - 1}
	}},
	{&layer.Rescaling{Scale: 2, Offsets: []float64{1, -1}}, []tensor.Shape{{1, 2}}, tensor.Shape{1, 2}, 0, func(x, _ []float64) []float64 {
		return []float64{x[0]*2 + 1, x[1]*2 - 1, x[2]*2 + 1, x[3]*2 - 1}
	}},
	{&layer.ReLU{MaxValue: new(1.0), NegativeSlope: 0.25, Threshold: 0.5}, three, tensor.Shape{3}, 0, each(func(x float64) float64 {
		if x > 0.5 {
			return min(x, 1)
		}
		return 0.25 * (x - 0.5)
	})},
	{&layer.LeakyReLU{}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return max(x, 0) + 0.3*min(x, 0) })},
	{&layer.LeakyReLU{NegativeSlope: new(0.0)}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return max(x, 0) })},
	{&layer.ELU{Alpha: new(0.5)}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return max(x, 0) + 0.5*math.Expm1(min(x, 0)) })},
	{&layer.PReLU{AlphaInitializer: initializer.RandomUniform{}}, three, tensor.Shape{3}, 3, func(x, w []float64) []float64 {
		y := make([]float64, 6)
		for i := range y {
			y[i] = max(x[i], 0) + w[i%3]*min(x[i], 0)
		}
		return y
	}},
	{&layer.PReLU{AlphaInitializer: initializer.Ones{}, SharedAxes: []int{1}}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 3}, 3, same},
	{&layer.Softmax{}, []tensor.Shape{{1}}, tensor.Shape{1}, 0, each(func(float64) float64 { return 1 })},
	{&layer.ActivityRegularization{L1: 0.5}, three, tensor.Shape{3}, 0, same},
	{&layer.Add{}, pair, tensor.Shape{3}, 0, both(func(a, b float64) float64 { return a + b })},
	{&layer.Subtract{}, pair, tensor.Shape{3}, 0, both(func(a, b float64) float64 { return a - b })},
	{&layer.Multiply{}, pair, tensor.Shape{3}, 0, both(func(a, b float64) float64 { return a * b })},
	{&layer.Average{}, pair, tensor.Shape{3}, 0, both(func(a, b float64) float64 { return (a + b) / 2 })},
	{&layer.Maximum{}, pair, tensor.Shape{3}, 0, both(math.Max)},
	{&layer.Minimum{}, pair, tensor.Shape{3}, 0, both(math.Min)},
	{&layer.Concatenate{}, []tensor.Shape{{1}, {2}}, tensor.Shape{3}, 0, func(x, _ []float64) []float64 {
		return []float64{x[0], x[2], x[3], x[1], x[4], x[5]}
	}},
	{&layer.Dot{Axes: [2]int{1, 1}}, pair, tensor.Shape{1}, 0, func(x, _ []float64) []float64 {
		return []float64{x[0]*x[6] + x[1]*x[7] + x[2]*x[8], x[3]*x[9] + x[4]*x[10] + x[5]*x[11]}
	}},
	{&layer.Dot{Axes: [2]int{-1, 2}, Normalize: true}, []tensor.Shape{{2}, {1, 2}}, tensor.Shape{1}, 0, func(x, _ []float64) []float64 {
		y := make([]float64, 2)
		for i := range y {
			a, b := x[2*i:][:2], x[4+2*i:][:2]
			y[i] = (a[0]*b[0] + a[1]*b[1]) / math.Hypot(a[0], a[1]) / math.Hypot(b[0], b[1])
		}
		return y
	}},
	{&layer.Identity{}, three, tensor.Shape{3}, 0, same},
	{&layer.SimpleRNN{Units: 2, GoBackwards: true, BiasInitializer: initializer.Ones{}}, []tensor.Shape{{3, 2}}, tensor.Shape{2}, 10, recurring(3, 2, 1, 2, false, true, stepOfSimpleRNN)},
	{&layer.SimpleRNNCell{Units: 2, BiasInitializer: initializer.Ones{}}, []tensor.Shape{{2}, {2}}, tensor.Shape{2}, 10, stepping(2, 1, 2, stepOfSimpleRNN)},
	{&layer.LSTMCell{Units: 2}, []tensor.Shape{{1}, {2}, {2}}, tensor.Shape{2}, 32, stepping(1, 2, 2, stepOfLSTM)},
	{&layer.GRUCell{Units: 2, ResetBefore: true}, []tensor.Shape{{2}, {2}}, tensor.Shape{2}, 30, stepping(2, 1, 2, stepOfGRU(true))},
	{&layer.StackedRNNCells{Cells: []layer.Cell{&layer.SimpleRNNCell{Units: 2}, &layer.LSTMCell{Units: 2}}}, []tensor.Shape{{2}, {2}, {2}, {2}}, tensor.Shape{2}, 50, stepping(2, 3, 2, func(x, h, w []float64) []float64 {
		return stepOfStack(x, slices.Concat(h[2:], h[:2]), w)
	})},
	{&layer.ConvLSTM1D{Filters: 2, KernelSize: 1}, []tensor.Shape{{2, 1, 1}}, tensor.Shape{1, 2}, 32, recurring(2, 1, 2, 2, false, false, stepOfLSTM)},
	{&layer.ConvLSTM2D{Filters: 2, KernelSize: [2]int{1, 1}, ReturnSequences: true}, []tensor.Shape{{2, 1, 1, 1}}, tensor.Shape{2, 1, 1, 2}, 32, recurring(2, 1, 2, 2, true, false, stepOfLSTM)},
	{
		&layer.ConvLSTM3D{Filters: 2, KernelSize: [3]int{1, 1, 1}, DataFormat: "channels_first", GoBackwards: true},
		[]tensor.Shape{{2, 1, 1, 1, 1}},
		tensor.Shape{2, 1, 1, 1},
		32, recurring(2, 1, 2, 2, false, true, stepOfLSTM),
	},
	{&layer.RNN{Cell: &layer.GRUCell{Units: 2}, GoBackwards: true}, []tensor.Shape{{3, 2}}, tensor.Shape{2}, 36, recurring(3, 2, 1, 2, false, true, stepOfGRU(false))},
	{&layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{&layer.SimpleRNNCell{Units: 2}, &layer.LSTMCell{Units: 2}}}, ReturnSequences: true}, []tensor.Shape{{3, 2}}, tensor.Shape{3, 2}, 50, recurring(3, 2, 3, 2, true, false, stepOfStack)},
	{&layer.LSTM{Units: 2, ReturnSequences: true}, []tensor.Shape{{3, 1}}, tensor.Shape{3, 2}, 32, recurring(3, 1, 2, 2, true, false, stepOfLSTM)},
	{&layer.GRU{Units: 2, BiasInitializer: initializer.RandomNormal{}}, []tensor.Shape{{3, 2}}, tensor.Shape{2}, 36, recurring(3, 2, 1, 2, false, false, stepOfGRU(false))},
	{&layer.GRU{Units: 2, ResetBefore: true, ReturnSequences: true, GoBackwards: true}, []tensor.Shape{{2, 2}}, tensor.Shape{2, 2}, 30, recurring(2, 2, 1, 2, true, true, stepOfGRU(true))},
	{&layer.Bidirectional{Layer: &layer.LSTM{Units: 2}, BackwardLayer: &layer.GRU{Units: 2, GoBackwards: true}}, []tensor.Shape{{3, 1}}, tensor.Shape{4}, 62, func(x, w []float64) []float64 {
		one := recurring(3, 1, 2, 2, false, false, stepOfLSTM)(x, w[:32])
		other := recurring(3, 1, 1, 2, false, true, stepOfGRU(false))(x, w[32:])
		return slices.Concat(one[:2], other[:2], one[2:], other[2:])
	}},
	{&layer.TimeDistributed{Layer: &layer.SimpleRNN{Units: 2, NoBias: true}}, []tensor.Shape{{2, 1, 1}}, tensor.Shape{2, 2}, 6, func(x, w []float64) []float64 {
		var y []float64
		for _, v := range x {
			y = append(y, math.Tanh(v*w[0]), math.Tanh(v*w[1]))
		}
		return y
	}},
	{&layer.EinsumDense{Equation: "abc,cd->adb", OutputShape: []int{2, 0}, BiasAxes: "d"}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 2}, 8, func(x, w []float64) []float64 {
		var y []float64
		for sample := range 2 {
			for d := range 2 {
				for b := range 2 {
					y = append(y, w[6+d]+product(x[(2*sample+b)*3:][:3], w, 2, d, d+1)[0])
				}
			}
		}
		return y
	}},
	{&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 1, NoBias: true}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 4, weighing(func(q, k float64, w []float64) float64 { return q * w[0] * k * w[1] }, func(mean float64, w []float64) float64 { return mean * w[2] * w[3] })},
	{&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 1, UseCausalMask: true, SlidingWindow: 1}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 8, func(x, w []float64) []float64 {
		var y []float64
		for sample := range 2 {
			for i := range 2 {
				y = append(y, (x[4+3*sample+i]*w[4]+w[5])*w[6]+w[7])
			}
		}
		return y
	}},
	{&layer.GroupQueryAttention{HeadDim: 1, NumQueryHeads: 2, NumKeyValueHeads: 1, NoBias: true}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 6, func(x, w []float64) []float64 {
		head := func(i int) []float64 {
			return weighing(func(q, k float64, w []float64) float64 { return q * w[i] * k * w[2] }, func(mean float64, w []float64) float64 { return mean * w[3] * w[4+i] })(x, w)
		}
		y := head(0)
		for i, v := range head(1) {
			y[i] += v
		}
		return y
	}},
	{&layer.Attention{}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 0, weighing(func(q, k float64, _ []float64) float64 { return q * k }, nil)},
	{&layer.Attention{UseScale: true, ScoreMode: "concat"}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 2, weighing(func(q, k float64, w []float64) float64 { return math.Tanh((q+k)*w[0]) * w[1] }, nil)},
	{&layer.AdditiveAttention{}, []tensor.Shape{{2, 1}, {3, 1}}, tensor.Shape{2, 1}, 1, weighing(func(q, k float64, w []float64) float64 { return math.Tanh(q+k) * w[0] }, nil)},
	{&layer.SinePositionEncoding{MaxWavelength: 4}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 3}, 0, func(_, _ []float64) []float64 {
		one := []float64{0, 1, 0, math.Sin(1), math.Cos(1), math.Sin(math.Pow(4, -2.0/3))}
		return append(one, one...)
	}},
	{&layer.PositionEmbedding{SequenceLength: 3}, []tensor.Shape{{2, 1}}, tensor.Shape{2, 1}, 3, func(_, w []float64) []float64 { return append(w[:2:2], w[:2]...) }},
	{&layer.Masking{MaskValue: 9}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 3}, 0, same},
	{&layer.Lambda{Func: func(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0].Square() }}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return x * x })},
	{&layer.Resizing{Height: 1, Width: 4}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 4, 1}, 0, func(x, _ []float64) []float64 {
		between := func(a, b float64) []float64 { return []float64{a, 0.75*a + 0.25*b, 0.25*a + 0.75*b, b} }
		return append(between(x[0], x[1]), between(x[2], x[3])...)
	}},
	{&layer.Resizing{Height: 1, Width: 2, Interpolation: "nearest"}, []tensor.Shape{{1, 3, 1}}, tensor.Shape{1, 2, 1}, 0, picked(0, 2)},
	{&layer.CenterCrop{Height: 1, Width: 1}, []tensor.Shape{{1, 3, 1}}, tensor.Shape{1, 1, 1}, 0, picked(1)},
	{&layer.RandomFlip{}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomTranslation{HeightFactor: [2]float64{-1, 1}, WidthFactor: [2]float64{0, 0.5}}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomZoom{HeightFactor: [2]float64{-0.5, 0.5}, FillMode: "constant", FillValue: 1}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomZoom{WidthFactor: &[2]float64{0.5, 1}, FillMode: "wrap", DataFormat: "channels_first"}, []tensor.Shape{{1, 2, 2}}, tensor.Shape{1, 2, 2}, 0, same},
	{&layer.RandomRotation{Factor: [2]float64{-0.1, 0.2}, FillMode: "constant", FillValue: 1}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomShear{XFactor: [2]float64{-0.5, 0.5}, FillMode: "wrap", DataFormat: "channels_first"}, []tensor.Shape{{1, 2, 2}}, tensor.Shape{1, 2, 2}, 0, same},
	{&layer.RandomPerspective{Factor: &[2]float64{0.5, 1}, Scale: new(0.5), Interpolation: "nearest"}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomCrop{Height: 2, Width: 2}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomCrop{Height: 1, Width: 1}, []tensor.Shape{{1, 3, 1}}, tensor.Shape{1, 1, 1}, 0, picked(1)},
	{&layer.RandomBrightness{Factor: [2]float64{-0.1, 0.1}, ValueRange: [2]float64{-2, 2}}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, same},
	{&layer.RandomContrast{Factor: [2]float64{0.5, 0.5}, ValueRange: [2]float64{-3, 3}}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, same},
	{&layer.RandomErasing{FillValue: new(0.0)}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.RandomGrayscale{Factor: new(0.0)}, []tensor.Shape{{1, 2, 3}}, tensor.Shape{1, 2, 3}, 0, same},
	{&layer.RandomGrayscale{Factor: new(1.0), DataFormat: "channels_first"}, []tensor.Shape{{3, 1, 2}}, tensor.Shape{3, 1, 2}, 0, same},
	{&layer.RandomHue{Factor: [2]float64{0.1, 0.9}, ValueRange: wide}, []tensor.Shape{{1, 2, 3}}, tensor.Shape{1, 2, 3}, 0, same},
	{&layer.RandomSaturation{Factor: [2]float64{0.2, 0.6}, DataFormat: "channels_first"}, []tensor.Shape{{3, 1, 2}}, tensor.Shape{3, 1, 2}, 0, same},
	{&layer.RandomColorDegeneration{Factor: [2]float64{-0.5, 0.5}, ValueRange: wide}, []tensor.Shape{{1, 2, 3}}, tensor.Shape{1, 2, 3}, 0, same},
	{&layer.RandomColorJitter{
		BrightnessFactor: &[2]float64{-0.1, 0.1}, ContrastFactor: &[2]float64{0.1, 0.1}, SaturationFactor: &[2]float64{0.4, 0.6}, HueFactor: &[2]float64{0, 0.2}, ValueRange: wide,
	}, []tensor.Shape{{1, 2, 3}}, tensor.Shape{1, 2, 3}, 0, same},
	{&layer.RandomInvert{ValueRange: wide}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, same},
	{&layer.RandomPosterization{Factor: [2]int{1, 8}, ValueRange: wide}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, same},
	{&layer.RandomSharpness{Factor: [2]float64{0, 1}, ValueRange: wide}, []tensor.Shape{{2, 2, 2}}, tensor.Shape{2, 2, 2}, 0, same},
	{&layer.RandomGaussianBlur{KernelSize: [2]int{1, 3}, Sigma: &[2]float64{0.5, 1}, ValueRange: wide, DataFormat: "channels_first"}, []tensor.Shape{{2, 2, 2}}, tensor.Shape{2, 2, 2}, 0, same},
	{&layer.Solarization{ThresholdFactor: [2]float64{0, 1}, ValueRange: wide}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, same},
	{&layer.Equalization{Bins: 8, ValueRange: wide, DataFormat: "channels_first"}, []tensor.Shape{{2, 2, 2}}, tensor.Shape{2, 2, 2}, 0, same},
	{&layer.RandomElasticTransform{Scale: &[2]float64{0.5, 1}, ValueRange: wide}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{2, 2, 1}, 0, same},
	{&layer.ContrastLimitedAdaptiveHistogramEqualization{ValueRange: wide, ClipLimit: new(0.0), TileGridSize: [2]int{1, 1}}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, func(x, _ []float64) []float64 {
		y := make([]float64, 4) // half of the pixels are as dark as the darker one, all as the brighter
		for i := range y {
			y[i] = 127.5
			if x[i] > x[i^1] {
				y[i] = 255
			}
			y[i] = float64(y[i]*float64(float32(4.0/255))) - 2
		}
		return y
	}},
	{&layer.RandAugment{ValueRange: wide, NumOps: 1}, []tensor.Shape{{1, 2, 3}}, tensor.Shape{1, 2, 3}, 0, same},
	{&layer.AutoContrast{ValueRange: [2]float64{-1, 1}}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 2, 1}, 0, func(x, _ []float64) []float64 {
		y := make([]float64, 4) // of two pixels the greater becomes 1, the lesser -1
		for i := range y {
			y[i] = math.Copysign(1, x[i]-x[i^1])
		}
		return y
	}},
	{&layer.AdaptiveMaxPooling1D{OutputSize: 2}, []tensor.Shape{{3, 1}}, tensor.Shape{2, 1}, 0, pooled(math.Max)},
	{&layer.AdaptiveMaxPooling2D{OutputSize: [2]int{1, 2}}, []tensor.Shape{{1, 3, 1}}, tensor.Shape{1, 2, 1}, 0, pooled(math.Max)},
	{&layer.AdaptiveMaxPooling3D{OutputSize: [3]int{1, 2, 1}}, []tensor.Shape{{1, 3, 1, 1}}, tensor.Shape{1, 2, 1, 1}, 0, pooled(math.Max)},
	{&layer.AdaptiveAveragePooling1D{OutputSize: 2, DataFormat: "channels_first"}, []tensor.Shape{{1, 3}}, tensor.Shape{1, 2}, 0, pooled(halfway)},
	{&layer.AdaptiveAveragePooling2D{OutputSize: [2]int{2, 1}}, []tensor.Shape{{3, 1, 1}}, tensor.Shape{2, 1, 1}, 0, pooled(halfway)},
	{&layer.AdaptiveAveragePooling3D{OutputSize: [3]int{1, 1, 2}}, []tensor.Shape{{1, 1, 3, 1}}, tensor.Shape{1, 1, 2, 1}, 0, pooled(halfway)},
	{&layer.Permute{Dims: []int{2, 1}}, []tensor.Shape{{2, 2}}, tensor.Shape{2, 2}, 0, picked(0, 2, 1, 3)},
	{&layer.RepeatVector{N: 2}, []tensor.Shape{{2}}, tensor.Shape{2, 2}, 0, picked(0, 1, 0, 1)},
	{&layer.ZeroPadding1D{}, []tensor.Shape{{1, 2}}, tensor.Shape{3, 2}, 0, picked(-1, -1, 0, 1, -1, -1)},
	{&layer.ZeroPadding2D{Padding: [][2]int{{0, 1}, {1, 0}}}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{2, 3, 1}, 0, picked(-1, 0, 1, -1, -1, -1)},
	{&layer.ZeroPadding3D{Padding: [][2]int{{0, 0}, {0, 1}, {0, 0}}}, []tensor.Shape{{1, 1, 1, 2}}, tensor.Shape{1, 2, 1, 2}, 0, picked(0, 1, -1, -1)},
	{&layer.Cropping1D{}, []tensor.Shape{{3, 1}}, tensor.Shape{1, 1}, 0, picked(1)},
	{&layer.Cropping2D{Cropping: [][2]int{{1, 0}, {0, 1}}}, []tensor.Shape{{2, 2, 1}}, tensor.Shape{1, 1, 1}, 0, picked(2)},
	{&layer.Cropping3D{}, []tensor.Shape{{3, 3, 3, 1}}, tensor.Shape{1, 1, 1, 1}, 0, picked(13)},
	{&layer.UpSampling1D{}, []tensor.Shape{{2, 1}}, tensor.Shape{4, 1}, 0, picked(0, 0, 1, 1)},
	{&layer.UpSampling2D{Size: [2]int{1, 2}, DataFormat: "channels_first"}, []tensor.Shape{{2, 1, 1}}, tensor.Shape{2, 1, 2}, 0, picked(0, 0, 1, 1)},
	{&layer.UpSampling2D{Size: [2]int{1, 2}, Interpolation: "bilinear"}, []tensor.Shape{{1, 2, 1}}, tensor.Shape{1, 4, 1}, 0, func(x, _ []float64) []float64 {
		between := func(a, b float64) []float64 { return []float64{a, 0.75*a + 0.25*b, 0.25*a + 0.75*b, b} }
		return append(between(x[0], x[1]), between(x[2], x[3])...)
	}},
	{&layer.UpSampling3D{Size: [3]int{1, 1, 2}}, []tensor.Shape{{1, 1, 2, 1}}, tensor.Shape{1, 1, 4, 1}, 0, picked(0, 0, 1, 1)},
	{&layer.BatchNormalization{Epsilon: new(3.0), MovingMeanInitializer: initializer.Ones{}, GammaInitializer: initializer.RandomUniform{}}, three, tensor.Shape{3}, 12, func(x, w []float64) []float64 {
		y := make([]float64, 6)
		for i := range y {
			y[i] = (x[i]-1)/2*w[i%3] + w[3+i%3]
		}
		return y
	}},
	{&layer.BatchNormalization{Renorm: true, RenormClipping: &layer.RenormClipping{RMax: new(2.0), DMax: new(0.0)}, NoCenter: true, MovingVarianceInitializer: initializer.Constant{Value: 4}}, three, tensor.Shape{3}, 18, each(func(x float64) float64 {
		return x / math.Sqrt(4.001)
	})},
	{&layer.LayerNormalization{Epsilon: new(0.0), BetaInitializer: initializer.Ones{}}, []tensor.Shape{{2}}, tensor.Shape{2}, 4, func(x, _ []float64) []float64 {
		y := make([]float64, 4) // of two numbers the greater becomes 1, the lesser -1
		for i := range y {
			y[i] = 1 + math.Copysign(1, x[i]-x[i^1])
		}
		return y
	}},
	{&layer.GroupNormalization{Groups: 2, Epsilon: new(0.0)}, []tensor.Shape{{4}}, tensor.Shape{4}, 8, func(x, _ []float64) []float64 {
		y := make([]float64, 8)
		for i := range y {
			y[i] = math.Copysign(1, x[i]-x[i^1])
		}
		return y
	}},
	{&layer.RMSNormalization{Epsilon: new(0.0)}, []tensor.Shape{{2}}, tensor.Shape{2}, 2, func(x, _ []float64) []float64 {
		y := make([]float64, 4)
		for i := range y {
			y[i] = x[i] / math.Hypot(x[i], x[i^1]) * math.Sqrt2
		}
		return y
	}},
	{&layer.UnitNormalization{}, []tensor.Shape{{2}}, tensor.Shape{2}, 0, func(x, _ []float64) []float64 {
		y := make([]float64, 4)
		for i := range y {
			y[i] = x[i] / math.Hypot(x[i], x[i^1])
		}
		return y
	}},
	{&layer.Normalization{Mean: []float64{1}, Variance: []float64{4}}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return (x - 1) / 2 })},
	{&layer.Normalization{Mean: []float64{1}, Variance: []float64{4}, Invert: true}, three, tensor.Shape{3}, 0, each(func(x float64) float64 { return 2*x + 1 })},
	{&layer.Discretization{BinBoundaries: []float64{-1, 0.5}}, three, tensor.Shape{3}, 0, each(func(x float64) float64 {
		switch {
		case x < -1:
			return 0
		case x < 0.5:
			return 1
		}
		return 2
	})},
	{&layer.CategoryEncoding{NumTokens: 2}, three, tensor.Shape{2}, 0, func(_, _ []float64) []float64 { return make([]float64, 4) }}, // of what are no categories
	{&layer.SpectralNormalization{Layer: &layer.Dense{Units: 1, NoBias: true}}, three, tensor.Shape{1}, 4, func(x, w []float64) []float64 {
		return []float64{x[0]*w[0] + x[1]*w[1] + x[2]*w[2], x[3]*w[0] + x[4]*w[1] + x[5]*w[2]}
	}},
	{&layer.Dropout{Rate: 0.5}, three, tensor.Shape{3}, 0, same},
	{&layer.Dropout{Rate: 0.5, NoiseShape: []int{-1, 1}}, three, tensor.Shape{3}, 0, same},
	{&layer.SpatialDropout1D{Rate: 0.5}, []tensor.Shape{{4, 3}}, tensor.Shape{4, 3}, 0, same},
	{&layer.SpatialDropout2D{Rate: 0.5}, []tensor.Shape{{2, 2, 3}}, tensor.Shape{2, 2, 3}, 0, same},
	{&layer.SpatialDropout3D{Rate: 0.5}, []tensor.Shape{{1, 2, 2, 3}}, tensor.Shape{1, 2, 2, 3}, 0, same},
	{&layer.GaussianNoise{Stddev: 0.5}, three, tensor.Shape{3}, 0, same},
	{&layer.GaussianDropout{Rate: 0.5}, three, tensor.Shape{3}, 0, same},
	{&layer.AlphaDropout{Rate: 0.5}, three, tensor.Shape{3}, 0, same},
	{&layer.StochasticDepth{DropPathRate: 0.5}, []tensor.Shape{{2, 2}}, tensor.Shape{2, 2}, 0, same},
	{&layer.LayerScale{InitValues: 0.5, ProjectionDim: 3}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 3}, 3, func(x, w []float64) []float64 {
		y := make([]float64, len(x))
		for i := range y {
			y[i] = x[i] * w[i%3]
		}
		return y
	}},
	{&layer.CustomScaleLayer{Scale: 0.5}, pair, tensor.Shape{3}, 0, both(func(a, b float64) float64 { return a + float64(0.5*b) })},
	{&layer.Operation{Op: "Power", Number: new(3.0)}, []tensor.Shape{{3}}, tensor.Shape{3}, 0, each(func(x float64) float64 { return x * x * x })},
	{&layer.Operation{Op: "Subtract", Number: new(3.0), Before: true}, []tensor.Shape{{3}}, tensor.Shape{3}, 0, each(func(x float64) float64 { return 3 - x })},
	{&layer.Operation{Op: "GetItem", Key: ":, 1:, None, -1"}, []tensor.Shape{{3, 2}}, tensor.Shape{2, 1}, 0, picked(3, 5)},
	{&layer.Operation{Op: "GetItem", Key: ":, ::-1"}, []tensor.Shape{{3, 2}}, tensor.Shape{3, 2}, 0, picked(4, 5, 2, 3, 0, 1)},
	{&layer.Operation{Op: "Split", Axis: []int{-1}, Indices: []int{1}}, []tensor.Shape{{2, 3}}, tensor.Shape{2, 1}, 0, picked(0, 3)},
}

// A traced sample is one in a graph, with what is to be fed.
type traced struct {
	graph     *graph.Graph
	feed      map[*graph.Node][]float64
	wrt       []*graph.Node        // inputs, then variables
	given     map[*graph.Node]bool // variables that the layer gives a new value, of which it computes
	out, loss *graph.Node          // loss is a scalar of out and of the penalties
	x, w      []float64
}

func trace(t *testing.T, s sample, training bool) traced {
	t.Helper()
	var nodes []*layer.Node
	for _, shape := range s.in {
		nodes = append(nodes, layer.Apply(&layer.Input{Shape: shape}))
	}
	y := layer.ApplyAll(s.layer, nodes...)[0]
	n, err := layer.NewNetwork(nodes, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	if want := append(tensor.Shape{tensor.Batch}, s.out...); !y.Shape().Equal(want) {
		t.Errorf("%T: the shape is %v, want %v", s.layer, y.Shape(), want)
	}
	r := traced{graph: graph.New(), feed: map[*graph.Node][]float64{}, given: map[*graph.Node]bool{}}
	c := layer.NewContext(r.graph, training)
	var inputs []*graph.Node
	for i, shape := range s.in {
		in := r.graph.Input(fmt.Sprint("x", i), append(tensor.Shape{tensor.Batch}, shape...))
		value := make([]float64, 2*shape.Numel())
		for k := range value {
			value[k] = 1.7 * math.Sin(float64(3*len(r.x)+2*k+1))
		}
		r.feed[in], r.x = value, append(r.x, value...)
		inputs, r.wrt = append(inputs, in), append(r.wrt, in)
	}
	for i, v := range n.Variables() {
		if err := v.Draw(1, i); err != nil {
			t.Fatal(err)
		}
		var value []float64
		for _, x := range v.Value() {
			value = append(value, float64(x))
		}
		r.feed[c.Value(v)], r.w = value, append(r.w, value...)
		r.wrt = append(r.wrt, c.Value(v))
	}
	r.out = n.Trace(c, inputs)[0]
	if l, ok := s.layer.(*layer.Embedding); ok {
		for i := range r.x {
			r.x[i] = float64((3*i + 1) % l.InputDim)
		}
		copy(r.feed[inputs[0]], r.x)
	}
	for i, v := range n.Variables() {
		if node := r.wrt[len(inputs)+i]; c.Value(v) != node {
			r.given[node] = v.Trainable
		}
	}
	r.loss = r.out.Sin().Sum()
	for _, penalty := range append(c.Losses(), n.Penalties(c)...) {
		r.loss = r.loss.Add(penalty)
	}
	if err := r.graph.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r traced) eval(t *testing.T, want ...*graph.Node) [][]float64 {
	t.Helper()
	out, err := ref.Eval(r.graph, 2, r.feed, want...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryLayerHasASample(t *testing.T) {
	has := map[string]bool{"InputLayer": true}
	for _, s := range samples {
		has[layer.Class(s.layer)] = true
	}
	for _, class := range layer.Classes() {
		if l, err := layer.New(class); err != nil {
			t.Error(err)
		} else if _, ok := l.(layer.Host); ok {
			continue // it computes nothing in a graph
		}
		if !has[class] {
			t.Errorf("%s has none", class)
		}
	}
}

func TestEveryLayerComputesItsFormula(t *testing.T) {
	for _, s := range samples {
		r := trace(t, s, false)
		if len(r.w) != s.weights {
			t.Errorf("%T has %d weights, want %d", s.layer, len(r.w), s.weights)
		}
		got := r.eval(t, r.out)[0]
		want := s.values(r.x, r.w)
		if len(got) != len(want) {
			t.Errorf("%T gives %d values, want %d", s.layer, len(got), len(want))
			continue
		}
		for i := range got {
			if math.Abs(got[i]-want[i]) > 1e-7 { // constants are float32
				t.Errorf("%T: value %d of %v is %v, want %v", s.layer, i, r.x, got[i], want[i])
			}
		}
	}
}

func TestEveryLayersDerivativeIsThatOfCentralDifferences(t *testing.T) {
	for _, s := range samples {
		for _, training := range []bool{false, true} {
			r := trace(t, s, training)
			grads := r.eval(t, graph.Gradients(r.loss, r.wrt...)...)
			for k, n := range r.wrt {
				if r.given[n] {
					continue // its gradient is that of the new value
				}
				value := r.feed[n]
				for i, v := range value {
					const h = 1e-5
					value[i] = v + h
					above := r.eval(t, r.loss)[0][0]
					value[i] = v - h
					below := r.eval(t, r.loss)[0][0]
					value[i] = v
					if want := (above - below) / (2 * h); math.Abs(grads[k][i]-want) > 1e-6*math.Abs(want)+1e-8 {
						t.Errorf("%T, training %v: derivative %d to input %d is %v, want %v", s.layer, training, i, k, grads[k][i], want)
					}
				}
			}
		}
	}
}

// draw applies a layer in training to many ones and returns what comes out.
func draw(t *testing.T, l layer.Layer, value float64, shape tensor.Shape, batch int) []float64 {
	t.Helper()
	x := layer.Apply(&layer.Input{Shape: shape})
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(l, x)})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	in := g.Input("x", x.Shape())
	out := n.Trace(layer.NewContext(g, true), []*graph.Node{in})
	ones := make([]float64, batch*shape.Numel())
	for i := range ones {
		ones[i] = value
	}
	y, err := ref.Eval(g, batch, map[*graph.Node][]float64{in: ones}, out...)
	if err != nil {
		t.Fatal(err)
	}
	return y[0]
}

func moments(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}

func TestNoiseHasTheMomentsThatItsLayerSays(t *testing.T) {
	selu := activation.SELUAlpha * activation.SELUScale
	alpha := 1 / math.Sqrt(0.7*(1+0.3*selu*selu))
	for _, test := range []struct {
		layer           layer.Layer
		mean, deviation float64
	}{
		{&layer.Dropout{Rate: 0.3}, 1, math.Sqrt(0.3 / 0.7)},
		{&layer.GaussianDropout{Rate: 0.3}, 1, math.Sqrt(0.3 / 0.7)},
		{&layer.GaussianNoise{Stddev: 0.3}, 1, 0.3},
		{&layer.AlphaDropout{Rate: 0.3}, alpha * 0.7, alpha * math.Sqrt(0.21) * (1 + selu)},
	} {
		mean, deviation := moments(draw(t, test.layer, 1, tensor.Shape{100}, 1000))
		if math.Abs(mean-test.mean) > 0.01 || math.Abs(deviation-test.deviation) > 0.01 {
			t.Errorf("%T: mean %v and deviation %v, want %v and %v", test.layer, mean, deviation, test.mean, test.deviation)
		}
	}
	// On standard normal input AlphaDropout keeps both: what is dropped from 0 is
	// selu below it, and the shift makes up for that.
	if mean, _ := moments(draw(t, &layer.AlphaDropout{Rate: 0.3}, 0, tensor.Shape{100}, 1000)); math.Abs(mean) > 0.01 {
		t.Errorf("AlphaDropout makes the mean 0 %v", mean)
	}
}

func TestDropoutOfWholeChannelsTreatsAllPlacesAlike(t *testing.T) {
	for _, test := range []struct {
		layer layer.Layer
		shape tensor.Shape
	}{
		{&layer.SpatialDropout1D{Rate: 0.5}, tensor.Shape{6, 4}},
		{&layer.SpatialDropout2D{Rate: 0.5}, tensor.Shape{2, 3, 4}},
		{&layer.SpatialDropout3D{Rate: 0.5}, tensor.Shape{2, 1, 3, 4}},
		{&layer.Dropout{Rate: 0.5, NoiseShape: []int{-1, 1, 4}}, tensor.Shape{6, 4}},
	} {
		y := draw(t, test.layer, 1, test.shape, 50)
		kept := 0
		for i, v := range y {
			first := y[i/24*24+i%4] // the channel at the sample's first place
			if v != first || v != 0 && v != 2 {
				t.Fatalf("%T: element %d is %v, its channel %v", test.layer, i, v, first)
			}
			if v != 0 {
				kept++
			}
		}
		if share := float64(kept) / float64(len(y)); share < 0.35 || share > 0.65 {
			t.Errorf("%T keeps %v", test.layer, share)
		}
	}
}

func TestStochasticDepthKeepsOrDropsSamples(t *testing.T) {
	y := draw(t, &layer.StochasticDepth{DropPathRate: 0.5}, 1, tensor.Shape{3, 2}, 50)
	kept := 0
	for i, v := range y {
		if v != y[i/6*6] || v != 0 && v != 2 {
			t.Fatalf("element %d is %v, its sample begins with %v", i, v, y[i/6*6])
		}
		if v != 0 {
			kept++
		}
	}
	if share := float64(kept) / float64(len(y)); share < 0.35 || share > 0.65 {
		t.Errorf("%v are kept", share)
	}
}

func TestPenaltiesCountTrainedWeightsAndActivity(t *testing.T) {
	l := &layer.Dense{
		Units: 1, KernelInitializer: initializer.Constant{Value: 2}, BiasInitializer: initializer.Ones{},
		KernelRegularizer: regularizer.L2{L2: 0.5}, BiasRegularizer: regularizer.L1{L1: 3}, ActivityRegularizer: regularizer.L1{L1: 10},
	}
	for _, frozen := range []bool{false, true} {
		l.Frozen = frozen
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{1}})
		n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(l, x)})
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New()
		c := layer.NewContext(g, true)
		in := g.Input("x", x.Shape())
		n.Trace(c, []*graph.Node{in})
		feed := map[*graph.Node][]float64{in: {0, 1}}
		for i, v := range n.Variables() {
			feed[c.Value(v)] = [][]float64{{2}, {1}}[i]
		}
		penalties := n.Penalties(c)
		sums, err := ref.Eval(g, 2, feed, append(c.Losses(), penalties...)...)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, s := range sums {
			total += s[0]
		}
		want := 10.0 * (1 + 3) / 2 // of the two outputs, over the batch
		if !frozen {
			want += 0.5*4 + 3*1
		}
		if total != want {
			t.Errorf("frozen %v: the penalties are %v, want %v", frozen, total, want)
		}
		for _, v := range n.Variables() {
			if n.Trainable(v) == frozen {
				t.Errorf("frozen %v: %s is trainable: %v", frozen, v.Path, !frozen)
			}
		}
	}
}
