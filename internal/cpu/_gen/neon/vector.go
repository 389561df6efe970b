package main

import (
	"fmt"
	"log"
	"math"
	"slices"
)

// This file gives names to values in place of registers, for straight code between
// labels, and finds registers for them.

// A vec is a value of four lanes.
type vec int

// A kernel is a function that is being written. Values live from one label to the
// next, but those that are pinned, which have their register in the whole function.
type kernel struct {
	*asm
	queue    []inst
	values   vec
	place    map[vec]v
	free     v           // the registers below it aren't pinned
	pinned   [][4]uint32 // constants
	constant map[[4]uint32]vec
	used     [][4]uint32 // those that could be pinned, in order of use
	tabled   bool        // it reads the table
	partial  bool        // loads and stores are of one to three elements
}

// An inst is an instruction of the queue. It may write dst, which may be -1, and reads
// src.
type inst struct {
	dst  vec
	src  []vec
	text func(reg func(vec) v) string
	move bool // dst is a copy of the first of src
}

const none = vec(-1)

// newKernel writes a function: once to see what it uses, and again with as many
// constants in registers as leave enough of them.
func (a *asm) newKernel(emit func(*kernel)) {
	code, stubs := a.code.Len(), a.stubs.Len()
	seen := &kernel{asm: a, place: map[vec]v{}, free: 32}
	if !seen.try(emit) {
		log.Fatal("too few registers")
	}
	for n := len(seen.used); ; n-- {
		a.code.Truncate(code)
		a.stubs.Truncate(stubs)
		k := &kernel{asm: a, place: map[vec]v{}, free: 32, tabled: seen.tabled, pinned: seen.used[:n], constant: map[[4]uint32]vec{}}
		for _, c := range k.pinned {
			k.constant[c] = k.pin()
		}
		if k.try(emit) {
			return
		}
	}
}

type tooFew struct{}

func (k *kernel) try(emit func(*kernel)) (ok bool) {
	defer func() {
		if e := recover(); e != nil {
			if _, is := e.(tooFew); !is {
				panic(e)
			}
		}
	}()
	emit(k)
	k.flush()
	return true
}

// pin returns a value that keeps its register.
func (k *kernel) pin() vec {
	k.free--
	x := k.value()
	k.place[x] = k.free
	return x
}

func (k *kernel) value() vec {
	k.values++
	return k.values
}

// op and label are as asm's, in the order of the queue.
func (k *kernel) op(s string, args ...any) {
	text := fmt.Sprintf(s, args...)
	k.queue = append(k.queue, inst{dst: none, text: func(func(vec) v) string { return text }})
}

func (k *kernel) label(name string) {
	k.flush()
	k.asm.label(name)
}

// with queues an instruction whose text has the registers of dst, if there is one,
// and src.
func (k *kernel) with(dst vec, src []vec, s string, args ...any) {
	k.queue = append(k.queue, inst{dst: dst, src: src, text: func(reg func(vec) v) string {
		var all []any
		if dst != none {
			all = append(all, int(reg(dst)))
		}
		for _, x := range src {
			all = append(all, int(reg(x)))
		}
		return fmt.Sprintf(s, append(all, args...)...)
	}})
}

// flush writes the queue.
func (k *kernel) flush() {
	last := map[vec]int{}
	for i, in := range k.queue {
		for _, x := range append(slices.Clone(in.src), in.dst) {
			last[x] = i
		}
	}
	var taken [32]bool
	reg := func(x vec) v {
		r, ok := k.place[x]
		if !ok {
			log.Fatal("a value is read that has none")
		}
		return r
	}
	for i, in := range k.queue {
		release := func(x vec) {
			if r := k.place[x]; x != none && last[x] == i && r < k.free {
				taken[r] = false
			}
		}
		for _, x := range in.src {
			reg(x)
			release(x)
		}
		if _, ok := k.place[in.dst]; in.dst != none && !ok {
			r := v(slices.Index(taken[:k.free], false))
			if in.move && !taken[k.place[in.src[0]]] && k.place[in.src[0]] < k.free {
				r = k.place[in.src[0]]
			}
			if i+1 < len(k.queue) && k.queue[i+1].move && k.queue[i+1].src[0] == in.dst && last[in.dst] == i+1 {
				// What is only moved to another register goes there at once.
				if there := k.place[k.queue[i+1].dst]; there >= k.free {
					r = there
				}
			}
			if r < 0 {
				panic(tooFew{})
			}
			k.place[in.dst] = r
			taken[r] = r < k.free
		}
		if !in.move || reg(in.dst) != reg(in.src[0]) {
			k.asm.op("%s", in.text(reg))
		}
		release(in.dst)
	}
	k.queue = k.queue[:0]
}

// Instructions. Those with a code are unknown to Go's assembler.

// binary has the operands d, x, y.
func (k *kernel) binary(code uint32, name string, x, y vec) vec {
	return k.shaped(code, name, "4S", "4S", x, y)
}

// shaped is binary for lanes of other sizes.
func (k *kernel) shaped(code uint32, name, to, from string, x, y vec) vec {
	d := k.value()
	k.queue = append(k.queue, inst{dst: d, src: []vec{x, y}, text: func(reg func(vec) v) string {
		d, x, y := reg(d), reg(x), reg(y)
		return word(code|uint32(y)<<16|uint32(x)<<5|uint32(d), "%s %v.%s, %v.%s, %v.%s", name, d, to, x, from, y, from)
	}})
	return d
}

// unary has the operands d, x, and maybe a constant in the code.
func (k *kernel) unary(code uint32, name string, x vec, constant string) vec {
	d := k.value()
	k.queue = append(k.queue, inst{dst: d, src: []vec{x}, text: func(reg func(vec) v) string {
		d, x := reg(d), reg(x)
		return word(code|uint32(x)<<5|uint32(d), "%s %v.4S, %v.4S%s", name, d, x, constant)
	}})
	return d
}

// known has the operands d, x, y and is known to Go's assembler.
func (k *kernel) known(name, arrangement string, x, y vec) vec {
	d := k.value()
	k.with(d, []vec{x, y}, name+" V%[3]d."+arrangement+", V%[2]d."+arrangement+", V%[1]d."+arrangement)
	return d
}

func (k *kernel) copy(x vec) vec {
	d := k.value()
	k.move(d, x)
	return d
}

// move makes d the same as x.
func (k *kernel) move(d, x vec) {
	k.with(d, []vec{x}, "VORR V%[2]d.B16, V%[2]d.B16, V%[1]d.B16")
	k.queue[len(k.queue)-1].move = true
}

func (k *kernel) add(x, y vec) vec  { return k.binary(0x4E20D400, "FADD", x, y) }
func (k *kernel) sub(x, y vec) vec  { return k.binary(0x4EA0D400, "FSUB", x, y) }
func (k *kernel) mul(x, y vec) vec  { return k.binary(0x6E20DC00, "FMUL", x, y) }
func (k *kernel) div(x, y vec) vec  { return k.binary(0x6E20FC00, "FDIV", x, y) }
func (k *kernel) max(x, y vec) vec  { return k.binary(0x4E20F400, "FMAX", x, y) } // Go's max
func (k *kernel) min(x, y vec) vec  { return k.binary(0x4EA0F400, "FMIN", x, y) } // Go's min
func (k *kernel) sqrt(x vec) vec    { return k.unary(0x6EA1F800, "FSQRT", x, "") }
func (k *kernel) neg(x vec) vec     { return k.unary(0x6EA0F800, "FNEG", x, "") }
func (k *kernel) abs(x vec) vec     { return k.unary(0x4EA0F800, "FABS", x, "") }
func (k *kernel) floor(x vec) vec   { return k.unary(0x4E219800, "FRINTM", x, "") }
func (k *kernel) toFloat(x vec) vec { return k.unary(0x4E21D800, "SCVTF", x, "") }

// fma returns c + x·y, and fms c - x·y, rounded once.
func (k *kernel) fma(c, x, y vec) vec { return k.accumulate("VFMLA", c, x, y) }
func (k *kernel) fms(c, x, y vec) vec { return k.accumulate("VFMLS", c, x, y) }

func (k *kernel) accumulate(name string, c, x, y vec) vec {
	d := k.copy(c)
	k.with(none, []vec{d, x, y}, name+" V%[3]d.S4, V%[2]d.S4, V%[1]d.S4")
	return d
}

// polynomial returns the polynomial in x with the coefficients c, highest first.
func (k *kernel) polynomial(x vec, c ...float32) vec {
	p := k.c(c[0])
	for _, c := range c[1:] {
		b := math.Float32bits(c)
		p = k.fma(k.fresh([4]uint32{b, b, b, b}), p, x)
	}
	return p
}

func (k *kernel) and(x, y vec) vec    { return k.known("VAND", "B16", x, y) }
func (k *kernel) or(x, y vec) vec     { return k.known("VORR", "B16", x, y) }
func (k *kernel) addInt(x, y vec) vec { return k.known("VADD", "S4", x, y) }
func (k *kernel) subInt(x, y vec) vec { return k.known("VSUB", "S4", x, y) }

func (k *kernel) shiftLeft(x vec, n int) vec {
	d := k.value()
	k.with(d, []vec{x}, "VSHL $%[3]d, V%[2]d.S4, V%[1]d.S4", n)
	return d
}

// shiftRight keeps the sign.
func (k *kernel) shiftRight(x vec, n int) vec {
	return k.unary(0x4F000400|uint32(64-n)<<16, "SSHR", x, fmt.Sprintf(", #%d", n))
}

// Comparisons: all bits of a lane are set if it is true. It isn't for NaN.

func (k *kernel) greater(x, y vec) vec      { return k.binary(0x6EA0E400, "FCMGT", x, y) }
func (k *kernel) greaterEqual(x, y vec) vec { return k.binary(0x6E20E400, "FCMGE", x, y) }
func (k *kernel) equal(x, y vec) vec        { return k.binary(0x4E20E400, "FCMEQ", x, y) }
func (k *kernel) positive(x vec) vec        { return k.unary(0x4EA0C800, "FCMGT", x, ", #0") }
func (k *kernel) negative(x vec) vec        { return k.unary(0x4EA0E800, "FCMLT", x, ", #0") }
func (k *kernel) isZero(x vec) vec          { return k.unary(0x4EA0D800, "FCMEQ", x, ", #0") }
func (k *kernel) notNegative(x vec) vec     { return k.unary(0x6EA0C800, "FCMGE", x, ", #0") }
func (k *kernel) isZeroInt(x vec) vec       { return k.unary(0x4EA09800, "CMEQ", x, ", #0") }

// choose returns yes where p is true and no elsewhere.
func (k *kernel) choose(p, yes, no vec) vec {
	d := k.copy(p)
	k.with(none, []vec{d, yes, no}, "VBSL V%[3]d.B16, V%[2]d.B16, V%[1]d.B16")
	return d
}

// Constants.

func (k *kernel) c(x float32) vec { return k.bits(math.Float32bits(x)) }

// bits is a constant that may be pinned.
func (k *kernel) bits(b uint32) vec { return k.lanes([4]uint32{b, b, b, b}) }

func (k *kernel) lanes(c [4]uint32) vec {
	if x, ok := k.constant[c]; ok {
		return x
	}
	if !slices.Contains(k.used, c) {
		k.used = append(k.used, c)
	}
	return k.fresh(c)
}

// fresh is a constant in a register of its own.
func (k *kernel) fresh(c [4]uint32) vec {
	d := k.value()
	k.get(d, c)
	return d
}

// get loads a constant from the table.
func (k *kernel) get(d vec, c [4]uint32) {
	k.tabled = true
	i := slices.Index(k.constants, c)
	if i < 0 {
		i = len(k.constants)
		k.constants = append(k.constants, c)
	}
	k.with(d, nil, fmt.Sprintf("FMOVQ %d(%v), F%%d", 16*i, table))
}

// begin writes the head of a function and loads the constants that are pinned.
func (k *kernel) begin(name, signature string, size int, does string, scalar ...string) {
	k.function(name, signature, size, does, scalar...)
	if k.tabled {
		k.op("MOVD $constants<>(SB), %v", table)
	}
	for _, c := range k.pinned {
		k.get(k.constant[c], c)
	}
}

// Memory.

// What the general registers hold, beside pointers.
const (
	second = r(19) // bytes from a partial vector's first element to its second
	third  = r(20) // and to its third: the last that there is, if there are less
	temp   = r(22)
	left   = r(23) // elements
	table  = r(26) // the constants
)

// load reads the elements at p and moves p.
func (k *kernel) load(p r) vec {
	if k.partial {
		return k.loadAt(p, 0)
	}
	x := k.value()
	k.with(x, nil, fmt.Sprintf("FMOVQ.P 16(%v), F%%d", p))
	return x
}

// loadAt reads the elements so many bytes from p.
func (k *kernel) loadAt(p r, offset int) vec {
	x := k.value()
	if !k.partial {
		k.with(x, nil, fmt.Sprintf("FMOVQ %d(%v), F%%d", offset, p))
		return x
	}
	k.with(x, nil, fmt.Sprintf("FMOVS (%v), F%%d", p))
	for i, from := range []r{second, third} {
		k.op("ADD %v, %v, %v", from, p, temp)
		k.with(none, []vec{x}, fmt.Sprintf("VLD1 (%v), V%%d.S[%d]", temp, i+1))
	}
	return x
}

// store writes x to p and moves p. What is beyond a partial vector has no place of
// its own and is written first.
func (k *kernel) store(x vec, p r) {
	if !k.partial {
		k.with(none, []vec{x}, fmt.Sprintf("FMOVQ.P F%%d, 16(%v)", p))
		return
	}
	k.op("ADD %v, %v, %v", third, p, temp)
	k.with(none, []vec{x}, fmt.Sprintf("VST1 V%%d.S[2], (%v)", temp))
	k.op("ADD %v, %v, %v", second, p, temp)
	k.with(none, []vec{x}, fmt.Sprintf("VST1 V%%d.S[1], (%v)", temp))
	k.with(none, []vec{x}, fmt.Sprintf("FMOVS F%%d, (%v)", p))
}

// splat pins the element at p in every lane.
func (k *kernel) splat(p r) vec {
	x := k.pin()
	k.with(x, nil, fmt.Sprintf("VLD1R (%v), [V%%d.S4]", p))
	return x
}

// loop runs body for as many elements as left says: unroll vectors at a time, one,
// and then what is left.
func (k *kernel) loop(unroll int, body func()) {
	if unroll > 1 {
		k.op("SUBS $%d, %v, %v", 4*unroll, left, left)
		k.op("BLT few")
		k.label("many")
		for range unroll {
			body()
		}
		k.op("SUBS $%d, %v, %v", 4*unroll, left, left)
		k.op("BGE many")
		k.label("few")
		k.op("ADDS $%d, %v, %v", 4*unroll-4, left, left)
	} else {
		k.op("SUBS $4, %v, %v", left, left)
	}
	k.op("BLT rest")
	k.label("four")
	body()
	k.op("SUBS $4, %v, %v", left, left)
	k.op("BGE four")
	k.label("rest")
	k.op("ADDS $4, %v, %v", left, left)
	k.op("BEQ done")
	k.offsets(left)
	k.partial = true
	body()
	k.partial = false
	k.label("done")
}

// offsets sets where the elements of a partial vector are: of 1, 2 or 3, the second
// is number 0, 1 or 1.
func (k *kernel) offsets(n r) {
	k.op("LSR $1, %v, %v", n, second)
	k.op("SUB $1, %v, %v", n, third)
	k.op("LSL $2, %v, %v", second, second)
	k.op("LSL $2, %v, %v", third, third)
}

// writeConstants writes the table.
func (a *asm) writeConstants() {
	if len(a.constants) == 0 {
		return
	}
	fmt.Fprintln(&a.code)
	for i, words := range a.constants {
		for half := range 2 {
			low, high := words[2*half], words[2*half+1]
			fmt.Fprintf(&a.code, "DATA constants<>+%d(SB)/8, $%#016x\n", 16*i+8*half, uint64(high)<<32|uint64(low))
		}
	}
	fmt.Fprintf(&a.code, "GLOBL constants<>(SB), RODATA|NOPTR, $%d\n", 16*len(a.constants))
}
