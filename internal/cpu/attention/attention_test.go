package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// That attention has the bits of the products and the softmax that it is made of is tested in internal/plan.

// gap is how many numbers are between rows of arrays, which are nobody's.
const gap = 3

// array makes the rows of steps of n numbers, with NaN between them. The numbers are random, or NaN too.
func array(r *rand.Rand, batch, steps, n int) Array {
	x := Array{cputest.Random(r, batch*steps*(n+gap)), n + gap}
	for i := range batch * steps {
		for j := range gap {
			x.rows(i)[n+j] = float32(math.NaN())
		}
	}
	return x
}

// sees says by the definition which keys query i of sample b sees: those from first on, up to the one before end.
func sees(s *Sizes, mask []float32, b, i int) (first, end int) {
	for j := range s.Keys {
		if s.Causal && j > i || s.Window > 0 && max(i-j, j-i) >= s.Window || mask != nil && mask[b*s.Keys+j] == 0 {
			continue
		}
		if end == 0 {
			first = j
		}
		end = j + 1
	}
	return first, end
}

// Whatever the others of its block see, a query has the bits of attention to its own keys alone, and so has its gradient; and all that is
// computed is the same on every tier and number of workers.
func TestAQueryHasTheBitsOfTheKeysThatItSees(t *testing.T) {
	for _, s := range []Sizes{
		{Batch: 2, Queries: 70, Keys: 70, Heads: 4, Groups: 2, KeyDim: 5, ValueDim: 3, Scale: 0.5, Causal: true, Window: 9},
		{Batch: 1, Queries: 130, Keys: 140, Heads: 1, Groups: 1, KeyDim: 17, ValueDim: 16, Scale: 0.25, Window: 2},
		{Batch: 1, Queries: 100, Keys: 20, Heads: 2, Groups: 1, KeyDim: 1, ValueDim: 1, Scale: 1, Window: 4}, // the last see none
		{Batch: 2, Queries: 7, Keys: 33, Heads: 2, Groups: 2, KeyDim: 4, ValueDim: 2, Scale: 1, Window: math.MaxInt},
		{Batch: 2, Queries: 3, Keys: 9, Heads: 1, Groups: 1, KeyDim: 4, ValueDim: 2, Scale: 1, Causal: true},
	} {
		for _, masked := range []bool{false, true} {
			r := rand.New(rand.NewPCG(1, 2))
			q, k := array(r, s.Batch, s.Queries, s.Heads*s.KeyDim), array(r, s.Batch, s.Keys, s.Groups*s.KeyDim)
			v, dy := array(r, s.Batch, s.Keys, s.Groups*s.ValueDim), array(r, s.Batch, s.Queries, s.Heads*s.ValueDim)
			var mask Mask
			if masked { // of sample b the first b keys and the last b+1 aren't seen
				mask = Mask{Data: make([]float32, s.Batch*s.Keys), Batch: true}
				for b := range s.Batch {
					for j := b; j < s.Keys-b-1; j++ {
						mask.Data[b*s.Keys+j] = 1
					}
				}
			}
			var first [][]float32 // of the first tier, on one worker
			cputest.EachTier(t, func(t *testing.T) {
				for _, workers := range []int{1, 3} {
					pool := cputest.Pools[workers]
					rows := max(s.Queries, s.Keys)
					y := array(r, s.Batch, s.Queries, s.Heads*s.ValueDim)
					dq, dk, dv := array(r, s.Batch, rows, s.Heads*s.KeyDim), array(r, s.Batch, rows, s.Groups*s.KeyDim), array(r, s.Batch, rows, s.Groups*s.ValueDim)
					forward := &Attention{Sizes: s, Q: q, K: k, V: v, Y: y, Mask: mask}
					forward.Prepare()
					forward.Run(pool)
					backward := &Gradient{Sizes: s, Q: q, K: k, V: v, Y: y, DY: dy, Mask: mask, DQ: dq, DK: dk, DV: dv, Rows: rows}
					backward.Prepare()
					backward.Run(pool)
					all := [][]float32{y.Data, dq.Data, dk.Data, dv.Data}
					for i, x := range []Array{y, dq, dk, dv} {
						for at, v := range x.Data {
							if at%x.LD >= x.LD-gap && v == v {
								t.Fatalf("%+v: number %d of array %d, between its rows, is %v", s, at, i, v)
							}
						}
					}
					if first == nil {
						first = all
					}
					for i, x := range all {
						if at := cputest.FirstDifference(x, first[i]); at >= 0 {
							t.Fatalf("%+v, masked %v, %d workers, array %d: number %d is %v, on another tier or one worker %v", s, masked, workers, i, at, x[at], first[i][at])
						}
					}
					if workers > 1 {
						continue
					}
					for b := range s.Batch {
						for h := range s.Heads {
							for i := range s.Queries {
								lo, end := sees(&s, mask.Data, b, i)
								one, g := s, h/(s.Heads/s.Groups)
								one.Batch, one.Queries, one.Keys, one.Heads, one.Groups, one.Causal, one.Window = 1, 1, end-lo, 1, 1, false, 0
								part := func(x Array, steps, group, n, i int) Array {
									x = x.group(b, steps, group, n)
									x.Data = x.rows(i)
									return x
								}
								f := &Attention{
									Sizes: one, Q: part(q, s.Queries, h, s.KeyDim, i), K: part(k, s.Keys, g, s.KeyDim, lo), V: part(v, s.Keys, g, s.ValueDim, lo),
									Y: array(r, 1, 1, s.ValueDim),
								}
								f.Prepare()
								f.Run(nil)
								d := &Gradient{
									Sizes: one, Q: f.Q, K: f.K, V: f.V, Y: f.Y, DY: part(dy, s.Queries, h, s.ValueDim, i), Rows: max(end-lo, 1),
									DQ: array(r, 1, max(end-lo, 1), s.KeyDim), DK: array(r, 1, max(end-lo, 1), s.KeyDim), DV: array(r, 1, max(end-lo, 1), s.ValueDim),
								}
								d.Prepare()
								d.Run(nil)
								for _, x := range []struct {
									what      string
									got, want []float32
								}{
									{"the result", part(y, s.Queries, h, s.ValueDim, i).Data, f.Y.Data[:s.ValueDim]},
									{"the gradient", part(dq, rows, h, s.KeyDim, i).Data, d.DQ.Data[:s.KeyDim]},
								} {
									if at := cputest.FirstDifference(x.got, x.want); at >= 0 {
										t.Fatalf("%+v, masked %v: sample %d, head %d, query %d: number %d of %s is %v, want %v", s, masked, b, h, i, at, x.what, x.got[at], x.want[at])
									}
								}
							}
						}
					}
				}
			})
		}
	}
}

func TestArraysOfAttentionThatAreTooShortAreNotUsed(t *testing.T) {
	s := Sizes{Batch: 2, Queries: 3, Keys: 5, Heads: 2, Groups: 1, KeyDim: 4, ValueDim: 3, Scale: 1}
	kernels := map[string]func(short func(n int) []float32) cpu.Kernel{}
	for _, mask := range []Mask{{}, {Batch: true}, {Queries: true}, {Batch: true, Queries: true}} {
		n := s.Keys
		if mask.Batch {
			n *= s.Batch
		}
		if mask.Queries {
			n *= s.Queries
		}
		rows := func(short func(n int) []float32, steps, n int) Array { return Array{short(s.Batch * steps * n), n} }
		kernels[fmt.Sprintf("attention, %+v", mask)] = func(short func(n int) []float32) cpu.Kernel {
			mask.Data = short(n)
			k := &Attention{Sizes: s, Q: rows(short, 3, 8), K: rows(short, 5, 4), V: rows(short, 5, 3), Y: rows(short, 3, 6), Mask: mask}
			k.Prepare()
			return k
		}
		kernels[fmt.Sprintf("gradient, %+v", mask)] = func(short func(n int) []float32) cpu.Kernel {
			mask.Data = short(n)
			k := &Gradient{
				Sizes: s, Q: rows(short, 3, 8), K: rows(short, 5, 4), V: rows(short, 5, 3), Y: rows(short, 3, 6), DY: rows(short, 3, 6), Mask: mask,
				DQ: rows(short, 5, 8), DK: rows(short, 5, 4), DV: rows(short, 5, 3), Rows: 5,
			}
			k.Prepare()
			return k
		}
	}
	cputest.CheckBounds(t, kernels)
}
