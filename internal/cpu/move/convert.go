package move

import "github.com/cornu-ml/cornu/internal/par"

// This file converts integers.

// convertGrain is the number of integers that one task converts.
const convertGrain = 1 << 14

// A ToFloat32 kernel converts the integers of Src to Dst, which has as many elements. Each is rounded to the nearest float32:
// up to 2²⁴ that is exact.
type ToFloat32[T uint8 | int32] struct {
	Src []T
	Dst []float32
}

// Tasks returns the number of tasks that Run is made of.
func (k *ToFloat32[T]) Tasks() int { return (len(k.Dst) + convertGrain - 1) / convertGrain }

// Run computes Dst.
func (k *ToFloat32[T]) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *ToFloat32[T]) Do(_, index int) {
	from := index * convertGrain
	to := min(from+convertGrain, len(k.Dst))
	dst := k.Dst[from:to]
	for i, x := range k.Src[from:to] {
		dst[i] = float32(x)
	}
}
