package main

// This file says what Cornu means to reach, so that every run shows how far it is.

import (
	"fmt"
	"math"
)

// A goal is a number that should be at least or at most so much.
type goal struct {
	what    string
	is      float64 // NaN: not measured
	target  float64
	atLeast bool
	format  func(float64) string
	where   string // the case that decided
}

func (g goal) met() bool {
	if g.atLeast {
		return g.is >= g.target
	}
	return g.is <= g.target
}

// goals lists them with what was measured. All are for two cores.
func goals(r *Results) []goal {
	var all []goal
	atLeast := func(what string, is, target float64, format func(float64) string, where string) {
		all = append(all, goal{what, is, target, true, format, where})
	}
	atMost := func(what string, is, target float64, format func(float64) string, where string) {
		all = append(all, goal{what, is, target, false, format, where})
	}
	share := func(suite, name, who string, threads int) float64 {
		if row := r.find(suite, name, who, threads); row != nil {
			return row.OfPeak
		}
		return math.NaN()
	}
	times := func(x float64) string { return digits(x) + " ×" }
	megabytes := func(x float64) string { return fmt.Sprintf("%.0f MB", x) }
	number := func(x float64) string { return fmt.Sprintf("%.0f", x) }

	// The listing.
	atLeast("Fit, one thread: share of the peak", share("listing", anEpoch, cornuName, 1), 0.85, percent, "")
	atLeast("Fit, two threads: share of the peak", share("listing", anEpoch, cornuName, 2), 0.80, percent, "")
	atLeast("Fit, one thread, zeros kept: share of the peak", share("listing", anEpoch, keptName, 1), 0.85, percent, "")
	atLeast("Fit, two threads, zeros kept: share of the peak", share("listing", anEpoch, keptName, 2), 0.80, percent, "")
	for _, peer := range []struct {
		name  string
		times float64
	}{{"Keras on JAX", 2.5}, {"Keras on TensorFlow", 5}, {"PyTorch", 6}, {scanName, 2}} {
		atLeast("Fit, two threads: faster than "+peer.name, r.value("listing", anEpoch, peer.name, 2)/r.value("listing", anEpoch, cornuName, 2), peer.times, times, "")
	}
	atMost("whole program", r.value("program", twentyEpochs, cornuName, 2), 4.5, seconds, "")
	atMost("whole program: first step after", r.value("program", untilFirst, cornuName, 2), 0.25, seconds, "")
	atMost("whole program: peak memory", r.value("program", memory, cornuName, 2), 200, megabytes, "")
	for _, threads := range []int{1, 2} {
		atLeast("evaluation, "+plural(threads, "thread")+": share of the peak", share("listing", r.bestEvaluation(cornuName, threads), cornuName, threads), 0.80, percent, "")
	}
	atMost("one row, one thread", r.value("listing", oneRow, cornuName, 1), 8e-6, seconds, "")
	atMost("one row: allocations", r.value("listing", "allocations of a prediction", cornuName, 1), 0, number, "")
	for _, name := range []string{rows32, rows128} {
		atLeast(name+", one thread: faster than ONNX Runtime", r.value("listing", name, onnxName, 1)/r.value("listing", name, cornuName, 1), 1, times, "")
	}

	// Matrix products.
	for _, threads := range []int{1, 2} {
		least, where := math.Inf(1), ""
		for _, s := range shapes() {
			if x := share("gemm", s.String(), cornuName, threads); s.square() >= 256 && x < least {
				least, where = x, s.String()
			}
		}
		atLeast("products, squares of 256 to 4096, "+plural(threads, "thread")+": least share of the peak", least, 0.90, percent, where)
		least, where = math.Inf(1), ""
		var ratios []float64
		for _, s := range shapes() {
			x := r.gemmRatio(s, threads)
			if s.outputs() < 128 || math.IsNaN(x) {
				continue
			}
			ratios = append(ratios, x)
			if x < least {
				least, where = x, s.String()
			}
		}
		atLeast("products, "+plural(threads, "thread")+": least ratio to the better library", least, 0.95, times, where)
		atLeast("products, "+plural(threads, "thread")+": geometric mean of the ratios", geometricMean(ratios), 1, times, "")
	}

	// AVX2.
	atLeast("AVX2, Fit, one thread: share of its peak", share("listing", anEpoch, avx2Name, 1), 0.80, percent, "")
	atLeast("AVX2, Fit, two threads: share of its peak", share("listing", anEpoch, avx2Name, 2), 0.75, percent, "")
	atLeast("AVX2, evaluation, two threads: share of its peak", share("listing", r.bestEvaluation(avx2Name, 2), avx2Name, 2), 0.75, percent, "")
	for _, threads := range []int{1, 2} {
		least, where := math.Inf(1), ""
		for _, s := range shapes() {
			if x := share("gemm", s.String(), avx2Name, threads); s.square() >= 256 && x < least {
				least, where = x, s.String()
			}
		}
		atLeast("AVX2, products, squares of 256 to 4096, "+plural(threads, "thread")+": least share of its peak", least, 0.85, percent, where)
	}

	// Scaling.
	for _, axis := range []string{"width", "batch", "depth"} {
		for _, threads := range []int{1, 2} {
			var points []point
			for _, s := range sizes() {
				if row := r.find("scaling", s.String(), cornuName, threads); s.axis == axis && row != nil && s.width > 64 {
					points = append(points, point{row.Flops, row.Median, s.String()})
				}
			}
			worst, where := bend(points)
			atMost("a step against "+axis+", "+plural(threads, "thread")+": farthest from a straight line", worst, 0.25, percent, where)
		}
	}
	least, lower, where, lowerWhere := math.Inf(1), math.Inf(1), "", ""
	for _, s := range sizes() {
		one, two := r.value("scaling", s.String(), cornuName, 1), r.value("scaling", s.String(), cornuName, 2)
		if one > 200e-6 && one/two < least {
			least, where = one/two, s.String()
		}
		if one <= 200e-6 && one/two < lower {
			lower, lowerWhere = one/two, s.String()
		}
	}
	atLeast("two threads over one, steps above 200 µs", least, 1.85, times, where)
	atLeast("two threads over one, steps below 200 µs", lower, 1, times, lowerWhere)
	atMost("two threads beside a busy process, over one thread alone", r.value("neighbour", withNeighbour, cornuName, 2)/r.value("neighbour", alone, cornuName, 1), 1.15, times, "")

	// Files.
	files := func(name, who string) float64 { return r.value("files", name, who, 2) }
	atMost("load and predict a row, 25 million parameters, over reading the bytes", files(loadLarge, cornuName)/files(readLarge, cornuName), 1.5, times, "")
	atLeast("load and predict a row: faster than Keras", files(loadLarge, filesName)/files(loadLarge, cornuName), 5, times, "")
	atMost("save, over writing as many bytes", files(saveLarge, cornuName)/files(writeLarge, cornuName), 1.5, times, "")
	atMost("load and save: peak memory beyond the weights", files(extraMemory, cornuName), 64, megabytes, "")

	cnnGoals(r, atLeast, atMost, times, megabytes)
	rnnGoals(r, atLeast, times)
	sequenceGoals(r, atLeast, atMost, times)
	return all
}

// A point is a size's arithmetic and its time.
type point struct {
	x, y float64
	name string
}

// bend fits the line y = a + b·x with the least squares of relative errors, and returns the greatest relative distance
// of a point from it, and that point's name. Fewer than three points don't bend.
func bend(points []point) (worst float64, name string) {
	if len(points) < 3 {
		return math.NaN(), ""
	}
	var s0, s1, s2, t0, t1 float64
	for _, p := range points {
		w := 1 / (p.y * p.y)
		s0, s1, s2 = s0+w, s1+w*p.x, s2+w*p.x*p.x
		t0, t1 = t0+w*p.y, t1+w*p.x*p.y
	}
	b := (s0*t1 - s1*t0) / (s0*s2 - s1*s1)
	a := (t0 - b*s1) / s0
	for _, p := range points {
		if d := math.Abs(p.y/(a+b*p.x) - 1); d >= worst {
			worst, name = d, p.name
		}
	}
	return worst, name
}
