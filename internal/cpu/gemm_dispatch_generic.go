//go:build !amd64

package cpu

func (Tier) gemm(*gemmTile, int, int, bool) {}

func packAVX512([]float32, int, []float32, int, int, int) {}
