package isa

var peaks = [...]peakLoop{
	Generic: {peakGeneric, 1 << 20, 4},
	AVX2:    {peakAVX2, 3 << 20, 12 * 8},
	AVX512:  {peakAVX512, 3 << 19, 24 * 16},
}
