//go:build !amd64 && !arm64

package cpu

var peaks = [...]peakLoop{Generic: {peakGeneric, 1 << 20, 4}}
