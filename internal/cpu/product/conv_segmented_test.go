package product

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// Tiles whose k comes in segments are chains in the order of the list, for each size, and write nothing beside them.
func TestSegmentedTilesMultiplyWhatTheListSays(t *testing.T) {
	eachTile(t, func(k *gemmKernels) []microkernels { return k.segmented }, func(t *testing.T, kernels *gemmKernels, m microkernel, height, cols int) {
		for segments := 1; segments <= 3; segments++ {
			testSegmentedTiles(t, kernels, m, height, cols, segments)
		}
	})
}

func testSegmentedTiles(t *testing.T, kernels *gemmKernels, m microkernel, height, cols, segments int) {
	const count, room, longest = 3, 40, 9
	r := rand.New(rand.NewPCG(uint64(height), uint64(cols*16+segments)))
	// A's rows are lda apart, and a tile's first is aStep from the last one's; each segment is somewhere in the room.
	lda, rows, ldb, ldc := room+r.IntN(3), count*height, cols+r.IntN(3), cols+r.IntN(3)
	a, b, c := cputest.WithZeros(r, (rows-1)*lda+room), cputest.WithZeros(r, (longest+room)*ldb+count), cputest.WithZeros(r, (rows-1)*ldc+cols)
	from := r.IntN(room - longest) // offsets may be less than 0
	s := &gemmScratch{kernels: kernels}
	var list []int32
	for range segments {
		list = append(list, int32(4*(r.IntN(room-longest)-from)), int32(4*ldb*r.IntN(room)), int32(1+r.IntN(longest)))
	}
	s.tile.resume = r.IntN(2)
	want := slices.Clone(c)
	for i := range rows {
		for j := range cols {
			sum := &want[i*ldc+j]
			if s.tile.resume == 0 {
				*sum = 0
			}
			for l := list; len(l) > 0; l = l[3:] {
				for p := range int(l[2]) {
					*sum = fmath.FMA(a[i*lda+from+int(l[0])/4+p], b[i/height+int(l[1])/4+p*ldb+j], *sum)
				}
			}
		}
	}
	s.tile.k, s.tile.count, s.tile.list = segments, count, &list[0]
	s.tile.aStep, s.tile.bStep, s.tile.cStep = 4*height*lda, 4, 4*height*ldc
	s.multiply(m, matrix{data: a[from:], ld: lda}, matrix{data: b, ld: ldb}, matrix{data: c, ld: ldc}, cols)
	for i := range want {
		if !cputest.SameBits(c[i], want[i]) {
			t.Fatalf("%d×%d of %d, %d segments: element %d is %v, want %v", height, cols, m.vectors, segments, i, c[i], want[i])
		}
	}
}
