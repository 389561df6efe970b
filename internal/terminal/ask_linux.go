package terminal

import (
	"syscall"
	"unsafe"
)

// What golang.org/x/term asks Linux is two calls. It imports all of golang.org/x/sys/unix for them, whose compilation takes longer than that
// of most packages of the module.

// is reports whether a file is a terminal: it has a terminal's settings.
func is(fd uintptr) bool {
	var settings syscall.Termios
	return ask(fd, syscall.TCGETS, unsafe.Pointer(&settings))
}

// columns returns the width of a terminal, 0 if it doesn't say.
func columns(fd uintptr) int {
	var size struct{ rows, columns, x, y uint16 }
	if !ask(fd, syscall.TIOCGWINSZ, unsafe.Pointer(&size)) {
		return 0
	}
	return int(size.columns)
}

func ask(fd, what uintptr, answer unsafe.Pointer) bool {
	_, _, err := syscall.Syscall(syscall.SYS_IOCTL, fd, what, uintptr(answer))
	return err == 0
}
