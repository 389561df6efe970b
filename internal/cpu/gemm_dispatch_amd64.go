package cpu

import "unsafe"

// This file finds the assembly kernel of a tile.

// gemm runs the tile's kernel. strided says that A's rows are strided and its k
// is contiguous, else it is the other way round.
func (t *gemmTile) gemm(tier Tier, rows, cols int, strided bool) {
	form := 0
	if strided {
		form = 1
	}
	arg := (*byte)(unsafe.Pointer(t))
	if tier == AVX512 {
		t.mask = uint32(1<<cols - 1)
		gemm512[form][(cols-1)/16][rows-1](arg)
		return
	}
	vecs := (cols + 7) / 8
	if cols == 8*vecs {
		gemm256[form][vecs-1][rows-1](arg)
		return
	}
	for i := range t.lanes {
		t.lanes[i] = 0
		if i < cols {
			t.lanes[i] = -1
		}
	}
	gemm256Masked[form][vecs-1][rows-1](arg)
}

// gemm512 holds the kernels by form, width in vectors and rows.
var gemm512 = [2][2][14]func(*byte){
	{
		{gemm512T1x1, gemm512T2x1, gemm512T3x1, gemm512T4x1, gemm512T5x1, gemm512T6x1, gemm512T7x1, gemm512T8x1, gemm512T9x1, gemm512T10x1, gemm512T11x1, gemm512T12x1, gemm512T13x1, gemm512T14x1},
		{gemm512T1x2, gemm512T2x2, gemm512T3x2, gemm512T4x2, gemm512T5x2, gemm512T6x2, gemm512T7x2, gemm512T8x2, gemm512T9x2, gemm512T10x2, gemm512T11x2, gemm512T12x2, gemm512T13x2, gemm512T14x2},
	},
	{
		{gemm512N1x1, gemm512N2x1, gemm512N3x1, gemm512N4x1, gemm512N5x1, gemm512N6x1, gemm512N7x1, gemm512N8x1, gemm512N9x1, gemm512N10x1, gemm512N11x1, gemm512N12x1, gemm512N13x1, gemm512N14x1},
		{gemm512N1x2, gemm512N2x2, gemm512N3x2, gemm512N4x2, gemm512N5x2, gemm512N6x2, gemm512N7x2, gemm512N8x2, gemm512N9x2, gemm512N10x2, gemm512N11x2, gemm512N12x2, gemm512N13x2, gemm512N14x2},
	},
}

// gemm256 holds the kernels by form, width in vectors and rows.
var gemm256 = [2][2][6]func(*byte){
	{
		{gemm256T1x1, gemm256T2x1, gemm256T3x1, gemm256T4x1, gemm256T5x1, gemm256T6x1},
		{gemm256T1x2, gemm256T2x2, gemm256T3x2, gemm256T4x2, gemm256T5x2, gemm256T6x2},
	},
	{
		{gemm256N1x1, gemm256N2x1, gemm256N3x1, gemm256N4x1, gemm256N5x1, gemm256N6x1},
		{gemm256N1x2, gemm256N2x2, gemm256N3x2, gemm256N4x2, gemm256N5x2, gemm256N6x2},
	},
}

// gemm256Masked holds the kernels by form, width in vectors and rows.
var gemm256Masked = [2][2][6]func(*byte){
	{
		{gemm256T1x1m, gemm256T2x1m, gemm256T3x1m, gemm256T4x1m, gemm256T5x1m, gemm256T6x1m},
		{gemm256T1x2m, gemm256T2x2m, gemm256T3x2m, gemm256T4x2m, gemm256T5x2m, gemm256T6x2m},
	},
	{
		{gemm256N1x1m, gemm256N2x1m, gemm256N3x1m, gemm256N4x1m, gemm256N5x1m, gemm256N6x1m},
		{gemm256N1x2m, gemm256N2x2m, gemm256N3x2m, gemm256N4x2m, gemm256N5x2m, gemm256N6x2m},
	},
}

// packAsm is packGo by blocks of transposed vectors.
func packAsm(tier Tier, dst []float32, ldd int, src []float32, lds, rows, k int) {
	if rows == 0 || k == 0 {
		return
	}
	if tier == AVX512 {
		pack512((*byte)(unsafe.Pointer(&dst[0])), 4*ldd, (*byte)(unsafe.Pointer(&src[0])), 4*lds, rows, k)
		return
	}
	blocks := k / 8
	for r := 0; r < rows; r += 8 {
		if rows-r < 8 || blocks == 0 {
			packGo(dst[r:], ldd, src[r*lds:], lds, min(8, rows-r), k)
			continue
		}
		pack256((*byte)(unsafe.Pointer(&dst[r])), 4*ldd, (*byte)(unsafe.Pointer(&src[r*lds])), 4*lds, blocks)
		packGo(dst[8*blocks*ldd+r:], ldd, src[r*lds+8*blocks:], lds, 8, k-8*blocks)
	}
}

// peakRounds runs a loop of nothing but fused multiply-adds and returns how many
// floating-point operations it did.
func peakRounds(tier Tier, n int) float64 {
	switch tier {
	case AVX512:
		peak512(n)
		return float64(n) * 24 * 16 * 2
	case AVX2:
		peak256(n)
		return float64(n) * 12 * 8 * 2
	}
	return peakGo(n)
}
