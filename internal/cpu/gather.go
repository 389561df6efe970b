package cpu

import "github.com/cornu-ml/cornu/internal/par"

// This file holds the kernels that gather shuffled rows of a data set into a
// batch.

// A GatherFloat32 kernel copies row Rows[i] of Src, Width elements wide, to row
// i of Dst.
type GatherFloat32 struct {
	Src, Dst []float32
	Width    int
	Rows     []int32

	split rowSplit
}

// Run computes Dst.
func (k *GatherFloat32) Run(p *par.Pool) { k.split.run(p, k, len(k.Rows), k.Width) }

// Do computes chunk index of Run.
func (k *GatherFloat32) Do(_, index int) {
	for i, i1 := k.split.chunk(index); i < i1; i++ {
		copy(k.Dst[i*k.Width:(i+1)*k.Width], k.Src[int(k.Rows[i])*k.Width:])
	}
}

// A GatherUint8 kernel is GatherFloat32 from bytes: u becomes Table[u].
type GatherUint8 struct {
	Src   []uint8
	Dst   []float32
	Width int
	Table *[256]float32
	Rows  []int32

	split rowSplit
}

// Run computes Dst.
func (k *GatherUint8) Run(p *par.Pool) { k.split.run(p, k, len(k.Rows), k.Width) }

// Do computes chunk index of Run.
func (k *GatherUint8) Do(_, index int) {
	for i, i1 := k.split.chunk(index); i < i1; i++ {
		src, dst := k.Src[int(k.Rows[i])*k.Width:], k.Dst[i*k.Width:(i+1)*k.Width]
		for j := range dst {
			dst[j] = k.Table[src[j]]
		}
	}
}
