//go:build !amd64 && !arm64

package isa

var peaks = [...]peakLoop{Generic: {peakGeneric, 1 << 20, 4}}
