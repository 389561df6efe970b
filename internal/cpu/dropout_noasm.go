//go:build !amd64

package cpu

import "github.com/cornu-ml/cornu/internal/rng"

// bits writes the mask of n elements from start, a multiple of 8.
func (d *Dropout) bits(dst []byte, start uint64, n int) {
	rng.DropoutBits(dst, rng.New(*d.Seed, d.Stream, *d.Step), start, n, d.Threshold)
}
