package product

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// element is the definition of Gemm for one element.
func element(g *Gemm, i, j int) float32 {
	var total float32
	for k0 := 0; k0 < g.K; k0 += chain {
		var sum float32
		for k := k0; k < min(k0+chain, g.K); k++ {
			a, b := i*g.LDA+k, k*g.LDB+j
			if g.TransA {
				a = k*g.LDA + i
			}
			if g.TransB {
				b = j*g.LDB + k
			}
			sum = fmath.FMA(g.A[a], g.B[b], sum)
		}
		if k0 == 0 {
			total = sum
		} else {
			total += sum
		}
	}
	return total
}

// product is the definition for all elements.
func product(g *Gemm) []float32 {
	c := make([]float32, g.M*g.N)
	for i := range g.M {
		for j := range g.N {
			c[i*g.N+j] = element(g, i, j)
		}
	}
	return c
}

// randomGemm returns a product of random numbers. Rows are pad elements longer in
// memory than they need to be; if they are, nothing is aligned.
func randomGemm(m, n, k int, transA, transB bool, pad int) *Gemm {
	g := &Gemm{M: m, N: n, K: k, TransA: transA, TransB: transB, LDA: k + pad, LDB: n + pad, LDC: n + pad}
	rowsA, rowsB := m, k
	if transA {
		g.LDA, rowsA = m+pad, k
	}
	if transB {
		g.LDB, rowsB = k+pad, n
	}
	r := rand.NewPCG(uint64(m), uint64(n*k))
	var scale [16]float32 // 2⁻²⁰ to 2⁻³⁵
	for i := range scale {
		scale[i] = 1 / float32(uint64(1<<20)<<i)
	}
	fill := func(size int) []float32 {
		var s []float32
		if s = grow(&s, size+1)[:size]; pad > 0 {
			s = s[1 : size+1]
		}
		for i := range s {
			u := r.Uint64() // the same bits on every machine, unlike NormFloat64
			s[i] = float32(int32(u)>>8) * scale[u>>60]
		}
		return s
	}
	g.A, g.B, g.C = fill(rowsA*g.LDA), fill(rowsB*g.LDB), fill(m*g.LDC)
	return g
}

// A size is that of a product, and in pad the elements between rows.
type size struct{ m, n, k, pad int }

func (s size) String() string { return fmt.Sprintf("%dx%dx%d+%d", s.m, s.n, s.k, s.pad) }

// slow reports whether the size takes seconds in plain Go or on an emulator.
func (s size) slow() bool {
	return isa.Active() != isa.AVX2 && isa.Active() != isa.AVX512 && s.m*s.n*s.k > choice.Effort(2_000_000, 11_000_000)
}

// forms lists the ways to transpose the operands that a test of the size goes through: all four, but one of a size that
// takes long, unless .ci/run asks for all.
func (s size) forms() []int {
	work := s.m * s.n * s.k
	if isa.Active() == isa.Generic {
		work *= 50
	}
	if work > 1_000_000 && !choice.Thorough() {
		return []int{(s.m + s.n + int(isa.Active())) % 4}
	}
	return []int{0, 1, 2, 3}
}

// large are sizes for each way in which products are cut into tasks.
var large = []size{
	{130, 70, 1100, 0},   // rows are shared out
	{40, 300, 700, 3},    // columns are
	{65, 1040, 270, 1},   // B doesn't stay in the cache
	{9, 600, 400, 2},     // one panel of rows
	{9, 2600, 2050, 0},   // of a B that no cache holds
	{600, 40, 300, 0},    // A passes by
	{620, 130, 90, 5},    // many rows
	{17, 30, 8200, 0},    // three chains
	{260, 40, 4200, 0},   // two, of several regions
	{25, 41, 8200, 1},    // which are computed side by side
	{600, 520, 416, 608}, // rows that meet in one set of the cache
	{530, 540, 4100, 0},  // all are large, and two chains
	{1400, 1520, 70, 0},  // C goes past the caches
	{2500, 460, 70, 0},   // more rows than a pass has
	{2500, 460, 1100, 0}, // and more of k
	{4100, 133, 66, 1},   // so many rows that B is packed
	{455, 150, 4500, 0},  // a B of few columns that doesn't stay in the cache
	{1, 1, 9000, 0},
	{1, 700, 800, 1},
	{700, 1, 800, 0},
	{300, 4, 190, 1},  // A is transposed on the way
	{18, 530, 530, 0}, // B is fetched while it is multiplied
	{2, 300, 801, 1},  // a transposed B is read where it is
	{300, 2, 810, 0},  // so is A
	{40, 700, 700, 1}, // so is a B that no cache of a core holds, by a few panels of rows
}

// direct is the most multiplications of a product that is computed by its definition in
// every run. Of larger ones, a file has a hash of all bits.
const direct = 200_000

var update = flag.Bool("update", false, "write the golden files anew: from the definition in plain Go, in a minute or two")

const productHashes = "testdata/products.golden"

// readHashes returns the hash of each large product, computed by its definition.
func readHashes(t *testing.T) map[string]string {
	t.Helper()
	if *update {
		writeHashes(t)
	}
	content, err := os.ReadFile(productHashes)
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, hash, _ := strings.Cut(strings.TrimSpace(line), " ")
		hashes[key] = hash
	}
	return hashes
}

func writeHashes(t *testing.T) {
	t.Helper()
	var lines [4 * 100]string
	var wg sync.WaitGroup
	for i, s := range large {
		for form := range 4 {
			if s.m*s.n*s.k > direct {
				wg.Go(func() {
					g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
					lines[4*i+form] = fmt.Sprintf("%v/%d %s\n", s, form, hashOf(product(g)))
				})
			}
		}
	}
	wg.Wait()
	if err := os.WriteFile(productHashes, []byte(strings.Join(lines[:], "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// hashOf is a hash of the bits of all numbers.
func hashOf(x []float32) string {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, x)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func TestProductsHaveTheBitsOfTheirDefinition(t *testing.T) {
	sizes := append(slices.Clone(large), size{2, 3, 0, 1}, size{0, 3, 4, 0}, size{3, 0, 4, 0})
	for m := 1; m < 34; m += 3 {
		for n := 1; n < 70; n += 4 {
			sizes = append(sizes, size{m, n, 1 + (m*n)%37, m % 3})
		}
	}
	hashes := readHashes(t)
	tiers := isa.Supported()
	cputest.EachTier(t, func(t *testing.T) {
		best := isa.Active() == tiers[len(tiers)-1]
		for i, s := range sizes {
			if s.slow() || !best && s.m*s.n*s.k > direct && i%2 > 0 && !choice.Thorough() {
				continue
			}
			for _, form := range s.forms() {
				g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
				p := par.New(1 + (s.m+form)%3)
				untouched := g.C[min(g.N, len(g.C)):]
				if s.pad > 0 && len(untouched) > 0 {
					untouched[0] = 7
				}
				g.Run(p)
				p.Close()
				if s.pad > 0 && len(untouched) > 0 && untouched[0] != 7 {
					t.Fatalf("%v, form %d: C is written beside its columns", s, form)
				}
				var got []float32
				for i := range g.M {
					got = append(got, g.C[i*g.LDC:][:g.N]...)
				}
				if s.m*s.n*s.k > direct && hashOf(got) == hashes[fmt.Sprintf("%v/%d", s, form)] {
					continue
				}
				for i, want := range product(g) {
					if math.Float32bits(got[i]) != math.Float32bits(want) {
						t.Fatalf("%v, form %d: element (%d, %d) is %v, want %v", s, form, i/s.n, i%s.n, got[i], want)
					}
				}
				if s.m*s.n*s.k > direct {
					t.Fatalf("%v, form %d: %s has another hash; run go test -run %s -update", s, form, productHashes, t.Name())
				}
			}
		}
	})
}

func TestProductsOfWhatIsNoNumber(t *testing.T) {
	inf, nan, tiny, negZero := float32(math.Inf(1)), float32(math.NaN()), math.Float32frombits(3), float32(math.Copysign(0, -1))
	cputest.EachTier(t, func(t *testing.T) {
		for form := range 4 {
			g := randomGemm(30, 50, 20, form&1 != 0, form&2 != 0, 0)
			for i, x := range []float32{inf, nan, -inf, 0, negZero, tiny, -tiny, math.MaxFloat32} {
				g.A[(i*77)%len(g.A)] = x
				g.B[(i*131)%len(g.B)] = x
				g.B[(i*57)%len(g.B)] = 0
			}
			g.Run(nil)
			for i, want := range product(g) {
				if got := g.C[i]; !cputest.SameBits(got, want) {
					t.Fatalf("form %d: element %d is %v, want %v", form, i, got, want)
				}
			}
		}
	})
}

// seen counts how often each element has been in a region, and whether it was
// finished then.
type seen struct {
	g     *Gemm
	want  []float32
	mu    sync.Mutex
	count []int
	wrong bool
}

func (s *seen) Region(_, r0, r1, c0, c1 int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			s.count[r*s.g.N+c]++
			s.wrong = s.wrong || s.g.C[r*s.g.LDC+c] != s.want[r*s.g.N+c]
		}
	}
}

func TestAnEpilogueSeesEveryElementOnceWhenItIsFinished(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(5)
		for _, s := range append(slices.Clone(large), size{20, 30, 40, 0}, size{20, 30, 0, 0}, size{300, 9, 40, 1}) {
			if s.slow() || isa.Active() == isa.Generic && s.m*s.n*s.k > 5_000_000 {
				continue
			}
			for _, form := range s.forms() {
				if !cases.Has() {
					continue
				}
				g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
				g.Run(nil)
				e := &seen{g: g, count: make([]int, g.M*g.N)}
				for r := range g.M {
					e.want = append(e.want, g.C[r*g.LDC:][:g.N]...)
				}
				move.SetAll(g.C, -1)
				g.Epilogue = e
				g.Prepare()
				for _, workers := range []int{1, 3} {
					p := par.New(workers)
					clear(e.count)
					g.Run(p)
					p.Close()
					if e.wrong || slices.Min(e.count) != 1 || slices.Max(e.count) != 1 {
						t.Fatalf("%v, form %d, %d workers: seen %d to %d times; unfinished: %v", s, form, workers, slices.Min(e.count), slices.Max(e.count), e.wrong)
					}
				}
			}
		}
	})
}

func TestProductsRunSideBySide(t *testing.T) {
	pool := par.New(2)
	defer pool.Close()
	var wg sync.WaitGroup
	for _, s := range large {
		if s.slow() || s.m*s.n*s.k > choice.Effort(60_000_000, math.MaxInt) {
			continue
		}
		g := randomGemm(s.m, s.n, s.k, false, true, s.pad)
		g.Run(nil)
		want := slices.Clone(g.C)
		wg.Go(func() {
			for range 3 {
				move.SetAll(g.C, 0)
				g.Run(pool)
				for r := range g.M {
					if !slices.Equal(g.C[r*g.LDC:][:g.N], want[r*g.LDC:][:g.N]) {
						t.Errorf("%v: row %d differs", s, r)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestProductsAllocateNothing(t *testing.T) {
	p := par.New(2)
	defer p.Close()
	cases := cputest.SampleOf(5)
	for _, s := range large {
		if s.slow() || s.m*s.n*s.k > choice.Effort(100_000_000, math.MaxInt) {
			continue
		}
		for _, form := range s.forms() {
			if !cases.Has() {
				continue
			}
			g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
			g.Run(p)
			if n := testing.AllocsPerRun(2, func() { g.Run(p) }); n != 0 {
				t.Errorf("%v, form %d: %v allocations", s, form, n)
			}
		}
	}
}

// Whatever the caches are, products have the bits of their definition: the sizes choose
// the tiles, and no chain is cut by them.
func TestCacheSizesChangeNoBit(t *testing.T) {
	defer isa.ForceCaches(isa.Caches())
	hashes := readHashes(t)
	for _, sizes := range []isa.CacheSizes{{L1: 32 << 10, L2: 512 << 10, L3: 8 << 20}, {L1: 4 << 10, L2: 4 << 10, L3: 4 << 10}} {
		isa.ForceCaches(sizes)
		for i, s := range large {
			if s.slow() || isa.Active() == isa.Generic || s.m*s.n*s.k <= direct || s.m*s.n*s.k > choice.Effort(60_000_000, math.MaxInt) {
				continue
			}
			form := (i + sizes.L1) % 4
			g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
			g.Run(nil)
			var got []float32
			for i := range g.M {
				got = append(got, g.C[i*g.LDC:][:g.N]...)
			}
			if hashOf(got) != hashes[fmt.Sprintf("%v/%d", s, form)] {
				t.Errorf("caches of %v, product %v, form %d: another hash", sizes, s, form)
			}
		}
	}
}
