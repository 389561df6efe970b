package elementwise

import (
	"fmt"
	"strings"
)

// This file defines programs: what an elementwise kernel computes for one
// element, in single-assignment form.

// An Op is an elementwise operation.
type Op uint8

// The operations of programs, with the instruction's operands as a, b, c. Each
// is one correctly rounded IEEE operation, or the function of that name in
// internal/fmath; a multiplication and an addition stay two roundings.
const (
	OpAdd       Op = iota // a + b
	OpSub                 // a - b
	OpMul                 // a * b
	OpDiv                 // a / b
	OpMax                 // Go's max(a, b)
	OpMin                 // Go's min(a, b)
	OpPow                 // fmath.Pow(a, b)
	OpLess                // 1 if a < b, else 0
	OpLessEqual           // 1 if a <= b, else 0
	OpEqual               // 1 if a == b, else 0
	OpNeg                 // -a
	OpAbs                 // |a|
	OpSign                // 1, 0 or -1; NaN for NaN
	OpSquare              // a * a
	OpSqrt                // √a
	OpExp                 // the rest of the unary ones: see fmath
	OpExpm1
	OpLog
	OpLog1p
	OpTanh
	OpSigmoid
	OpErf
	OpRelu
	OpSoftplus
	OpSin
	OpCos
	OpFloor
	OpReluGrad  // b > 0 ? a : +0, the gradient a through a relu whose output is b
	OpMaskScale // b > 0 ? a*c : +0, the gradient a through relu and dropout of scale c
	OpSelect    // a != 0 ? b : c
	OpDropout   // kept ? a*scale : +0, with Dropouts[B] of the kernel
	NumOps
)

// opTable gives each operation its name, its number of value operands, and its
// rough cost in additions, which decides how work is split over threads.
var opTable = [NumOps]struct {
	name  string
	arity int
	cost  int
}{
	OpAdd: {"add", 2, 1}, OpSub: {"sub", 2, 1}, OpMul: {"mul", 2, 1}, OpDiv: {"div", 2, 4},
	OpMax: {"max", 2, 1}, OpMin: {"min", 2, 1}, OpPow: {"pow", 2, 60},
	OpLess: {"less", 2, 1}, OpLessEqual: {"lessequal", 2, 1}, OpEqual: {"equal", 2, 1},
	OpNeg: {"neg", 1, 1}, OpAbs: {"abs", 1, 1}, OpSign: {"sign", 1, 1}, OpSquare: {"square", 1, 1},
	OpSqrt: {"sqrt", 1, 4}, OpExp: {"exp", 1, 8}, OpExpm1: {"expm1", 1, 8}, OpLog: {"log", 1, 10},
	OpLog1p: {"log1p", 1, 10}, OpTanh: {"tanh", 1, 12}, OpSigmoid: {"sigmoid", 1, 12},
	OpErf: {"erf", 1, 16}, OpRelu: {"relu", 1, 1}, OpSoftplus: {"softplus", 1, 16},
	OpSin: {"sin", 1, 30}, OpCos: {"cos", 1, 30}, OpFloor: {"floor", 1, 1},
	OpReluGrad: {"relugrad", 2, 1}, OpMaskScale: {"maskscale", 3, 1}, OpSelect: {"select", 3, 1},
	OpDropout: {"dropout", 1, 3},
}

// String returns the operation's name.
func (op Op) String() string {
	if op < NumOps {
		return opTable[op].name
	}
	return fmt.Sprintf("Op(%d)", uint8(op))
}

// arity returns how many of an instruction's A, B, C are registers.
func (op Op) arity() int { return opTable[op].arity }

// An Instr computes one value. A, B and C are registers; unused ones are 0. For
// OpDropout B is the index of the kernel's Dropout.
type Instr struct {
	Op      Op
	A, B, C uint8
}

// A Program is what a [Kernel] computes for one element. Its
// registers are numbered from 0: first the operands, then the constants, then
// one for the value of each instruction. Outputs lists the registers to store.
type Program struct {
	Operands int
	Consts   []float32
	Code     []Instr
	Outputs  []uint8
}

// String shows the program, one line a value: "v3 = mul v0 v2".
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "operands %d\n", p.Operands)
	for i, c := range p.Consts {
		fmt.Fprintf(&b, "v%d = %v\n", p.Operands+i, c)
	}
	for i, in := range p.Code {
		fmt.Fprintf(&b, "v%d = %v v%d", p.Operands+len(p.Consts)+i, in.Op, in.A)
		if in.Op.arity() > 1 {
			fmt.Fprintf(&b, " v%d", in.B)
		}
		if in.Op.arity() > 2 {
			fmt.Fprintf(&b, " v%d", in.C)
		}
		if in.Op == OpDropout {
			fmt.Fprintf(&b, " mask%d", in.B)
		}
		b.WriteByte('\n')
	}
	b.WriteString("out")
	for _, o := range p.Outputs {
		fmt.Fprintf(&b, " v%d", o)
	}
	return b.String()
}

// cost is the program's cost per element, in additions.
func (p *Program) cost() int {
	n := p.Operands + len(p.Outputs)
	for _, in := range p.Code {
		n += opTable[in.Op].cost
	}
	return n
}
