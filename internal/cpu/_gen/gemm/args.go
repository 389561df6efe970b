package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// A generator emits the functions of one instruction set.
type generator struct {
	*avx.Asm
	sizes sizes
	arg   avx.Struct
}

// function begins the function name(arg *typ).
func (g *generator) function(name, arg, typ string) {
	g.Begin(name, "func("+arg+" *"+typ+")")
	g.arg = g.Struct(arg)
}

// field is a field of the argument in memory.
func (g *generator) field(name string) operand.Mem { return g.arg.Field(name) }

// load copies a field of the argument to a register.
func (g *generator) load(name string) reg.GPVirtual {
	r := g.GP64()
	g.MOVQ(g.field(name), r)
	return r
}

// v is vector register i.
func (g *generator) v(i int) reg.VecPhysical { return g.Physical(i) }

// firstLanes makes mask i, 1 or 2, of the first n lanes. On AVX2 it is the i-th vector register from the last.
func (g *generator) firstLanes(n reg.GPVirtual, i int) avx.Mask {
	m := avx.Mask([...]reg.OpmaskPhysical{1: reg.K1, 2: reg.K2}[i])
	if !g.Wide {
		m = g.v(16 - i)
	}
	g.FirstLanes(n, m)
	return m
}
