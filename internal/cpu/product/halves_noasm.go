//go:build !amd64

package product

func widenFast([]float32, Halves) bool { return false }
