//go:build !amd64

package cpu

func (*gemmTile) gemm(Tier, int, int, bool) {}

func packAsm(Tier, []float32, int, []float32, int, int, int) {}

func peakRounds(_ Tier, n int) float64 { return peakGo(n) }
