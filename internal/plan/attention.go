package plan

// This file makes the kernels of attention.

import (
	"slices"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/attention"
)

// takesHeads is for attention, which reads rows of heads at any distance from each other, and masks without gaps.
func takesHeads(v, x *value) bool { return takesRows(v, x) && !slices.Contains(v.mask(), x) }

// gradient reports whether v, an attention or the gradient of one, is the latter.
func (v *value) gradient() bool { return len(v.in) > 4 }

// mask returns the mask of either, or nothing: what is behind queries, keys and values, and behind the result and its gradient.
func (v *value) mask() []*value {
	if v.gradient() {
		return v.in[5:]
	}
	return v.in[3:]
}

// heads returns the sizes of attention, and its mask.
func (c *call) heads() (attention.Sizes, attention.Mask) {
	q, k, v, h := c.in[0].shape, c.in[1].shape, c.in[2].shape, &c.attr.Heads
	sizes := attention.Sizes{
		Batch: q[0], Queries: q[1], Keys: k[1], Heads: h.Heads, Groups: h.Groups, KeyDim: q[2] / h.Heads, ValueDim: v[2] / h.Groups,
		Scale: float32(h.Scale), Causal: h.Causal, Window: h.Window,
	}
	if h.Rate > 0 {
		sizes.Dropout = c.exec.dropout(h.Rate, h.Stream)
	}
	var mask attention.Mask
	for _, m := range c.mask() {
		mask = attention.Mask{Data: c.data(m), Batch: m.shape[0] != 1, Queries: m.shape[1] != 1}
	}
	return sizes, mask
}

// array returns the rows of x.
func (c *call) array(x *value) attention.Array {
	a := attention.Array{Data: c.data(x), LD: x.shape[2]}
	if x.apart() {
		a.LD = x.stride
	}
	return a
}

func emitAttention(c *call) []cpu.Kernel {
	k := &attention.Attention{Q: c.array(c.in[0]), K: c.array(c.in[1]), V: c.array(c.in[2]), Y: c.array(c.value)}
	k.Sizes, k.Mask = c.heads()
	k.Prepare()
	return []cpu.Kernel{k}
}

func emitAttentionGrad(c *call) []cpu.Kernel {
	k := &attention.Gradient{
		Q: c.array(c.in[0]), K: c.array(c.in[1]), V: c.array(c.in[2]), Y: c.array(c.in[3]), DY: c.array(c.in[4]), Rows: c.shape[1],
	}
	k.Sizes, k.Mask = c.heads()
	columns := func(first int) attention.Array {
		a := c.array(c.value)
		a.Data = a.Data[min(first, len(a.Data)):]
		return a
	}
	keys := k.Heads * k.KeyDim
	k.DQ, k.DK, k.DV = columns(0), columns(keys), columns(keys+k.Groups*k.KeyDim)
	k.Prepare()
	return []cpu.Kernel{k}
}

// costOfAttention is that of its products, and of the exponentials.
func costOfAttention(v *value) int {
	q, k, values := v.in[0].shape, v.in[1].shape, v.in[2].shape
	h := &v.attr.Heads
	pairs := q[0] * h.Heads * q[1] * k[1]
	work := q[2]/h.Heads + values[2]/h.Groups
	if v.gradient() {
		work = 3*q[2]/h.Heads + 2*values[2]/h.Groups
	}
	if h.Causal {
		pairs /= 2
	}
	return pairs*(work+128)/128 + v.n
}
