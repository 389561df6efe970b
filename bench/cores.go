package main

// This file measures how far apart the cores are.

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// betweenMeasures is how often the distance of the cores is measured, at most.
const betweenMeasures = 4 * time.Second

// rest waits until everyone is quiet before a turn, since threads of the one before may still watch for work, and now and then
// measures how far apart the cores are. It does so here alone: beside a contender that has both cores, its two threads would
// take one of them from it for seconds.
func (b *bench) rest() {
	const settle = 60 * time.Millisecond
	time.Sleep(settle)
	if runtime.GOMAXPROCS(0) > 1 && time.Since(b.looked) > betweenMeasures {
		b.apart = append(b.apart, roundTrip())
		b.looked = time.Now()
	}
}

// distance returns what rest measured since it was last called: how long a line of the cache takes from one core to another and
// back, the shortest time, the median and the longest, in nanoseconds. They are 0 if it measured nothing.
func (b *bench) distance() (d [3]float64) {
	if times := b.apart; len(times) > 0 {
		slices.Sort(times)
		d = [3]float64{times[0], times[len(times)/2], times[len(times)-1]}
	}
	b.apart = nil
	return d
}

// roundTrip is the best of some series of trips, as other processes want the cores too. It takes some milliseconds.
func roundTrip() float64 {
	const series, trips = 20, 200
	var line struct {
		_    [128]byte
		turn atomic.Int64 // odd: the other's
		_    [128]byte
	}
	const last = 2 * series * trips
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for turn := int64(0); turn < last; {
			if turn = line.turn.Load(); turn%2 == 1 {
				line.turn.Store(turn + 1)
			}
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Duration(1 << 62)
	for range series {
		start := time.Now()
		for range trips {
			for turn := line.turn.Add(1); line.turn.Load() == turn; {
			}
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / trips
}
