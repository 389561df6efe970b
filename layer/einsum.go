package layer

// This file has the layer of a product of its input and a kernel along any axes.

import (
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() { Register("EinsumDense", func() Layer { return &EinsumDense{} }) }

// EinsumDense is Activation(einsum(Equation, x, kernel) + bias): sums of products along the axes that Equation names by
// letters. "abc,cd->abd" is Dense of a sequence; "abc,cde->abde" gives each step several vectors, as attention's heads
// are, and "abcd,cde->abe" joins them again. An ellipsis stands for axes that the kernel doesn't have, at the beginning
// or the end: "...x,xy->...y". The first letter of the input, or of the ellipsis, is the batch.
//
// Shapes: (batch, …) → (batch, OutputShape...), where what an ellipsis stands for is added; the kernel has the axes of its
// letters, the bias those of BiasAxes, and axes of size 1 between and behind them.
type EinsumDense struct {
	Name     string
	Frozen   bool
	Equation string // "input,kernel->output"
	// OutputShape has the sizes of the output's axes, without the batch and what an ellipsis stands for. 0 is the size that
	// the axis has in the input.
	OutputShape         []int                   `zero:"none"`
	BiasAxes            string                  `zero:"none"` // letters of the output; "": no bias
	Activation          activation.Activation   // nil: linear
	KernelInitializer   initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer     initializer.Initializer `default:"zeros"`
	KernelRegularizer   regularizer.Regularizer
	BiasRegularizer     regularizer.Regularizer
	ActivityRegularizer regularizer.Regularizer
	KernelConstraint    constraint.Constraint
	BiasConstraint      constraint.Constraint

	kernel, bias *Variable
}

// Build declares kernel and bias.
func (l *EinsumDense) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	e, msg := l.einsum(in[0])
	if msg != "" {
		return b.Errorf("%s", msg)
	}
	cfg := config.Resolve(*l)
	kernel := e.shape(e.w)
	fans := tensor.Shape{1, 1} // of what is summed up, and of what is not
	for i, letter := range e.w {
		if slices.Contains(e.y, letter) {
			fans[1] *= kernel[i]
		} else {
			fans[0] *= kernel[i]
		}
	}
	l.kernel = b.Variable("kernel", kernel,
		VariableConfig{Initializer: withFans(cfg.KernelInitializer, fans), Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.BiasAxes != "" {
		l.bias = b.Variable("bias", e.bias,
			VariableConfig{Initializer: cfg.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// Call emits the layer's nodes.
func (l *EinsumDense) Call(c *Context, in []*graph.Node) *graph.Node {
	e, msg := l.einsum(in[0].Shape())
	if msg != "" {
		return c.Graph().Fail("%s", msg)
	}
	var bias *graph.Node
	if l.bias != nil {
		bias = c.Value(l.bias)
	}
	y := e.product(in[0], c.Value(l.kernel), bias)
	if l.Activation != nil {
		y = l.Activation.Apply(y)
	}
	return y
}

// An einsum is an equation with the sizes of its axes. Letters of an ellipsis are negative.
type einsum struct {
	x, w, y []rune
	size    map[rune]int
	bias    tensor.Shape
}

// shape returns the sizes of axes.
func (e *einsum) shape(letters []rune) tensor.Shape {
	s := tensor.Shape{}
	for _, letter := range letters {
		s = append(s, e.size[letter])
	}
	return s
}

// einsum reads the equation for an input of a shape, or says what is wrong.
func (l *EinsumDense) einsum(in tensor.Shape) (e *einsum, msg string) {
	const dots = "..."
	form := "Equation is \"" + l.Equation + "\": it must be of the form x,y->z, ...x,y->...z or x...,y->z..., of letters"
	left, output, ok1 := strings.Cut(l.Equation, "->")
	input, kernel, ok2 := strings.Cut(left, ",")
	begins, ends := strings.HasPrefix(input, dots), strings.HasSuffix(input, dots)
	if !ok1 || !ok2 || begins != strings.HasPrefix(output, dots) || ends != strings.HasSuffix(output, dots) || begins && ends {
		return nil, form
	}
	letters := func(s string) []rune {
		list := []rune(s)
		for i, r := range list {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') || slices.Contains(list[:i], r) {
				return nil
			}
		}
		return list
	}
	e = &einsum{x: letters(strings.ReplaceAll(input, dots, "")), w: letters(kernel), y: letters(strings.ReplaceAll(output, dots, "")), size: map[rune]int{}}
	named := e.y
	if len(e.x) == 0 || len(e.w) == 0 || len(e.y) == 0 {
		return nil, form + ", each once"
	}
	elided := len(in) - len(e.x)
	if elided < 0 || elided > 0 && !begins && !ends {
		return nil, "Equation \"" + l.Equation + "\" doesn't name as many axes as the input has"
	}
	var more []rune
	for i := range elided {
		more = append(more, rune(-1-i))
	}
	if begins {
		e.x, e.y = slices.Concat(more, e.x), slices.Concat(more, e.y)
	} else {
		e.x, e.y = slices.Concat(e.x, more), slices.Concat(e.y, more)
	}
	for i, letter := range e.x {
		e.size[letter] = in[i]
	}
	if e.y[0] != e.x[0] || slices.Contains(e.w, e.x[0]) {
		return nil, "Equation \"" + l.Equation + "\": the batch, the first axis of the input, must be the first of the output, and not in the kernel"
	}
	sized := named
	if named[0] == e.x[0] {
		sized = named[1:]
	}
	if len(l.OutputShape) != len(sized) {
		return nil, "OutputShape must have a size for each of the axes \"" + string(sized) + "\" of the output, which Equation \"" + l.Equation + "\" names"
	}
	for i, letter := range sized {
		n := l.OutputShape[i]
		switch have, shared := e.size[letter], slices.Contains(e.x, letter); {
		case n < 0:
			return nil, "OutputShape must have positive sizes, or 0 for those of the input"
		case n == 0 && !shared:
			return nil, "OutputShape has no size of the axis \"" + string(letter) + "\", which the input doesn't have"
		case n != 0 && shared && n != have:
			return nil, "OutputShape has another size of the axis \"" + string(letter) + "\" than the input"
		case !shared && !slices.Contains(e.w, letter):
			return nil, "Equation \"" + l.Equation + "\": the axis \"" + string(letter) + "\" of the output is neither the input's nor the kernel's"
		case !shared:
			e.size[letter] = n
		}
	}
	for _, letter := range e.w {
		if _, known := e.size[letter]; !known {
			return nil, "Equation \"" + l.Equation + "\": the axis \"" + string(letter) + "\" of the kernel is neither the input's nor the output's"
		}
	}
	first := len(named)
	for _, letter := range l.BiasAxes {
		i := slices.Index(named, letter)
		if i < 0 || letter == e.x[0] {
			return nil, "BiasAxes is \"" + l.BiasAxes + "\": it must be of letters of the output, without the batch"
		}
		first = min(first, i)
	}
	for _, letter := range named[first:] {
		if strings.ContainsRune(l.BiasAxes, letter) {
			e.bias = append(e.bias, e.size[letter])
		} else {
			e.bias = append(e.bias, 1)
		}
	}
	if !begins {
		e.bias = append(e.bias, slices.Repeat(tensor.Shape{1}, elided)...)
	}
	return e, ""
}

// product emits the sums of products and adds the bias, if it isn't nil: where that has a number for each column of the product, to the rows of
// the product, which its kernel does.
func (e *einsum) product(x, w, bias *graph.Node) *graph.Node {
	in := func(list []rune) func(rune) bool { return func(r rune) bool { return slices.Contains(list, r) } }
	var alone []int // axes of x that nothing else has
	var left []rune
	for i, letter := range e.x {
		if in(e.w)(letter) || in(e.y)(letter) {
			left = append(left, letter)
		} else {
			alone = append(alone, i)
		}
	}
	if len(alone) > 0 {
		x = x.Sum(alone...)
	}
	var shared, free, summed, columns []rune // in the order in which the products have them
	for _, letter := range left {
		switch {
		case !in(e.w)(letter):
			free = append(free, letter)
		case in(e.y)(letter):
			shared = append(shared, letter)
		default:
			summed = append(summed, letter)
		}
	}
	for _, letter := range e.w {
		if !in(e.x)(letter) {
			columns = append(columns, letter)
		}
	}
	k, n := e.shape(summed).Numel(), e.shape(columns).Numel()
	var y *graph.Node
	var order []rune
	if len(shared) == 0 {
		x = permuted(x, left, slices.Concat(free, summed)).Reshape(append(e.shape(free), k)...)
		w = permuted(w, e.w, slices.Concat(summed, columns)).Reshape(k, n)
		order = slices.Concat(free, columns)
		y = x.MatMul(w)
		if bias != nil && slices.Equal(order, e.y) && e.bias.Equal(e.shape(columns)) {
			y, bias = y.Add(bias.Reshape(n)), nil
		}
	} else { // a product for each place along the axes that all have, the batch as its rows
		lead := slices.Concat(shared, free[1:])
		x = permuted(x, left, slices.Concat(lead, free[:1], summed)).Reshape(append(e.shape(lead), tensor.Batch, k)...)
		w = permuted(w, e.w, slices.Concat(shared, summed, columns))
		w = w.Reshape(slices.Concat(e.shape(shared), slices.Repeat(tensor.Shape{1}, len(free)-1), tensor.Shape{k, n})...)
		w = w.BroadcastTo(append(e.shape(lead), k, n))
		order = slices.Concat(lead, free[:1], columns)
		y = x.BatchMatMul(w, false, false)
	}
	y = permuted(y.Reshape(e.shape(order)...), order, e.y)
	if bias != nil {
		y = y.Add(bias)
	}
	return y
}

// permuted brings the axes of x, which letters name, into another order.
func permuted(x *graph.Node, from, to []rune) *graph.Node {
	if slices.Equal(from, to) {
		return x
	}
	order := make([]int, len(to))
	for i, letter := range to {
		order[i] = slices.Index(from, letter)
	}
	return x.Transpose(order...)
}

// withFans returns an initializer that scales its variance by the numbers of inputs and outputs of a kernel: those of
// fans, a matrix of as many numbers, whatever the kernel's shape.
func withFans(i initializer.Initializer, fans tensor.Shape) initializer.Initializer {
	switch i.(type) {
	case initializer.VarianceScaling, initializer.GlorotUniform, initializer.GlorotNormal, initializer.HeUniform, initializer.HeNormal,
		initializer.LecunUniform, initializer.LecunNormal:
		return fanned{i, fans}
	}
	return i
}

type fanned struct {
	initializer.Initializer
	fans tensor.Shape
}

// Init fills dst.
func (i fanned) Init(dst []float32, _ tensor.Shape, seed uint64, stream uint16) error {
	return i.Initializer.Init(dst, i.fans, seed, stream)
}
