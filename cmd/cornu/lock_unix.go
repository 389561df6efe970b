//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

// This file locks files as Unix does: until they are closed.

import (
	"os"
	"syscall"
)

// lock waits until a file is this process's own, or its readers' own.
func lock(file *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		if err := syscall.Flock(int(file.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
