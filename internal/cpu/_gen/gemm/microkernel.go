package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

const (
	// unroll is the number of k that a turn of the inner loop takes.
	unroll = 4
	// fetched is how many vectors of B that come next it fetches.
	fetched = 4
)

// A microkernel keeps rows × vectors accumulators in registers. For each k it
// loads a row of B, broadcasts a column of A and multiplies.
type microkernel struct {
	*generator
	rows, vectors int
	cols          bool     // A's column is contiguous
	listed        bool     // the k are those of a list
	indirect      bool     // the operands of each k are where a list says
	segmented     bool     // k comes in segments, which are where a list says
	tail          avx.Mask // of the only vector, or nil

	a   []reg.GPVirtual // every seventh row of A, or the column
	lda map[int]reg.GPVirtual
	b   reg.GPVirtual
	ldb map[int]reg.GPVirtual

	next reg.GPVirtual // what is prefetched
	near operand.Mem   // the k that are left when C is fetched
}

// microkernel emits one and returns its name.
func (g *generator) microkernel(rows, vectors int, cols bool) string {
	m := &microkernel{generator: g, rows: rows, vectors: vectors, cols: cols}
	name := m.begin("", "p := range k", "b[p*ldb+j]")
	m.emit()
	return name
}

// listed emits one for k that are listed.
func (g *generator) listed(rows, vectors int, cols bool) string {
	m := &microkernel{generator: g, rows: rows, vectors: vectors, cols: cols, listed: true}
	name := m.begin("Listed", "_, p := range list[:k]", "b[p*ldb+j]")
	m.emitListed()
	return name
}

// begin begins the function, whose name tells it from others by its kind, and says
// for which p it multiplies by what of B.
func (m *microkernel) begin(kind, each, b string) (name string) {
	g, rows, vectors := m.generator, m.rows, m.vectors
	order, index := "Rows", "a[i*lda+p]"
	if m.cols {
		order, index = "Cols", "a[p*lda+i]"
	}
	if m.indirect {
		index = "a[list[2*p]+i*lda]"
	}
	if m.segmented {
		index = "a[x+i*lda+p]"
	}
	width := vectors * g.Lanes()
	name = fmt.Sprintf("tile%dx%d%s%s%s", rows, width, order, kind, g.Suffix())
	tall, wide := fmt.Sprintf("%d rows", rows), fmt.Sprint(width)
	if rows == 1 {
		tall = "one row"
	}
	if vectors == 1 {
		wide = fmt.Sprintf("%d to %d", width-g.Lanes()+1, width)
	}
	g.function(name, "t", "tile")
	g.Doc(
		fmt.Sprintf("%s computes tiles of %s and %s columns:", name, tall, wide),
		"",
		"	for "+each+" {",
		fmt.Sprintf("		for i := range %d {", rows),
		fmt.Sprintf("			for j := range %d {", width),
		fmt.Sprintf("				c[i*ldc+j] = fmath.FMA(%s, %s, c[i*ldc+j])", index, b),
		"			}",
		"		}",
		"	}",
	)
	return name
}

func (m *microkernel) emit() {
	if m.vectors == 1 {
		m.tail = m.firstLanes(m.load("tail"), 1)
	}
	a, b := m.load("a"), m.load("b")
	c, count := m.spill("c"), m.spill("count")
	m.lda = multiples(m, "lda", m.indices())
	m.ldb = multiples(m, "ldb", []int{1, 3})

	if m.fetches() {
		m.next = m.load("next")
	}

	m.Label("tile")
	m.prefetchC(c)
	m.start(c)
	m.a = []reg.GPVirtual{m.copy(a)}
	if !m.cols && m.rows > 7 {
		second := m.GP64()
		m.LEAQ(operand.Mem{Base: a, Index: m.lda[1], Scale: 2}, second)
		m.LEAQ(operand.Mem{Base: second, Index: m.lda[5], Scale: 1}, second)
		m.a = append(m.a, second)
	}
	m.b = m.copy(b)
	m.overK(m.load("k"), "store", m.step, m.advance)
	m.nextTile(a, b, c, count)
	m.fetch(c)
}

// overK emits the loop over k, some of them a turn, and what is left one by one, to be followed by the label of its end. step emits the u-th
// of a turn, advance goes on by n.
func (m *microkernel) overK(k reg.GPVirtual, end string, step, advance func(n int)) {
	m.SUBQ(operand.I8(unroll), k)
	m.JLT(operand.LabelRef("rest"))
	m.nearTheEnd(k)
	m.Label("unrolled")
	m.fetchAt(k)
	for u := range unroll {
		step(u)
	}
	advance(unroll)
	m.prefetch()
	m.SUBQ(operand.I8(unroll), k)
	m.JGE(operand.LabelRef("unrolled"))
	m.Label("rest")
	m.ADDQ(operand.I8(unroll), k)
	m.JZ(operand.LabelRef(end))
	m.Label("single")
	step(0)
	advance(1)
	m.DECQ(k)
	m.JNZ(operand.LabelRef("single"))
}

// nextTile stores the tile and goes on to the next one, until count of them are done.
func (m *microkernel) nextTile(a, b reg.GPVirtual, c, count operand.Mem) {
	m.Label("store")
	m.finish(c)
	m.ADDQ(m.field("aStep"), a)
	m.ADDQ(m.field("bStep"), b)
	step := m.load("cStep")
	m.ADDQ(step, c)
	m.DECQ(count)
	m.JNZ(operand.LabelRef("tile"))
	if m.streams() { // what was stored past the caches is seen by other cores before they hear that it is
		m.CMPQ(m.field("nonTemporal"), operand.I8(0))
		m.JEQ(operand.LabelRef("seen"))
		m.SFENCE()
		m.Label("seen")
	}
	m.End()
}

// indices lists the multiples of lda that addresses are made of.
func (m *microkernel) indices() []int {
	if m.cols {
		return []int{1, 3}
	}
	switch {
	case m.rows <= 1:
		return nil
	case m.rows <= 3:
		return []int{1}
	case m.rows <= 5:
		return []int{1, 3}
	}
	return []int{1, 3, 5}
}

// multiples loads a distance and multiplies it.
func multiples(m *microkernel, field string, factors []int) map[int]reg.GPVirtual {
	r := map[int]reg.GPVirtual{}
	for _, f := range factors {
		if f == 1 {
			r[1] = m.load(field)
			continue
		}
		r[f] = m.GP64()
		m.LEAQ(operand.Mem{Base: r[1], Index: r[1], Scale: uint8(f - 1)}, r[f])
	}
	return r
}

// spill copies a field of the argument to the stack.
func (m *microkernel) spill(field string) operand.Mem {
	local := m.AllocLocal(8)
	m.MOVQ(m.load(field), local)
	return local
}

func (m *microkernel) copy(r operand.Op) reg.GPVirtual {
	c := m.GP64()
	m.MOVQ(r, c)
	return c
}

// at is n distances from base, of which d holds multiples.
func at(base reg.GPVirtual, d map[int]reg.GPVirtual, n, disp int) operand.Mem {
	mem := operand.Mem{Base: base, Disp: disp}
	switch n {
	case 0:
	case 1, 2, 4:
		mem.Index, mem.Scale = d[1], uint8(n)
	case 3, 6:
		mem.Index, mem.Scale = d[3], uint8(n/3)
	case 5:
		mem.Index, mem.Scale = d[5], 1
	}
	return mem
}

func (m *microkernel) elementA(row, u int) operand.Mem {
	if m.cols {
		return at(m.a[0], m.lda, u, 4*row)
	}
	return at(m.a[row/7], m.lda, row%7, 4*u)
}

func (m *microkernel) vectorB(v, u int) operand.Mem {
	return at(m.b, m.ldb, u, 4*m.Lanes()*v)
}

func (m *microkernel) acc(row, vector int) reg.VecPhysical {
	return m.v(row*m.vectors + vector)
}

// temp is a register that is no accumulator.
func (m *microkernel) temp(i int) reg.VecPhysical { return m.v(m.rows*m.vectors + i) }

// step multiplies for one k.
func (m *microkernel) step(u int) {
	if m.rows < m.vectors && m.vectors > 2 {
		m.stepAcross(u)
		return
	}
	for v := range m.vectors {
		m.LoadLanes(m.vectorB(v, u), m.tail, m.temp(v))
	}
	for i := range m.rows {
		if m.vectors == 1 && m.Wide {
			m.VFMADD231PS_BCST(m.elementA(i, u), m.temp(0), m.acc(i, 0))
			continue
		}
		x := m.temp(m.vectors)
		m.VBROADCASTSS(m.elementA(i, u), x)
		for v := range m.vectors {
			m.VFMADD231PS(x, m.temp(v), m.acc(i, v))
		}
	}
}

// stepAcross is step for tiles that are wider than tall: it is A that waits in
// registers.
func (m *microkernel) stepAcross(u int) {
	for i := range m.rows {
		m.VBROADCASTSS(m.elementA(i, u), m.temp(i))
	}
	for v := range m.vectors {
		if m.rows == 1 {
			m.VFMADD231PS(m.vectorB(v, u), m.temp(0), m.acc(0, v))
			continue
		}
		x := m.temp(m.rows)
		m.VMOVUPS(m.vectorB(v, u), x)
		for i := range m.rows {
			m.VFMADD231PS(x, m.temp(i), m.acc(i, v))
		}
	}
}

// streams reports whether the tile is one of those that large products are made of:
// they fetch from the last-level cache what comes next.
func (m *microkernel) streams() bool {
	return !m.listed && !m.indirect && !m.segmented && m.vectors == 2 && 2*m.rows >= m.sizes.tallest
}

// fetches reports whether the tile asks for what comes next of B.
func (m *microkernel) fetches() bool { return m.streams() || m.indirect && m.rows > 4 }

// prefetch asks for what comes next of B.
func (m *microkernel) prefetch() {
	if !m.fetches() {
		return
	}
	m.PREFETCHT1(operand.Mem{Base: m.next})
	m.CMPQ(m.field("sparse"), operand.I8(0))
	m.JNE(operand.LabelRef("sparse"))
	for disp := 64; disp < 4*fetched*m.Lanes(); disp += 64 {
		m.PREFETCHT1(operand.Mem{Base: m.next, Disp: disp})
	}
	m.Label("sparse")
	m.ADDQ(m.field("nextStep"), m.next)
}

// prefetchC asks for the next tile of C, if it's far away.
func (m *microkernel) prefetchC(c operand.Mem) {
	if !m.streams() {
		return
	}
	m.CMPQ(m.field("far"), operand.I8(0))
	m.JEQ(operand.LabelRef("closeBy"))
	row := m.copy(c)
	m.ADDQ(m.field("cStep"), row)
	m.eachLine(row, func(line operand.Mem) { m.PREFETCHT1(line) })
	m.Label("closeBy")
}

// nearTheEnd notes how many k are left when a tile is about to end.
func (m *microkernel) nearTheEnd(k reg.GPVirtual) {
	if !m.streams() {
		return
	}
	m.near = m.AllocLocal(8)
	left := m.copy(k)
	m.ANDQ(operand.I8(unroll-1), left)
	m.ADDQ(operand.I8(64), left)
	m.MOVQ(left, m.near)
}

// fetchAt leaves the loop for fetch when the tile is about to end.
func (m *microkernel) fetchAt(k reg.GPVirtual) {
	if !m.streams() {
		return
	}
	m.CMPQ(k, m.near)
	m.JEQ(operand.LabelRef("fetch"))
	m.Label("fetched")
}

// fetch brings to the first-level cache what is wanted next of a C that is far away:
// where this tile will be stored, or what the next one will go on from.
func (m *microkernel) fetch(c operand.Mem) {
	if !m.streams() {
		return
	}
	m.Label("fetch")
	m.CMPQ(m.field("far"), operand.I8(0))
	m.JEQ(operand.LabelRef("fetched"))
	row := m.copy(c)
	m.CMPQ(m.field("resume"), operand.I8(0))
	m.JEQ(operand.LabelRef("own"))
	m.ADDQ(m.field("cStep"), row)
	m.Label("own")
	m.eachLine(row, func(line operand.Mem) { m.PREFETCHT0(line) })
	m.JMP(operand.LabelRef("fetched"))
}

// eachLine calls do for the lines of a tile of C that begins at row.
func (m *microkernel) eachLine(row reg.GPVirtual, do func(line operand.Mem)) {
	ldc := m.load("ldc")
	for i := range m.rows {
		if i > 0 {
			m.ADDQ(ldc, row)
		}
		for b := 0; b < 4*m.Lanes()*m.vectors; b += 64 {
			do(operand.Mem{Base: row, Disp: b})
		}
	}
}

// advance moves the pointers by n k.
func (m *microkernel) advance(n int) {
	move := func(p reg.GPVirtual, d map[int]reg.GPVirtual) {
		if n == 1 {
			m.ADDQ(d[1], p)
			return
		}
		m.LEAQ(at(p, d, n, 0), p)
	}
	if m.cols {
		move(m.a[0], m.lda)
	} else {
		for _, a := range m.a {
			m.ADDQ(operand.I8(4*n), a)
		}
	}
	move(m.b, m.ldb)
}

// start fills the accumulators.
func (m *microkernel) start(c operand.Mem) {
	m.CMPQ(m.field("resume"), operand.I8(0))
	m.JEQ(operand.LabelRef("zero"))
	m.eachVector(c, func(mem operand.Mem, acc reg.VecPhysical) { m.LoadLanes(mem, m.tail, acc) })
	m.JMP(operand.LabelRef("multiply"))
	m.Label("zero")
	for i := range m.rows * m.vectors {
		m.Zero(m.v(i))
	}
	m.Label("multiply")
}

// finish stores the accumulators.
func (m *microkernel) finish(c operand.Mem) {
	if m.streams() {
		m.CMPQ(m.field("nonTemporal"), operand.I8(0))
		m.JEQ(operand.LabelRef("cached"))
		m.eachVector(c, func(mem operand.Mem, acc reg.VecPhysical) { m.VMOVNTPS(acc, mem) })
		m.JMP(operand.LabelRef("stored"))
		m.Label("cached")
	}
	m.eachVector(c, func(mem operand.Mem, acc reg.VecPhysical) { m.StoreLanes(acc, m.tail, mem) })
	if m.streams() {
		m.Label("stored")
	}
}

// eachVector calls do with each vector of C and its accumulator.
func (m *microkernel) eachVector(c operand.Mem, do func(mem operand.Mem, acc reg.VecPhysical)) {
	m.eachRow(c, func(row reg.GPVirtual, i int) {
		for v := range m.vectors {
			do(operand.Mem{Base: row, Disp: 4 * m.Lanes() * v}, m.acc(i, v))
		}
	})
}

// eachRow calls do with the address of each row of C.
func (m *microkernel) eachRow(c operand.Mem, do func(row reg.GPVirtual, i int)) {
	ldc := m.load("ldc")
	row := m.copy(c)
	for i := range m.rows {
		if i > 0 {
			m.ADDQ(ldc, row)
		}
		do(row, i)
	}
}
