//go:build !amd64

package product

func widenFast([]float32, Halves) bool { return false }

func rowTimes([]float32, []float32, Halves, int) bool { return false }
