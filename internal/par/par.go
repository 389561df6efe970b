// Package par is the worker pool that kernels run on.
//
// A kernel is a [Job] of n indices. The pool's workers, the caller among them,
// claim indices until none is left. What an index means depends on the job alone,
// never on the number of workers or on who claims it, so results don't either.
package par

import (
	"runtime"
	"sync/atomic"
	"time"
)

// MaxWorkers bounds the workers of any pool, so that a job can have a table of
// scratch space, one place per worker, before it knows the pool.
const MaxWorkers = 256

// A Job is work in pieces that can be done at the same time.
type Job interface {
	// Do does piece index. worker says who does it: two calls that overlap have
	// different workers, all in [0, Workers()) of the pool. Scratch space
	// indexed by worker must belong to the job, since another job may run
	// beside this one with the same worker numbers.
	Do(worker, index int)
}

// A Pool runs jobs on a fixed number of workers. A nil pool is one worker, the
// caller. A pool may be used from many goroutines.
type Pool struct {
	*crew // what the worker goroutines hold on to, so that an unused Pool can be collected
}

// New starts a pool of workers, at least 1 and at most MaxWorkers, of which the
// caller of Run is one. The pool's goroutines end when it is closed or garbage.
func New(workers int) *Pool {
	workers = min(max(workers, 1), MaxWorkers)
	c := &crew{helpers: make([]helper, workers-1), done: make(chan struct{}, 1)}
	for i := range c.helpers {
		c.helpers[i].wake = make(chan struct{}, 1)
		go c.help(i + 1)
	}
	p := &Pool{c}
	runtime.AddCleanup(p, (*crew).close, c)
	return p
}

// Workers returns the number of workers, the caller of Run included.
func (p *Pool) Workers() int {
	if p == nil {
		return 1
	}
	return len(p.helpers) + 1
}

// Run does the indices 0 … n−1 of job and returns when all are done. The caller
// is worker 0. If the pool is busy with another goroutine's job, or with the job
// that calls Run, the caller does all n by itself.
func (p *Pool) Run(job Job, n int) {
	if n > 1 && p.Workers() > 1 && p.busy.CompareAndSwap(false, true) {
		p.run(job, n)
		p.busy.Store(false)
		runtime.KeepAlive(p)
		return
	}
	for i := range n {
		job.Do(0, i)
	}
}

// Close ends the pool's goroutines once the job under way is done. Jobs that are
// still sent to the pool run on their callers.
func (p *Pool) Close() {
	if p != nil {
		p.close()
	}
}

// A crew is the state that a pool's workers share. The fields that several cores
// write sit on cache lines of their own.
type crew struct {
	helpers []helper
	done    chan struct{} // wakes the caller
	closed  atomic.Bool
	job     Job // belongs to whoever has claimed an index, or holds busy

	_ [128]byte
	// open is the range of unclaimed indices: its begin in the high half, its
	// end in the low.
	open atomic.Uint64
	_    [128]byte
	// pending counts the indices that are not done.
	pending atomic.Int64
	// waiting says that the caller sleeps until pending is 0.
	waiting atomic.Bool
	_       [128]byte
	busy    atomic.Bool
	_       [128]byte
}

// A helper is a worker other than the caller.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [128]byte
}

// spin is how long a worker watches for work, and the caller for the last
// worker, before it sleeps. Waking costs some microseconds to tens of them, so
// the gaps between the kernels of a step should be shorter than spin; but while
// one spins, another process may be waiting for the core.
const spin = 10 * time.Microsecond

func (c *crew) run(job Job, n int) {
	c.job = job
	c.pending.Store(int64(n))
	c.open.Store(uint64(n))
	c.rouse(n - 1)
	if c.pending.Add(-c.drain(0)) != 0 {
		c.await()
	}
	c.job = nil
}

// rouse wakes helpers until count of them are awake.
func (c *crew) rouse(count int) {
	for i := range c.helpers[:min(count, len(c.helpers))] {
		h := &c.helpers[i]
		if h.asleep.Load() && h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
		}
	}
}

// drain claims indices and does them until none is left, and returns how many it
// did.
func (c *crew) drain(worker int) (did int64) {
	for {
		index, ok := c.claim(worker)
		if !ok {
			return did
		}
		c.job.Do(worker, index)
		did++
	}
}

// claim takes one open index. Even workers take from the front and odd ones from
// the back, so that the same rows of a batch tend to stay in the same core's
// cache from one kernel to the next.
//
// A claim is valid whenever the exchange succeeds, even if open was read while an
// earlier job ran: then it is an index of the present job, which can't end before
// that index is done.
func (c *crew) claim(worker int) (index int, ok bool) {
	for {
		open := c.open.Load()
		begin, end := open>>32, open&(1<<32-1)
		if begin == end {
			return 0, false
		}
		if worker%2 == 0 {
			if c.open.CompareAndSwap(open, open+1<<32) {
				return int(begin), true
			}
		} else if c.open.CompareAndSwap(open, open-1) {
			return int(end - 1), true
		}
	}
}

// await returns when pending is 0.
func (c *crew) await() {
	for start := time.Now(); time.Since(start) < spin; {
		for range 4 {
			if c.pending.Load() == 0 {
				return
			}
			pause()
		}
	}
	for c.pending.Load() != 0 {
		c.waiting.Store(true)
		if c.pending.Load() == 0 && c.waiting.CompareAndSwap(true, false) {
			return
		}
		<-c.done // sent by whoever cleared waiting
	}
}

// help is the life of a helper.
func (c *crew) help(worker int) {
	h := &c.helpers[worker-1]
	for !c.closed.Load() {
		if did := c.drain(worker); did > 0 {
			if c.pending.Add(-did) == 0 && c.waiting.CompareAndSwap(true, false) {
				c.done <- struct{}{}
			}
		}
		if !c.watch() {
			h.sleep(c)
		}
	}
}

// watch spins until there is something to claim.
func (c *crew) watch() bool {
	for start := time.Now(); time.Since(start) < spin; {
		for range 4 {
			if c.ready() {
				return true
			}
			pause()
		}
	}
	return false
}

func (c *crew) ready() bool {
	open := c.open.Load()
	return open>>32 != open&(1<<32-1) || c.closed.Load()
}

func (h *helper) sleep(c *crew) {
	h.asleep.Store(true)
	if c.ready() && h.asleep.CompareAndSwap(true, false) {
		return
	}
	<-h.wake // sent by whoever cleared asleep
}

func (c *crew) close() {
	if c.closed.Load() {
		return
	}
	// A closed pool is busy for ever.
	for !c.busy.CompareAndSwap(false, true) {
		if c.closed.Load() {
			return
		}
		runtime.Gosched()
	}
	c.closed.Store(true)
	c.rouse(len(c.helpers))
}
