package cpu

import (
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

type Epilogue interface {
	Region(worker, r0, r1, c0, c1 int)
}
type Gemm struct {
	M, N, K        int
	TransA, TransB bool
	A, B, C        []float32
	LDA, LDB, LDC  int
	Epilogue       Epilogue
}

func (g *Gemm) Prepare() {}
func (g *Gemm) Run(p *par.Pool) {
	for i := 0; i < g.M; i++ {
		for j := 0; j < g.N; j++ {
			var s float32
			for k := 0; k < g.K; k++ {
				a := i*g.LDA + k
				if g.TransA {
					a = k*g.LDA + i
				}
				b := k*g.LDB + j
				if g.TransB {
					b = j*g.LDB + k
				}
				s = fmath.FMA(g.A[a], g.B[b], s)
			}
			g.C[i*g.LDC+j] = s
		}
	}
	if g.Epilogue != nil {
		g.Epilogue.Region(0, 0, g.M, 0, g.N)
	}
}
