package move

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// copyOne is the definition of a StridedCopy, element by element.
func copyOne(k *StridedCopy, dst []float32) {
	n := 1
	for _, d := range k.Dims {
		n *= d
	}
	for e := range n {
		from, to := k.SrcOff, k.DstOff
		for i, rest := len(k.Dims)-1, e; i >= 0; i-- {
			from += rest % k.Dims[i] * k.SrcStrides[i]
			to += rest % k.Dims[i] * k.DstStrides[i]
			rest /= k.Dims[i]
		}
		dst[to] = k.Src[from]
	}
}

func TestStridedCopyEqualsItsDefinition(t *testing.T) {
	src := cputest.Random(rand.New(rand.NewPCG(1, 2)), 100_000)
	for _, k := range []*StridedCopy{
		{},
		{Dims: []int{0, 3}, SrcStrides: []int{3, 1}, DstStrides: []int{3, 1}},
		{Dims: []int{1, 1}, SrcStrides: []int{5, 7}, DstStrides: []int{1, 1}, SrcOff: 3},
		{Dims: []int{50_000}, SrcStrides: []int{1}, DstStrides: []int{1}},
		{Dims: []int{50_000}, SrcStrides: []int{0}, DstStrides: []int{1}},
		{Dims: []int{300, 200}, SrcStrides: []int{1, 300}, DstStrides: []int{200, 1}},
		{Dims: []int{300, 201}, SrcStrides: []int{201, 1}, DstStrides: []int{1, 300}},
		{Dims: []int{7, 33, 65}, SrcStrides: []int{33 * 65, 1, 33}, DstStrides: []int{33 * 65, 65, 1}},
		{Dims: []int{2, 3, 4, 5, 6}, SrcStrides: []int{1, 2, 6, 24, 120}, DstStrides: []int{360, 120, 30, 6, 1}},
		{Dims: []int{2, 3, 2, 2, 2, 3, 2}, SrcStrides: []int{144, 48, 24, 12, 6, 2, 1}, DstStrides: []int{1, 2, 6, 12, 24, 48, 144}},
		{Dims: []int{10, 20}, SrcStrides: []int{-20, -1}, DstStrides: []int{20, 1}, SrcOff: 199},
		{Dims: []int{10, 20}, SrcStrides: []int{40, 2}, DstStrides: []int{30, 1}, SrcOff: 5, DstOff: 7},
		{Dims: []int{30, 40}, SrcStrides: []int{0, 1}, DstStrides: []int{40, 1}},
		{Dims: []int{30, 40}, SrcStrides: []int{1, 0}, DstStrides: []int{40, 1}},
	} {
		k.Src, k.Dst = src, make([]float32, 100_000)
		want := make([]float32, 100_000)
		copyOne(k, want)
		k.Run(cputest.Pools[3])
		if i := cputest.FirstDifference(k.Dst, want); i >= 0 {
			t.Errorf("copy of %v from %v to %v: element %d is %v, want %v", k.Dims, k.SrcStrides, k.DstStrides, i, k.Dst[i], want[i])
		}
	}
}

func TestOneHotMarksTheLabel(t *testing.T) {
	const depth = 5
	labels := []float32{0, 4, 2, -1, 5, 100, 3, 2.5, -0.5, float32(math.NaN()), float32(math.Inf(1))}
	y := cputest.Random(rand.New(rand.NewPCG(1, 2)), len(labels)*depth)
	(&OneHot{Indices: Indices{Floats: labels}, Y: y, Rows: len(labels), Depth: depth}).Run(nil)
	for r, l := range labels {
		for c := range depth {
			if got := y[r*depth+c]; got != 0 && got != 1 || got == 1 != (float32(c) == l) {
				t.Errorf("label %v has %v in column %d", l, got, c)
			}
		}
	}
}

func TestFillSetsEveryElement(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 16, 63, 64, 65, 100_001} {
			x := cputest.Fenced[float32](t, n, n%2 == 0)
			(&Fill{Dst: x, Value: 2.5}).Run(cputest.Pools[2])
			for i, v := range x {
				if v != 2.5 {
					t.Fatalf("element %d of %d is %v", i, n, v)
				}
			}
		}
	})
}

// Gathered rows are the rows, of any width, also the first and the last.
func TestGathersFetchRows(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		table := fmath.ByteToUnit // a copy: not the table that has a loop
		for _, width := range []int{1, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 128, 255, 256, 784} {
			for _, count := range []int{0, 1, 2, 3, 50, 130} {
				const size = 40
				bytes, floats := cputest.Fenced[uint8](t, size*width, width%2 == 0), cputest.Fenced[float32](t, size*width, width%2 == 0)
				rows := cputest.Fenced[int32](t, count, false)
				for i := range rows {
					rows[i] = int32(r.IntN(size))
				}
				copy(rows, []int32{0, size - 1, 0})
				for i := range bytes {
					bytes[i] = uint8(i)
					floats[i] = float32(i)
				}
				dst := cputest.Fenced[float32](t, count*width, true)
				check := func(name string, want func(at int) float32) {
					t.Helper()
					for i, row := range rows {
						for j := range width {
							if got := dst[i*width+j]; got != want(int(row)*width+j) {
								t.Fatalf("%s: element %d of row %d, %d wide, is %v, want %v", name, j, row, width, got, want(int(row)*width+j))
							}
						}
					}
				}
				(&GatherUint8{Src: bytes, Dst: dst, Width: width, Table: &fmath.ByteToUnit, Rows: rows}).Run(cputest.Pools[3])
				check("unit", func(at int) float32 { return float32(bytes[at]) / 255 })
				clear(dst)
				(&GatherUint8{Src: bytes, Dst: dst, Width: width, Table: &table, Rows: rows}).Run(nil)
				check("table", func(at int) float32 { return float32(bytes[at]) / 255 })
				(&GatherFloat32{Src: floats, Dst: dst, Width: width, Rows: rows}).Run(cputest.Pools[3])
				check("float32", func(at int) float32 { return floats[at] })
			}
		}
	})
}

// A batch of shuffled rows of a data set that is larger than the caches.
func BenchmarkGather(b *testing.B) {
	const width, size, batch = 784, 60_000, 128
	bytes := make([]uint8, width*size)
	for i := range bytes {
		bytes[i] = uint8(i * 7)
	}
	dst := make([]float32, width*batch)
	order := rand.New(rand.NewPCG(1, 2)).Perm(size)
	rows := make([]int32, size)
	for i, r := range order {
		rows[i] = int32(r)
	}
	cputest.EachBenchTier(b, func(b *testing.B) {
		for _, table := range []*[256]float32{&fmath.ByteToUnit, new([256]float32)} {
			b.Run(fmt.Sprintf("uint8/%v", table == &fmath.ByteToUnit), func(b *testing.B) {
				k := &GatherUint8{Src: bytes, Dst: dst, Width: width, Table: table}
				for i := 0; b.Loop(); i++ {
					at := i * batch % (size - batch)
					k.Rows = rows[at : at+batch]
					k.Run(nil)
				}
			})
		}
		b.Run("float32", func(b *testing.B) {
			floats := make([]float32, width*size/4)
			fillGeneric(floats, 1)
			k := &GatherFloat32{Src: floats, Dst: dst, Width: width}
			few := make([]int32, batch)
			for i := 0; b.Loop(); i++ {
				for j := range few {
					few[j] = rows[(i*batch+j)%size] / 4
				}
				k.Rows = few
				k.Run(nil)
			}
		})
	})
}

func BenchmarkTranspose(b *testing.B) {
	const rows, cols = 256, 784
	k := &StridedCopy{
		Src: make([]float32, rows*cols), Dst: make([]float32, rows*cols),
		Dims: []int{cols, rows}, SrcStrides: []int{1, cols}, DstStrides: []int{rows, 1},
	}
	for b.Loop() {
		k.Run(nil)
	}
	cputest.ReportBytes(b, 8*rows*cols)
}

func TestNoCopyReachesBeyondItsArrays(t *testing.T) {
	cputest.CheckBounds(t, map[string]func(short func(int) []float32) cpu.Kernel{
		"fill": func(short func(int) []float32) cpu.Kernel { return &Fill{Dst: make([]float32, 100), Value: 1} },
		"one-hot": func(short func(int) []float32) cpu.Kernel {
			return &OneHot{Indices: Indices{Floats: short(8)}, Y: short(8 * 10), Rows: 8, Depth: 10}
		},
		"transpose": func(short func(int) []float32) cpu.Kernel {
			return &StridedCopy{Src: short(9 * 17), Dst: short(9 * 17), Dims: []int{17, 9}, SrcStrides: []int{1, 17}, DstStrides: []int{9, 1}}
		},
		"gather": func(short func(int) []float32) cpu.Kernel {
			return &GatherFloat32{Src: short(3 * 17), Dst: short(3 * 17), Width: 17, Rows: []int32{2, 1, 0}}
		},
	})
}
