package isa

var peaks = [...]peakLoop{
	Generic: {peakGeneric, 1 << 20, 4},
	NEON:    {peakNEON, 3 << 19, 24 * 4},
}
