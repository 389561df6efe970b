package elementwise

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/rng"
)

// The masks of every tier are those of package rng, for every layout of rows,
// index and threshold, and where lanes tie with the threshold.
func TestDropoutBitsEqualTheirDefinition(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		got, want := new(keep), new(keep)
		check := func(d *Dropout, start, rows, blocks, cols int) {
			t.Helper()
			d.bitsGeneric(want, start, rows, blocks, cols)
			d.bits(got, start, rows, blocks, cols)
			if n := rows * blocks; !bytes.Equal(got.bits[:n], want.bits[:n]) {
				t.Fatalf("the mask of %d rows of %d blocks from %d, %d columns apart, is not the definition's", rows, blocks, start, cols)
			}
		}
		d := testDropout(7)
		for blocks := 1; blocks <= 40; blocks++ {
			for _, rows := range []int{1, 2, 3, 8, 11} {
				for _, cols := range []int{8 * blocks, 8*blocks + 8, 8*blocks + 3, 1000} {
					check(&d, rows*blocks*5, rows, blocks, cols)
				}
			}
		}
		if math.MaxInt > 1<<40 {
			for _, start := range []int{1<<(35%bits.UintSize) - 128, 1 << (35 % bits.UintSize), 1<<(40%bits.UintSize) + 8} {
				check(&d, start, 3, 60, 480) // the index passes 32 bits
			}
		}
		for _, threshold := range []uint32{0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF} {
			d.Threshold = threshold
			check(&d, 0, 1, keepBlocks, 0)
		}
		d.Threshold = rng.Threshold(0.45)
		for i := range 100 { // some twelve ties
			check(&d, i<<13, 32, 32, 256)
			check(&d, i<<13, 128, 4, 256)
			check(&d, i<<13, 100, 5, 100)
		}
	})
}

func BenchmarkDropoutBits(b *testing.B) {
	cputest.EachBenchTier(b, func(b *testing.B) {
		d, k := testDropout(1), new(keep)
		for _, blocks := range []int{32, 4, 3} {
			b.Run(fmt.Sprint(blocks), func(b *testing.B) {
				rows := keepBlocks / blocks
				for b.Loop() {
					d.bits(k, 0, rows, blocks, 256)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(8*rows*blocks), "ns/element")
			})
		}
	})
}
