package par

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A tally counts how often each index is done, and by how many workers at once.
type tally struct {
	counts  []atomic.Int32
	inside  [MaxWorkers]atomic.Int32
	workers int
	bad     atomic.Value
	piece   func(index int)
}

func newTally(n, workers int) *tally {
	return &tally{counts: make([]atomic.Int32, n), workers: workers}
}

func (t *tally) Do(worker, index int) {
	if worker < 0 || worker >= t.workers {
		t.bad.Store(fmt.Sprintf("worker %d of %d", worker, t.workers))
	}
	if t.inside[worker].Add(1) != 1 {
		t.bad.Store(fmt.Sprintf("worker %d does two indices at once", worker))
	}
	if t.piece != nil {
		t.piece(index)
	}
	t.counts[index].Add(1)
	t.inside[worker].Add(-1)
}

func (t *tally) check(tb testing.TB, times int32) {
	tb.Helper()
	if bad := t.bad.Load(); bad != nil {
		tb.Error(bad)
	}
	for i := range t.counts {
		if got := t.counts[i].Load(); got != times {
			tb.Fatalf("index %d was done %d times, want %d", i, got, times)
		}
	}
}

func TestRunDoesEveryIndexOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 7} {
		p := New(workers)
		defer p.Close()
		for _, n := range []int{0, 1, 2, 3, 10, 1000} {
			job := newTally(n, workers)
			p.Run(job, n)
			job.check(t, 1)
		}
	}
}

func TestANilPoolIsOneWorker(t *testing.T) {
	var p *Pool
	if p.Workers() != 1 {
		t.Errorf("Workers() = %d", p.Workers())
	}
	job := newTally(9, 1)
	p.Run(job, 9)
	job.check(t, 1)
	p.Close()
}

func TestNewBoundsTheWorkers(t *testing.T) {
	for workers, want := range map[int]int{-1: 1, 0: 1, 1: 1, 3: 3, MaxWorkers + 1: MaxWorkers} {
		p := New(workers)
		if p.Workers() != want {
			t.Errorf("New(%d) has %d workers, want %d", workers, p.Workers(), want)
		}
		p.Close()
	}
}

// Many short jobs one after another, with gaps on both sides of the spin, so
// that helpers arrive late, early, asleep and awake.
func TestRunIsRightHoweverLateTheHelpersAre(t *testing.T) {
	for _, workers := range []int{2, 3, 5} {
		p := New(workers)
		defer p.Close()
		job := newTally(5, workers)
		const runs = 3000
		for r := range int32(runs) {
			p.Run(job, 5)
			if r%500 == 0 {
				job.check(t, r+1)
			}
			for start := time.Now(); time.Since(start) < time.Duration(r%30)*time.Microsecond; {
				pause()
			}
		}
		job.check(t, runs)
	}
}

func TestRunWaitsForALongIndex(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 20 {
		job := newTally(2, 2)
		job.piece = func(int) { time.Sleep(100 * time.Microsecond) }
		p.Run(job, 2)
		job.check(t, 1)
	}
}

func TestABusyPoolLetsTheCallerDoTheWork(t *testing.T) {
	p := New(3)
	defer p.Close()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 200 {
				job := newTally(7, 3)
				p.Run(job, 7)
				job.check(t, 1)
			}
		})
	}
	callers.Wait()
}

func TestAJobMayRunAJob(t *testing.T) {
	p := New(2)
	defer p.Close()
	outer := newTally(4, 2)
	outer.piece = func(int) {
		inner := newTally(3, 2)
		p.Run(inner, 3)
		inner.check(t, 1)
	}
	p.Run(outer, 4)
	outer.check(t, 1)
}

func TestRunAllocatesNothing(t *testing.T) {
	p := New(2)
	defer p.Close()
	job := newTally(4, 2)
	if n := testing.AllocsPerRun(100, func() { p.Run(job, 4) }); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

func TestAClosedPoolStillWorks(t *testing.T) {
	p := New(4)
	p.Close()
	p.Close()
	job := newTally(5, 4)
	p.Run(job, 5)
	job.check(t, 1)
}

func waitForGoroutines(t *testing.T, want int) {
	t.Helper()
	for range 500 {
		runtime.GC()
		if runtime.NumGoroutine() <= want {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, want %d", runtime.NumGoroutine(), want)
}

func TestAClosedPoolLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(8)
	p.Run(newTally(8, 8), 8)
	p.Close()
	waitForGoroutines(t, before)
}

func TestAForgottenPoolLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 4 {
		New(3).Run(newTally(8, 3), 8)
	}
	waitForGoroutines(t, before)
}

func TestSetDefaultReplacesThePool(t *testing.T) {
	defer SetDefault(0)
	old := Default()
	SetDefault(3)
	if got := Default().Workers(); got != 3 {
		t.Errorf("%d workers after SetDefault(3)", got)
	}
	job := newTally(6, max(3, old.Workers()))
	Default().Run(job, 6)
	old.Run(job, 6)
	job.check(t, 2)
	SetDefault(0)
	if got := Default().Workers(); got != runtime.GOMAXPROCS(0) {
		t.Errorf("%d workers after SetDefault(0), want GOMAXPROCS", got)
	}
}

func TestAfterAStallTheCallerWorksAlone(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	for _, c := range []struct {
		what          string
		gain          time.Duration // so far
		did           int           // by the caller
		worked, waits time.Duration
		alone         time.Duration
	}{
		{"the helper's last index", 0, 4, 40 * us, 10 * us, 0},
		{"indices that take long", 0, 1, 9 * ms, 10 * ms, 0},
		{"a helper that is half as fast", 0, 4, 40 * ms, 20 * ms, 0},
		{"the helper did everything", 0, 0, 0, 9 * ms, 0},
		{"a stall", 0, 4, 20 * us, 4010 * us, 8 * (4*ms - 10*us)},
		{"a stall now and then", ms, 4, 20 * us, 710 * us, 0},
		{"a stall that takes more than was gained", 500 * us, 4, 20 * us, 710 * us, 8 * 190 * us},
		{"a machine that slept", 0, 4, 20 * us, time.Hour, 80 * ms},
	} {
		p := New(2)
		p.gain = c.gain
		start := time.Second
		end := start + c.worked + c.waits
		p.review(c.did, start, start+c.worked, end)
		if got := max(p.alone-end, 0); got != c.alone {
			t.Errorf("%s: alone for %v, want %v", c.what, got, c.alone)
		}
		p.Close()
	}
}

func TestWhoWorksAloneDoesEverything(t *testing.T) {
	p := New(2)
	defer p.Close()
	p.alone = now() + time.Hour
	job := newTally(50, 1)
	p.Run(job, 50)
	job.check(t, 1)
}

// A bomb panics at one index.
type bomb struct {
	at   int
	done atomic.Int64
}

func (b *bomb) Do(_, index int) {
	if index == b.at {
		panic(index)
	}
	b.done.Add(1)
}

func TestAPanicReachesTheCallerAndLeavesThePoolAsItWas(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		p := New(workers)
		defer p.Close()
		for range 50 {
			for at := range 40 {
				b := &bomb{at: at}
				value := func() (value any) {
					defer func() { value = recover() }()
					p.Run(b, 40)
					return nil
				}()
				if panicked, ok := value.(*Panic); ok && workers > 1 {
					value = panicked.Value
					if !strings.HasSuffix(panicked.File, "par_test.go") {
						t.Errorf("%v was in this file", panicked)
					}
				}
				if value != at {
					t.Fatalf("%d workers, index %d: recovered %v", workers, at, value)
				}
			}
			if workers > 1 && (p.busy.Load() || !p.finished() || p.job != nil) {
				t.Fatalf("%d workers: the pool is still at it", workers)
			}
			j := newTally(100, workers)
			p.Run(j, 100)
			j.check(t, 1)
		}
	}
}

// The clock of a bubble stands while any goroutine in it runs, so helpers that spin must end by themselves.
func TestHelpersSleepThoughTheClockStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(3)
		defer p.Close()
		job := newTally(10, 3)
		p.Run(job, 10)
		job.check(t, 1)
		time.Sleep(time.Second) // ends once the helpers sleep
	})
}
