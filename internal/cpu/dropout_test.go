package cpu

import (
	"bytes"
	"testing"

	"github.com/cornu-ml/cornu/internal/rng"
)

// The masks of every tier are those of package rng, for any length, index and
// threshold, and where lanes tie with the threshold.
func TestDropoutBitsEqualTheirDefinition(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		check := func(d *Dropout, start uint64, n int) {
			t.Helper()
			want, got := make([]byte, (n+7)/8), make([]byte, (n+7)/8+31)
			rng.DropoutBits(want, rng.New(*d.Seed, d.Stream, *d.Step), start, n, d.Threshold)
			d.bits(got, start, n)
			if !bytes.Equal(got[:len(want)], want) {
				t.Fatalf("the mask of %d elements from %d with threshold %#x is not the definition's", n, start, d.Threshold)
			}
		}
		d := testDropout(7)
		for n := range 600 {
			check(&d, 8*uint64(n), n)
		}
		for _, start := range []uint64{1<<35 - 128, 1 << 35, 1<<40 + 8} {
			check(&d, start, 500) // the index passes 32 bits
		}
		for _, threshold := range []uint32{0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF} {
			d.Threshold = threshold
			check(&d, 0, 30_000)
		}
		d.Threshold = rng.Threshold(0.45)
		check(&d, 0, 1_000_000) // some fifteen ties
	})
}

func BenchmarkDropoutBits(b *testing.B) {
	eachBenchTier(b, func(b *testing.B) {
		d := testDropout(1)
		dst := make([]byte, keepSize/8+31)
		for b.Loop() {
			d.bits(dst, 0, keepSize)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/keepSize, "ns/element")
	})
}
