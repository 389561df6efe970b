package file

// This file maps files into memory.

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
)

// A Mapped is a regular file that is open for reading, mapped into memory where the system can.
type Mapped struct {
	f    *os.File
	size int64
	b    []byte // nil: it is read by calls
}

// OpenMapped opens a regular file and maps it.
func OpenMapped(path string) (*Mapped, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = Regular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	m := &Mapped{f: f, size: info.Size()}
	if m.size > 0 && int64(int(m.size)) == m.size {
		m.b, _ = mmap(f, int(m.size)) // or it is read by calls
	}
	return m, nil
}

// Size returns how many bytes the file had when it was opened.
func (m *Mapped) Size() int64 { return m.size }

// ReadAt reads from the file, as io.ReaderAt says. A file that somebody shortens meanwhile
// gives an error.
func (m *Mapped) ReadAt(b []byte, at int64) (n int, err error) {
	if m.b == nil {
		return m.f.ReadAt(b, at)
	}
	if at < 0 {
		return 0, errors.New("a negative offset")
	}
	if at >= m.size {
		return 0, io.EOF
	}
	// Memory that a file no longer has behind it can't be read: the processor says so.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			fault, ok := r.(interface{ Addr() uintptr })
			if !ok {
				panic(r)
			}
			n, err = 0, fmt.Errorf("%s has become shorter while it was read (at %#x)", m.f.Name(), fault.Addr())
		}
	}()
	n = copy(b, m.b[at:])
	runtime.KeepAlive(m)
	if n < len(b) {
		err = io.EOF
	}
	return n, err
}

// Close closes the file. Nothing may be read after it.
func (m *Mapped) Close() error {
	err := unmap(m.b)
	m.b = nil
	return errors.Join(err, m.f.Close())
}
