package product

import "unsafe"

// This file lets a product follow its factor A and its result to other memory from run to run.

// A pointer is one of a recorded call, into A or C: so many bytes behind where that begins.
type pointer struct {
	to **float32
	at uintptr
}

// MoveA says that A is elsewhere from now on, with the same strides. The first time it allocates.
func (g *Gemm) MoveA(a []float32) {
	operand, source := &g.a, g.sourceA
	if g.transposeC {
		operand, source = &g.b, g.sourceB
	}
	operand.data = a
	if m, ok := source.(*matrix); ok {
		m.data = a
	}
	g.intoA = g.repoint(g.intoA, g.A, a, func(c *gemmCall) []**float32 { return []**float32{&c.tile.a, &c.tile.b, &c.block.src} })
	g.A = a
	if z := g.nonzeros; z != nil {
		z.product.MoveA(a)
	}
}

// MoveC says so of C.
func (g *Gemm) MoveC(c []float32) {
	g.intoC = g.repoint(g.intoC, g.C, c, func(c *gemmCall) []**float32 { return []**float32{&c.tile.c, &c.block.dst} })
	g.C = c
	if z := g.nonzeros; z != nil {
		z.product.MoveC(c)
	}
}

// repoint has the recorded calls use to in place of from: those of their pointers that are into it are listed the first time.
func (g *Gemm) repoint(list []pointer, from, to []float32, of func(c *gemmCall) []**float32) []pointer {
	if len(from) == 0 || len(to) == 0 {
		return list
	}
	if list == nil {
		list = []pointer{}
		begin := uintptr(unsafe.Pointer(&from[0]))
		for _, calls := range g.recorded {
			for i := range calls {
				for _, p := range of(&calls[i]) {
					if at := uintptr(unsafe.Pointer(*p)) - begin; *p != nil && at < uintptr(4*len(from)) {
						list = append(list, pointer{p, at})
					}
				}
			}
		}
	}
	for _, p := range list {
		*p.to = (*float32)(unsafe.Add(unsafe.Pointer(&to[0]), p.at))
	}
	return list
}
