package move

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file holds the kernels that gather shuffled rows of a data set into a
// batch.

// A GatherFloat32 kernel copies row Rows[i] of Src, Width elements wide, to row
// i of Dst.
type GatherFloat32 struct {
	Src, Dst []float32
	Width    int
	Rows     []int32
}

// A GatherUint8 kernel is GatherFloat32 from bytes: a byte u becomes Table[u]. Only
// for the table [fmath.ByteToUnit] there is assembly.
type GatherUint8 struct {
	Src   []uint8
	Dst   []float32
	Width int
	Table *[256]float32
	Rows  []int32
}

// A GatherIntegers kernel is GatherFloat32 from integers, each of which becomes the nearest float32, or an int32.
type GatherIntegers[T ~uint8 | ~int32 | ~int64 | ~int, To float32 | int32] struct {
	Src   []T
	Dst   []To
	Width int
	Rows  []int32
}

// gatherGrain is about the number of bytes that one task writes: fewer are not worth handing to another core.
const gatherGrain = 1 << 15

// gatherRows returns the rows r0 … r1-1 of task index. bytes is the size of a row.
func gatherRows(index, rows, bytes int) (r0, r1 int) {
	per := max(gatherGrain/max(bytes, 1), 1)
	return index * per, min((index+1)*per, rows)
}

func gatherTasks(rows, bytes int) int {
	per := max(gatherGrain/max(bytes, 1), 1)
	return (rows + per - 1) / per
}

// Tasks returns the number of tasks that Run is made of.
func (k *GatherFloat32) Tasks() int { return gatherTasks(len(k.Rows), 4*k.Width) }

// Run computes Dst.
func (k *GatherFloat32) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *GatherFloat32) Do(_, index int) {
	r0, r1 := gatherRows(index, len(k.Rows), 4*k.Width)
	rows, dst := k.Rows[r0:r1], within(k.Dst, r0*k.Width, r1*k.Width)
	checkRows(rows, len(k.Src)/k.Width)
	gatherFloat32(dst, k.Src, rows, k.Width)
}

// Tasks returns the number of tasks that Run is made of.
func (k *GatherUint8) Tasks() int { return gatherTasks(len(k.Rows), 4*k.Width) }

// Run computes Dst.
func (k *GatherUint8) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *GatherUint8) Do(_, index int) {
	r0, r1 := gatherRows(index, len(k.Rows), 4*k.Width)
	rows, dst := k.Rows[r0:r1], within(k.Dst, r0*k.Width, r1*k.Width)
	checkRows(rows, len(k.Src)/k.Width)
	if k.Table == &fmath.ByteToUnit {
		gatherUnit(dst, k.Src, rows, k.Width)
		return
	}
	gatherTable(dst, k.Src, rows, k.Width, k.Table)
}

// Tasks returns the number of tasks that Run is made of.
func (k *GatherIntegers[T, To]) Tasks() int { return gatherTasks(len(k.Rows), 4*k.Width) }

// Run computes Dst.
func (k *GatherIntegers[T, To]) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *GatherIntegers[T, To]) Do(_, index int) {
	r0, r1 := gatherRows(index, len(k.Rows), 4*k.Width)
	rows, dst := k.Rows[r0:r1], within(k.Dst, r0*k.Width, r1*k.Width)
	checkRows(rows, len(k.Src)/k.Width)
	for i, r := range rows {
		to := dst[i*k.Width:][:k.Width]
		for j, v := range k.Src[int(r)*k.Width:][:k.Width] {
			to[j] = To(v)
		}
	}
}

// checkRows panics if one of the rows is not from 0 to n-1. Rows are data, which a caller may have got wrong, and
// the assembly doesn't check them.
func checkRows(rows []int32, n int) {
	for _, r := range rows {
		if uint(r) >= uint(n) {
			panic(fmt.Sprintf("cpu: row %d of an array of %d rows", r, n))
		}
	}
}

// within returns x[begin:end], and panics if end is beyond the length of x, even if it is within the capacity.
func within[T any](x []T, begin, end int) []T { return x[:len(x):len(x)][begin:end] }

func gatherTable(dst []float32, src []uint8, rows []int32, width int, table *[256]float32) {
	for i, r := range rows {
		from, to := src[int(r)*width:][:width], dst[i*width:][:width]
		for j, u := range from {
			to[j] = table[u]
		}
	}
}

func gatherFloat32Generic(dst, src []float32, rows []int32, width int) {
	for i, r := range rows {
		copy(dst[i*width:][:width], src[int(r)*width:])
	}
}
