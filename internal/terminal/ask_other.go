//go:build !linux

package terminal

import "golang.org/x/term"

func is(fd uintptr) bool { return term.IsTerminal(int(fd)) }

func columns(fd uintptr) int {
	n, _, err := term.GetSize(int(fd))
	if err != nil {
		return 0
	}
	return n
}
