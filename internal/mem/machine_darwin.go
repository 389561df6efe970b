package mem

import (
	"encoding/binary"
	"syscall"
)

// machine returns how many bytes of memory the machine has, 0 if that is not known.
func machine() int64 {
	s, err := syscall.Sysctl("hw.memsize")
	if err != nil {
		return 0
	}
	// Sysctl takes the number for a text, and drops a last byte that is 0.
	var b [8]byte
	copy(b[:], s)
	return int64(binary.LittleEndian.Uint64(b[:]))
}
