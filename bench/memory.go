package main

// This file measures how much memory a process has resident at most.

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// highWater returns the peak so far of a running process in bytes, 0 where the system doesn't tell. It is not what Linux
// says of a process that has ended, which counts the memory of its parent too.
func highWater(pid int) int64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kilobytes int64
		if strings.HasPrefix(lines.Text(), "VmHWM:") {
			fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kilobytes)
			return kilobytes << 10
		}
	}
	return 0
}

// outputAndPeak runs a command and returns its output and its peak memory.
func outputAndPeak(command *exec.Cmd) (output []byte, peak int64, err error) {
	var out bytes.Buffer
	command.Stdout = &out
	if err := command.Start(); err != nil {
		return nil, 0, err
	}
	var high atomic.Int64
	done := make(chan struct{})
	go func() {
		for tick := time.Tick(10 * time.Millisecond); ; {
			select {
			case <-tick:
				high.Store(max(high.Load(), highWater(command.Process.Pid)))
			case <-done:
				return
			}
		}
	}()
	err = command.Wait()
	close(done)
	if peak = high.Load(); peak == 0 {
		peak = peakMemory(command.ProcessState)
	}
	return out.Bytes(), peak, err
}
