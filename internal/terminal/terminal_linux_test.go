package terminal

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// A writer that only knows its terminal is as wide as that, and follows it.
func TestATerminalIsKnownAndItsWidthFollowed(t *testing.T) {
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	w := known{fd: file.Fd()}
	t.Setenv("TERM", "xterm")
	for _, columns := range []uint16{80, 40} {
		size := struct{ rows, columns, x, y uint16 }{24, columns, 0, 0}
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
			t.Skip(errno)
		}
		if !Is(w) || Columns(w) != int(columns) {
			t.Errorf("of %d columns, %d are seen; a terminal: %v", columns, Columns(w), Is(w))
		}
	}
	t.Setenv("TERM", "dumb")
	if Is(w) {
		t.Error("one that can't write over a line is taken for one that can")
	}
}

type known struct{ fd uintptr }

func (k known) Write(p []byte) (int, error) { return len(p), nil }
func (k known) Fd() uintptr                 { return k.fd }
