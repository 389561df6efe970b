package product

import (
	"math"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// A product has the bits of another that has neither packed B before nor ever moved A and C, whether it is one task or several.
func TestProductsOfKeptAndMovedFactors(t *testing.T) {
	for _, shared := range []bool{false, true} {
		testKept(t, shared)
	}
}

func testKept(t *testing.T, shared bool) {
	for _, s := range []size{
		{32, 130, 70, 0}, {9, 33, 300, 2}, {20, 3, 40, 1}, {40, 128, 520, 0}, {3, 20, 30, 0}, {33, 50, 4100, 1}, {61, 70, 300, 3}, {400, 100, 512, 0},
	} {
		for _, form := range s.forms() {
			if form > 0 && shared != (form == 1) && !choice.Thorough() {
				continue
			}
			plain := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
			if s.m == 40 {
				plain.Zeros = ZerosUnstructured
				for i := range plain.A {
					if i%4 > 0 {
						plain.A[i] = 0
					}
				}
			}
			cputest.EachTier(t, func(t *testing.T) {
				if isa.Active() == isa.Generic && s.m*s.n*s.k > choice.Effort(1_000_000, math.MaxInt) {
					return
				}
				kept := new(Kept)
				like := func() *Gemm {
					return &Gemm{
						M: s.m, N: s.n, K: s.k, TransA: plain.TransA, TransB: plain.TransB, LDA: plain.LDA, LDB: plain.LDB, LDC: plain.LDC,
						A: make([]float32, len(plain.A)), B: plain.B, C: make([]float32, len(plain.C)), Zeros: plain.Zeros, Keeps: kept, Alone: !shared,
					}
				}
				all := []*Gemm{like(), like()}
				for _, g := range all {
					g.Prepare()
				}
				if many := s.m*s.n*s.k >= serialWork; many && s.k <= chain && form == 0 && (!all[0].keepB || shared && all[0].tasks < 2) {
					t.Errorf("%v: B is kept: %v, tasks: %d", s, all[0].keepB, all[0].tasks)
				}
				if all[0].keepB && &all[0].kept[0] != &all[1].kept[0] {
					t.Errorf("%v, form %d: two products of one factor have packed it twice", s, form)
				}
				for round := range 3 {
					for i := range plain.B {
						plain.B[i] *= float32(round%2) + 0.5
					}
					want := like()
					want.A, want.Keeps = plain.A, nil
					want.Run(nil)
					for i := range kept.Tasks() {
						kept.Do(0, i)
					}
					for _, g := range all {
						a, c := append(make([]float32, round), plain.A...)[round:], make([]float32, len(plain.C)+round)[round:]
						g.MoveA(a)
						g.MoveC(c)
						g.Run(nil)
						for i := range s.m {
							if at := cputest.FirstDifference(c[i*g.LDC:][:s.n], want.C[i*g.LDC:][:s.n]); at >= 0 {
								t.Fatalf("%v, form %d, round %d: element %d, %d is %v, want %v", s, form, round, i, at, c[i*g.LDC+at], want.C[i*g.LDC+at])
							}
						}
					}
				}
			})
		}
	}
}

// Of factors for which there is no room none is kept, and their products need none.
func TestKeptFactorsHaveRoom(t *testing.T) {
	kept := &Kept{Room: 100 * 200}
	product := func() *Gemm {
		g := randomGemm(50, 100, 200, false, false, 0)
		g.Keeps = kept
		g.Prepare()
		return g
	}
	first, second := product(), product()
	if !first.keepB || second.keepB || kept.Tasks() == 0 {
		t.Fatalf("the first factor is kept: %v; the second: %v; tasks: %d", first.keepB, second.keepB, kept.Tasks())
	}
	again := &Gemm{M: 70, N: first.N, K: first.K, A: make([]float32, 70*200), B: first.B, C: make([]float32, 70*100), LDA: 200, LDB: first.LDB, LDC: 100, Keeps: kept}
	again.Prepare()
	if !again.keepB || &again.kept[0] != &first.kept[0] {
		t.Error("another product of the first factor does not share it")
	}
}
