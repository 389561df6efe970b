package ref

// This file says in float64 what attention and its gradient mean.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/rng"
)

// attended is what a query of a head has to do with.
type attended struct {
	q, y    int       // where its first number, and that of its result, is
	k, v    []int     // where those of each key and value are
	d, e    int       // how many numbers these have
	weights []float64 // of each key, 0 of those that it doesn't see
	kept    []float64 // by what dropout multiplies each weight
	scale   float64
}

// attend calls f for each query of each head.
func attend(r *Run, a *graph.Attr, in, mask []value, f func(x attended)) {
	q, k, v, h := in[0], in[1], in[2], a.Heads
	batch, steps, keys := q.shape[0], q.shape[1], k.shape[1]
	x := attended{d: q.shape[2] / h.Heads, e: v.shape[2] / h.Groups, scale: float64(float32(h.Scale))}
	x.k, x.v, x.weights, x.kept = make([]int, keys), make([]int, keys), make([]float64, keys), make([]float64, keys)
	all := batch * h.Heads * steps * keys
	keep := make([]byte, (all+7)/8)
	rng.DropoutBits(keep, rng.New(r.Seed, h.Stream, r.Step), 0, all, rng.Threshold(h.Rate))
	for b := range batch {
		for head := range h.Heads {
			group := head / (h.Heads / h.Groups)
			for j := range keys {
				x.k[j] = (b*keys+j)*k.shape[2] + group*x.d
				x.v[j] = (b*keys+j)*v.shape[2] + group*x.e
			}
			for i := range steps {
				x.q = (b*steps+i)*q.shape[2] + head*x.d
				x.y = (b*steps+i)*h.Heads*x.e + head*x.e
				top := math.Inf(-1)
				for j := range keys {
					x.weights[j] = math.Inf(-1)
					if h.Causal && j > i || h.Window > 0 && max(i-j, j-i) >= h.Window {
						continue
					}
					if len(mask) > 0 {
						m := mask[0]
						if m.data[(b%m.shape[0]*m.shape[1]+i%m.shape[1])*keys+j] == 0 {
							continue
						}
					}
					score := 0.0
					for n := range x.d {
						score += float64(float64(q.data[x.q+n]*x.scale) * k.data[x.k[j]+n])
					}
					x.weights[j] = score
					top = max(top, score)
				}
				total := 0.0
				for j, score := range x.weights {
					if x.weights[j] = 0; !math.IsInf(score, -1) {
						x.weights[j] = math.Exp(score - top)
					}
					total += x.weights[j]
				}
				for j := range x.weights {
					if total > 0 {
						x.weights[j] /= total
					}
					if at := ((b*h.Heads+head)*steps+i)*keys + j; keep[at/8]>>(at%8)&1 == 1 {
						x.kept[j] = 1 / (1 - h.Rate)
					} else {
						x.kept[j] = 0
					}
				}
				f(x)
			}
		}
	}
}

func attention(r *Run, a *graph.Attr, in []value, out value) {
	attend(r, a, in, in[3:], func(x attended) {
		for j, w := range x.weights {
			for n := range x.e {
				out.data[x.y+n] += float64(float64(w*x.kept[j]) * in[2].data[x.v[j]+n])
			}
		}
	})
}

func attentionGrad(r *Run, a *graph.Attr, in []value, out value) {
	q, k, v, y, dy := in[0], in[1], in[2], in[3], in[4]
	// at returns where in the result the gradient of number i of operand x is, whose columns begin there.
	at := func(x value, first, i int) int {
		row, column := i/x.shape[2], i%x.shape[2]
		return (row/x.shape[1]*out.shape[1]+row%x.shape[1])*out.shape[2] + first + column
	}
	firstK := q.shape[2]
	firstV := firstK + k.shape[2]
	attend(r, a, in, in[5:], func(x attended) {
		delta := 0.0
		for n := range x.e {
			delta += float64(y.data[x.y+n] * dy.data[x.y+n])
		}
		for j, w := range x.weights {
			if w == 0 {
				continue
			}
			dw := -delta
			for n := range x.e {
				dw += float64(float64(dy.data[x.y+n]*x.kept[j]) * v.data[x.v[j]+n])
				out.data[at(v, firstV, x.v[j]+n)] += float64(float64(w*x.kept[j]) * dy.data[x.y+n])
			}
			for n := range x.d {
				ds := float64(float64(w*dw) * x.scale)
				out.data[at(q, 0, x.q+n)] += float64(ds * k.data[x.k[j]+n])
				out.data[at(k, firstK, x.k[j]+n)] += float64(ds * q.data[x.q+n])
			}
		}
	})
}

// attentionBounds are those of the same written out, with products and elementwise operations.
func attentionBounds(r *Run, n *graph.Node, in []interval, out interval) {
	g := graph.New()
	feed := map[*graph.Node]interval{}
	var operands []*graph.Node
	for i, x := range n.Inputs() {
		operand := g.Input("", x.Shape())
		operands = append(operands, operand)
		feed[operand] = in[i]
	}
	values, err := r.bounds(g, feed, n.Expand(operands...))
	if err != nil {
		panic(err) // a bug: the shapes are those of n
	}
	copy(out.lo.data, values[0].lo.data)
	copy(out.hi.data, values[0].hi.data)
}

// The bounds of these rows are filled in here because they run the table.
func init() {
	boundTable[graph.OpAttention], boundTable[graph.OpAttentionGrad] = attentionBounds, attentionBounds
}
