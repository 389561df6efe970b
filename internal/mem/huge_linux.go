package mem

import "syscall"

// adviseHuge asks the system to put b, which was not touched yet, on huge pages. A system
// without huge pages uses small ones.
func adviseHuge(b []byte) { _ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) }
