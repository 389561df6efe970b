package product

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file counts what products fetch, on any machine, for the caches of another: their calls are recorded and
// what they read and write goes through a model of two levels.

// A cacheModel is one level, of sets of 8 lines, of which the one that was used longest ago makes room.
type cacheModel struct {
	sets [][8]uintptr
	next *cacheModel
	miss int // lines that were not there
}

func newCacheModel(bytes int, next *cacheModel) *cacheModel {
	return &cacheModel{sets: make([][8]uintptr, bytes/64/8), next: next}
}

// touch reads or writes a line.
func (c *cacheModel) touch(line uintptr) {
	set := &c.sets[line%uintptr(len(c.sets))]
	i := 0
	for ; i < len(set)-1 && set[i] != line; i++ {
	}
	if set[i] != line {
		c.miss++
		if c.next != nil {
			c.next.touch(line)
		}
	}
	copy(set[1:i+1], set[:i])
	set[0] = line
}

// run touches n elements from p on.
func (c *cacheModel) run(p unsafe.Pointer, n int) {
	for line := uintptr(p) / 64; line <= (uintptr(p)+uintptr(4*n)-1)/64; line++ {
		c.touch(line)
	}
}

// call touches what a call of a kernel does.
func (c *cacheModel) call(k *gemmCall, rows, width int, cols bool) {
	if k.move != nil {
		b := &k.block
		for i := range b.rows {
			c.run(unsafe.Add(unsafe.Pointer(b.src), i*b.lds), b.cols*max(b.count, 1))
			for n := range max(b.count, 1) {
				c.run(unsafe.Add(unsafe.Pointer(b.dst), i*b.ldd+n*b.dstStep), b.cols)
			}
		}
		return
	}
	t := &k.tile
	for n := range t.count {
		a, b, to := unsafe.Add(unsafe.Pointer(t.a), n*t.aStep), unsafe.Add(unsafe.Pointer(t.b), n*t.bStep), unsafe.Add(unsafe.Pointer(t.c), n*t.cStep)
		for p := range t.k {
			c.run(unsafe.Add(b, p*t.ldb), width)
			if cols {
				c.run(unsafe.Add(a, p*t.lda), rows)
			} else if p%16 == 0 {
				for i := range rows {
					c.run(unsafe.Add(a, i*t.lda+4*p), min(16, t.k-p))
				}
			}
		}
		for i := range rows {
			c.run(unsafe.Add(to, i*t.ldc), width)
		}
	}
}

// traffic returns how many bytes a product fetches past the second level of such caches, on one core, when it is
// cut for others.
func traffic(s size, form int, cut, have isa.CacheSizes) int {
	defer isa.ForceCaches(isa.Caches())
	isa.ForceCaches(cut)
	g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.pad)
	g.Prepare()
	g.recorded = nil
	record := &gemmScratch{recording: true}
	held := gemmScratches.last[0].Swap(record)
	g.Run(nil)
	gemmScratches.last[0].Store(held)

	l2 := newCacheModel(have.L2, nil)
	l1 := newCacheModel(have.L1, l2)
	shapes := map[uintptr][2]int{} // of the microkernels, by their code
	for order := range g.kernels.tiles {
		for height, list := range g.kernels.tiles[order] {
			for _, m := range list {
				shapes[codeOf(m.run)] = [2]int{height, m.vectors*m.lanes<<1 | order}
			}
		}
	}
	for i := range record.calls {
		k := &record.calls[i]
		if k.move != nil {
			l1.call(k, 0, 0, false)
			continue
		}
		shape, ok := shapes[codeOf(k.multiply)]
		if !ok {
			panic("a microkernel of another form")
		}
		l1.call(k, shape[0], shape[1]>>1-g.kernels.lanes+k.tile.tail, shape[1]&1 == 1)
	}
	return 64 * l2.miss
}

func codeOf(f func(*tile)) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }

// On a core with 32 KiB and 512 KiB, a Zen 3 for one, products that are cut for it fetch from beyond at most so many times
// what they read and write: the listing's, and others. Cut for 1 MiB, the listing's first fetches 14 times as much as its operands.
func TestProductsAreCutForTheCachesThereAre(t *testing.T) {
	if !slices.Contains(isa.Supported(), isa.AVX2) {
		t.Skip("such cores have AVX2")
	}
	defer cputest.Force(t, isa.Active())
	cputest.Force(t, isa.AVX2)
	zen3 := isa.CacheSizes{L1: 32 << 10, L2: 512 << 10, L3: 32 << 20}
	cases := cputest.SampleOf(3)
	for _, c := range []struct {
		size
		form int
		most float64
	}{
		{size{128, 256, 784, 0}, 0, 2.5},
		{size{784, 256, 128, 0}, 1, 1.5},
		{size{128, 256, 256, 0}, 2, 1.5},
		{size{126, 400, 400, 0}, 0, 1.5},
		{size{200, 448, 1000, 0}, 0, 3},
		{size{384, 384, 384, 0}, 2, 4},
		{size{512, 512, 512, 0}, 1, 5},
	} {
		if !cases.Has() {
			continue
		}
		once := 4 * (c.m*c.n + c.m*c.k + c.n*c.k)
		bytes := traffic(c.size, c.form, zen3, zen3)
		t.Logf("%v, form %d: %.2f MB are fetched from beyond, the operands are %.2f MB; cut for 1 MiB %.2f MB", c.size, c.form,
			float64(bytes)/1e6, float64(once)/1e6, float64(traffic(c.size, c.form, isa.CacheSizes{L1: 48 << 10, L2: 1 << 20, L3: 32 << 20}, zen3))/1e6)
		if float64(bytes) > c.most*float64(once) {
			t.Errorf("%v, form %d: %d bytes are fetched from beyond, %.2f times the operands, want at most %v", c.size, c.form, bytes, float64(bytes)/float64(once), c.most)
		}
	}
}
