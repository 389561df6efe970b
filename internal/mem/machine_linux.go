package mem

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// machine returns how many bytes of memory this process can have: the machine's, or
// less where a control group or a limit of the process says so; 0 if that is not known.
func machine() int64 {
	least := int64(math.MaxInt64)
	lower := func(n int64) {
		if n > 0 {
			least = min(least, n)
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range bytes.Lines(text) {
			if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "MemTotal:" {
				kB, _ := strconv.ParseInt(f[1], 10, 64)
				lower(kB << 10)
			}
		}
	}
	if text, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		for line := range bytes.Lines(text) {
			f := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
			if len(f) != 3 {
				continue
			}
			switch {
			case f[0] == "0":
				groupLimit("/sys/fs/cgroup", f[2], "memory.max", lower)
			case strings.Contains(","+f[1]+",", ",memory,"):
				groupLimit("/sys/fs/cgroup/memory", f[2], "memory.limit_in_bytes", lower)
			}
		}
	}
	const rlimitAS = 9
	for _, resource := range []int{syscall.RLIMIT_DATA, rlimitAS} {
		var limit syscall.Rlimit
		if syscall.Getrlimit(resource, &limit) == nil && limit.Cur < math.MaxInt64 {
			lower(int64(limit.Cur))
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// groupLimit reads the limits of a control group and of those that it is in, up to the
// root. Inside a container the path may be the host's: then the root is the container's
// own group.
func groupLimit(root, path, name string, lower func(int64)) {
	for {
		path = strings.TrimSuffix(path, "/")
		if text, err := os.ReadFile(root + path + "/" + name); err == nil {
			n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is no limit
			lower(n)
		}
		if path == "" {
			return
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
}
