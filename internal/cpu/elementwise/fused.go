package elementwise

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file recognises the programs that have a loop of their own: one pass
// over the operands, in place of one for each operation.

// A fusedLoop is the argument of such a loop: rows and columns, and for each
// operand where its row begins and how many bytes further the next one does.
// The vectors come first in "in", then the scalars, that is what is the same in
// every column of a row. The generators read this declaration.
type fusedLoop struct {
	rows, cols int
	in         [maxFusedIn]*float32
	inStride   [maxFusedIn]int
	out        [maxFusedOut]*float32
	outStride  [maxFusedOut]int
	keep       *byte // dropout's bits of row r begin keepStride·r bytes further
	keepStride int
	keepShift  int // column 0 of row r is bit (keepShift + shiftStep·r) mod 8
	shiftStep  int
}

const (
	maxFusedIn  = 12
	maxFusedOut = 7
)

// A fusedProgram is a program with a loop. The first operands are vectors, the
// rest scalars; C of an OpDropout is the operand with its scale.
type fusedProgram struct {
	name               string
	vectors            int
	program            Program
	avx2, avx512, neon func(*fusedLoop)
}

// loop is the program's loop for a tier, or nil.
func (f *fusedProgram) loop(t isa.Tier) func(*fusedLoop) {
	switch t {
	case isa.AVX2:
		return f.avx2
	case isa.AVX512:
		return f.avx512
	case isa.NEON:
		return f.neon
	}
	return nil
}

// A shape is a program in a canonical form: its key is the same for programs
// that are equal but for the order of the operands of commutative operations, of
// independent instructions, of operands and of outputs. vectors, scalars and
// outputs say where the n-th of the canonical form stands in the program:
// scalars are operands, constants or, from 256 on, scales of dropouts.
type shape struct {
	key              string
	vectors, scalars []int
	outputs          []int
}

const scaleOf = 256

// shapeOf canonicalises p. isScalar tells about the operands; scale returns the
// scalar of an OpDropout.
func shapeOf(p *Program, isScalar func(operand int) bool, scale func(Instr) int) shape {
	first := p.Operands + len(p.Consts)
	children := func(in Instr) (op Op, c []int) {
		switch {
		case in.Op == OpSquare:
			return OpMul, []int{int(in.A), int(in.A)}
		case in.Op == OpDropout:
			return in.Op, []int{int(in.A), scale(in)}
		}
		return in.Op, []int{int(in.A), int(in.B), int(in.C)}[:in.Op.arity()]
	}
	leafIsScalar := func(r int) bool { return r >= p.Operands || isScalar(r) }

	// The rank of a register orders what may stand in any order. It depends on
	// the structure alone.
	const leafVector, leafScalar = 1, 2
	ranks := make([]uint64, first+len(p.Code))
	rank := func(r int) uint64 {
		switch {
		case r < len(ranks) && ranks[r] != 0:
			return ranks[r]
		case leafIsScalar(r):
			return leafScalar
		}
		return leafVector
	}
	mix := func(h, x uint64) uint64 {
		h = (h ^ x) * 0x9E3779B97F4A7C15
		return h ^ h>>29
	}
	sorted := func(in Instr) (Op, []int) {
		op, c := children(in)
		switch op {
		case OpAdd, OpMul, OpMax, OpMin, OpEqual:
			slices.SortStableFunc(c, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
		}
		return op, c
	}
	for i, in := range p.Code {
		op, c := sorted(in)
		h := mix(uint64(op)+3, uint64(len(c)))
		for _, r := range c {
			h = mix(h, rank(r))
		}
		ranks[first+i] = h
	}

	var s shape
	var key []byte
	number := map[int]uint16{}
	var visit func(r int)
	visit = func(r int) {
		if _, ok := number[r]; ok {
			return
		}
		if r >= first && r < scaleOf {
			op, c := sorted(p.Code[r-first])
			for _, x := range c {
				visit(x)
			}
			key = append(key, byte(op))
			for _, x := range c {
				key = binary.LittleEndian.AppendUint16(key, number[x])
			}
		} else if leafIsScalar(r) {
			key = append(key, 254)
			s.scalars = append(s.scalars, r)
		} else {
			key = append(key, 255)
			s.vectors = append(s.vectors, r)
		}
		number[r] = uint16(len(number))
	}
	for k := range p.Outputs {
		s.outputs = append(s.outputs, k)
	}
	slices.SortStableFunc(s.outputs, func(a, b int) int {
		return cmp.Compare(rank(int(p.Outputs[a])), rank(int(p.Outputs[b])))
	})
	for _, k := range s.outputs {
		visit(int(p.Outputs[k]))
	}
	for _, k := range s.outputs {
		key = binary.LittleEndian.AppendUint16(key, number[int(p.Outputs[k])])
	}
	s.key = string(key)
	return s
}

// fusedByKey finds the loop of a canonical program.
var fusedByKey = sync.OnceValue(func() map[string]*fusedProgram {
	m := map[string]*fusedProgram{}
	for i := range fusedPrograms {
		f := &fusedPrograms[i]
		m[f.shape().key] = f
	}
	return m
})

func (f *fusedProgram) shape() shape {
	return shapeOf(&f.program, func(r int) bool { return r >= f.vectors }, func(in Instr) int { return int(in.C) })
}

// A fusedBinding says what a kernel gives to the loop of its program.
type fusedBinding struct {
	*fusedProgram
	in  [maxFusedIn]int // an operand, a constant, or scaleOf + a dropout
	n   int
	out [maxFusedOut]int
	// mask is the Dropout whose bits the loop needs, or -1.
	mask int
}

// Loop returns the name of the loop that runs the program, or "" if it is interpreted.
func (e *Kernel) Loop() string {
	e.Prepare()
	if e.fused == nil || e.fused.loop(isa.Active()) == nil {
		return ""
	}
	return e.fused.name
}

// bindFused returns the binding of e's program, or nil if it has no loop.
func bindFused(e *Kernel) *fusedBinding {
	p := e.Program
	mask := -1
	for _, in := range p.Code {
		if in.Op == OpDropout {
			if mask >= 0 {
				return nil
			}
			mask = int(in.B)
		}
	}
	for _, o := range p.Outputs {
		if int(o) < p.Operands+len(p.Consts) {
			return nil
		}
	}
	s := shapeOf(p,
		func(r int) bool { return e.In[r].ColStride == 0 },
		func(in Instr) int { return scaleOf + int(in.B) })
	f := fusedByKey()[s.key]
	if f == nil {
		return nil
	}
	// Both programs are brought to the same canonical form: the loop's operand
	// is the kernel's operand of the same canonical number.
	t := f.shape()
	b := &fusedBinding{fusedProgram: f, n: len(t.vectors) + len(t.scalars), mask: mask}
	for i, r := range t.vectors {
		b.in[r] = s.vectors[i]
	}
	for i, r := range t.scalars {
		b.in[r] = s.scalars[i]
	}
	for i, k := range t.outputs {
		b.out[k] = s.outputs[i]
	}
	return b
}
