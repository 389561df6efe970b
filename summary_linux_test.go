package cornu_test

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A terminal shows the table as it shows Keras's: 4 columns are left.
func TestASummaryFitsItsTerminal(t *testing.T) {
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{784}}, &layer.Dense{Units: 256})
	for columns, want := range map[uint16]int{80: 76, 60: 56, 200: 88} {
		size := struct{ rows, columns, x, y uint16 }{24, columns, 0, 0}
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
			t.Skip(errno)
		}
		screen := &onTerminal{fd: file.Fd()}
		if err := model.Summary(screen); err != nil {
			t.Fatal(err)
		}
		rule := strings.Split(screen.String(), "\n")[1]
		if n := utf8.RuneCountInString(rule); n > int(columns) || n < want-3 || n > want+3 {
			t.Errorf("on %d columns it has %d", columns, n)
		}
	}
}

// onTerminal keeps what would be written to a terminal.
type onTerminal struct {
	bytes.Buffer
	fd uintptr
}

func (o *onTerminal) Fd() uintptr { return o.fd }
