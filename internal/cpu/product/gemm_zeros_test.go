package product

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// sparse are sizes of products that are searched for zeros.
var sparse = []size{
	{128, 256, 784, 0},
	{100, 300, 300, 3},
	{33, 133, 700, 1},
	{20, 700, 320, 0},  // B doesn't stay in the cache
	{17, 129, 4200, 2}, // two chains
	{300, 130, 64, 0},
	{16, 1040, 130, 0},
	{1100, 130, 1000, 0}, // the tasks look for zeros
	{260, 420, 4200, 1},  // two chains, and B is packed
}

// sparseGemm is a random product of an A with many zeros: where images have them, or
// anywhere. Some are -0, and some k have nothing else.
func sparseGemm(s size, form int, where Zeros) *Gemm {
	g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
	r := rand.New(rand.NewPCG(uint64(s.m), uint64(form)))
	for i := range g.M {
		for k := range g.K {
			if k%37 < 5 || where == ZerosStructured && (i/7+k/11)%3 != 0 || r.IntN(8) != 0 {
				*g.at(i, k) = float32(math.Copysign(0, r.Float64()-0.5))
			}
		}
	}
	g.Zeros = where
	return g
}

// at is element (i, k) of op(A).
func (g *Gemm) at(i, k int) *float32 {
	if g.TransA {
		i, k = k, i
	}
	return &g.A[i*g.LDA+k]
}

// to is element (k, j) of op(B).
func (g *Gemm) to(k, j int) *float32 {
	if g.TransB {
		k, j = j, k
	}
	return &g.B[k*g.LDB+j]
}

// everySparse runs test for every tier and size, for forms and places of zeros.
func everySparse(t *testing.T, test func(t *testing.T, g *Gemm, workers int)) {
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(7)
		for _, s := range sparse {
			if s.slow() || isa.Active() == isa.Generic && s.m*s.n*s.k > 4_000_000 {
				continue
			}
			for _, form := range s.forms() {
				for _, where := range []Zeros{ZerosStructured, ZerosUnstructured} {
					if !cases.Has() {
						continue
					}
					t.Run(fmt.Sprintf("%v/form=%d/zeros=%d", s, form, where), func(t *testing.T) {
						test(t, sparseGemm(s, form, where), 1+form%3)
					})
				}
			}
		}
	})
}

// holdAgainstAll computes the product, and again with all multiplications. skipped
// says whether the first is to be without some.
func holdAgainstAll(t *testing.T, g *Gemm, workers int, skipped bool) {
	t.Helper()
	p := par.New(workers)
	defer p.Close()
	g.Prepare()
	g.Run(p)
	if g.nonzeros == nil {
		t.Fatal("no zeros are looked for")
	}
	if got := g.nonzeros.rest == 0; got != skipped {
		t.Errorf("zeros are left out: %v, want %v", got, skipped)
	}
	got := slices.Clone(g.C)
	where := g.Zeros
	g.Zeros = NoZeros
	g.Prepare()
	g.Run(p)
	g.Zeros = where
	for i, want := range g.C {
		if !cputest.SameBits(got[i], want) {
			t.Fatalf("element (%d, %d) is %v, want %v", i/g.LDC, i%g.LDC, got[i], want)
		}
	}
}

func TestLeavingOutZerosChangesNoBit(t *testing.T) {
	everySparse(t, func(t *testing.T, g *Gemm, workers int) { holdAgainstAll(t, g, workers, true) })
}

// A chain is at -0 once products that are too small for a float32 were all that it
// had. The +0 of a zero then brings it back to +0, so those can't be left out.
func TestChainsThatEndAtMinusZero(t *testing.T) {
	everySparse(t, func(t *testing.T, g *Gemm, workers int) {
		const tiny = 1e-30
		for k := range g.K {
			for i := 0; i < g.M; i += 3 {
				if a := g.at(i, k); *a != 0 {
					*a = -tiny
				}
			}
			for j := 0; j < g.N; j += 5 {
				*g.to(k, j) = tiny
			}
		}
		holdAgainstAll(t, g, workers, true)
		back := 0
		for i := 0; i < g.M; i += 3 {
			for j := 0; j < g.N; j += 5 {
				switch math.Float32bits(g.C[i*g.LDC+j]) {
				case 0:
					back++
				case 1 << 31:
				default:
					t.Fatalf("element (%d, %d) is %v, want 0", i, j, g.C[i*g.LDC+j])
				}
			}
		}
		if back == 0 {
			t.Error("no zero brings a chain back to +0")
		}
	})
}

func TestZerosTimesWhatIsNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	everySparse(t, func(t *testing.T, g *Gemm, workers int) {
		dead, live := 0, 0 // k that A has zeros for, and others
		for k := range g.K {
			for i := range g.M {
				if *g.at(i, k) != 0 {
					live = k
					break
				}
			}
			if live < k {
				dead = k
			}
		}
		for _, bad := range []struct {
			k int
			x float32
		}{{dead, inf}, {live, -inf}, {dead, nan}} {
			b := g.to(bad.k, g.N/3)
			before := *b
			*b = bad.x
			holdAgainstAll(t, g, workers, false)
			*b = before
		}
		*g.at(g.M/2, live) = nan
		holdAgainstAll(t, g, workers, false)
	})
}

func TestFewZerosAreLeftIn(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		for _, where := range []Zeros{ZerosStructured, ZerosUnstructured} {
			g := randomGemm(64, 128, 256, false, false, 0)
			g.Zeros = where
			holdAgainstAll(t, g, 1, false)
			if isa.Active() == isa.Generic && !choice.Thorough() {
				continue // what follows is the same code on every tier
			}
			g.Prepare()
			g.Run(nil)
			dense := slices.Clone(g.A)
			clear(g.A)
			if g.Run(nil); !g.leavesOut() {
				t.Error("zeros alone are not left out at once")
			}
			copy(g.A, dense)
			for range zerosRest {
				if g.Run(nil); g.leavesOut() {
					t.Fatal("few zeros are left out")
				}
			}
			clear(g.A[1:])
			if g.Run(nil); g.nonzeros.rest != 0 {
				t.Errorf("after %d products zeros are not looked for again", zerosRest)
			}
		}
	})
}

func TestAProductWithoutZerosIsCheckedAsOthersAre(t *testing.T) {
	everySparse(t, func(t *testing.T, g *Gemm, _ int) {
		var bad uint32
		g.Epilogue = &reduce.AllFinite{X: g.C, Cols: g.LDC, Bad: &bad}
		g.LDC = g.N
		g.C = g.C[:g.M*g.N]
		g.Epilogue = &reduce.AllFinite{X: g.C, Cols: g.N, Bad: &bad}
		g.Prepare()
		if g.Run(nil); bad != 0 || g.nonzeros.rest != 0 {
			t.Fatalf("of a finite product: bad %d, rest %d", bad, g.nonzeros.rest)
		}
		for i := range g.M {
			for k := range g.K {
				if a := g.at(i, k); *a != 0 {
					*a = math.MaxFloat32
					*g.to(k, 5) = 3
					if g.Run(nil); bad != 1 {
						t.Errorf("of an infinite product: bad %d", bad)
					}
					return
				}
			}
		}
	})
}

func TestAnEpilogueSeesEveryElementWithoutZeros(t *testing.T) {
	everySparse(t, func(t *testing.T, g *Gemm, workers int) {
		g.Run(nil)
		e := &seen{g: g, count: make([]int, g.M*g.N)}
		for r := range g.M {
			e.want = append(e.want, g.C[r*g.LDC:][:g.N]...)
		}
		move.SetAll(g.C, -1)
		g.Epilogue = e
		g.Prepare()
		p := par.New(workers)
		defer p.Close()
		g.Run(p)
		if e.wrong || slices.Min(e.count) != 1 || slices.Max(e.count) != 1 {
			t.Errorf("seen %d to %d times; unfinished: %v", slices.Min(e.count), slices.Max(e.count), e.wrong)
		}
	})
}

func TestLeavingOutZerosAllocatesNothing(t *testing.T) {
	everySparse(t, func(t *testing.T, g *Gemm, workers int) {
		p := par.New(workers)
		defer p.Close()
		g.Run(p)
		// A worker that gets its first task now makes its scratch: an object and two
		// buffers, which is less than one a run for two such workers.
		if n := testing.AllocsPerRun(10, func() { g.Run(p) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestLeavingOutZerosStaysWithinTheOperands(t *testing.T) {
	copyTo := func(to, from []float32) []float32 { copy(to, from); return to }
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(5)
		for _, s := range []size{{17, 128, 1000, 0}, {50, 131, 330, 0}, {131, 139, 129, 0}, {16, 300, 451, 0}} {
			for form := range 4 {
				for _, where := range []Zeros{ZerosStructured, ZerosUnstructured} {
					if !cases.Has() {
						continue
					}
					g := sparseGemm(s, form, where)
					atStart := form%2 == s.m%2
					g.A = copyTo(cputest.Fenced[float32](t, len(g.A), atStart), g.A)
					g.B = copyTo(cputest.Fenced[float32](t, len(g.B), atStart), g.B)
					g.C = cputest.Fenced[float32](t, len(g.C), atStart)
					holdAgainstAll(t, g, 1, true)
				}
			}
		}
	})
}

// Of tiles below each other, the microkernels compute those before the first with a
// chain that can't do without its zeros, and leave the others as they are.
func TestListedTilesEndBeforeAChainThatNeedsItsZeros(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		kernels := gemmTiers[isa.Active()]
		for order := range kernels.listed {
			for height, list := range kernels.listed[order] {
				for _, m := range list {
					width, narrowest := m.vectors*kernels.lanes, m.vectors*kernels.lanes
					if m.vectors <= kernels.partial {
						narrowest -= kernels.lanes - 1
					}
					for cols := narrowest; cols <= width; cols++ {
						for seed := range 20 {
							testListedTiles(t, kernels, m, order == 1, height, cols, uint64(seed))
						}
					}
				}
			}
		}
	})
}

func testListedTiles(t *testing.T, kernels *gemmKernels, m microkernel, trans bool, height, cols int, seed uint64) {
	const count, k = 3, 12
	r := rand.New(rand.NewPCG(seed, uint64(cols)))
	random := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(r.NormFloat64())
		}
		return s
	}
	rows := count * height
	b, c := matrix{data: random(k * cols), ld: cols}, matrix{data: random(rows * (cols + 1)), ld: cols + 1}
	a := matrix{data: random(rows * k), ld: k}
	aStep := height * k
	if trans {
		a.ld, a.trans, aStep = rows, true, height
	}
	lists, ks := make([]int32, count*k), make([]int32, count)
	for tile := range count {
		for p := range int32(k) {
			if r.IntN(2) == 0 {
				lists[tile*k+int(ks[tile])] = p
				ks[tile]++
			}
		}
	}
	s := &gemmScratch{kernels: kernels}
	s.tile.resume = r.IntN(2)

	bad, kind := r.IntN(count+1), r.IntN(4)
	if bad < count && ks[bad] > 0 { // one chain of that tile
		i, j := bad*height+r.IntN(height), r.IntN(cols)
		for p := range k {
			x := []float32{-1e-30, math.MaxFloat32 / 1000, -math.MaxFloat32 / 1000, float32(math.NaN())}[kind]
			a.from(i, p).data[0] = x
			b.from(p, j).data[0] = []float32{1e-30, 3000, 3000, 1}[kind]
		}
		if kind == 0 {
			c.from(i, j).data[0] = float32(math.Copysign(0, -1))
		}
	} else {
		bad = count
	}

	want := slices.Clone(c.data)
	for i := range bad * height {
		tile := i / height
		for j := range cols {
			sum := &want[i*c.ld+j]
			if s.tile.resume == 0 {
				*sum = 0
			}
			for _, p := range lists[tile*k:][:ks[tile]] {
				*sum = fmath.FMA(a.from(i, int(p)).data[0], b.from(int(p), j).data[0], *sum)
			}
		}
	}
	s.tile.count = count
	s.tile.list, s.tile.ks, s.tile.listStep, s.tile.ksStep = &lists[0], &ks[0], 4*k, 4
	s.tile.aStep, s.tile.bStep, s.tile.cStep = 4*aStep, 4, 4*height*c.ld
	s.multiply(m, a, b, c, cols)
	if s.tile.count != count-bad {
		t.Fatalf("%d×%d of %d, transposed %v, seed %d: %d tiles are left, want %d", height, cols, m.vectors, trans, seed, s.tile.count, count-bad)
	}
	for i := range want {
		if !cputest.SameBits(c.data[i], want[i]) {
			t.Fatalf("%d×%d of %d, transposed %v, seed %d: element (%d, %d) is %v, want %v", height, cols, m.vectors, trans, seed, i/c.ld, i%c.ld, c.data[i], want[i])
		}
	}
}

func TestNonzeroSetsTheBitsOfWhatIsNotZero(t *testing.T) {
	zero := float32(math.Copysign(0, -1))
	some := []float32{0, zero, 0, zero, 1, -1, math.SmallestNonzeroFloat32, float32(math.NaN()), float32(math.Inf(-1))}
	cputest.EachTier(t, func(t *testing.T) {
		for cols := 1; cols <= 64; cols++ {
			const rows = 5
			r := rand.New(rand.NewPCG(uint64(cols), 3))
			x := cputest.Fenced[float32](t, rows*cols, cols%2 == 0)
			for i := range x {
				x[i] = some[r.IntN(len(some))]
			}
			var got, want [rows]uint64
			nonzeroGeneric(&search{bits: &want[0], x: &x[0], ldx: 4 * cols, rows: rows, cols: cols})
			gemmTiers[isa.Active()].nonzero(&search{bits: &got[0], x: &x[0], ldx: 4 * cols, rows: rows, cols: cols})
			if got != want {
				t.Fatalf("of %d columns: %x, want %x", cols, got, want)
			}
		}
	})
}

func TestTransposedBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var from [64]uint64
	for i := range from {
		from[i] = r.Uint64()
	}
	to := from
	transposeBits(&to)
	for i := range 64 {
		for j := range 64 {
			if from[i]>>j&1 != to[j]>>i&1 {
				t.Fatalf("bit %d of word %d went astray", j, i)
			}
		}
	}
}
