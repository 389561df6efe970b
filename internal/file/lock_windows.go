package file

// This file locks files as Windows does: until they are closed.

import (
	"os"

	"golang.org/x/sys/windows"
)

// locks is whether there are any.
const locks = true

// Lock waits until a file is the caller's own, or its readers' own.
func Lock(file *os.File, exclusive bool) error {
	var how uint32
	if exclusive {
		how = windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return lockAll(file, how)
}

// TryLock makes a file the caller's own, and reports false if it is another's.
func TryLock(file *os.File) (bool, error) {
	err := lockAll(file, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}

func lockAll(file *os.File, how uint32) error {
	const all = ^uint32(0)
	return windows.LockFileEx(windows.Handle(file.Fd()), how, 0, all, all, new(windows.Overlapped))
}
