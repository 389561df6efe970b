//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

// This file locks files as Unix does: until they are closed.

import (
	"os"
	"syscall"
)

// locks is whether there are any.
const locks = true

// Lock waits until a file is the caller's own, or its readers' own.
func Lock(file *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	return flock(file, how)
}

// TryLock makes a file the caller's own, and reports false if it is another's.
func TryLock(file *os.File) (bool, error) {
	err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
