package mem

import "syscall"

// adviseHuge asks for b, which no one has touched yet, to be on huge pages. Systems that
// have none go on with small ones.
func adviseHuge(b []byte) { _ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) }
