package layer

// This file has the functions of keras.ops that stand between the layers of a model, where no layer of Keras's computes the same.

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() { Register("Operation", func() Layer { return &Operation{} }) }

// An Operation computes a function of keras.ops, of which Keras says the class in a file of a functional model. Those for which there is a
// layer are read as that layer. The axis of the batch stays as it is. What it puts out has no mask, as in Keras.
//
//	Sqrt, Rsqrt, Log, Log1p, Expm1, Sin, Cos, Erf, Sign, Reciprocal, Gelu     element by element
//	Add, Subtract, Multiply, Divide, TrueDivide, Power, Maximum, Minimum      of two tensors, which broadcast, or of one and Number
//	Clip                                                                      to the range from XMin to XMax
//	Mean, Sum, Max, Min, Var, Std                                             over the axes
//	LogSoftmax                                                                along the axis
//	Normalize                                                                 x·min(1/√Σx², 1/Epsilon), the sum along the axes
//	Flip                                                                      the order along the axes turned around
//	ExpandDims, Squeeze                                                       axes of 1 put in, taken out
//	GetItem                                                                   what Key means, as Python writes it: x[:, 1:3, -1]
//	Stack                                                                     tensors of one shape side by side, along a new axis
//	Split                                                                     several results: Sections equal ones, or cut at Indices
//	Matmul                                                                    matrix by matrix
//
// Keras has operations in functional models alone: a Sequential with one is not read by Keras.
type Operation struct {
	Name   string
	Op     string   // Keras's class: "Power"
	Number *float64 // stands for one of two tensors, nil: there are two
	Before bool     // Number is the first of the two
	Key    string   // ":, 1:3, -1"

	Axis        []int // from 1 on, or from -1 on backwards
	Keepdims    bool  // the axes of Mean and the like stay, of size 1
	Approximate bool  // Gelu by tanh
	XMin, XMax  *float64
	Epsilon     *float64 // nil: 1e-7
	Sections    int
	Indices     []int
}

// A function is what an Operation computes.
type function struct {
	operands int  // tensors, with Number; 0: any number of them
	axes     bool // Axis says something
	apply    func(l *Operation, x []*graph.Node) *graph.Node
}

var functions = map[string]function{
	"Sqrt":       ofElements((*graph.Node).Sqrt),
	"Rsqrt":      ofElements(func(x *graph.Node) *graph.Node { return inverse(x.Sqrt()) }),
	"Log":        ofElements((*graph.Node).Log),
	"Log1p":      ofElements((*graph.Node).Log1p),
	"Expm1":      ofElements((*graph.Node).Expm1),
	"Sin":        ofElements((*graph.Node).Sin),
	"Cos":        ofElements((*graph.Node).Cos),
	"Erf":        ofElements((*graph.Node).Erf),
	"Sign":       ofElements((*graph.Node).Sign),
	"Reciprocal": ofElements(inverse),
	"Gelu": {1, false, func(l *Operation, x []*graph.Node) *graph.Node {
		return activation.GELU{Approximate: l.Approximate}.Apply(x[0])
	}},
	"Clip": {1, false, func(l *Operation, x []*graph.Node) *graph.Node {
		return x[0].Clip(orElse(l.XMin, math.Inf(-1)), orElse(l.XMax, math.Inf(1)))
	}},

	"Add":        ofTwo((*graph.Node).Add),
	"Subtract":   ofTwo((*graph.Node).Sub),
	"Multiply":   ofTwo((*graph.Node).Mul),
	"Divide":     ofTwo((*graph.Node).Div),
	"TrueDivide": ofTwo((*graph.Node).Div),
	"Maximum":    ofTwo((*graph.Node).Max),
	"Minimum":    ofTwo((*graph.Node).Min),
	"Matmul":     ofTwo((*graph.Node).MatMul),
	"Power": {2, false, func(l *Operation, x []*graph.Node) *graph.Node {
		if l.Number != nil && !l.Before && *l.Number == 2 {
			return x[0].Square()
		}
		return x[0].Pow(x[1])
	}},

	"Mean": overAxes((*graph.Node).Mean, (*graph.Node).MeanKeep),
	"Sum":  overAxes((*graph.Node).Sum, (*graph.Node).SumKeep),
	"Max":  overAxes((*graph.Node).ReduceMax, (*graph.Node).ReduceMaxKeep),
	"Min":  overAxes((*graph.Node).ReduceMin, (*graph.Node).ReduceMinKeep),
	"Var": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return l.variance(x[0])
	}},
	"Std": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return l.variance(x[0]).Sqrt()
	}},
	"LogSoftmax": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return x[0].LogSoftmax(l.Axis[0])
	}},
	"Normalize": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		least := inverse(x[0].Square().SumKeep(l.Axis...).Sqrt()).Min(x[0].Graph().Scalar(1 / orElse(l.Epsilon, 1e-7)))
		return x[0].Mul(least)
	}},
	"Flip": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return x[0].Reverse(l.Axis...)
	}},
	"ExpandDims": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return l.expand(x[0])
	}},
	"Squeeze": {1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		return x[0].Reshape(without(x[0].Shape(), l.Axis)...)
	}},
	"Stack": {0, true, func(l *Operation, x []*graph.Node) *graph.Node {
		apart := make([]*graph.Node, len(x))
		for i := range x {
			apart[i] = l.expand(x[i])
		}
		return graph.Concat(l.Axis[0], apart...)
	}},
	"Split":   {1, true, nil}, // CallAll does it
	"GetItem": {1, false, func(l *Operation, x []*graph.Node) *graph.Node { return l.item(x[0]) }},
}

func ofElements(f func(*graph.Node) *graph.Node) function {
	return function{1, false, func(_ *Operation, x []*graph.Node) *graph.Node { return f(x[0]) }}
}

func ofTwo(f func(a, b *graph.Node) *graph.Node) function {
	return function{2, false, func(_ *Operation, x []*graph.Node) *graph.Node { return f(x[0], x[1]) }}
}

// overAxes is a reduction, by which the axes vanish or, by keep, stay.
func overAxes(f, keep func(*graph.Node, ...int) *graph.Node) function {
	return function{1, true, func(l *Operation, x []*graph.Node) *graph.Node {
		if l.Keepdims {
			return keep(x[0], l.Axis...)
		}
		return f(x[0], l.Axis...)
	}}
}

func inverse(x *graph.Node) *graph.Node { return x.Graph().Scalar(1).Div(x) }

func orElse(x *float64, other float64) float64 {
	if x == nil {
		return other
	}
	return *x
}

// without returns a shape without some of its axes.
func without(s tensor.Shape, axes []int) (out tensor.Shape) {
	for i, d := range s {
		if !slices.Contains(axes, i) && !slices.Contains(axes, i-len(s)) {
			out = append(out, d)
		}
	}
	return out
}

func (l *Operation) variance(x *graph.Node) *graph.Node {
	square := x.Sub(x.MeanKeep(l.Axis...)).Square()
	if l.Keepdims {
		return square.MeanKeep(l.Axis...)
	}
	return square.Mean(l.Axis...)
}

// expand puts an axis of 1 where the only one of Axis is in the result.
func (l *Operation) expand(x *graph.Node) *graph.Node {
	at := l.Axis[0]
	if at < 0 {
		at += x.Rank() + 1
	}
	return x.Reshape(slices.Insert(x.Shape().Clone(), at, 1)...)
}

// Build checks the settings.
func (l *Operation) Build(b *Builder, in []tensor.Shape) error {
	f, ok := functions[l.Op]
	if !ok {
		return b.Errorf("%v", config.Unknown("operation", l.Op, slices.Sorted(maps.Keys(functions))))
	}
	operands := len(in)
	if l.Number != nil {
		operands++
	}
	switch {
	case l.Number != nil && f.operands != 2:
		return b.Errorf("Number is %v, %s takes none", *l.Number, l.Op)
	case operands == 0 || f.operands != 0 && operands != f.operands:
		return b.Errorf("%s takes %d operands, got %d", l.Op, f.operands, operands)
	case l.Op == "GetItem":
		_, err := l.cuts(in[0])
		if err != nil {
			return b.Errorf("Key: %v", err)
		}
	case f.axes:
		return l.checkAxes(b, in)
	}
	return nil
}

// checkAxes returns an error unless there are axes, each beside the batch.
func (l *Operation) checkAxes(b *Builder, in []tensor.Shape) error {
	rank := len(in[0])
	switch l.Op {
	case "ExpandDims", "Stack":
		if slices.ContainsFunc(in[1:], func(s tensor.Shape) bool { return !s.Equal(in[0]) }) {
			return b.Errorf("Stack takes tensors of one shape")
		}
		rank++
		fallthrough
	case "Split", "LogSoftmax":
		if len(l.Axis) != 1 {
			return b.Errorf("Axis is %v, %s needs one axis", l.Axis, l.Op)
		}
	}
	if len(l.Axis) == 0 {
		return b.Errorf("Axis is empty: say which axes beside that of the batch")
	}
	for i, axis := range l.Axis {
		switch {
		case axis == 0 || axis == -rank:
			return b.Errorf("Axis is %v: an axis of the batch can't be meant", l.Axis)
		case axis < -rank || axis >= rank:
			return b.Errorf("Axis is %v, there are %d axes", l.Axis, rank)
		case slices.ContainsFunc(l.Axis[:i], func(other int) bool { return (other-axis)%rank == 0 }):
			return b.Errorf("Axis is %v, which names one twice", l.Axis)
		}
		size := 1
		if rank == len(in[0]) {
			size = in[0][(axis+rank)%rank]
		}
		switch {
		case l.Op == "Squeeze" && size != 1:
			return b.Errorf("Axis is %v, of which axis %d has size %d, not 1", l.Axis, axis, size)
		case l.Op == "Split":
			if _, err := l.bounds(size); err != nil {
				return b.Errorf("%v", err)
			}
		}
	}
	return nil
}

// mostSections is how many results an operation has at most.
const mostSections = 1024

// bounds returns where the parts of an axis of the size begin, and its end.
func (l *Operation) bounds(size int) ([]int, error) {
	at := []int{0}
	switch {
	case l.Indices != nil && l.Sections != 0:
		return nil, fmt.Errorf("cannot split: Sections is %d and Indices %v: one of them says how to split", l.Sections, l.Indices)
	case l.Indices != nil:
		at = append(at, l.Indices...)
	case l.Sections < 1 || l.Sections > mostSections || size%l.Sections != 0:
		return nil, fmt.Errorf("cannot split: Sections is %d, it must be from 1 to %d and divide the size of the axis, %d", l.Sections, mostSections, size)
	default:
		for i := 1; i < l.Sections; i++ {
			at = append(at, i*(size/l.Sections))
		}
	}
	at = append(at, size)
	if !slices.IsSorted(at) {
		return nil, fmt.Errorf("cannot split: Indices is %v, they must rise from 0 to %d, the size of the axis", l.Indices, size)
	}
	return at, nil
}

// Call emits the layer's nodes.
func (l *Operation) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes, of Split those of all parts.
func (l *Operation) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	if l.Op == "Split" {
		return l.split(c, in[0])
	}
	if l.Number != nil {
		at := 1
		if l.Before {
			at = 0
		}
		in = slices.Insert(slices.Clone(in), at, c.Graph().Scalar(*l.Number))
	}
	return []*graph.Node{functions[l.Op].apply(l, in)}
}

func (l *Operation) split(c *Context, x *graph.Node) []*graph.Node {
	axis := (l.Axis[0] + x.Rank()) % x.Rank()
	at, err := l.bounds(x.Shape()[axis])
	if err != nil {
		return []*graph.Node{c.Graph().Fail("%v", err)}
	}
	var parts []*graph.Node
	for i := range at[1:] {
		parts = append(parts, x.SliceAxis(axis, at[i], at[i+1]))
	}
	return parts
}

// A cut is what one part of a key does to an axis: an index or a slice takes from it, None is a new one.
type cut struct {
	begin, end, step int
	index, none      bool
	backwards        bool
}

// cuts reads Key for a tensor of a shape: one cut for each axis and each new axis.
func (l *Operation) cuts(s tensor.Shape) ([]cut, error) {
	parts := strings.Split(strings.ReplaceAll(l.Key, " ", ""), ",")
	rest := len(s)
	for _, part := range parts {
		if part != "None" && part != "..." {
			rest--
		}
	}
	dots := slices.Index(parts, "...")
	if dots < 0 {
		dots, parts = len(parts), append(parts, "...")
	}
	if rest < 0 || slices.Contains(parts[dots+1:], "...") {
		return nil, fmt.Errorf("%q is no key of a tensor of %d axes", l.Key, len(s))
	}
	parts = slices.Concat(parts[:dots], slices.Repeat([]string{":"}, rest), parts[dots+1:])
	var list []cut
	axis := 0
	for _, part := range parts {
		if part == "None" {
			list = append(list, cut{none: true})
			continue
		}
		c, err := cutOf(part, s[axis])
		if err != nil {
			return nil, fmt.Errorf("%q: %q: %w", l.Key, part, err)
		}
		list = append(list, c)
		axis++
	}
	if len(list) > 0 && (list[0].none || list[0].index) {
		return nil, fmt.Errorf("%q takes from the axis of the batch, or puts one before it", l.Key)
	}
	return list, nil
}

// cutOf reads what a part of a key takes from an axis of a size.
func cutOf(part string, size int) (c cut, err error) {
	fields := strings.Split(part, ":")
	if len(fields) > 3 {
		return c, fmt.Errorf("it has too many colons")
	}
	numbers := []int{0, graph.End, 1}
	for i, f := range fields {
		if f == "" && len(fields) > 1 {
			continue
		}
		if numbers[i], err = strconv.Atoi(f); err != nil {
			return c, err
		}
	}
	whole := numbers[0] == 0 && numbers[1] == graph.End
	c = cut{begin: numbers[0], end: numbers[1], step: numbers[2], index: len(fields) == 1}
	switch {
	case size == tensor.Batch:
		if !c.index && (!whole || c.step != 1) {
			err = fmt.Errorf("the axis of the batch stays whole")
		}
		return c, err
	case c.index:
		if c.begin < -size || c.begin >= size {
			return c, fmt.Errorf("the axis has size %d", size)
		}
		c.begin = (c.begin + size) % size
		c.end = c.begin + 1
		return c, nil
	case c.step == -1 && whole && fields[0] == "" && fields[1] == "":
		return cut{end: size, step: 1, backwards: true}, nil
	case c.step < 1:
		return c, fmt.Errorf("of steps that aren't positive, only ::-1 is known")
	}
	c.begin, c.end = clamped(c.begin, size), clamped(c.end, size)
	if c.begin >= c.end {
		return c, fmt.Errorf("it takes nothing from an axis of size %d", size)
	}
	return c, nil
}

// clamped returns where a slice begins or ends, as Python reads it.
func clamped(at, size int) int {
	if at < 0 {
		at += size
	}
	return min(max(at, 0), size)
}

// item takes from x what Key says.
func (l *Operation) item(x *graph.Node) *graph.Node {
	list, err := l.cuts(x.Shape())
	if err != nil {
		return x.Graph().Fail("Key: %v", err)
	}
	var begin, end, step, backwards []int
	for _, c := range list {
		if c.none {
			continue
		}
		if c.backwards {
			backwards = append(backwards, len(begin))
		}
		begin, end, step = append(begin, c.begin), append(end, c.end), append(step, c.step)
	}
	y := x.Slice(begin, end, step)
	if len(backwards) > 0 {
		y = y.Reverse(backwards...)
	}
	if !y.Valid() {
		return y
	}
	var shape tensor.Shape
	sizes := y.Shape()
	for _, c := range list {
		switch {
		case c.none:
			shape = append(shape, 1)
			continue
		case !c.index:
			shape = append(shape, sizes[0])
		}
		sizes = sizes[1:]
	}
	return y.Reshape(shape...)
}
