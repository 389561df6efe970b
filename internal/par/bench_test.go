package par

import (
	"fmt"
	"testing"
	"time"
)

type empty struct{ _ int }

func (*empty) Do(worker, index int) {}

// busyFor is a job whose every index takes some time.
type busyFor time.Duration

func (d *busyFor) Do(worker, index int) {
	for start := time.Now(); time.Since(start) < time.Duration(*d); {
	}
}

// BenchmarkHandOff is the cost of the pool itself: two indices of nothing.
func BenchmarkHandOff(b *testing.B) {
	for _, gap := range []time.Duration{0, time.Microsecond, 5 * time.Microsecond, 20 * time.Microsecond, 100 * time.Microsecond} {
		b.Run("gap="+gap.String(), func(b *testing.B) {
			p := New(2)
			defer p.Close()
			job, wait := new(empty), busyFor(gap)
			for b.Loop() {
				p.Run(job, 2)
				wait.Do(0, 0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-float64(gap), "ns/handoff")
		})
	}
}

// BenchmarkStep is a step of 20 kernels, each 16 µs of work in eight pieces, with
// 2 µs of other work between them: 360 µs for one worker, 200 µs for two.
func BenchmarkStep(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			p := New(workers)
			defer p.Close()
			var kernels [20]busyFor
			for i := range kernels {
				kernels[i] = busyFor(2 * time.Microsecond)
			}
			for b.Loop() {
				for i := range kernels {
					p.Run(&kernels[i], 8)
					kernels[i].Do(0, 0)
				}
			}
		})
	}
}
