package mem

import (
	"syscall"
	"unsafe"
)

// machine returns how many bytes of memory the machine has, 0 if that is not known.
func machine() int64 {
	// MEMORYSTATUSEX
	var status struct {
		length, load               uint32
		total, available           uint64
		totalPage, availablePage   uint64
		totalVirtual, virtual, ext uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	call := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if call.Find() != nil {
		return 0
	}
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 0
	}
	return int64(status.total)
}
