package plan

// This file makes the kernels of the operations on rows of a table that indices name: Gather, ScatterAdd and GroupSum. Which
// tables are updated by such rows alone is decided in train/sparse.go.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/cpu/product"
)

// indices returns the memory of indices, as they are stored.
func (e *Exec) indices(x *value, data memory) move.Indices {
	switch x.dtype {
	case graph.Int32:
		return move.Indices{Ints: ints(data(x))}
	case graph.Uint8:
		return move.Indices{Bytes: e.bytes(x)}
	}
	return move.Indices{Floats: data(x)}
}

// rowsOf returns how a table is seen as rows of its first dimension, and how tables are, one for each sample.
func rowsOf(table *value, batched bool) (rows, width int) {
	at := 1
	if batched {
		at = 2
	}
	return table.shape[:at].Numel(), table.shape[at:].Numel()
}

// named returns the indices of a call that name rows of a table, or of tables.
func (c *call) named(table *value) (at move.Indices, rows, width int) {
	at = c.exec.indices(c.in[1], c.data)
	if c.attr.Batched {
		at.Each, at.EachRows = c.in[1].shape[1:].Numel(), table.shape[1]
	}
	rows, width = rowsOf(table, c.attr.Batched)
	return at, rows, width
}

func emitGather(c *call) []cpu.Kernel {
	table := c.in[0]
	at, rows, width := c.named(table)
	if table.dtype != graph.Float32 {
		return []cpu.Kernel{&product.GatherHalves{Src: c.halves(table), Dst: c.data(c.value), Rows: rows, Width: width, Indices: at}}
	}
	return []cpu.Kernel{&move.GatherRows{Src: c.data(table), Dst: c.data(c.value), Rows: rows, Width: width, Indices: at}}
}

func emitScatterAdd(c *call) []cpu.Kernel {
	at, rows, width := c.named(c.value)
	return []cpu.Kernel{move.NewScatterAdd(c.data(c.in[0]), c.data(c.value), at, rows, width)}
}

func emitGroupSum(c *call) []cpu.Kernel {
	width := c.shape[len(c.in[1].shape):].Numel()
	return []cpu.Kernel{move.NewGroupSum(c.data(c.in[0]), c.data(c.value), c.exec.indices(c.in[1], c.data), c.attr.Depth, width)}
}

// costOfSums is that of adding all of the first operand up, and of writing the result.
func costOfSums(v *value) int { return v.in[0].n/2 + v.n/16 }
