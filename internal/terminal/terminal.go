// Package terminal knows the terminals among writers.
package terminal

// This file asks a writer whether it is one, and how wide.

import (
	"io"
	"os"
)

// Is reports whether w is a terminal that can write over a line: a file, or a writer that knows its file's descriptor.
func Is(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && is(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// Columns returns the present width of the terminal that w is, 0 if it is none or doesn't say.
func Columns(w io.Writer) int {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0
	}
	return columns(f.Fd())
}
