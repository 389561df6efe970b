package file

// This file syncs files by Linux's asynchronous input and output, whose end Go's poller waits for. For a call to the system that blocks Go keeps a
// processor, on which a training would run, for ten milliseconds or more.

import (
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// A queue takes one request at a time.
type queue struct {
	context uintptr // the kernel's
	done    *os.File
	fd      uintptr // of done, an eventfd, which the kernel counts up
}

// A request is struct iocb of linux/aio_abi.h.
type request struct {
	_         uint64
	_         [2]uint32
	operation uint16
	_         int16
	file      uint32
	_         [4]uint64
	flags     uint32
	done      uint32
}

// An event is struct io_event: what a request has come to.
type event struct {
	_, _      uint64
	result, _ int64
}

// idle are queues that nobody uses.
var idle = make(chan *queue, 4)

// newQueue returns nil where the kernel has none to give.
func newQueue() *queue {
	q := &queue{}
	if _, _, failed := syscall.Syscall(syscall.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&q.context)), 0); failed != 0 {
		return nil
	}
	fd, _, failed := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if failed != 0 {
		q.destroy()
		return nil
	}
	q.fd, q.done = fd, os.NewFile(fd, "eventfd")
	return q
}

func (q *queue) destroy() {
	syscall.Syscall(syscall.SYS_IO_DESTROY, q.context, 0, 0)
	q.done.Close() // nil is an error
}

// release keeps a queue for the next who needs one.
func (q *queue) release() {
	select {
	case idle <- q:
	default:
		q.destroy()
	}
}

// syncFile waits until what was written to a file is on the disk.
func syncFile(f *os.File) error {
	var q *queue
	select {
	case q = <-idle:
	default:
		if q = newQueue(); q == nil {
			return f.Sync()
		}
	}
	const sync, countUp = 2, 1 // IOCB_CMD_FSYNC, IOCB_FLAG_RESFD
	r := &request{operation: sync, file: uint32(f.Fd()), flags: countUp, done: uint32(q.fd)}
	if n, _, failed := syscall.Syscall(syscall.SYS_IO_SUBMIT, q.context, 1, uintptr(unsafe.Pointer(&r))); failed != 0 || n != 1 {
		q.release()
		return f.Sync() // of a kernel before 4.18, or a file system without
	}
	var count [8]byte
	_, _ = q.done.Read(count[:]) // what follows waits too
	var e event
	for {
		n, _, failed := syscall.Syscall6(syscall.SYS_IO_GETEVENTS, q.context, 1, 1, uintptr(unsafe.Pointer(&e)), 0, 0)
		if n == 1 {
			break
		}
		if failed != syscall.EINTR {
			return f.Sync() // and the queue is left to what is still in it
		}
	}
	q.release()
	runtime.KeepAlive(f)
	if e.result < 0 {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.Errno(-e.result)}
	}
	return nil
}
