package product

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// Tiles whose operands are where a list says are chains in the order of the list, for each size, and write nothing beside them.
func TestIndirectTilesMultiplyWhatTheListSays(t *testing.T) {
	eachTile(t, func(k *gemmKernels) []microkernels { return k.indirect }, func(t *testing.T, kernels *gemmKernels, m microkernel, height, cols int) {
		for k := 1; k <= 9; k++ {
			testIndirectTiles(t, kernels, m, height, cols, k)
		}
	})
}

// eachTile calls test for each height of tiles, each of their widths and, where tiles can be of part of a vector, each number of columns.
func eachTile(t *testing.T, tiles func(*gemmKernels) []microkernels, test func(t *testing.T, kernels *gemmKernels, m microkernel, height, cols int)) {
	cputest.EachTier(t, func(t *testing.T) {
		kernels := gemmTiers[isa.Active()]
		for height, list := range tiles(kernels) {
			for _, m := range list {
				width, narrowest := m.vectors*kernels.lanes, m.vectors*kernels.lanes
				if m.vectors <= kernels.partial {
					narrowest -= kernels.lanes - 1
				}
				for cols := narrowest; cols <= width; cols++ {
					test(t, kernels, m, height, cols)
				}
			}
		}
	})
}

func testIndirectTiles(t *testing.T, kernels *gemmKernels, m microkernel, height, cols, k int) {
	const count, room = 3, 40
	r := rand.New(rand.NewPCG(uint64(height), uint64(cols*16+k)))
	// A's rows are lda apart, and a tile's first is aStep from the last one's; each k is somewhere in the room.
	lda, rows, ldc := room+r.IntN(3), count*height, cols+r.IntN(3)
	a, b, c := cputest.WithZeros(r, (rows-1)*lda+room), cputest.WithZeros(r, (k+2)*room*4), cputest.WithZeros(r, (rows-1)*ldc+cols)
	from := r.IntN(room) // offsets may be less than 0
	s := &gemmScratch{kernels: kernels}
	var list []int32
	for range k {
		list = append(list, int32(4*(r.IntN(room)-from)), int32(4*r.IntN(len(b)-cols-count)))
	}
	s.tile.resume = r.IntN(2)
	want := slices.Clone(c)
	for i := range rows {
		for j := range cols {
			sum := &want[i*ldc+j]
			if s.tile.resume == 0 {
				*sum = 0
			}
			for p := 0; p < len(list); p += 2 {
				*sum = fmath.FMA(a[i*lda+from+int(list[p])/4], b[i/height+int(list[p+1])/4+j], *sum)
			}
		}
	}
	s.tile.k, s.tile.count, s.tile.list = k, count, &list[0]
	s.tile.aStep, s.tile.bStep, s.tile.cStep = 4*height*lda, 4, 4*height*ldc
	s.multiply(m, matrix{data: a[from:], ld: lda}, matrix{data: b}, matrix{data: c, ld: ldc}, cols)
	for i := range want {
		if !cputest.SameBits(c[i], want[i]) {
			t.Fatalf("%d×%d of %d, k %d: element %d is %v, want %v", height, cols, m.vectors, k, i, c[i], want[i])
		}
	}
}
