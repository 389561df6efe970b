package product

import (
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// A product has the bits of another that has neither packed B before nor ever moved A and C.
func TestProductsOfKeptAndMovedFactors(t *testing.T) {
	for _, s := range []size{{32, 130, 70, 0}, {9, 33, 300, 2}, {20, 3, 40, 1}, {40, 128, 520, 0}, {3, 20, 30, 0}, {33, 50, 4100, 1}} {
		for _, form := range s.forms() {
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
				kept := new(Kept)
				like := func() *Gemm {
					return &Gemm{
						M: s.m, N: s.n, K: s.k, TransA: plain.TransA, TransB: plain.TransB, LDA: plain.LDA, LDB: plain.LDB, LDC: plain.LDC,
						A: make([]float32, len(plain.A)), B: plain.B, C: make([]float32, len(plain.C)), Zeros: plain.Zeros, Keeps: kept,
					}
				}
				all := []*Gemm{like(), like()}
				for _, g := range all {
					g.Prepare()
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
