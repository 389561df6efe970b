package par

import (
	"testing"
	"time"
)

type empty struct{}

func (empty) Do(worker, index int) {}

// busyFor is a job whose every index takes some time.
type busyFor time.Duration

func (d busyFor) Do(worker, index int) {
	for start := time.Now(); time.Since(start) < time.Duration(d); {
	}
}

// BenchmarkHandOff is the cost of the pool itself: two indices of nothing.
func BenchmarkHandOff(b *testing.B) {
	for _, gap := range []time.Duration{0, time.Microsecond, 5 * time.Microsecond, 20 * time.Microsecond, 100 * time.Microsecond} {
		b.Run("gap="+gap.String(), func(b *testing.B) {
			p := New(2)
			defer p.Close()
			for b.Loop() {
				p.Run(empty{}, 2)
				busyFor(gap).Do(0, 0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-float64(gap), "ns/handoff")
		})
	}
}

// BenchmarkSplit is a kernel of 20 µs of work in eight pieces.
func BenchmarkSplit(b *testing.B) {
	for _, gap := range []time.Duration{0, 2 * time.Microsecond, 20 * time.Microsecond} {
		b.Run("gap="+gap.String(), func(b *testing.B) {
			p := New(2)
			defer p.Close()
			var job Job = busyFor(2500 * time.Nanosecond)
			for b.Loop() {
				p.Run(job, 8)
				busyFor(gap).Do(0, 0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-float64(gap), "ns/kernel")
		})
	}
}
