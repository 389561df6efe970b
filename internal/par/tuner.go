package par

import (
	"slices"
	"time"
)

// This file chooses between all workers and one, by measuring.

// A WorkerTuner finds out whether work that is done again and again, such as the steps of a
// training, is faster on all workers of a pool or on the caller alone. Workers lose
// when the parts are short and the cores far apart: on virtual machines they may share
// a cache for some minutes and none for the next. So now and then some turns are done
// the other way. That becomes the usual way if it is faster than the turns before and
// after.
//
// Its zero value begins with all workers. One goroutine at a time may use it.
type WorkerTuner struct {
	alone bool // the present turn is the caller's alone
	trial bool // the present turn tries the other way
	check bool // the present turn is the usual way, measured again after a faster trial
	turns int  // since the way last changed
	begin time.Duration
	next  time.Duration // when the other way is tried

	usual, tried [tunerTurns]time.Duration // how long the last turns of each way took
}

const (
	// Of each way tunerTurns turns are compared, after tunerWarm turns that only fill the caches.
	tunerTurns, tunerWarm = 8, 2
	// The first turns of all compile, fault pages in, and wake workers.
	tunerFirst = 32
	// Trials take at most one part in so many of the time: trials of one worker (tunerShare), and trials of
	// all workers (tunerShareAll). The latter may be more: a stall may be why one worker seemed better.
	tunerShare, tunerShareAll = 300, 50
	// Turns that take longer have parts that are long enough.
	tunerLong = time.Millisecond
)

// Begin begins a turn and returns the pool to do it on: p, or nil.
func (t *WorkerTuner) Begin(p *Pool) *Pool {
	if p.Workers() == 1 {
		return p
	}
	t.begin = now()
	if t.alone {
		return nil
	}
	return p
}

// End ends a turn that Begin began.
func (t *WorkerTuner) End() {
	if t.begin > 0 {
		end := now()
		t.note(end-t.begin, end)
		t.begin = 0
	}
}

// note records how long a turn took that ended at end, and decides how the next one is done.
func (t *WorkerTuner) note(took, end time.Duration) {
	times := &t.usual
	if t.trial {
		times = &t.tried
	}
	times[t.turns%tunerTurns] = took
	t.turns++
	switch {
	case (t.trial || t.check) && t.turns == tunerWarm+tunerTurns:
		usual, tried := median(t.usual), median(t.tried)
		faster := tried < usual-usual/32
		if t.trial || faster {
			t.alone = !t.alone
		}
		t.trial, t.check = false, t.trial && faster
		if t.check {
			break
		}
		share := time.Duration(tunerShare)
		if t.alone {
			share = tunerShareAll
		}
		t.next = end + share*(tunerWarm+tunerTurns)*tried
	case !t.trial && !t.check && (t.alone || took < tunerLong) && end >= t.next && (t.turns >= tunerFirst || t.next > 0 && t.turns >= tunerWarm+tunerTurns):
		t.trial = true
		t.alone = !t.alone
	default:
		return
	}
	t.turns = 0
}

func median(d [tunerTurns]time.Duration) time.Duration {
	slices.Sort(d[:])
	return d[tunerTurns/2]
}
