package graph

// This file holds the shape rules: what shape each op gives, and what it says
// of operands that do not fit.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// checkShape returns an error unless a node can have the shape. Unlike a tensor it may
// hold a number for each two samples of a batch: as the product of a batch with
// itself, or as what follows from one. When operands of other shapes would spread to
// that, it is a mistake.
func checkShape(op Op, s tensor.Shape, in []*Node) error {
	if op == OpMatMul || op == OpBroadcastTo || slices.ContainsFunc(in, func(n *Node) bool { return n.shape.Equal(s) }) {
		first := slices.Index(s, tensor.Batch)
		s = append(s[:first+1].Clone(), s[first+1:].Concrete(1)...)
	}
	return s.Check()
}

func attrShape(a *Attr, _ []*Node) (tensor.Shape, string) { return a.Shape, "" }

func concreteShape(a *Attr, _ []*Node) (tensor.Shape, string) {
	if a.Shape.HasBatch() {
		return nil, fmt.Sprintf("the shape %v may not depend on the batch", a.Shape)
	}
	return a.Shape, ""
}

func constShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if _, msg := concreteShape(a, in); msg != "" {
		return nil, msg
	}
	if err := a.Shape.Check(); err != nil {
		return nil, err.Error()
	}
	if n := a.Shape.Numel(); n != len(a.Data) {
		return nil, fmt.Sprintf("the shape %v needs %d numbers, got %d", a.Shape, n, len(a.Data))
	}
	return a.Shape, ""
}

func sameShape(_ *Attr, in []*Node) (tensor.Shape, string) { return in[0].shape, "" }

func equalShapes(_ *Attr, in []*Node) (tensor.Shape, string) {
	if !in[0].shape.Equal(in[1].shape) {
		return nil, "the shapes must be equal"
	}
	return in[0].shape, ""
}

// broadcastShape is NumPy's rule: shapes are aligned at their last dimension,
// and a dimension of 1, or one that is missing, repeats.
func broadcastShape(_ *Attr, in []*Node) (tensor.Shape, string) {
	out := in[0].shape
	for _, n := range in[1:] {
		var ok bool
		if out, ok = broadcast(out, n.shape); !ok {
			return nil, "the shapes do not broadcast: aligned at the last dimension, each pair must be equal or hold a 1"
		}
	}
	return out, ""
}

func broadcast(a, b tensor.Shape) (tensor.Shape, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i, d := range b {
		switch j := len(a) - len(b) + i; {
		case a[j] == d || d == 1:
		case a[j] == 1:
			out[j] = d
		default:
			return nil, false
		}
	}
	return out, true
}

func dropoutShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if !(a.Rate >= 0 && a.Rate < 1) {
		return nil, fmt.Sprintf("the rate %v must be at least 0 and less than 1", a.Rate)
	}
	return in[0].shape, ""
}

// axis counts a negative axis from the end.
func axis(i, rank int) (int, string) {
	if i < -rank || i >= rank {
		if rank == 0 {
			return 0, fmt.Sprintf("axis %d: a scalar has no axes", i)
		}
		return 0, fmt.Sprintf("axis %d is not one of %d … %d", i, -rank, rank-1)
	}
	if i < 0 {
		i += rank
	}
	return i, ""
}

// axes counts negative axes from the end and sorts. None means all.
func axes(list []int, rank int) ([]int, string) {
	out := []int{}
	if len(list) == 0 {
		for i := range rank {
			out = append(out, i)
		}
		return out, ""
	}
	for _, i := range list {
		i, msg := axis(i, rank)
		if msg != "" {
			return nil, msg
		}
		out = append(out, i)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		return nil, fmt.Sprintf("the axes %v name one twice", list)
	}
	return out, ""
}

func reduceShape(a *Attr, in []*Node) (tensor.Shape, string) {
	var msg string
	if a.Axes, msg = axes(a.Axes, in[0].Rank()); msg != "" {
		return nil, msg
	}
	return reduced(in[0].shape, a.Axes, a.Keep), ""
}

// reduced returns s without the (sorted) axes, or with 1 in their place.
func reduced(s tensor.Shape, axes []int, keep bool) tensor.Shape {
	out := tensor.Shape{}
	for i, d := range s {
		if !slices.Contains(axes, i) {
			out = append(out, d)
		} else if keep {
			out = append(out, 1)
		}
	}
	return out
}

func extremeShape(a *Attr, in []*Node) (tensor.Shape, string) {
	out, msg := reduceShape(a, in)
	for _, i := range a.Axes {
		if msg == "" && in[0].shape[i] == 0 {
			msg = fmt.Sprintf("axis %d is empty: nothing has no extreme", i)
		}
	}
	return out, msg
}

func alongAxisShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if len(a.Axes) != 1 {
		return nil, fmt.Sprintf("needs one axis, got %v", a.Axes)
	}
	i, msg := axis(a.Axes[0], in[0].Rank())
	a.Axes[0] = i
	return in[0].shape, msg
}

func argMaxShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if _, msg := alongAxisShape(a, in); msg != "" {
		return nil, msg
	}
	return extremeShape(a, in)
}

func crossentropyShape(a *Attr, in []*Node) (tensor.Shape, string) {
	logits, target := in[0].shape, in[1].shape
	if !(a.Clip >= 0 && a.Clip < 0.5) {
		return nil, fmt.Sprintf("the clip %v must be at least 0 and less than 0.5", a.Clip)
	}
	if len(logits) == 0 {
		return nil, "the logits need a last dimension, the classes"
	}
	classes, rows := logits[len(logits)-1], logits[:len(logits)-1]
	switch {
	case classes == tensor.Batch:
		return nil, "the classes, the last dimension of the logits, may not depend on the batch"
	case a.Sparse && !target.Equal(rows):
		return nil, fmt.Sprintf("a sparse target holds one class index a row: its shape must be %v", rows)
	case !a.Sparse && !target.Equal(logits):
		return nil, fmt.Sprintf("the target must have the shape of the logits, %v", logits)
	}
	return rows, ""
}

func crossentropyGradShape(a *Attr, in []*Node) (tensor.Shape, string) {
	rows, msg := crossentropyShape(a, in[:2])
	if msg != "" {
		return nil, msg
	}
	if !in[2].shape.Equal(rows) {
		return nil, fmt.Sprintf("the gradient of the loss must have the loss's shape, %v", rows)
	}
	return in[0].shape, ""
}

// matMulShape: the leading dimensions of the left are rows. A transposed left
// contracts them instead, which is the gradient of a weight.
func matMulShape(a *Attr, in []*Node) (tensor.Shape, string) {
	l, r := in[0].shape, in[1].shape
	if len(l) == 0 || len(r) == 0 {
		return nil, "a scalar is no matrix: use Mul"
	}
	last, first := l[len(l)-1], l[:len(l)-1]
	switch {
	case a.TransA && !a.TransB:
		if !first.Equal(r[:len(r)-1]) {
			return nil, fmt.Sprintf("all dimensions but the last, %v and %v, must be equal", first, r[:len(r)-1])
		}
		return tensor.Shape{last, r[len(r)-1]}, ""
	case a.TransA:
		if len(l) != 2 || len(r) != 2 {
			return nil, "both transposed must be matrices"
		}
		if l[0] != r[1] {
			return nil, inner(l[0], r[1])
		}
		return tensor.Shape{l[1], r[0]}, ""
	case len(r) != 2:
		return nil, fmt.Sprintf("the right must be a matrix, of two dimensions, it has %d", len(r))
	}
	k, n := r[0], r[1]
	if a.TransB {
		k, n = n, k
	}
	if last != k {
		return nil, inner(last, k)
	}
	return append(first.Clone(), n), ""
}

func inner(l, r int) string {
	return fmt.Sprintf("the inner dimensions, %s and %s, must be equal", dim(l), dim(r))
}

func dim(d int) string {
	if d == tensor.Batch {
		return "None"
	}
	return fmt.Sprint(d)
}

func batchMatMulShape(a *Attr, in []*Node) (tensor.Shape, string) {
	l, r := in[0].shape, in[1].shape
	n := len(l) - 2
	if n < 1 || len(r) != len(l) || !l[:n].Equal(r[:n]) {
		return nil, "both must have three dimensions or more, equal but for the last two"
	}
	rows, kl := l[n], l[n+1]
	if a.TransA {
		rows, kl = kl, rows
	}
	kr, columns := r[n], r[n+1]
	if a.TransB {
		kr, columns = columns, kr
	}
	if kl != kr {
		return nil, inner(kl, kr)
	}
	return append(l[:n].Clone(), rows, columns), ""
}

// reshapeShape keeps the batch where the target has tensor.Batch. If the input
// has no batch, that dimension is inferred.
func reshapeShape(a *Attr, in []*Node) (tensor.Shape, string) {
	from, to := in[0].shape, a.Shape
	if err := to.Check(); err != nil {
		return nil, err.Error()
	}
	have, need := known(from), known(to)
	if a.Rows > 0 && from.HasBatch() != to.HasBatch() {
		if from.Concrete(a.Rows).Numel() != to.Concrete(a.Rows).Numel() {
			return nil, fmt.Sprintf("%v is not %v of a batch of %d", from, to, a.Rows)
		}
		return to, ""
	}
	switch {
	case from.HasBatch() && !to.HasBatch():
		return nil, fmt.Sprintf("the target %v must keep the batch: one dimension tensor.Batch", to)
	case slices.Contains(from[slices.Index(from, tensor.Batch)+1:], tensor.Batch):
		return nil, fmt.Sprintf("it has a number for each two samples of a batch, the target %v has %d for each sample", to, need)
	case !from.HasBatch() && to.HasBatch():
		if need == 0 || have%need != 0 {
			return nil, fmt.Sprintf("%d elements do not fill the target %v", have, to)
		}
		a.Shape = to.Concrete(have / need)
	case have != need && from.HasBatch():
		return nil, fmt.Sprintf("%d elements a sample do not fill the target %v, which has %d", have, to, need)
	case have != need:
		return nil, fmt.Sprintf("%d elements do not fill the target %v, which has %d", have, to, need)
	}
	return a.Shape, ""
}

// known is the number of elements, the batch counted as 1.
func known(s tensor.Shape) int { return s.Concrete(1).Numel() }

func transposeShape(a *Attr, in []*Node) (tensor.Shape, string) {
	s := in[0].shape
	if len(a.Axes) == 0 {
		for i := range s {
			a.Axes = append(a.Axes, len(s)-1-i)
		}
	}
	sorted, msg := axes(a.Axes, len(s))
	if msg != "" {
		return nil, msg
	}
	if len(sorted) != len(s) {
		return nil, fmt.Sprintf("the permutation %v must name each of the %d axes once", a.Axes, len(s))
	}
	out := make(tensor.Shape, len(s))
	for i := range a.Axes {
		a.Axes[i], _ = axis(a.Axes[i], len(s))
		out[i] = s[a.Axes[i]]
	}
	return out, ""
}

func broadcastToShape(a *Attr, in []*Node) (tensor.Shape, string) {
	out, ok := broadcast(in[0].shape, a.Shape)
	if !ok || !out.Equal(a.Shape) {
		return nil, fmt.Sprintf("the shape does not broadcast to %v: aligned at the last dimension, each pair must be equal or the input's be 1", a.Shape)
	}
	return out, ""
}

// strided checks that a box of indices Begin + i·Step, of the size of small,
// lies within large. Only a batch that is whole has a known place. Where the
// step, or the beginning too, makes no difference it is brought to one form.
func strided(a *Attr, small, large tensor.Shape) string {
	if len(small) != len(large) || len(a.Begin) != len(large) || len(a.Step) != len(large) {
		return fmt.Sprintf("begin and step need one number for each of the %d dimensions", len(large))
	}
	for i, n := range small {
		begin, step := a.Begin[i], a.Step[i]
		switch {
		case n == tensor.Batch || large[i] == tensor.Batch:
			if n != large[i] || begin != 0 || step != 1 {
				return fmt.Sprintf("dimension %d is the batch, which stays whole", i)
			}
		case step == 0:
			return fmt.Sprintf("the step of dimension %d is 0", i)
		case n < 0:
			return fmt.Sprintf("the size of dimension %d is %d", i, n)
		case n == 0:
			a.Begin[i], a.Step[i] = 0, 1
		case begin < 0 || begin >= large[i] || n > 1 && !within(begin, step, n, large[i]):
			return fmt.Sprintf("dimension %d: %d indices from %d by %d leave 0 … %d", i, n, begin, step, large[i]-1)
		case n == 1:
			a.Step[i] = 1
		}
	}
	return ""
}

// within reports whether begin + (n-1)·step is in [0, size), n > 1, without
// overflow.
func within(begin, step, n, size int) bool {
	if step > 0 {
		return (size-1-begin)/step >= n-1
	}
	return step >= -size && begin/-step >= n-1
}

func sliceShape(a *Attr, in []*Node) (tensor.Shape, string) {
	return a.Shape, strided(a, a.Shape, in[0].shape)
}

func padShape(a *Attr, in []*Node) (tensor.Shape, string) {
	return a.Shape, strided(a, in[0].shape, a.Shape)
}

func concatShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if _, msg := alongAxisShape(a, in); msg != "" {
		return nil, msg
	}
	at := a.Axes[0]
	out := in[0].shape.Clone()
	for i, n := range in {
		s := n.shape
		if len(s) != len(out) || !s[:at].Equal(out[:at]) || !s[at+1:].Equal(out[at+1:]) {
			return nil, fmt.Sprintf("the shapes must be equal but for axis %d", at)
		}
		if s[at] == tensor.Batch {
			return nil, fmt.Sprintf("axis %d is the batch, which stays whole", at)
		}
		if i > 0 {
			out[at] += s[at]
		}
	}
	return out, ""
}

func packShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if len(a.Shape) != 1 || a.Shape[0] < 0 {
		return nil, fmt.Sprintf("a slab has one dimension, of known size, not the shape %v", a.Shape)
	}
	if len(a.Offsets) != len(in) {
		return nil, fmt.Sprintf("needs an offset for each of the %d operands, got %d", len(in), len(a.Offsets))
	}
	free := 0
	for i, n := range in {
		if n.shape.HasBatch() {
			return nil, fmt.Sprintf("operand %d depends on the batch, its place would not be known", i)
		}
		size := n.shape.Numel()
		if a.Offsets[i] < free || a.Offsets[i] > a.Shape[0]-size {
			return nil, fmt.Sprintf("operand %d, %d numbers at offset %d, must lie between %d and %d", i, size, a.Offsets[i], free, a.Shape[0])
		}
		free = a.Offsets[i] + size
	}
	return a.Shape, ""
}

func viewShape(a *Attr, in []*Node) (tensor.Shape, string) {
	slab := in[0].shape
	if len(slab) != 1 || slab[0] == tensor.Batch {
		return nil, "a slab has one dimension, of known size"
	}
	if len(a.Offsets) != 1 {
		return nil, fmt.Sprintf("needs one offset, got %d", len(a.Offsets))
	}
	if _, msg := concreteShape(a, nil); msg != "" {
		return nil, msg
	}
	if err := a.Shape.Check(); err != nil {
		return nil, err.Error()
	}
	if at, n := a.Offsets[0], a.Shape.Numel(); at < 0 || at > slab[0]-n {
		return nil, fmt.Sprintf("%d numbers at offset %d leave the slab of %d", n, at, slab[0])
	}
	return a.Shape, ""
}

func oneHotShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if a.Depth < 1 {
		return nil, fmt.Sprintf("the depth %d must be at least 1", a.Depth)
	}
	return append(in[0].shape.Clone(), a.Depth), ""
}

func numelShape(a *Attr, in []*Node) (tensor.Shape, string) {
	var msg string
	a.Axes, msg = axes(a.Axes, in[0].Rank())
	return tensor.Shape{}, msg
}
