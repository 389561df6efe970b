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
	c := &crew{
		helpers: make([]helper, workers-1),
		done:    make(chan struct{}, 1),
	}
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
//
// If the job panics on any worker, so does Run, with a *Panic if other workers could
// help, once none is at the job any more. The pool is as good as before.
func (p *Pool) Run(job Job, n int) {
	if n > 1 && p.Workers() > 1 && p.busy.CompareAndSwap(false, true) {
		p.hold(job, n)
		return
	}
	serial(job, n)
}

// hold does a job for the one caller who has made the pool busy.
func (p *Pool) hold(job Job, n int) {
	defer func() {
		p.busy.Store(false)
		runtime.KeepAlive(p)
	}()
	p.run(job, n)
	if failed := p.failed.Swap(nil); failed != nil {
		panic(failed)
	}
}

// Close ends the pool's goroutines once the job under way is done. Jobs that are
// still sent to the pool run on their callers.
func (p *Pool) Close() {
	if p != nil {
		p.close()
	}
}

// A crew is the state that a pool's workers share. What several cores write sits on
// cache lines of its own.
type crew struct {
	helpers []helper
	done    chan struct{} // wakes the caller
	closed  atomic.Bool
	job     Job // read by whoever has claimed an index
	_       line

	// These belong to the caller who holds busy; see review.
	gain  time.Duration // the time that helpers have saved less the time that they have lost, from 0 to mostGain
	alone time.Duration // until then the caller works alone
	_     line

	// open is the range of unclaimed indices: its begin in the high half, its
	// end in the low.
	open atomic.Uint64
	_    line

	pending atomic.Int64 // indices not done
	waiting atomic.Bool  // the caller sleeps until pending is 0
	_       line

	busy   atomic.Bool
	_      line
	failed atomic.Pointer[Panic] // the first of the job
}

// A helper is a worker other than the caller.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      line
}

// A line keeps its neighbours on different cache lines, pairs of lines included,
// which some processors fetch together.
type line [128]byte

// spin is how long a helper that has nothing to do looks for work, and the caller for
// the last helper to finish, before it sleeps. To wake a goroutine on an idle core
// takes up to 100 µs, so a step runs at full speed only if the gaps between its
// kernels are shorter than spin. Spinning in vain costs no more than one wake-up.
//
// The caller spins for longer, up to mostSpin, if one index takes longer than spin. A
// caller who sleeps wakes up on the helper's thread, so that the next job would begin
// without that helper.
const spin, mostSpin = 50 * time.Microsecond, 500 * time.Microsecond

// patience is how long the caller spins before it begins to yield its core to other
// threads: a helper that has the last index may need this core. Helpers yield from
// the start, since a helper that spins has no index that anyone waits for.
const patience = 10 * time.Microsecond

// mostGain bounds gain. It is less than a time slice of the scheduler, which is how
// long another process keeps a helper's core.
const mostGain = time.Millisecond

var born = time.Now()

func now() time.Duration { return time.Since(born) }

// run does a job of n > 1 indices for the one caller who holds busy.
func (c *crew) run(job Job, n int) {
	start := now()
	if start < c.alone {
		serial(job, n)
		return
	}
	c.job = job
	c.pending.Store(int64(n))
	c.open.Store(uint64(n))
	if c.rouse(n - 1) {
		start = now()
	}
	did := c.drain(0)
	drained := now()
	index := (drained - start) / time.Duration(max(did, 1))
	c.await(min(max(spin, index), mostSpin))
	c.job = nil
	c.review(did, start, drained, now())
}

func serial(job Job, n int) {
	for i := range n {
		job.Do(0, i)
	}
}

// review decides whether helpers are worth having.
//
// If another process needs a helper's core, the helper may lose the core in the middle
// of an index. The caller then waits for a time slice of the scheduler, milliseconds,
// for some microseconds of work. Time that the caller has waited beyond what the last
// indices can have taken counts as lost. Against it counts what two cores gain: half of
// the time that they work. When more was lost than gained, the caller works alone for a
// multiple of the difference. So another process costs its share of the cores and a
// fraction more, however the scheduler interrupts.
func (c *crew) review(did int, start, drained, end time.Duration) {
	const solo, most = 8, 10 * time.Millisecond
	if did == 0 {
		return // how long an index takes is not known
	}
	index := (drained - start) / time.Duration(did)
	lost := end - drained - 2*index
	if lost < spin {
		lost = 0
	}
	c.gain = min(c.gain+(drained-start)/2-lost, mostGain)
	if c.gain < 0 {
		c.alone = end + solo*min(-c.gain, most)
		c.gain = 0
	}
}

// rouse wakes helpers until count of them are awake, and tells whether any was
// asleep.
func (c *crew) rouse(count int) (any bool) {
	for i := range c.helpers[:min(count, len(c.helpers))] {
		h := &c.helpers[i]
		if h.asleep.Load() && h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
			any = true
		}
	}
	return any
}

// drain claims indices and does them until none is left. It returns how many it did.
func (c *crew) drain(worker int) (did int) {
	for {
		n, done := c.work(worker)
		did += n
		if done {
			break
		}
	}
	if did > 0 && c.pending.Add(int64(-did)) == 0 && c.waiting.CompareAndSwap(true, false) {
		c.done <- struct{}{}
	}
	return did
}

// work claims indices and does them until none is left, or until one panics, which counts
// as done. done says that none is left.
func (c *crew) work(worker int) (did int, done bool) {
	defer func() {
		if value := recover(); value != nil {
			did++
			c.failed.CompareAndSwap(nil, Recovered(value))
		}
	}()
	for {
		index, ok := c.claim(worker)
		if !ok {
			return did, true
		}
		c.job.Do(worker, index)
		did++
	}
}

// claim takes an open index. Even workers take from the front and odd ones from
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

// finished says that no index is left undone.
func (c *crew) finished() bool { return c.pending.Load() == 0 }

// wanted says that there is something to claim, or that the pool is closed.
func (c *crew) wanted() bool {
	open := c.open.Load()
	return open>>32 != open&(1<<32-1) || c.closed.Load()
}

// await returns when the job is finished. It spins for as long as an index may take.
func (c *crew) await(spin time.Duration) {
	if watch(c.finished, patience, spin) {
		return
	}
	for !c.finished() {
		c.waiting.Store(true)
		if c.finished() && c.waiting.CompareAndSwap(true, false) {
			return
		}
		<-c.done // sent by whoever cleared waiting
	}
}

// help is the life of a helper.
func (c *crew) help(worker int) {
	h := &c.helpers[worker-1]
	for !c.closed.Load() {
		c.drain(worker)
		if watch(c.wanted, 0, spin) {
			continue
		}
		h.asleep.Store(true)
		if !c.wanted() || !h.asleep.CompareAndSwap(true, false) {
			<-h.wake // sent by whoever cleared asleep
		}
	}
}

// watch waits for the event until it has spun for that long, and reports whether it has come.
// It yields once its patience is over. It looks at the clock at most looks times, so that it
// ends even if the clock stands, as that of testing/synctest does while a goroutine runs.
func watch(event func() bool, patience, spin time.Duration) bool {
	const looks = 8192 // milliseconds, on any processor
	begin := now()
	for range looks {
		for range 64 {
			if event() {
				return true
			}
			pause()
		}
		switch waited := now() - begin; {
		case waited > spin:
			return event()
		case waited > patience:
			yield()
		}
	}
	return event()
}

func (c *crew) close() {
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
