package par

import (
	"testing"
	"time"
)

// turns does n turns that take so long together and alone, and returns how many were
// alone.
func turns(t *WorkerTuner, at *time.Duration, n int, together, alone time.Duration) (solo int) {
	for range n {
		took := together
		if t.alone {
			took = alone
			solo++
		}
		*at += took
		t.note(took, *at)
	}
	return solo
}

func TestTheTunerChoosesTheFasterWay(t *testing.T) {
	var p WorkerTuner
	var at time.Duration
	const fast, slow = 200 * time.Microsecond, 300 * time.Microsecond
	if solo := turns(&p, &at, 20000, fast, slow); solo == 0 || solo > 20000/tunerShare {
		t.Errorf("where all are faster, %d of 20000 turns are alone", solo)
	}
	if solo := turns(&p, &at, 20000, slow, fast); solo < 15000 {
		t.Errorf("where one is faster, %d of 20000 turns are alone", solo)
	}
	if solo := turns(&p, &at, 20000, fast, slow); solo > 1000 {
		t.Errorf("where all are faster again, %d of 20000 turns are alone", solo)
	}
	if solo := turns(&p, &at, 20000, fast, fast); solo > 20000/tunerShare+tunerWarm+tunerTurns {
		t.Errorf("where it makes no difference, %d of 20000 turns are alone", solo)
	}
}

func TestAStallDoesNotChangeWhatTheTunerChose(t *testing.T) {
	var p WorkerTuner
	var at time.Duration
	const usual, stalled, alone = 200 * time.Microsecond, 900 * time.Microsecond, 300 * time.Microsecond
	turns(&p, &at, tunerFirst, stalled, alone)
	if solo := turns(&p, &at, 1000, usual, alone); solo != tunerWarm+tunerTurns {
		t.Errorf("after a stall %d of 1000 turns are alone, want a trial of %d", solo, tunerWarm+tunerTurns)
	}
}

func TestTheTunerOfOneWorkerDoesNothing(t *testing.T) {
	var p WorkerTuner
	one := New(1)
	defer one.Close()
	for range 1000 {
		if p.Begin(one) != one || p.Begin(nil) != nil {
			t.Fatal("one worker is tried without itself")
		}
		p.End()
	}
}

func TestTheTunerOfManyWorkersTriesOneAlone(t *testing.T) {
	var p WorkerTuner
	two := New(2)
	defer two.Close()
	alone := 0
	for range tunerFirst + tunerWarm + tunerTurns {
		if p.Begin(two) == nil {
			alone++
		}
		p.End()
	}
	if alone != tunerWarm+tunerTurns {
		t.Errorf("%d turns were alone, want %d", alone, tunerWarm+tunerTurns)
	}
}
