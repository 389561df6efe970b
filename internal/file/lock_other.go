//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package file

import "os"

// locks is whether there are any.
const locks = false

// Lock does nothing on systems whose locks Go's standard library doesn't know: there, one process has a file.
func Lock(*os.File, bool) error { return nil }

// TryLock does nothing there either.
func TryLock(*os.File) (bool, error) { return true, nil }
