package main

import "fmt"

// This file writes dropout's masks: Philox 4x32-10 for eight blocks at once, a block in
// each lane of four registers, one for each of its words. The 16-bit halves of the
// words are compared with the threshold.

var (
	philoxMul  = [2]uint32{0xD2511F53, 0xCD9E8D57}
	philoxWeyl = [2]uint32{0x9E3779B9, 0xBB67AE85}
)

func philox(k *kernel) {
	const dst, n, p, list, i = r(0), r(1), r(2), r(3), r(4)
	k.begin("dropoutBitsNEON", "(dst *byte, n int, p *philoxArgs) int", 32,
		"makes the masks of groups of 8 blocks, a byte each, until a 16-bit lane ties with the threshold, and returns how many bytes are written",
		"for k := 0; k < n; k++ {",
		"	dst[k] = bits of lane(block(list[k]+index), j) > high",
		"	after each group: index += step, list += stride")
	k.op("MOVD dst+0(FP), %v", dst)
	k.op("MOVD n+8(FP), %v", n)
	k.op("MOVD p+16(FP), %v", p)
	k.op("MOVD philoxArgs_list(%v), %v", p, list)
	field := func(x vec, name, arrangement string) vec {
		k.op("ADD $(philoxArgs_%s), %v, %v", name, p, temp)
		k.with(x, nil, fmt.Sprintf("VLD1R (%v), [V%%d.%s]", temp, arrangement))
		return x
	}
	index := field(k.pin(), "index", "D2")
	k.op("MOVD $0, %v", i)
	k.label("groups")
	k.op("CMP %v, %v", n, i)
	k.op("BGE end")

	key := [2]vec{field(k.value(), "key", "S4"), field(k.value(), "key+4", "S4")}
	upper := [2]vec{field(k.value(), "upper", "S4"), field(k.value(), "upper+4", "S4")}
	var blocks [2][4]vec
	for g := range blocks {
		var indices [2]vec
		for h := range indices {
			indices[h] = k.known("VADD", "D2", k.loadAt(list, 32*g+16*h), index)
		}
		blocks[g] = [4]vec{
			k.known("VUZP1", "S4", indices[0], indices[1]),
			k.known("VUZP2", "S4", indices[0], indices[1]),
			upper[0], upper[1],
		}
	}
	k.move(index, k.known("VADD", "D2", index, field(k.value(), "step", "D2")))
	k.op("MOVD philoxArgs_stride(%v), %v", p, temp)
	k.op("ADD %v, %v, %v", temp, list, list)
	for round := range 10 {
		for g := range blocks {
			c := &blocks[g]
			low0, high0 := k.product(c[0], k.bits(philoxMul[0]))
			low1, high1 := k.product(c[2], k.bits(philoxMul[1]))
			*c = [4]vec{
				k.xor(k.xor(high1, c[1]), key[0]), low1,
				k.xor(k.xor(high0, c[3]), key[1]), low0,
			}
		}
		if round < 9 {
			for j := range key {
				key[j] = k.addInt(key[j], k.bits(philoxWeyl[j]))
			}
		}
	}

	high := field(k.value(), "high", "D2")
	var masks [2]vec
	var ties vec
	for g, c := range blocks {
		for w, x := range c {
			tie := k.known("VCMEQ", "H8", x, high)
			above := k.shaped(0x6E603400, "CMHI", "8H", "8H", x, high)
			kept := k.and(above, k.bits(1<<(2*w)|1<<(2*w+1+16)))
			if w > 0 {
				kept = k.or(kept, masks[g])
			}
			if g+w > 0 {
				tie = k.or(tie, ties)
			}
			masks[g], ties = kept, tie
		}
		// The bits of the odd lanes join those of the even ones.
		shifted := k.value()
		k.with(shifted, []vec{masks[g]}, "VUSHR $16, V%[2]d.S4, V%[1]d.S4")
		masks[g] = k.or(masks[g], shifted)
	}
	halves := k.known("VUZP1", "H8", masks[0], masks[1])
	bytes := k.known("VUZP1", "B16", halves, halves)
	k.op("ADD %v, %v, %v", i, dst, temp)
	k.with(none, []vec{bytes}, fmt.Sprintf("FMOVD F%%d, (%v)", temp))
	k.with(none, []vec{ties}, fmt.Sprintf("VMOV V%%d.D[0], %v", temp))
	k.with(none, []vec{ties}, fmt.Sprintf("VMOV V%%d.D[1], %v", left))
	k.op("ORR %v, %v, %v", left, temp, temp)
	k.op("CBNZ %v, end", temp)
	k.op("ADD $8, %v, %v", i, i)
	k.op("B groups")
	k.label("end")
	k.op("MOVD %v, ret+24(FP)", i)
	k.op("RET")
}

// product returns the lower and the upper words of the products of 32-bit lanes.
func (k *kernel) product(x, y vec) (low, high vec) {
	a := k.shaped(0x2EA0C000, "UMULL", "2D", "2S", x, y)
	b := k.shaped(0x6EA0C000, "UMULL2", "2D", "4S", x, y)
	return k.known("VUZP1", "S4", a, b), k.known("VUZP2", "S4", a, b)
}

func (k *kernel) xor(x, y vec) vec { return k.known("VEOR", "B16", x, y) }
