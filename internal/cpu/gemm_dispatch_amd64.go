package cpu

import "unsafe"

// gemm runs a tile's kernel. strided says that A's rows are strided and its k is
// contiguous, else it is the other way round.
func (t Tier) gemm(tile *gemmTile, rows, cols int, strided bool) {
	form := 0
	if strided {
		form = 1
	}
	vecs := (cols + 15) / 16
	gemm512[form][vecs-1][rows-1]((*byte)(unsafe.Pointer(tile)))
}

func packAVX512(dst []float32, ldd int, src []float32, lds, rows, k int) {
	pack512((*byte)(unsafe.Pointer(&dst[0])), 4*ldd, (*byte)(unsafe.Pointer(&src[0])), 4*lds, rows, k)
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
