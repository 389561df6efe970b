package rng

import (
	"math"
	"slices"
	"testing"
)

// The known answers of Random123's kat_vectors for philox4x32 with 10 rounds.
func TestPhiloxGivesRandom123sAnswers(t *testing.T) {
	for _, v := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{
			[4]uint32{0, 0, 0, 0},
			[2]uint32{0, 0},
			[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			[2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := philox4x32(v.ctr, v.key); got != v.want {
			t.Errorf("philox4x32(%08x, %08x) = %08x, want %08x", v.ctr, v.key, got, v.want)
		}
	}
}

func TestSourceIsKeyedBySeedStreamStepAndIndex(t *testing.T) {
	s := New(0x0123456789abcdef, 0xbeef, 0xffff_1234_5678_9abc)
	want := philox4x32(
		[4]uint32{7, 5, 0x56789abc, 0x1234beef},
		[2]uint32{0x89abcdef, 0x01234567})
	if got := s.Block(5<<32 | 7); got != want {
		t.Fatalf("Block = %08x, want %08x", got, want)
	}
}

func TestSourceReadsOneSequenceInSeveralWidths(t *testing.T) {
	s := New(1, 2, 3)
	r := s.Reader()
	for i := range uint64(64) {
		w := s.Uint32(i)
		if got := r.Uint32(); got != w {
			t.Fatalf("the reader's word %d is %08x, Uint32 says %08x", i, got, w)
		}
		if got := uint32(s.Uint16(2*i)) | uint32(s.Uint16(2*i+1))<<16; got != w {
			t.Fatalf("lanes %d and %d make %08x, word %d is %08x", 2*i, 2*i+1, got, i, w)
		}
		if got := uint64(s.Uint32(2*i)) | uint64(s.Uint32(2*i+1))<<32; got != s.Uint64(i) {
			t.Fatalf("Uint64(%d) = %016x, its words are %016x", i, s.Uint64(i), got)
		}
		if f := s.Float32(i); f != float32(w>>8)/(1<<24) {
			t.Fatalf("Float32(%d) = %v", i, f)
		}
		if f := s.Float64(i); f != float64(s.Uint64(i)>>11)/(1<<53) {
			t.Fatalf("Float64(%d) = %v", i, f)
		}
	}
}

// chiSquareBound is the value that a χ² of df degrees of freedom passes with
// probability about 1e-6 (Wilson–Hilferty at z = 4.75).
func chiSquareBound(df float64) float64 {
	a := 2 / (9 * df)
	return df * math.Pow(1-a+4.75*math.Sqrt(a), 3)
}

func chiSquare(counts []int, expected float64) float64 {
	var x float64
	for _, c := range counts {
		d := float64(c) - expected
		x += d * d / expected
	}
	return x
}

func TestBoundedNumbersAreUniform(t *testing.T) {
	for _, n := range []uint32{1, 2, 3, 10, 1000} {
		r := New(11, 0, uint64(n)).Reader()
		counts := make([]int, n)
		const draws = 200_000
		for range draws {
			counts[r.Uint32n(n)]++
		}
		if x, bound := chiSquare(counts, draws/float64(n)), chiSquareBound(float64(n)-1); n > 1 && x > bound {
			t.Errorf("χ² of Uint32n(%d) is %.1f, over %.1f", n, x, bound)
		}
	}
}

// A bound just over 2³¹ rejects nearly half of all words: without the rejection
// the even results would come twice as often as the odd ones.
func TestBoundedNumbersAreUnbiasedNearTheWordSize(t *testing.T) {
	r := New(12, 0, 0).Reader()
	const n, draws = 3 << 30, 100_000
	var thirds [3]int
	for range draws {
		thirds[r.Uint32n(n)%3]++
	}
	if x, bound := chiSquare(thirds[:], draws/3.0), chiSquareBound(2); x > bound {
		t.Errorf("χ² is %.1f, over %.1f: %v", x, bound, thirds)
	}
}

func TestPermIsAPermutation(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10, 60_000} {
		p := make([]int32, n)
		Perm(p, 7, 1)
		slices.Sort(p)
		for i, v := range p {
			if int(v) != i {
				t.Fatalf("n = %d: %d is missing", n, i)
			}
		}
	}
}

func TestPermIsKeyedBySeedAndEpoch(t *testing.T) {
	perm := func(seed, epoch uint64) []int32 {
		p := make([]int32, 100)
		Perm(p, seed, epoch)
		return p
	}
	if !slices.Equal(perm(1, 1), perm(1, 1)) {
		t.Error("the same seed and epoch give two orders")
	}
	if slices.Equal(perm(1, 1), perm(1, 2)) || slices.Equal(perm(1, 1), perm(2, 1)) {
		t.Error("another seed or epoch gives the same order")
	}
}

func TestPermReachesEveryOrderEquallyOften(t *testing.T) {
	const n, orders, draws = 5, 120, 60_000
	index := map[[n]int32]int{}
	var counts [orders]int
	for epoch := range uint64(draws) {
		var p [n]int32
		Perm(p[:], 3, epoch)
		if _, ok := index[p]; !ok {
			index[p] = len(index)
		}
		counts[index[p]]++
	}
	if len(index) != orders {
		t.Fatalf("%d orders of %d", len(index), orders)
	}
	if x, bound := chiSquare(counts[:], draws/float64(orders)), chiSquareBound(orders-1); x > bound {
		t.Errorf("χ² over all orders is %.1f, over %.1f", x, bound)
	}
}

func TestThresholdRounds(t *testing.T) {
	for rate, want := range map[float64]uint32{
		0: 0, 0.5: 1 << 31, 0.45: 1932735283, 0x1p-33: 1, 0x1p-34: 0, 1 - 0x1p-53: 1<<32 - 1,
	} {
		if got := Threshold(rate); got != want {
			t.Errorf("Threshold(%g) = %d, want %d", rate, got, want)
		}
	}
}

func TestDropoutDropsWhatIsBelowTheThreshold(t *testing.T) {
	s := New(5, 3, 9)
	// Thresholds whose top half is the lane of some element force the tie.
	thresholds := []uint32{0, 1, 1 << 31, 1<<32 - 1}
	for i := range uint64(64) {
		u := uint32(s.Uint16(i)) << 16
		thresholds = append(thresholds, u, u|0x7fff, u|0xffff)
	}
	low := func(i uint64) uint16 {
		b := i / 8
		words := philox4x32([4]uint32{uint32(b), uint32(b>>32) | 1<<31, s.c2, s.c3}, s.key)
		return uint16(words[i%8/2] >> (i % 2 * 16))
	}
	for _, threshold := range thresholds {
		for _, start := range []uint64{0, 8, 1 << 36} {
			const n = 77
			mask := make([]byte, (n+7)/8)
			DropoutBits(mask, s, start, n, threshold)
			for k := range uint64(n) {
				i := start + k
				u := uint32(s.Uint16(i))<<16 | uint32(low(i))
				if keep := mask[k/8]>>(k%8)&1 == 1; keep != (u >= threshold) {
					t.Fatalf("threshold %08x, u(%d) = %08x, kept: %v", threshold, i, u, keep)
				}
			}
		}
	}
}

func TestDropoutKeepsTheRateOnAverage(t *testing.T) {
	const n = 1 << 20
	mask := make([]byte, n/8)
	for _, rate := range []float64{0.1, 0.45, 0.5, 0.9} {
		DropoutBits(mask, New(1, 0, 1), 0, n, Threshold(rate))
		kept := 0
		for _, b := range mask {
			for ; b != 0; b &= b - 1 {
				kept++
			}
		}
		sigma := math.Sqrt(n * rate * (1 - rate))
		if d := math.Abs(float64(kept) - n*(1-rate)); d > 5*sigma {
			t.Errorf("rate %v keeps %d of %d, %.1fσ off", rate, kept, n, d/sigma)
		}
	}
}

func BenchmarkPerm(b *testing.B) {
	p := make([]int32, 60_000)
	for b.Loop() {
		Perm(p, 1, 1)
	}
}

func BenchmarkDropoutBits(b *testing.B) {
	mask := make([]byte, 128*256/8)
	b.SetBytes(128 * 256)
	for b.Loop() {
		DropoutBits(mask, New(1, 0, 1), 0, 128*256, Threshold(0.45))
	}
}
