package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// This file has the operations on vectors, which a kernel is written in once for both instruction sets.

type (
	vec  = reg.VecVirtual
	op   = operand.Op
	pred = avx.Mask // which lanes are chosen
)

// An asm emits one function.
type asm struct {
	*avx.Asm

	hoisted map[constant]vec // constants that are in registers
	dry     bool             // only note the constants that are used
	used    []constant
	tail    pred // the lanes that loads and stores are limited to, or nil
	labels  int
	turns   bool     // instructions of a loop's vectors take turns
	crowded bool     // several values of a loop wait for others
	asides  []func() // what stands behind the function's end
}

func (a *asm) vec() vec {
	if a.Wide {
		return a.ZMM()
	}
	return a.YMM()
}

func (a *asm) label(name string) string {
	a.labels++
	return fmt.Sprintf("%s%d", name, a.labels)
}

// Constants.

// c returns a constant as an operand that may be memory, except on AVX-512.
func (a *asm) c(x float32) op { return a.bits(math.Float32bits(x)) }

// bits is c for a bit pattern or an integer.
func (a *asm) bits(b uint32) op { return a.constant(constant{uint64(b), 32}) }

// A constant fills a vector with a bit pattern of 32 or 64 bits.
type constant struct {
	bits uint64
	size int
}

func (a *asm) constant(c constant) op {
	if a.dry {
		if !slices.Contains(a.used, c) {
			a.used = append(a.used, c)
		}
		return a.vec()
	}
	if v, ok := a.hoisted[c]; ok {
		return v
	}
	if !a.Wide {
		return a.table(c)
	}
	return a.broadcast(c)
}

// table returns a vector of c in the read-only data.
func (a *asm) table(c constant) operand.Mem {
	return a.Data(fmt.Sprintf("c%0*x", c.size/4, c.bits), func() {
		for range 256 / c.size {
			if c.size == 32 {
				a.AppendDatum(operand.U32(c.bits))
			} else {
				a.AppendDatum(operand.U64(c.bits))
			}
		}
	})
}

func (a *asm) broadcast(c constant) vec {
	v := a.vec()
	if c.size == 32 {
		a.VBROADCASTSS(a.table(c), v)
	} else {
		a.VBROADCASTSD(a.table(c), v)
	}
	return v
}

// How many constants of a loop are kept in registers on AVX-512: all that a chain has where there is little else, and fewer where more values wait for others.
const (
	chainHoisted   = 22
	maxHoisted     = 16
	crowdedHoisted = 8
)

// hoist loads up to most constants that body uses into registers, on AVX-512; on AVX2,
// which has half the registers, they are memory operands.
func (a *asm) hoist(most int, body func()) {
	if !a.Wide {
		return
	}
	real, tail := a.Context, a.tail
	a.Context = build.NewContext()
	a.Function("dry")
	a.dry, a.used = true, nil
	body()
	a.dry, a.Context, a.tail = false, real, tail
	for _, c := range a.used[:min(len(a.used), most)] {
		a.hoisted[c] = a.broadcast(c)
	}
}

// reg returns o in a register.
func (a *asm) reg(o op) vec {
	if v, ok := o.(vec); ok {
		return v
	}
	v := a.vec()
	a.VMOVUPS(o, v)
	return v
}

func (a *asm) copy(o op) vec {
	v := a.vec()
	if _, ok := o.(vec); ok {
		a.VMOVAPS(o, v)
	} else {
		a.VMOVUPS(o, v)
	}
	return v
}

func (a *asm) zero() vec {
	v := a.vec()
	a.Zero(v)
	return v
}

// Memory.

// fetchToWrite asks for the line of m, which is to be written: the other cores lose it
// while there is time. It is PREFETCHW, which Go's assembler doesn't know.
func (a *asm) fetchToWrite(m operand.Mem) {
	a.LEAQ(m, reg.RAX)
	code := operand.U32(0x00480D0F) // PREFETCHW 0(AX)
	a.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []op{code}, Inputs: []op{reg.RAX}})
}

func (a *asm) load(m op) vec {
	v := a.vec()
	a.LoadLanes(m, a.tail, v)
	return v
}

func (a *asm) store(v vec, m op) { a.StoreLanes(v, a.tail, m) }

// Arithmetic.

func (a *asm) add(x, y op) vec {
	if _, ok := x.(vec); !ok {
		x, y = y, x
	}
	d := a.vec()
	a.VADDPS(y, a.reg(x), d)
	return d
}

func (a *asm) mul(x, y op) vec {
	if _, ok := x.(vec); !ok {
		x, y = y, x
	}
	d := a.vec()
	a.VMULPS(y, a.reg(x), d)
	return d
}

// product is mul for loops that divide or root as well: where an operand is
// denormal, Zen 5 holds VMULPS back until its divider is free, but not a
// multiply-add. x*y + (-0) is x*y, zeros with their signs included.
func (a *asm) product(x, y op) vec {
	r := a.copy(x)
	a.VFMADD213PS(a.bits(signBit), y, r)
	return r
}

func (a *asm) sub(x, y op) vec {
	d := a.vec()
	a.VSUBPS(y, a.reg(x), d)
	return d
}

func (a *asm) div(x, y op) vec {
	d := a.vec()
	a.VDIVPS(y, a.reg(x), d)
	return d
}

func (a *asm) sqrt(x op) vec {
	d := a.vec()
	a.VSQRTPS(x, d)
	return d
}

// rawMax is x > y ? x : y, so y if either is NaN.
func (a *asm) rawMax(x, y op) vec {
	d := a.vec()
	a.VMAXPS(y, a.reg(x), d)
	return d
}

// rawMin is x < y ? x : y, so y if either is NaN.
func (a *asm) rawMin(x, y op) vec {
	d := a.vec()
	a.VMINPS(y, a.reg(x), d)
	return d
}

// horner makes p·x + c of p.
func (a *asm) horner(p, x vec, c op) { a.VFMADD213PS(c, x, p) }

// fma adds x·y to acc.
func (a *asm) fma(acc, x vec, y op) { a.VFMADD231PS(y, x, acc) }

// polynomial returns the polynomial in x with the coefficients c, highest first.
func (a *asm) polynomial(x vec, c ...float32) vec {
	p := a.copy(a.c(c[0]))
	for _, k := range c[1:] {
		a.horner(p, x, a.c(k))
	}
	return p
}

func (a *asm) and(x, y op) vec { return a.bitwise(a.VANDPS, x, y) }
func (a *asm) or(x, y op) vec  { return a.bitwise(a.VORPS, x, y) }
func (a *asm) xor(x, y op) vec { return a.bitwise(a.VXORPS, x, y) }

func (a *asm) bitwise(f func(...op), x, y op) vec {
	if _, ok := x.(vec); !ok {
		x, y = y, x
	}
	d := a.vec()
	f(y, a.reg(x), d)
	return d
}

func (a *asm) floor(x op) vec {
	d := a.vec()
	const downNoException = 9
	if a.Wide {
		a.VRNDSCALEPS(operand.Imm(downNoException), x, d)
	} else {
		a.VROUNDPS(operand.Imm(downNoException), x, d)
	}
	return d
}

// Integers in the lanes.

func (a *asm) addInt(x, y op) vec {
	if _, ok := x.(vec); !ok {
		x, y = y, x
	}
	d := a.vec()
	a.VPADDD(y, a.reg(x), d)
	return d
}

func (a *asm) subInt(x, y op) vec {
	d := a.vec()
	a.VPSUBD(y, a.reg(x), d)
	return d
}

// atMostInt chooses the lanes where the integers x ≤ y, without signs.
func (a *asm) atMostInt(x vec, y op) pred {
	if a.Wide {
		k := a.K()
		a.VPCMPUD(operand.Imm(2), y, x, k)
		return k
	}
	least := a.vec()
	a.VPMINUD(y, x, least)
	return a.equalInt(x, least)
}

func (a *asm) shiftLeft(x vec, n uint64) vec {
	d := a.vec()
	a.VPSLLD(operand.Imm(n), x, d)
	return d
}

// shiftRight keeps the sign.
func (a *asm) shiftRight(x vec, n uint64) vec {
	d := a.vec()
	a.VPSRAD(operand.Imm(n), x, d)
	return d
}

func (a *asm) toFloat(x vec) vec {
	d := a.vec()
	a.VCVTDQ2PS(x, d)
	return d
}

// Comparisons. The q after a name: false for NaN without n, true with it.

const (
	equal      = 0x00
	less       = 0x11
	lessEqual  = 0x12
	unordered  = 0x03
	notEqual   = 0x04 // or unordered
	notLess    = 0x15 // or unordered
	notGE      = 0x19 // or unordered
	notLE      = 0x16 // or unordered
	greaterEq  = 0x1D
	greater    = 0x1E
	allOnes    = 0xFFFFFFFF
	signBit    = 0x80000000
	absBits    = 0x7FFFFFFF
	infBits    = 0x7F800000
	nanBits    = 0x7FC00000
	negInfBits = 0xFF800000
)

func (a *asm) cmp(how uint64, x, y op) pred {
	if a.Wide {
		k := a.K()
		a.VCMPPS(operand.Imm(how), y, a.reg(x), k)
		return k
	}
	v := a.vec()
	a.VCMPPS(operand.Imm(how), y, a.reg(x), v)
	return v
}

// cmpZeroInt chooses the lanes whose integer is 0.
func (a *asm) cmpZeroInt(x vec) pred {
	z := a.zero()
	if a.Wide {
		k := a.K()
		a.VPCMPEQD(z, x, k)
		return k
	}
	v := a.vec()
	a.VPCMPEQD(z, x, v)
	return v
}

// choose returns yes where p and no elsewhere.
func (a *asm) choose(p pred, yes, no op) vec {
	d := a.vec()
	if a.Wide {
		i, err := x86.VBLENDMPS(yes, a.reg(no), p, d)
		if err != nil {
			panic(err)
		}
		i.Inputs = i.Inputs[:3] // avo counts d, which is only written
		a.Instruction(i)
	} else {
		a.VBLENDVPS(p, yes, a.reg(no), d)
	}
	return d
}

// keptMin and keptProduct are keep of rawMin and mul.
func (a *asm) keptMin(p pred, x, y op) vec     { return a.kept(p, a.VMINPS_Z, a.rawMin, x, y) }
func (a *asm) keptProduct(p pred, x, y op) vec { return a.kept(p, a.VMULPS_Z, a.mul, x, y) }

// kept returns what an operation makes of x and y where p and +0 elsewhere: on AVX-512 the instruction leaves lanes out.
func (a *asm) kept(p pred, masked func(y, x, p, d op), plain func(x, y op) vec, x, y op) vec {
	if !a.Wide {
		return a.keep(p, plain(x, y))
	}
	d := a.vec()
	masked(y, a.reg(x), p, d)
	return d
}

// subWhere returns x - y where p and no elsewhere.
func (a *asm) subWhere(p pred, x, y op, no vec) vec {
	if !a.Wide {
		return a.choose(p, a.sub(x, y), no)
	}
	d := a.copy(no)
	a.VSUBPS(y, a.reg(x), p, d)
	return d
}

// keep returns x where p and +0 elsewhere.
func (a *asm) keep(p pred, x op) vec {
	d := a.vec()
	if a.Wide {
		a.VMOVAPS_Z(a.reg(x), p, d)
	} else {
		a.VANDPS(x, p, d)
	}
	return d
}

// tailOf limits what follows to the first n lanes, 0 < n < lanes.
func (a *asm) tailOf(n reg.GPVirtual) { a.tail = a.firstLanes(n, 1)[0] }

// firstLanes chooses the first n lanes of as many vectors.
func (a *asm) firstLanes(n reg.GPVirtual, vectors int) []pred {
	var masks []pred
	for range vectors {
		if a.Wide {
			masks = append(masks, a.K())
		} else {
			masks = append(masks, a.vec())
		}
	}
	a.FirstLanes(n, masks...)
	return masks
}

// at is element i of the array at p, plus disp bytes.
func at(p, i reg.Register, disp int) operand.Mem {
	return operand.Mem{Base: p, Index: i, Scale: 4, Disp: disp}
}

// loop runs body for the elements from 0 to n-1, a vector or unroll vectors at a
// time; body gets the index register and how many bytes are to be added. The
// last vector may be partial.
func (a *asm) loop(n reg.GPVirtual, unroll int, body func(i reg.GPVirtual, disp int)) {
	w := a.Lanes()
	i, limit := a.GP64(), a.GP64()
	a.XORQ(i, i)
	if unroll > 1 {
		many, one := a.label("many"), a.label("one")
		a.MOVQ(n, limit)
		a.ANDQ(operand.I32(-w*unroll), limit)
		a.JZ(operand.LabelRef(one))
		a.Label(many)
		var parts [][]ir.Node
		for u := range unroll {
			from := a.emitted()
			body(i, u*w*4)
			parts = append(parts, slices.Clone(a.active().Nodes[from:]))
		}
		if a.turns {
			a.inTurns(parts)
		}
		a.ADDQ(operand.I32(w*unroll), i)
		a.CMPQ(i, limit)
		a.JB(operand.LabelRef(many))
		a.Label(one)
	}
	one, last, done := a.label("one"), a.label("last"), a.label("done")
	a.MOVQ(n, limit)
	a.ANDQ(operand.I32(-w), limit)
	a.CMPQ(i, limit)
	a.JAE(operand.LabelRef(last))
	a.Label(one)
	body(i, 0)
	a.ADDQ(operand.I32(w), i)
	a.CMPQ(i, limit)
	a.JB(operand.LabelRef(one))
	a.Label(last)
	rest := a.GP64()
	a.MOVQ(n, rest)
	a.SUBQ(i, rest)
	a.JZ(operand.LabelRef(done))
	a.tailOf(rest)
	body(i, 0)
	a.tail = nil
	a.Label(done)
}

// active is the function that is emitted.
func (a *asm) active() *ir.Function {
	file, err := a.Result()
	if err != nil {
		panic(err)
	}
	functions := file.Functions()
	return functions[len(functions)-1]
}

// emitted is how many instructions the function has.
func (a *asm) emitted() int {
	if a.dry {
		return 0
	}
	return len(a.active().Nodes)
}

// inTurns replaces the last instructions, which are these lists one after the other, by one of each list in turns.
func (a *asm) inTurns(lists [][]ir.Node) {
	f := a.active()
	all, longest := 0, 0
	for _, list := range lists {
		all, longest = all+len(list), max(longest, len(list))
	}
	f.Nodes = f.Nodes[:len(f.Nodes)-all]
	for k := range longest {
		for _, list := range lists {
			if k < len(list) {
				f.Nodes = append(f.Nodes, list[k])
			}
		}
	}
}

// function begins a function that has no constant in a register yet.
func (a *asm) function(name, signature string) {
	a.hoisted = map[constant]vec{}
	a.Begin(name, signature)
}
