package elementwise

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// Any operation may write where it reads.
func TestEveryOperationRunsOverItsOwnOperand(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		for op := range NumOps {
			for place := range op.arity() {
				t.Run(fmt.Sprintf("%v over operand %d", op, place), func(t *testing.T) {
					const rows, cols = 3, 700
					r := rand.New(rand.NewPCG(1, uint64(op)))
					e := &Kernel{
						Program: &Program{Operands: op.arity(), Code: []Instr{{Op: op}}, Outputs: []uint8{uint8(op.arity())}},
						Rows:    rows, Cols: cols, Dropouts: []Dropout{testDropout(1)},
					}
					registers := []*uint8{&e.Program.Code[0].A, &e.Program.Code[0].B, &e.Program.Code[0].C}
					for i := range op.arity() {
						*registers[i] = uint8(i)
						e.In = append(e.In, full.operand(r, rows, cols))
					}
					e.Out = []Operand{e.In[place]}
					checkKernel(t, e, func() { e.Run(nil) })
				})
			}
		}
	})
}
