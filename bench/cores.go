package main

// This file measures how far apart the cores are.

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// watchCores measures every few seconds how long a line of the cache takes from one core to another and back, until the
// function that it returns is called, which gives the shortest time, the median and the longest, in nanoseconds.
func watchCores() (stop func() [3]float64) {
	const pause = 4 * time.Second
	if runtime.GOMAXPROCS(0) < 2 {
		return func() [3]float64 { return [3]float64{} }
	}
	done, all := make(chan struct{}), make(chan []float64)
	go func() {
		var times []float64
		for {
			times = append(times, roundTrip())
			select {
			case <-done:
				all <- times
				return
			case <-time.After(pause):
			}
		}
	}()
	return func() [3]float64 {
		close(done)
		times := <-all
		slices.Sort(times)
		return [3]float64{times[0], times[len(times)/2], times[len(times)-1]}
	}
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
