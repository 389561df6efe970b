// Package avx gives AVX2 and AVX-512 one face, so that a kernel is written once for both: a vector has 8 lanes of float32 on
// AVX2 and 16 on AVX-512. It reads where the fields of a kernel's argument are, and writes the files.
package avx

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An Asm emits functions for one of the two instruction sets.
type Asm struct {
	*build.Context
	Wide bool // AVX-512

	arguments string          // the file that declares the arguments
	tables    map[string]bool // read-only data that the file has
}

// Lanes is the number of float32 in a vector.
func (a *Asm) Lanes() int {
	if a.Wide {
		return 16
	}
	return 8
}

// Suffix ends the names of the functions of this instruction set.
func (a *Asm) Suffix() string {
	if a.Wide {
		return "AVX512"
	}
	return "AVX2"
}

// Physical is vector register i, for functions that place their values themselves.
func (a *Asm) Physical(i int) reg.VecPhysical {
	if a.Wide {
		return zmm[i]
	}
	return ymm[i]
}

var (
	ymm = [...]reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	}
	zmm = [...]reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}
)

// Zero makes v +0 in all lanes.
func (a *Asm) Zero(v reg.Register) {
	if a.Wide {
		a.VPXORD(v, v, v)
	} else {
		a.VXORPS(v, v, v)
	}
}

// A Mask chooses lanes of a vector: an opmask register on AVX-512, on AVX2 a vector register whose lanes are all ones or all
// zeros.
type Mask operand.Op

// FirstLanes makes masks that choose the first n of the lanes of as many vectors as there are masks: one, or on AVX2 two,
// which have 16 lanes together.
func (a *Asm) FirstLanes(n reg.GPVirtual, masks ...Mask) {
	if a.Wide {
		bits := a.GP32()
		a.MOVL(operand.I32(-1), bits)
		a.BZHIL(n.As32(), bits, bits)
		a.KMOVW(bits, masks[0])
		return
	}
	const most = 16
	table := a.Data("firstLanes", func() { // the lanes from most-n on choose n
		for i := range 2 * most {
			a.AppendDatum(operand.U32(-uint32(1 - i/most)))
		}
	})
	first, back := a.GP64(), a.GP64()
	a.LEAQ(table, first)
	a.MOVQ(n, back)
	a.NEGQ(back)
	for i, m := range masks {
		a.VMOVUPS(operand.Mem{Base: first, Index: back, Scale: 4, Disp: 4 * (most + a.Lanes()*i)}, m)
	}
}

// LoadLanes loads the lanes that a mask chooses, and makes the others +0. A nil mask chooses all.
func (a *Asm) LoadLanes(m operand.Op, lanes Mask, v reg.Register) {
	switch {
	case lanes == nil:
		a.VMOVUPS(m, v)
	case a.Wide:
		a.VMOVUPS_Z(m, lanes, v)
	default:
		a.VMASKMOVPS(m, lanes, v)
	}
}

// StoreLanes stores the lanes that a mask chooses. A nil mask chooses all.
func (a *Asm) StoreLanes(v reg.Register, lanes Mask, m operand.Op) {
	switch {
	case lanes == nil:
		a.VMOVUPS(v, m)
	case a.Wide:
		a.VMOVUPS(v, lanes, m)
	default:
		a.VMASKMOVPS(v, lanes, m)
	}
}

// Data returns a table in the file's read-only data. fill appends its content the first time.
func (a *Asm) Data(name string, fill func()) operand.Mem {
	if a.tables[name] {
		return operand.NewDataAddr(operand.NewStaticSymbol(name), 0)
	}
	a.tables[name] = true
	m := a.StaticGlobal(name)
	const rodata, noPointers = 8, 16
	a.DataAttributes(rodata | noPointers)
	fill()
	return m
}
