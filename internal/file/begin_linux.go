package file

// This file has a disk begin to write what the system has of a file in memory.

import (
	"os"
	"syscall"
)

// begin has the disk begin to write n bytes of a file, and doesn't wait for it. That it can't is said by the sync to come, if by anyone.
func begin(f *os.File, at, n int64) {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	_ = syscall.SyncFileRange(int(f.Fd()), at, n, write)
}
