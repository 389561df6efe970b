package isa

import (
	"runtime"
	"sync"
	"time"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file measures the processor's peak rate.

// PeakFMA returns the highest rate, in GFLOP/s, of fused multiply-adds (two
// operations each) that so many threads reach together on registers alone, on the
// active tier: the best of ten attempts, which take some 50 ms in all.
func PeakFMA(threads int) float64 {
	p := peaks[Active()]
	best := 0.0
	for range 10 {
		var wg sync.WaitGroup
		start := time.Now()
		for range threads {
			wg.Go(func() { p.run(p.rounds) })
		}
		wg.Wait()
		best = max(best, 2*float64(threads*p.rounds*p.width)/time.Since(start).Seconds()/1e9)
	}
	return best
}

// A peakLoop does width multiply-adds in each of its rounds.
type peakLoop struct {
	run           func(rounds int)
	rounds, width int // so many rounds take about 5 ms
}

func peakGeneric(n int) {
	var sums [4]float32
	for range n {
		for i := range sums {
			sums[i] = fmath.FMA(0, 0, sums[i])
		}
	}
	runtime.KeepAlive(&sums)
}
