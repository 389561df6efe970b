package reduce

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// lanes16 adds in the order of a Reduction.
func lanes16(x []float32) float32 { return reduceOne(Sum, x, false) }

// A softmaxOracle is a row computed from the definition.
type softmaxOracle struct {
	shifted, e []float32
	s          float32
}

func softmaxOf(x []float32) softmaxOracle {
	var o softmaxOracle
	m := reduceOne(Max, x, false)
	for _, v := range x {
		o.shifted = append(o.shifted, v-m)
		o.e = append(o.e, fmath.Exp(v-m))
	}
	o.s = lanes16(o.e)
	return o
}

func (o softmaxOracle) logq(i int, clip float32) float32 {
	if clip == 0 {
		return o.shifted[i] - fmath.Log(o.s)
	}
	return fmath.Log(min(max(o.e[i]/o.s, clip), 1-clip))
}

func (o softmaxOracle) loss(t []float32, clip float32) float32 {
	var terms []float32
	for i, v := range t {
		terms = append(terms, v*o.logq(i, clip))
	}
	return 0 - lanes16(terms)
}

func (o softmaxOracle) grad(t []float32, clip, dl float32) []float32 {
	p, w := make([]float32, len(t)), make([]float32, len(t))
	for i := range t {
		p[i] = o.e[i] / o.s
		if clip == 0 && p[i] == p[i] || p[i] >= clip && p[i] <= 1-clip {
			w[i] = t[i]
		}
	}
	sum := lanes16(w)
	for i := range p {
		p[i] = dl * (float32(p[i]*sum) - w[i])
	}
	return p
}

// softmaxInput fills rows of logits; some are extreme, if special some are not
// finite.
func softmaxInput(r *rand.Rand, x []float32, special bool) {
	for i := range x {
		x[i] = float32(r.NormFloat64() * 5)
		switch k := r.IntN(100); {
		case k < 5:
			x[i] *= 40
		case k < 7:
			x[i] = 0
		case k < 8 && special:
			x[i] = float32(math.Inf(r.IntN(2)*2 - 1))
		case k < 9 && special:
			x[i] = float32(math.NaN())
		}
	}
}

var softmaxShapes = func() (s [][2]int) {
	for n := 1; n <= 40; n++ {
		s = append(s, [2]int{1 + n%7, n})
	}
	return append(s, [][2]int{{0, 10}, {128, 10}, {3000, 3}, {5, 100}, {3, 4095}, {2, 4096}, {2, 4097}, {1, 13_000}}...)
}()

func TestSoftmaxEqualsItsDefinition(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, shape := range softmaxShapes {
			rows, n := shape[0], shape[1]
			for _, special := range []bool{false, true} {
				x, y, l := cputest.Fenced[float32](t, rows*n, special), cputest.Fenced[float32](t, rows*n, special), cputest.Fenced[float32](t, rows*n, special)
				softmaxInput(r, x, special)
				(&Softmax{X: x, Y: y, Rows: rows, N: n}).Run(cputest.Pools[3])
				(&LogSoftmax{X: x, Y: l, Rows: rows, N: n}).Run(cputest.Pools[3])
				for i := range rows {
					o := softmaxOf(x[i*n:][:n])
					for j := range n {
						if got, want := y[i*n+j], o.e[j]/o.s; !cputest.SameBits(got, want) {
							t.Fatalf("softmax of %dx%d at (%d, %d) is %v, want %v", rows, n, i, j, got, want)
						}
						if got, want := l[i*n+j], o.logq(j, 0); !cputest.SameBits(got, want) {
							t.Fatalf("log softmax of %dx%d at (%d, %d) is %v, want %v", rows, n, i, j, got, want)
						}
					}
				}
				(&Softmax{X: x, Y: x, Rows: rows, N: n}).Run(nil)
				if i := cputest.FirstDifference(x, y); i >= 0 {
					t.Fatalf("softmax of %dx%d in place differs at %d", rows, n, i)
				}
			}
		}
	})
}

func TestSoftmaxCrossentropyEqualsItsDefinition(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		cases := cputest.SampleOf(5)
		for _, shape := range softmaxShapes {
			rows, n := shape[0], shape[1]
			for variant := range 8 {
				if !cases.Has() {
					continue
				}
				sparse, clip, special := variant&1 != 0, []float32{0, 1e-7}[variant>>1&1], variant&4 != 0
				x, dl := cputest.Fenced[float32](t, rows*n, special), cputest.Fenced[float32](t, rows, special)
				softmaxInput(r, x, special)
				softmaxInput(r, dl, false)
				dense := make([]float32, rows*n)
				target := cputest.Fenced[float32](t, rows*n, special)
				if sparse {
					target = cputest.Fenced[float32](t, rows, special)
				}
				for i := range rows {
					label := r.IntN(n)
					switch {
					case sparse:
						target[i] = float32(label)
						dense[i*n+label] = 1
					case r.IntN(2) == 0: // one-hot
						dense[i*n+label] = 1
					default:
						for j := range n {
							dense[i*n+j] = float32(r.Float64())
						}
					}
				}
				if !sparse {
					copy(target, dense)
				}
				loss, grad := cputest.Fenced[float32](t, rows, special), cputest.Fenced[float32](t, rows*n, special)
				(&SoftmaxCrossentropy{Logits: x, Target: target, Loss: loss, Rows: rows, N: n, Clip: clip, Sparse: sparse}).Run(cputest.Pools[3])
				(&SoftmaxCrossentropyGrad{
					Logits: x, Target: target, DLoss: dl, DLogits: grad, Rows: rows, N: n, Clip: clip, Sparse: sparse,
				}).Run(cputest.Pools[3])
				if sparse {
					labels := cputest.Fenced[int32](t, rows, special)
					for i, label := range target {
						labels[i] = int32(label)
					}
					again, gradAgain := make([]float32, rows), make([]float32, rows*n)
					(&SoftmaxCrossentropy{Logits: x, Labels: labels, Loss: again, Rows: rows, N: n, Clip: clip, Sparse: true}).Run(cputest.Pools[3])
					(&SoftmaxCrossentropyGrad{
						Logits: x, Labels: labels, DLoss: dl, DLogits: gradAgain, Rows: rows, N: n, Clip: clip, Sparse: true,
					}).Run(cputest.Pools[3])
					if i := cputest.FirstDifference(again, loss); i >= 0 {
						t.Fatalf("%d×%d, labels that are integers: the loss of row %d is %v, want %v", rows, n, i, again[i], loss[i])
					}
					if i := cputest.FirstDifference(gradAgain, grad); i >= 0 {
						t.Fatalf("%d×%d, labels that are integers: element %d of the gradient is %v, want %v", rows, n, i, gradAgain[i], grad[i])
					}
				}
				for i := range rows {
					o := softmaxOf(x[i*n:][:n])
					want := o.loss(dense[i*n:][:n], clip)
					if sparse {
						want = 0 - o.logq(int(target[i]), clip)
					}
					if !cputest.SameBits(loss[i], want) {
						t.Fatalf("variant %d: loss of row %d of %dx%d is %v, want %v", variant, i, rows, n, loss[i], want)
					}
					if j := cputest.FirstDifference(grad[i*n:][:n], o.grad(dense[i*n:][:n], clip, dl[i])); j >= 0 {
						t.Fatalf("variant %d: gradient of %dx%d at (%d, %d) is %v, want %v",
							variant, rows, n, i, j, grad[i*n+j], o.grad(dense[i*n:][:n], clip, dl[i])[j])
					}
				}
			}
		}
	})
}

// A label that is no class has neither loss nor gradient, and doesn't touch its
// neighbours.
func TestSoftmaxCrossentropyOfLabelsThatAreNone(t *testing.T) {
	nan := float32(math.NaN())
	cputest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{1, 3, 10, 16, 17, 100} {
			for _, clip := range []float32{0, 1e-7} {
				for _, label := range []float32{-1, float32(n), 15, 16, 0.5, nan, 1e30, -1e30} {
					if label >= 0 && label < float32(n) && label != 0.5 {
						continue
					}
					x, target, dl := cputest.Random(r, 3*n), []float32{0, label, float32(n - 1)}, []float32{1, 2, 3}
					loss, grad := make([]float32, 3), make([]float32, 3*n)
					(&SoftmaxCrossentropy{Logits: x, Target: target, Loss: loss, Rows: 3, N: n, Clip: clip, Sparse: true}).Run(nil)
					(&SoftmaxCrossentropyGrad{Logits: x, Target: target, DLoss: dl, DLogits: grad, Rows: 3, N: n, Clip: clip, Sparse: true}).Run(nil)
					if label == float32(math.Trunc(float64(label))) && label > -1e9 && label < 1e9 {
						labels, same := []int32{0, int32(label), int32(n - 1)}, make([]float32, 3)
						(&SoftmaxCrossentropy{Logits: x, Labels: labels, Loss: same, Rows: 3, N: n, Clip: clip, Sparse: true}).Run(nil)
						if i := cputest.FirstDifference(same, loss); i >= 0 {
							t.Fatalf("the integer %v of %d: the loss of row %d is %v, want %v", label, n, i, same[i], loss[i])
						}
					}
					for i := range 3 {
						o := softmaxOf(x[i*n:][:n])
						dense, want := make([]float32, n), float32(0)
						if i != 1 {
							dense[int(target[i])] = 1
							want = 0 - o.logq(int(target[i]), clip)
						}
						if !cputest.SameBits(loss[i], want) {
							t.Fatalf("label %v of %d: the loss of row %d is %v, want %v", label, n, i, loss[i], want)
						}
						if j := cputest.FirstDifference(grad[i*n:][:n], o.grad(dense, clip, dl[i])); j >= 0 {
							t.Fatalf("label %v of %d: the gradient of row %d differs at %d", label, n, i, j)
						}
					}
				}
			}
		}
	})
}

// The gradient is that of the loss, by central differences in float64.
func TestSoftmaxCrossentropyGradIsTheDerivative(t *testing.T) {
	const n = 5
	r := rand.New(rand.NewPCG(1, 2))
	loss := func(z []float64, target []float32, clip float64) float64 {
		var s, sum float64
		for _, v := range z {
			s += math.Exp(v)
		}
		for i, v := range z {
			q := math.Exp(v) / s
			if clip != 0 {
				q = min(max(q, clip), 1-clip)
			}
			sum -= float64(target[i]) * math.Log(q)
		}
		return sum
	}
	for _, clip := range []float64{0, 0.15} {
		for range 200 {
			var z [n]float64
			var x, target, d [n]float32
			for i := range z {
				x[i] = float32(r.NormFloat64())
				z[i] = float64(x[i])
				target[i] = float32(r.Float64())
			}
			(&SoftmaxCrossentropyGrad{
				Logits: x[:], Target: target[:], DLoss: []float32{1}, DLogits: d[:], Rows: 1, N: n, Clip: float32(clip),
			}).Run(nil)
			for i := range z {
				const h = 1e-5
				up, down := z, z
				up[i] += h
				down[i] -= h
				want := (loss(up[:], target[:], clip) - loss(down[:], target[:], clip)) / (2 * h)
				if math.Abs(float64(d[i])-want) > 1e-4 {
					t.Fatalf("clip %v: derivative %d is %v, want %v", clip, i, d[i], want)
				}
			}
		}
	}
}

func BenchmarkSoftmax(b *testing.B) {
	cputest.EachBenchTier(b, func(b *testing.B) {
		for _, shape := range [][2]int{{128, 10}, {128, 1000}} {
			rows, n := shape[0], shape[1]
			x, y, t := make([]float32, rows*n), make([]float32, rows*n), make([]float32, rows*n)
			l, loss := make([]float32, rows), make([]float32, rows)
			copy(x, cputest.Random(rand.New(rand.NewPCG(1, 2)), rows*n))
			for i := range rows {
				t[i*n] = 1
				l[i] = float32(i % n)
			}
			for _, k := range []cpu.Kernel{
				&Softmax{X: x, Y: y, Rows: rows, N: n},
				&LogSoftmax{X: x, Y: y, Rows: rows, N: n},
				&SoftmaxCrossentropy{Logits: x, Target: t, Loss: loss, Rows: rows, N: n, Clip: 1e-7},
				&SoftmaxCrossentropy{Logits: x, Target: l, Loss: loss, Rows: rows, N: n, Sparse: true},
				&SoftmaxCrossentropyGrad{Logits: x, Target: t, DLoss: l, DLogits: y, Rows: rows, N: n, Clip: 1e-7},
				&SoftmaxCrossentropyGrad{Logits: x, Target: l, DLoss: l, DLogits: y, Rows: rows, N: n, Sparse: true},
			} {
				b.Run(fmt.Sprintf("%T/%dx%d", k, rows, n)[5:], func(b *testing.B) {
					for b.Loop() {
						k.Run(nil)
					}
				})
			}
		}
	})
}

func TestNoSoftmaxReachesBeyondItsArrays(t *testing.T) {
	kernels := map[string]func(short func(int) []float32) cpu.Kernel{
		"softmax": func(short func(int) []float32) cpu.Kernel {
			return &Softmax{X: short(8 * 10), Y: short(8 * 10), Rows: 8, N: 10}
		},
		"log softmax": func(short func(int) []float32) cpu.Kernel {
			return &LogSoftmax{X: short(8 * 40), Y: short(8 * 40), Rows: 8, N: 40}
		},
	}
	for _, sparse := range []bool{false, true} {
		for _, n := range []int{10, 40} {
			target := 8
			if !sparse {
				target *= n
			}
			kernels[fmt.Sprintf("cross-entropy, %v, %d", sparse, n)] = func(short func(int) []float32) cpu.Kernel {
				return &SoftmaxCrossentropy{Logits: short(8 * n), Target: short(target), Loss: short(8), Rows: 8, N: n, Sparse: sparse}
			}
			kernels[fmt.Sprintf("its gradient, %v, %d", sparse, n)] = func(short func(int) []float32) cpu.Kernel {
				return &SoftmaxCrossentropyGrad{
					Logits: short(8 * n), Target: short(target), DLoss: short(8), DLogits: short(8 * n), Rows: 8, N: n, Sparse: sparse,
				}
			}
		}
	}
	cputest.CheckBounds(t, kernels)
}
