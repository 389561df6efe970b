package move

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// named makes so many indices, of which some name no row, as each of the types.
func named(r *rand.Rand, count, rows int, skewed bool) []Indices {
	floats, ints, bytes := make([]float32, count), make([]int32, count), make([]uint8, count)
	for i := range count {
		row := r.IntN(rows+2) - 1
		if skewed && r.IntN(2) == 0 {
			row = rows / 2
		}
		floats[i], ints[i], bytes[i] = float32(row), int32(row), uint8(row)
		if row < 0 {
			floats[i] = 0.5
		}
	}
	list := []Indices{{Floats: floats}, {Ints: ints}}
	if rows < 255 { // -1 is 255, and no row
		list = append(list, Indices{Bytes: bytes})
	}
	return list
}

// sumsOf is what ScatterAdd means, position by position.
func sumsOf(x []float32, at *Indices, rows, width int) []float32 {
	y, block := make([]float32, rows*width), make([]float32, rows*width)
	flush := func() {
		for i := range y {
			y[i] += block[i]
		}
		clear(block)
	}
	for i := range at.Len() {
		if i%sumBlock == 0 {
			flush()
		}
		if row := at.Row(i, rows); row >= 0 {
			for c := range width {
				block[row*width+c] += x[i*width+c]
			}
		}
	}
	flush()
	return y
}

func TestRowsAreLookedUpAddedUpAndStored(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []struct{ rows, count, width int }{
		{1, 1, 1}, {7, 0, 3}, {5, 40, 3}, {250, 400, 17}, {3, 9000, 2}, {1000, 300, 64}, {70_000, 500, 5}, {2, 4097, 70}, {300, 20_000, 1},
	} {
		for _, skewed := range []bool{false, true} {
			for kind, at := range named(r, size.count, size.rows, skewed) {
				name := fmt.Sprintf("%v, skewed %v, type %d", size, skewed, kind)
				x := cputest.Random(r, size.count*size.width)
				table := cputest.Random(r, size.rows*size.width)
				sums := sumsOf(x, &at, size.rows, size.width)
				same := func(what string, got, want []float32) {
					t.Helper()
					if i := cputest.FirstDifference(got, want); i >= 0 {
						t.Fatalf("%s: %s: element %d is %v, want %v", name, what, i, got[i], want[i])
					}
				}
				lookUp := func(from []float32) []float32 {
					y := make([]float32, size.count*size.width)
					for i := range size.count {
						if row := at.Row(i, size.rows); row >= 0 {
							copy(y[i*size.width:], from[row*size.width:][:size.width])
						}
					}
					return y
				}
				for _, pool := range []int{1, 3} {
					y := cputest.Random(r, size.count*size.width)
					(&GatherRows{Src: table, Dst: y, Rows: size.rows, Width: size.width, Indices: at}).Run(cputest.Pools[pool])
					same("gather", y, lookUp(table))

					dense := cputest.Random(r, size.rows*size.width)
					scatter := NewScatterAdd(x, dense, at, size.rows, size.width)
					group := NewGroupSum(x, y, at, size.rows, size.width)
					for range 2 {
						scatter.Run(cputest.Pools[pool])
						same("scatter", dense, sums)
						group.Run(cputest.Pools[pool])
						same("group", y, lookUp(sums))
					}

					stored := append([]float32{}, table...)
					(&StoreRows{Src: y, Dst: stored, Rows: size.rows, Width: size.width, Indices: at}).Run(cputest.Pools[pool])
					want := append([]float32{}, table...)
					for i := range size.count {
						if row := at.Row(i, size.rows); row >= 0 {
							copy(want[row*size.width:], sums[row*size.width:][:size.width])
						}
					}
					same("store", stored, want)
				}
			}
		}
	}
}

// Rows of several tables are those of each by itself.
func TestRowsOfSeveralTablesAreThoseOfEach(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range []struct{ tables, rows, each, width int }{{1, 3, 5, 2}, {3, 7, 4999, 3}, {5, 300, 40, 17}, {4, 1, 3, 1}, {2, 3, 0, 2}} {
		for kind, at := range named(r, size.tables*size.each, size.rows, false) {
			at.Each, at.EachRows = size.each, size.rows
			rows := size.tables * size.rows
			table := cputest.Random(r, rows*size.width)
			x := cputest.Random(r, size.tables*size.each*size.width)
			var found, sums []float32
			for i := range size.tables {
				one := Indices{}
				switch part := func(n int) (int, int) { return n * i / size.tables, n * (i + 1) / size.tables }; kind {
				case 0:
					from, to := part(len(at.Floats))
					one.Floats = at.Floats[from:to]
				case 1:
					from, to := part(len(at.Ints))
					one.Ints = at.Ints[from:to]
				default:
					from, to := part(len(at.Bytes))
					one.Bytes = at.Bytes[from:to]
				}
				y := make([]float32, size.each*size.width)
				(&GatherRows{Src: table[i*size.rows*size.width:], Dst: y, Rows: size.rows, Width: size.width, Indices: one}).Run(nil)
				found = append(found, y...)
				sums = append(sums, sumsOf(x[i*size.each*size.width:], &one, size.rows, size.width)...)
			}
			for _, pool := range []int{1, 3} {
				y, sum := cputest.Random(r, len(x)), cputest.Random(r, len(table))
				(&GatherRows{Src: table, Dst: y, Rows: rows, Width: size.width, Indices: at}).Run(cputest.Pools[pool])
				NewScatterAdd(x, sum, at, rows, size.width).Run(cputest.Pools[pool])
				if i := cputest.FirstDifference(y, found); i >= 0 {
					t.Fatalf("%v, type %d: element %d that was looked up is %v, want %v", size, kind, i, y[i], found[i])
				}
				if i := cputest.FirstDifference(sum, sums); i >= 0 {
					t.Fatalf("%v, type %d: sum %d is %v, want %v", size, kind, i, sum[i], sums[i])
				}
			}
		}
	}
}

func TestSumsOfRowsAllocateNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	at := named(r, 5000, 300, true)[0]
	k := NewScatterAdd(make([]float32, 5000*3), make([]float32, 300*3), at, 300, 3)
	if n := testing.AllocsPerRun(5, func() { k.Run(nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNoRowIsReachedBeyondItsArrays(t *testing.T) {
	at := Indices{Floats: []float32{2, 0, 2}}
	cputest.CheckBounds(t, map[string]func(short func(int) []float32) cpu.Kernel{
		"gather": func(short func(int) []float32) cpu.Kernel {
			return &GatherRows{Src: short(3 * 17), Dst: short(3 * 17), Rows: 3, Width: 17, Indices: at}
		},
		"store": func(short func(int) []float32) cpu.Kernel {
			return &StoreRows{Src: short(3 * 17), Dst: short(3 * 17), Rows: 3, Width: 17, Indices: at}
		},
		"scatter": func(short func(int) []float32) cpu.Kernel {
			return NewScatterAdd(short(3*17), short(3*17), at, 3, 17)
		},
		"group": func(short func(int) []float32) cpu.Kernel {
			return NewGroupSum(short(3*17), short(3*17), at, 3, 17)
		},
	})
}

// Sums of the vectors of 32 texts of 20 words, as a step of training has them, of small and large vocabularies.
func BenchmarkSumsOfRows(b *testing.B) {
	const count, width = 640, 64
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, count*width)
	for _, rows := range []int{100, 20_000, 1_000_000} {
		at := Indices{Ints: make([]int32, count)}
		for i := range at.Ints {
			at.Ints[i] = int32(r.IntN(rows))
		}
		group := NewGroupSum(x, make([]float32, count*width), at, rows, width)
		b.Run(fmt.Sprint("group/", rows), func(b *testing.B) {
			for b.Loop() {
				group.Run(nil)
			}
		})
		scatter := NewScatterAdd(x, make([]float32, rows*width), at, rows, width)
		b.Run(fmt.Sprint("scatter/", rows), func(b *testing.B) {
			for b.Loop() {
				scatter.Run(nil)
			}
		})
	}
}
