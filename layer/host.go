package layer

// This file has the layers that work on the host, before the graph. See docs/adr/0019-texts.md.

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// A Host is a layer that works on the host: it runs on the data before the network's graph, and is no part of the graph. The
// layers that turn texts into numbers are Hosts. A Host is applied to inputs of the network or to outputs of other Hosts, so
// it is among the first layers; the graph is fed with the outputs of the last ones. Hosts have no variables and no gradient.
//
// A layer of one's own is a Host if it has these methods. Its Call is called only if the layer is part of another layer, where
// a Host can't work: it returns the node of an error, c.Graph().Fail(…).
type Host interface {
	Layer
	// Output returns the shape of what the layer makes of inputs of these shapes, all of which begin with the batch.
	Output(in []tensor.Shape) tensor.Shape
	// Transform makes of rows samples what the layer makes of them, one after the other. It is called after Build, from
	// many goroutines at once. An error that concerns a sample is a *RowError.
	Transform(rows int, in []Values, out []float32) error
}

// A ragged Host is one whose Output has the size tensor.None where it depends on the texts.
type ragged interface {
	// longest returns how much the longest of rows samples needs.
	longest(rows int, in []Values) int
}

// fewLengths rounds a length up to one of a few, two for each power of two: each that comes is a plan of its own.
func fewLengths(n int) int {
	step := 1 << max(bits.Len(uint(n-1))-2, 0)
	return (n + step - 1) / step * step
}

// maxInteger is the number up to which float32 has all integers: as many categories it tells apart.
const maxInteger = number.MaxInteger

// Values are samples of one input of a Host, one after the other: texts, numbers or integers, two of which are nil. Only to the
// layers of this package that take any integers are they given as such; others are given numbers.
type Values struct {
	Texts    []string
	Numbers  []float32
	Integers []int32
}

// count returns how many values there are.
func (v Values) count() int { return len(v.Texts) + len(v.Numbers) + len(v.Integers) }

// kinds returns how many kinds of values there are.
func (v Values) kinds() int {
	n := 0
	for _, has := range []bool{v.Texts != nil, v.Numbers != nil, v.Integers != nil} {
		if has {
			n++
		}
	}
	return n
}

// Float32 returns the values as numbers. It is an error if they are texts, or integers that float32 can't hold.
func (v Values) Float32() ([]float32, error) {
	switch {
	case v.Texts != nil:
		return nil, errors.New("they are texts, not numbers")
	case v.Integers == nil:
		return v.Numbers, nil
	}
	numbers := make([]float32, len(v.Integers))
	if i := v.write(numbers); i >= 0 {
		return nil, fmt.Errorf("value %d is %d, but only integers up to %d are exact in float32", i, v.Integers[i], maxInteger)
	}
	return numbers, nil
}

// write writes the values, which are no texts, as numbers. It returns the place of the first that float32 can't hold, -1 if
// there is none.
func (v Values) write(dst []float32) int {
	copy(dst, v.Numbers)
	for i, n := range v.Integers {
		if n > maxInteger || n < -maxInteger {
			return i
		}
		dst[i] = float32(n)
	}
	return -1
}

// integer returns value i, which is no text, without its fraction. exact is false if it had one.
func (v Values) integer(i int) (n int64, exact bool) {
	if v.Integers != nil {
		return int64(v.Integers[i]), true
	}
	n = whole(v.Numbers[i])
	return n, float32(n) == v.Numbers[i]
}

// transforms returns how many values each of rows samples has in the first input, which all have, or an error unless l was
// applied and out has room for size(width) numbers of each.
func transforms(l Host, rows int, in []Values, out []float32, size func(width int) int) (width int, err error) {
	switch {
	case !recall(l).built:
		return 0, fmt.Errorf("layer: %s transforms nothing before it is applied", describe(l))
	case len(in) == 0 || rows < 1 || in[0].count()%rows != 0:
		return 0, fmt.Errorf("layer: %s can't transform %d samples of what it is given", describe(l), rows)
	}
	for i, v := range in {
		switch {
		case v.kinds() > 1:
			return 0, fmt.Errorf("layer: input %d of %s is values of two kinds, it must be texts, numbers or integers", i, describe(l))
		case v.count() != in[0].count():
			return 0, fmt.Errorf("layer: the inputs of %s have %d and %d values, they must have as many", describe(l), in[0].count(), v.count())
		}
	}
	width = in[0].count() / rows
	if n := size(width); n < 0 || len(out)%rows != 0 || len(out)/rows != n {
		return 0, fmt.Errorf("layer: there is room for %d numbers, %s makes %d of each of %d samples", len(out), describe(l), n, rows)
	}
	return width, nil
}

// Rows returns the samples begin ≤ i < end of some, which have width values each; none if there aren't as many.
func (v Values) Rows(begin, end, width int) Values {
	if n := v.count(); begin < 0 || end < begin || width < 0 || width > 0 && end > n/width || v.kinds() > 1 {
		return Values{}
	}
	switch {
	case v.Texts != nil:
		return Values{Texts: v.Texts[begin*width : end*width]}
	case v.Integers != nil:
		return Values{Integers: v.Integers[begin*width : end*width]}
	}
	return Values{Numbers: v.Numbers[begin*width : end*width]}
}

// A RowError says what a Host can't do with a sample.
type RowError struct {
	Layer string // its name in the network
	Row   int    // of the sample
	Msg   string
}

func (e *RowError) Error() string {
	return fmt.Sprintf("layer %q: row %d: %s", e.Layer, e.Row, e.Msg)
}

// host returns the layer of a node as a Host, nil if it is none.
func (n *Node) host() Host {
	h, _ := n.layer.(Host)
	return h
}

// ahead reports whether n is there before the graph is computed: an input, or what a Host makes.
func (n *Node) ahead() bool {
	_, input := n.layer.(*Input)
	return input || n.host() != nil
}

// Texts reports whether n stands for texts, and not for numbers.
func (n *Node) Texts() bool {
	in, ok := n.layer.(*Input)
	return ok && in.DType == tensor.String
}

// Texts reports whether input i of the layer is texts.
func (b *Builder) Texts(i int) bool {
	return i >= 0 && i < len(b.node.in) && b.node.in[i].Texts()
}

// placed returns what is wrong with where a layer is applied, "" if nothing is.
func (n *Node) placed() string {
	for i, x := range n.in {
		switch {
		case n.host() != nil && !x.ahead():
			return fmt.Sprintf("it works on the host, ahead of the graph, on inputs and on what other such layers make of them: its input %d is what a %s computes", i, Class(x.layer))
		case n.host() == nil && x.Texts():
			return "the input is texts, and it takes numbers: apply a layer before it that makes numbers of texts, such as TextVectorization, StringLookup or Hashing"
		}
	}
	return ""
}

// A Front is the part of a network that runs on the host: its layers that are Hosts.
type Front struct {
	network *Network
	steps   []*Node                // of Hosts, in order
	sizes   map[*Node]tensor.Shape // of all its nodes, if the network doesn't know some; or nil
}

// Front returns the part of the network that runs on the host, before its graph. It is nil if there is none.
func (n *Network) Front() *Front { return n.front }

// Feeds returns the nodes that the network's graph is fed with. Without a Front they are the network's inputs. With one they are
// those inputs that the graph uses, and then the outputs of the Front.
func (n *Network) Feeds() []*Node { return n.feeds }

// divide finds the part of the network that works on the host.
func (n *Network) divide() error {
	f := &Front{network: n}
	taken := map[*Node]bool{}  // by the graph
	worked := map[*Node]bool{} // by Hosts
	for _, x := range n.nodes {
		if x.host() != nil {
			f.steps = append(f.steps, x)
		}
		for _, y := range x.in {
			if x.host() != nil {
				worked[y] = true
			} else {
				taken[y] = true
			}
		}
	}
	for i, x := range n.outputs {
		if x.Texts() {
			return fmt.Errorf("layer: output %d of the network is texts: outputs are numbers", i)
		}
		taken[x] = true
	}
	for _, x := range n.inputs {
		if !x.Texts() && (taken[x] || !worked[x]) {
			n.feeds = append(n.feeds, x)
		}
	}
	for _, x := range f.steps {
		if taken[x] {
			n.feeds = append(n.feeds, x)
		}
	}
	if len(f.steps) > 0 || slices.ContainsFunc(n.inputs, (*Node).Texts) {
		n.front = f
	}
	return nil
}

// At returns the front for rows samples, in, of inputs of shapes, which don't count the batch: where the network has axes of the size
// tensor.None, it knows their sizes. Those that depend on the texts themselves remain None if in is nil. A front that knows all sizes is
// returned as it is.
func (f *Front) At(shapes []tensor.Shape, rows int, in []Values) (*Front, error) {
	if f == nil || f.network == nil {
		return nil, errors.New("layer: there is no front")
	}
	n := f.network
	if len(shapes) != len(n.inputs) || in != nil && len(in) != len(n.inputs) {
		return nil, fmt.Errorf("layer: the network has %d inputs, got shapes of %d", len(n.inputs), len(shapes))
	}
	if f.sizes != nil || !slices.ContainsFunc(slices.Concat(n.inputs, f.steps), func(x *Node) bool { return open(x.shape) }) {
		return f, nil
	}
	sizes := map[*Node]tensor.Shape{}
	for i, x := range n.inputs {
		sizes[x] = append(tensor.Shape{tensor.Batch}, shapes[i]...)
		if !sizes[x].Fits(x.shape) || sizes[x].Check() != nil {
			return nil, fmt.Errorf("layer: input %q can't have the shape %v: it has %v", n.name[x.layer], sizes[x], x.shape)
		}
	}
	for _, x := range f.steps {
		e := &Error{Layer: n.name[x.layer], Class: Class(x.layer)}
		for _, y := range x.in {
			e.Shapes = append(e.Shapes, sizes[y])
		}
		made := x.outputs(e)
		if made == nil {
			return nil, e
		}
		if sizes[x] = made[0]; in == nil || !open(made[0]) {
			continue
		}
		longest := 1
		if i := slices.Index(n.inputs, x.in[0]); i >= 0 && in[i].Texts != nil && rows > 0 {
			longest = fewLengths(x.layer.(ragged).longest(rows, in[i:i+1]))
		}
		sizes[x] = known(made[0], longest)
		if err := mem.Check(rows, 4*float64(longest), "what layer %q makes of %d samples", e.Layer, rows); err != nil {
			return nil, err
		}
	}
	return &Front{network: n, steps: f.steps, sizes: sizes}, nil
}

// size returns the shape of one of the front's nodes, for one sample.
func (f *Front) size(x *Node) tensor.Shape {
	if s, ok := f.sizes[x]; ok {
		return s[1:]
	}
	return x.shape[1:]
}

// Shapes returns the shapes of Feeds, for one sample.
func (f *Front) Shapes() []tensor.Shape {
	var shapes []tensor.Shape
	if f != nil && f.network != nil {
		for _, x := range f.network.feeds {
			shapes = append(shapes, f.size(x))
		}
	}
	return shapes
}

// Transform makes of rows samples of the network's inputs what the graph is fed with: out has room for rows samples of
// each of Feeds, or is nil where one that is an input isn't wanted. The samples are shared out among the workers of p, which may
// be nil. All sizes must be known: see At.
func (f *Front) Transform(p *par.Pool, rows int, in []Values, out [][]float32) error {
	if f == nil || f.network == nil || rows < 0 {
		return fmt.Errorf("layer: there is no front to transform %d samples", rows)
	}
	n := f.network
	if len(in) != len(n.inputs) || len(out) != len(n.feeds) {
		return fmt.Errorf("layer: the network has %d inputs and is fed with %d, got %d and room for %d", len(n.inputs), len(n.feeds), len(in), len(out))
	}
	if rows == 0 {
		return nil
	}
	for _, x := range slices.Concat(n.inputs, f.steps) {
		if f.size(x).HasBatch() {
			return fmt.Errorf("layer: %q has the shape %v: At tells the front the sizes that aren't known", n.name[x.layer], x.shape)
		}
	}
	for i, x := range n.inputs {
		texts, want := x.Texts(), rows*f.size(x).Numel()
		switch got := in[i]; {
		case texts && got.Texts == nil && want > 0:
			return fmt.Errorf("layer: input %q takes texts, not numbers", n.name[x.layer])
		case !texts && got.Texts != nil:
			return fmt.Errorf("layer: input %q takes numbers, not texts", n.name[x.layer])
		case got.count() != want:
			return fmt.Errorf("layer: input %q has %d values for %d samples of shape %v, it needs %d", n.name[x.layer], got.count(), rows, f.size(x), want)
		}
	}
	for i, x := range n.feeds {
		if want := rows * f.size(x).Numel(); len(out[i]) != want && (out[i] != nil || x.host() != nil) {
			return fmt.Errorf("layer: there is room for %d numbers of %d samples of shape %v, they need %d", len(out[i]), rows, f.size(x), want)
		}
	}
	const chunk = 16 // samples
	j := &job{front: f, rows: rows, chunk: chunk, in: in, out: out, errs: make([]error, (rows+chunk-1)/chunk)}
	p.Run(j, len(j.errs))
	for _, err := range j.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A job is a Transform that is shared out.
type job struct {
	front       *Front
	rows, chunk int
	in          []Values
	out         [][]float32
	errs        []error
}

// Do transforms chunk number i.
func (j *job) Do(_, i int) {
	n := j.front.network
	begin, end := i*j.chunk, min((i+1)*j.chunk, j.rows)
	made := map[*Node]Values{}
	for k, x := range n.inputs {
		made[x] = j.in[k].Rows(begin, end, j.front.size(x).Numel())
	}
	for k, x := range n.feeds {
		if had, ok := made[x]; !ok {
			made[x] = Values{Numbers: j.out[k]}.Rows(begin, end, j.front.size(x).Numel())
		} else if j.out[k] != nil {
			if wrong := had.write(j.out[k][begin*j.front.size(x).Numel():]); wrong >= 0 {
				j.errs[i] = j.inexact(x, had, wrong, begin, x)
				return
			}
		}
	}
	for _, x := range j.front.steps {
		to, ok := made[x]
		if !ok {
			width := j.front.size(x).Numel()
			if err := mem.Check(end-begin, 4*float64(width), "what layer %q makes of %d samples", n.name[x.layer], end-begin); err != nil {
				j.errs[i] = err
				return
			}
			to = Values{Numbers: make([]float32, (end-begin)*width)}
			made[x] = to
		}
		in := make([]Values, len(x.in))
		for k, y := range x.in {
			in[k] = made[y]
			if in[k].Integers != nil && !takesIntegers(x.host()) {
				numbers := make([]float32, in[k].count())
				if wrong := in[k].write(numbers); wrong >= 0 {
					j.errs[i] = j.inexact(x, in[k], wrong, begin, y)
					return
				}
				in[k] = Values{Numbers: numbers}
			}
		}
		if err := x.host().Transform(end-begin, in, to.Numbers); err != nil {
			var row *RowError
			if errors.As(err, &row) {
				row.Layer, row.Row = n.name[x.layer], row.Row+begin
			}
			j.errs[i] = err
			return
		}
	}
}

// takesIntegers reports whether h takes integers that float32 can't hold.
func takesIntegers(h Host) bool {
	switch h.(type) {
	case *Hashing, *HashedCrossing, *IntegerLookup:
		return true
	}
	return false
}

// inexact is the error that value i of v, an integer that float32 can't hold, is for node x. It is of node y, and the rows of v begin
// with row begin.
func (j *job) inexact(x *Node, v Values, i, begin int, y *Node) error {
	return &RowError{Layer: j.front.network.name[x.layer], Row: begin + i/j.front.size(y).Numel(), Msg: fmt.Sprintf("%d is taken as float32, in which only integers up to %d are exact", v.Integers[i], maxInteger)}
}

// Transform returns what a layer that works on the host makes of data, outside of a network: one tensor for each of its
// inputs, whose first dimension counts the samples. It is Int32 where the layer gives numbers of categories, and String
// where it gives texts, else Float32.
//
// A TextVectorization whose OutputSequenceLength is not said fills up to the longest of the samples.
func Transform(l Host, data ...*tensor.Tensor) (*tensor.Tensor, error) {
	if err := check(l); err != nil {
		return nil, fmt.Errorf("layer: Transform: %w", err)
	}
	if inverted, ok := l.(*StringLookup); ok && inverted.Invert {
		return inverted.texts(data)
	}
	var nodes []*Node
	var in []Values
	rows := 0
	for i, t := range data {
		if t == nil || len(t.Shape()) == 0 {
			return nil, fmt.Errorf("layer: Transform: input %d must be a tensor whose first dimension counts the samples, it is %v", i, t)
		}
		if i > 0 && t.Dim(0) != rows {
			return nil, fmt.Errorf("layer: Transform: input 0 has %d samples, input %d has %d", rows, i, t.Dim(0))
		}
		rows = t.Dim(0)
		input := &Input{Shape: t.Shape()[1:]}
		values, err := ValuesOf(t)
		if err != nil {
			return nil, fmt.Errorf("layer: Transform: input %d: %w", i, err)
		}
		if t.DType() == tensor.String {
			input.DType = tensor.String
		}
		nodes, in = append(nodes, Apply(input)), append(in, values)
	}
	if v, ok := l.(*TextVectorization); ok {
		l = v.asLongAs(rows, in)
	}
	n, err := NewNetwork(nodes, []*Node{Apply(l, nodes...)})
	if err != nil {
		return nil, err
	}
	shape := n.outputs[0].shape.Concrete(rows)
	out, err := tensor.Zeros(tensor.Float32, shape...)
	if err != nil {
		return nil, fmt.Errorf("layer: Transform: %w", err)
	}
	numbers, err := tensor.Data[float32](out)
	if err != nil {
		return nil, err
	}
	if err := n.front.Transform(par.Default(), rows, in, [][]float32{numbers}); err != nil {
		return nil, err
	}
	if c, ok := l.(interface{ categories() bool }); ok && c.categories() {
		return out.Cast(tensor.Int32)
	}
	return out, nil
}

// ValuesOf returns the elements of a tensor as a Host takes them: texts, integers, which are at most 2³¹-1, or numbers.
func ValuesOf(t *tensor.Tensor) (Values, error) {
	if t == nil {
		return Values{}, errors.New("layer: a tensor is nil")
	}
	switch t.DType() {
	case tensor.String:
		texts, err := tensor.Data[string](t)
		return Values{Texts: texts}, err
	case tensor.Int64:
		wide, err := tensor.Data[int64](t)
		if err != nil {
			return Values{}, err
		}
		integers := make([]int32, len(wide))
		for i, v := range wide {
			if v > math.MaxInt32 || v < -math.MaxInt32 {
				return Values{}, fmt.Errorf("layer: value %d is %d, but integers are at most %d: texts, which StringLookup and Hashing take, may be any", i, v, math.MaxInt32)
			}
			integers[i] = int32(v)
		}
		return Values{Integers: integers}, nil
	case tensor.Int32:
		integers, err := tensor.Data[int32](t)
		return Values{Integers: integers}, err
	}
	narrow, err := t.Cast(tensor.Float32)
	if err != nil {
		return Values{}, err
	}
	numbers, err := tensor.Data[float32](narrow)
	return Values{Numbers: numbers}, err
}

// quoted writes a text for an error, cut off if it is long.
func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// example returns a layer that is the reason that there is a front.
func (f *Front) example() Layer {
	if len(f.steps) > 0 {
		return f.steps[0].layer
	}
	return f.network.inputs[slices.IndexFunc(f.network.inputs, (*Node).Texts)].layer
}
