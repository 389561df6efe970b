package par

import "syscall"

// yield lets another thread have the core, if one wants it.
func yield() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
