//go:build !linux

package file

import "os"

func begin(*os.File, int64, int64) {}
