package main

// This file locks files as Windows does: until they are closed.

import (
	"os"

	"golang.org/x/sys/windows"
)

// lock waits until a file is this process's own, or its readers' own.
func lock(file *os.File, exclusive bool) error {
	var how uint32
	if exclusive {
		how = windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	const all = ^uint32(0)
	return windows.LockFileEx(windows.Handle(file.Fd()), how, 0, all, all, new(windows.Overlapped))
}
