package plan

// This file says where values are in the memory of others: reshapes and slices are not
// copied where the kernel that reads them takes rows that are apart, nor what is joined
// where the kernel that computes it leaves room between its rows.

import (
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// A layout is where a value is in memory. Either its elements, in row-major order, are runs
// of equal length, each of which begins stride numbers after the one before; or steps are
// the distances in memory of the neighbours in each dimension.
type layout struct {
	base   *value // whose memory it is: the value itself, unless that is a view
	at     int    // where in the base's the first run begins
	run    int
	stride int
	steps  []int
	alias  bool // a view of an op that copies otherwise
}

// root returns the value whose memory v is in, and where in it.
func (v *value) root() (root *value, offset int) { return v.base, v.at }

// apart reports whether v is anything but its elements in row-major order, without gaps.
func (v *value) apart() bool { return v.steps != nil || v.run < v.n && v.run != v.stride }

// extent is how many numbers of the base there are from the first of v to the last.
func (v *value) extent() int {
	switch {
	case !v.apart():
		return v.n
	case v.steps == nil:
		return (v.n/v.run-1)*v.stride + v.run
	}
	n := 1
	for i, d := range v.shape {
		n += (d - 1) * v.steps[i]
	}
	return n
}

// settle finds the layout of a value whose operands have theirs.
func (l *lowering) settle(v *value) {
	v.layout = layout{base: v, run: v.n, stride: v.n}
	row := v.traits()
	if v.konst != nil || len(v.in) == 0 || row.place == nil {
		return
	}
	if place, ok := row.place(v, &v.in[0].layout); ok && (row.role == roleView || !l.config.NoPasses) {
		v.layout = place
		v.alias = row.role != roleView
	}
}

// placeOfReshape is the same order of elements.
func placeOfReshape(_ *value, x *layout) (layout, bool) { return *x, true }

// placeOfView is in a slab, which has no gaps.
func placeOfView(v *value, x *layout) (layout, bool) {
	return layout{base: x.base, at: x.at + v.attr.Offsets[0], run: v.n, stride: v.n}, true
}

// placeOfSlice is runs of the operand's memory if one axis alone is cut, without steps,
// and what comes before it are the operand's own runs, if that has such. Else there is a
// distance for each dimension.
func placeOfSlice(v *value, x *layout) (layout, bool) {
	if v.n == 0 {
		return layout{}, false
	}
	if place, ok := runsOfSlice(v, x); ok {
		return place, true
	}
	own := v.in[0].strides()
	if own == nil {
		return layout{}, false
	}
	at := 0
	for i, step := range v.attr.Step {
		if step < 0 && v.shape[i] > 1 {
			return layout{}, false
		}
		at += v.attr.Begin[i] * own[i]
		own[i] *= max(step, 0)
	}
	return strided(v, x, at, own), true
}

func runsOfSlice(v *value, x *layout) (layout, bool) {
	from := v.in[0].shape
	axis := -1
	for i, d := range v.shape {
		switch {
		case d == from[i] && (d <= 1 || v.attr.Step[i] == 1 && v.attr.Begin[i] == 0):
		case axis >= 0 || d > 1 && v.attr.Step[i] != 1:
			return layout{}, false
		default:
			axis = i
		}
	}
	if x.steps != nil {
		return layout{}, false
	}
	if axis < 0 {
		return *x, true
	}
	inner := v.shape[axis+1:].Numel()
	place := layout{base: x.base, at: x.at + v.attr.Begin[axis]*inner, run: v.shape[axis] * inner, stride: from[axis] * inner}
	if v.in[0].apart() {
		if place.stride != x.run { // a row of the operand is not what is cut
			return layout{}, false
		}
		place.stride = x.stride
	}
	if place.run == v.n {
		place.stride = v.n
	}
	return place, true
}

// strided is a layout in x that begins at an element and has these distances.
func strided(v *value, x *layout, at int, steps []int) layout {
	for i, step := range strides(v.shape) {
		if v.shape[i] > 1 && steps[i] != step {
			return layout{base: x.base, at: x.at + at, steps: steps}
		}
	}
	return layout{base: x.base, at: x.at + at, run: v.n, stride: v.n}
}

// placeOfTranspose is that of the operand's dimensions in another order.
func placeOfTranspose(v *value, x *layout) (layout, bool) {
	from := v.in[0].strides()
	if v.n == 0 || from == nil {
		return layout{}, false
	}
	steps := make([]int, len(from))
	for to, axis := range v.attr.Axes {
		steps[to] = from[axis]
	}
	return strided(v, x, 0, steps), true
}

// partsOfConcat is where operands are in what joins them along an axis. If another such value joins that along the
// same axis, there is room between its own runs; along another axis, the parts are not runs.
func partsOfConcat(v *value) []layout {
	axis := v.attr.Axes[0]
	inner := v.shape[axis+1:].Numel()
	step, stride := v.strides()[axis], v.shape[axis]*inner
	runs := !v.apart() || v.run == stride
	if v.apart() {
		stride = v.stride
	}
	parts := make([]layout, len(v.in))
	at := 0
	for i, x := range v.in {
		parts[i] = layout{base: v, at: at * step}
		if runs {
			parts[i].run, parts[i].stride = x.shape[axis]*inner, stride
		}
		at += x.shape[axis]
	}
	return parts
}

// compact returns x without gaps: x itself, or a copy.
func (l *lowering) compact(x *value) *value {
	if !x.apart() {
		return x
	}
	return l.repeat(x, x.shape, x.scope)
}

// gather sees to it that the operands of a value that is not elementwise have no gaps,
// but where its op takes them.
func (l *lowering) gather(v *value) {
	takes := v.traits().takes
	v.in = slices.Clone(v.in)
	for i, x := range v.in {
		if x.apart() && (takes == nil || !takes(v, x)) {
			v.in[i] = l.compact(x)
		}
	}
}

// What kernels take: functions for traits.takes. Each reports whether a kernel of a kind reads an operand x whose
// parts lie apart.

// takesRuns is for kernels that read the elements in order, run by run.
func takesRuns(_, x *value) bool { return x.steps == nil }

// takesSame is for broadcasts, whose kernel reads any x where it repeats nothing.
func takesSame(v, x *value) bool { return v.n == x.n }

// takesRows is for kernels that read rows of the last dimension, at any distance from each other.
func takesRows(_, x *value) bool { return x.steps == nil && x.run == x.shape[len(x.shape)-1] }

// takesMatrices is for kernels that read matrices in the last two dimensions, the rows or the columns of
// which have no gaps.
func takesMatrices(_, x *value) bool {
	steps := x.strides()
	return steps != nil && (steps[len(steps)-1] == 1 || steps[len(steps)-2] == 1)
}

// takesStrides is for kernels that read with a stride for each dimension.
func takesStrides(_, x *value) bool { return x.strides() != nil }

// strides returns the distances in memory of the neighbours in each dimension, or nil if
// there is one that has several: x is apart, and no dimension begins with a run.
func (x *value) strides() []int {
	if x.steps != nil {
		return slices.Clone(x.steps)
	}
	d := strides(x.shape)
	if !x.apart() {
		return d
	}
	for i := range d {
		if x.shape[i:].Numel() == x.run {
			step := x.stride
			for k := i - 1; k >= 0; k-- {
				d[k] = step
				step *= x.shape[k]
			}
			return d
		}
	}
	return nil
}

// strides returns the distances in memory of a row-major shape's neighbours.
func strides(s tensor.Shape) []int {
	d := make([]int, len(s))
	step := 1
	for i, n := range slices.Backward(s) {
		d[i] = step
		step *= n
	}
	return d
}

// rowStride is how far the rows of v's first dimension are apart, if v has runs.
func (v *value) rowStride() int {
	if v.apart() {
		return v.stride
	}
	return v.n / max(v.shape[0], 1)
}

// space lets the rows of v, which has no gaps, begin stride numbers after one another.
func (v *value) space(stride int) {
	if rows := v.shape[0]; rows > 1 && v.n > 0 {
		v.run, v.stride = v.n/rows, stride
	}
}

// What kernels follow: functions for traits.follows.

// followsFirst is for products: the first factor, and the result.
func followsFirst(v, x *value) bool { return x == nil || v.in[0].base == x && v.in[1].base != x }

// followsAll is for copies.
func followsAll(_, _ *value) bool { return true }
