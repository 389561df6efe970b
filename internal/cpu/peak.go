package cpu

import (
	"sync"
	"time"
)

// This file measures what the processor could do at most.

// PeakFMA returns the floating-point operations a second, in GFLOP/s, that so
// many threads reach together in a loop of nothing but fused multiply-adds of
// registers, on the active tier: the best of several runs of some milliseconds.
func PeakFMA(threads int) float64 {
	tier := Active()
	rounds := 1 << 19
	if tier == Generic {
		rounds = 1 << 18
	}
	best := 0.0
	for range 5 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		total := 0.0
		for range threads {
			wg.Go(func() {
				start := time.Now()
				flops := peakRounds(tier, rounds)
				rate := flops / time.Since(start).Seconds() / 1e9
				mu.Lock()
				total += rate
				mu.Unlock()
			})
		}
		wg.Wait()
		best = max(best, total)
	}
	return best
}

var peakSink float32

// peakGo multiplies and adds in plain Go, which is what the generic tier can do.
func peakGo(n int) float64 {
	var a, b, c, d, e, f, g, h float32
	x, y := float32(0.5), float32(1)
	for range n {
		a, b, c, d = float32(x*a)+y, float32(x*b)+y, float32(x*c)+y, float32(x*d)+y
		e, f, g, h = float32(x*e)+y, float32(x*f)+y, float32(x*g)+y, float32(x*h)+y
	}
	peakSink = a + b + c + d + e + f + g + h
	return float64(n) * 16
}
