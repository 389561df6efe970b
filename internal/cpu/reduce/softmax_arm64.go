package reduce

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file puts softmax and its cross-entropy together from loops, each of which makes one pass over several rows.

// rowSpace is the scratch memory for several rows.
type rowSpace struct {
	max, sum, log [64]float32
	lo, hi        [1]float32 // limits of probabilities
	terms         [sumBlock]float32
	loop          fusedLoop
}

// A fusedLoop is the argument of a loop over rows, as in package elementwise: rows and columns, and for each operand
// where its row begins and how many bytes further the next one does.
type fusedLoop struct {
	rows, cols int
	in         [5]*float32
	inStride   [5]int
	out        [1]*float32
	outStride  [1]int
}

// rowSpaces has the rowSpaces that no task is using.
var rowSpaces par.FreeList[rowSpace]

func acquireRows(clip float32) *rowSpace {
	s := rowSpaces.Get()
	s.lo[0], s.hi[0] = limits(clip)
	return s
}

func (s *rowSpace) release() {
	s.loop = fusedLoop{} // its pointers would keep the operands from being collected
	rowSpaces.Put(s)
}

// rowsAtOnce returns how many rows of n elements fit into a rowSpace, or 0 where the plain Go code must be used.
func rowsAtOnce(n int) int {
	if isa.Active() != isa.NEON || n == 0 {
		return 0
	}
	return min(len(rowSpace{}.max), len(rowSpace{}.terms)/n)
}

// bind sets the loop for rows of n elements.
func (s *rowSpace) bind(rows, n int, out []float32, in ...[]float32) *fusedLoop {
	l := &s.loop
	l.rows, l.cols = rows, n
	l.out[0], l.outStride[0] = first(out), 4*n
	for i, x := range in {
		l.in[i], l.inStride[i] = first(x), 4*n
	}
	return l
}

// scalars sets operands i, i+1, … to values, which have one number for each row, or one number for all rows.
func (l *fusedLoop) scalars(i int, values ...[]float32) *fusedLoop {
	for j, v := range values {
		l.in[i+j], l.inStride[i+j] = first(v), 4
		if len(v) == 1 {
			l.inStride[i+j] = 0
		}
	}
	return l
}

// exp writes exp(x_i - m) to y and sets m, the maximum, and the sum of each row.
func (s *rowSpace) exp(y, x []float32, rows, n int) {
	reduceRows(Max, s.max[:rows], x, n)
	fusedExpSubNEON(s.bind(rows, n, y, x).scalars(1, s.max[:]))
	reduceRows(Sum, s.sum[:rows], y, n)
}

// logs sets the logarithm of each row's sum.
func (s *rowSpace) logs(rows int) {
	for r, sum := range s.sum[:rows] {
		s.log[r] = fmath.Log(sum)
	}
}

func softmaxRows(y, x []float32, rows, n int) {
	if isa.Active() != isa.NEON || n == 0 {
		softmaxRowsGeneric(y, x, rows, n)
		return
	}
	s := acquireRows(0)
	defer s.release()
	at := len(s.max)
	for r := 0; r < rows; r += at {
		c := min(at, rows-r)
		y := y[r*n : (r+c)*n]
		s.exp(y, x[r*n:(r+c)*n], c, n)
		fusedQuotientNEON(s.bind(c, n, y, y).scalars(1, s.sum[:]))
	}
}

func logSoftmaxRows(y, x []float32, rows, n int) {
	at := rowsAtOnce(n)
	if at == 0 {
		logSoftmaxRowsGeneric(y, x, rows, n)
		return
	}
	s := acquireRows(0)
	defer s.release()
	for r := 0; r < rows; r += at {
		c := min(at, rows-r)
		x := x[r*n : (r+c)*n]
		s.exp(s.terms[:], x, c, n)
		s.logs(c)
		fusedLogSoftmaxNEON(s.bind(c, n, y[r*n:], x).scalars(1, s.max[:], s.log[:]))
	}
}

// rows computes Loss.
func (k *SoftmaxCrossentropy) rows() {
	at := rowsAtOnce(k.N)
	if at == 0 {
		k.rowsGeneric()
		return
	}
	s := acquireRows(k.Clip)
	defer s.release()
	lo, hi := s.lo[0], s.hi[0]
	for r := 0; r < k.Rows; r += at {
		c := min(at, k.Rows-r)
		z, loss := k.Logits[r*k.N:(r+c)*k.N], k.Loss[r:r+c]
		s.exp(s.terms[:], z, c, k.N)
		if k.Clip == 0 {
			s.logs(c)
		}
		if k.Sparse {
			for i := range c {
				loss[i] = 0
				j := class(k.Target, k.Labels, r+i, k.N)
				switch {
				case j < 0:
				case k.Clip == 0:
					loss[i] = 0 - ((z[i*k.N+j] - s.max[i]) - s.log[i])
				default:
					loss[i] = 0 - fmath.Log(min(max(s.terms[i*k.N+j]/s.sum[i], lo), hi))
				}
			}
			continue
		}
		t := k.Target[r*k.N:]
		if k.Clip == 0 {
			fusedCrossentropyNEON(s.bind(c, k.N, s.terms[:], z, t).scalars(2, s.max[:], s.log[:]))
		} else {
			fusedClippedCrossentropyNEON(s.bind(c, k.N, s.terms[:], s.terms[:], t).scalars(2, s.sum[:], s.lo[:], s.hi[:]))
		}
		sumRows(loss, s.terms[:c*k.N], k.N)
		for i, sum := range loss {
			loss[i] = 0 - sum
		}
	}
}

// rows computes DLogits.
func (k *SoftmaxCrossentropyGrad) rows() {
	at := rowsAtOnce(k.N)
	if at == 0 {
		k.rowsGeneric()
		return
	}
	s := acquireRows(k.Clip)
	defer s.release()
	lo, hi := s.lo[0], s.hi[0]
	softmaxRows(k.DLogits, k.Logits, k.Rows, k.N)
	for r := 0; r < k.Rows; r += at {
		c := min(at, k.Rows-r)
		p, w := k.DLogits[r*k.N:(r+c)*k.N], s.terms[:c*k.N]
		if k.Sparse {
			clear(w)
			for i := range c {
				if j := class(k.Target, k.Labels, r+i, k.N); j >= 0 && p[i*k.N+j] >= lo && p[i*k.N+j] <= hi {
					w[i*k.N+j] = 1
				}
			}
		} else {
			fusedWeightNEON(s.bind(c, k.N, w, p, k.Target[r*k.N:]).scalars(2, s.lo[:], s.hi[:]))
		}
		sumRows(s.sum[:c], w, k.N)
		fusedCrossentropyGradNEON(s.bind(c, k.N, p, p, w).scalars(2, s.sum[:], k.DLoss[r:]))
	}
}
