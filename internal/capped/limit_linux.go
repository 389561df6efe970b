//go:build linux && !race

package capped

import "syscall"

const rlimitData = 2 // RLIMIT_DATA: what is mapped to be written, not what is merely reserved

func limit(bytes uint64) error {
	return syscall.Setrlimit(rlimitData, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
