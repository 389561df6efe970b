package file

// This file reads what isn't to be trusted.

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open opens a regular file, or a link to one. What is none is an error: a pipe
// would be waited for, and a device may never end.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = Regular(path, info)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Regular returns an error unless a file is regular.
func Regular(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: its mode is %v", path, info.Mode())
	}
	return nil
}

// Steady returns r, except that reading ends with io.ErrNoProgress when r gives
// nothing and no error a hundred times on end.
func Steady(r io.Reader) io.Reader { return &steady{r, 0} }

type steady struct {
	r     io.Reader
	empty int // reads since something came
}

func (s *steady) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if n > 0 || err != nil || len(b) == 0 {
		s.empty = 0
	} else if s.empty++; s.empty >= 100 {
		err = io.ErrNoProgress
	}
	return n, err
}
