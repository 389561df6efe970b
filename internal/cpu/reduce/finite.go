package reduce

import (
	"math"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file checks that values are finite.

// An AllFinite kernel sets *Bad to 1 if an element of X is infinite or NaN. It
// never clears it, so that several kernels can share one flag.
type AllFinite struct {
	X    []float32
	Bad  *uint32
	Cols int // the length of a row of X, for Region alone
}

// finiteGrain is the number of elements that one task checks: fewer are not worth handing to another core.
const finiteGrain = 1 << 16

// Tasks returns the number of tasks that Run is made of.
func (k *AllFinite) Tasks() int { return (len(k.X) + finiteGrain - 1) / finiteGrain }

// Run checks X.
func (k *AllFinite) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *AllFinite) Do(_, index int) {
	i := index * finiteGrain
	if !Finite(k.X[i:min(i+finiteGrain, len(k.X))]) {
		atomic.StoreUint32(k.Bad, 1)
	}
}

// Region checks a region of X, the result of a product: the kernel is a [cpu.Epilogue].
func (k *AllFinite) Region(_, r0, r1, c0, c1 int) {
	ok := true
	if c1-c0 == k.Cols {
		ok = Finite(k.X[r0*k.Cols : r1*k.Cols])
	} else {
		for r := r0; r < r1; r++ {
			ok = Finite(k.X[r*k.Cols+c0:r*k.Cols+c1]) && ok
		}
	}
	if !ok {
		atomic.StoreUint32(k.Bad, 1)
	}
}

func finiteGeneric(x []float32) bool {
	for _, v := range x {
		if math.Float32bits(v)&(0xFF<<23) == 0xFF<<23 {
			return false
		}
	}
	return true
}
