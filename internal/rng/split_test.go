package rng

import (
	"slices"
	"testing"
)

func TestASplitHasEveryRowOnce(t *testing.T) {
	classes := make([]int32, 101)
	for i := range classes {
		classes[i] = int32(i * i % 7 % 4)
	}
	total := make([]int, 4)
	for _, c := range classes {
		total[c]++
	}
	for _, fraction := range []float64{0.1, 0.25, 1.0 / 3, 0.5, 0.9} {
		first, last, ok := Split(len(classes), fraction, 3)
		strataFirst, strataLast, strataOK := StratifiedSplit(classes, fraction, 3)
		if !ok || !strataOK || len(first) != len(strataFirst) {
			t.Fatalf("%v: parts of %d and %d, stratified %d and %d", fraction, len(first), len(last), len(strataFirst), len(strataLast))
		}
		for _, parts := range [][2][]int32{{first, last}, {strataFirst, strataLast}} {
			rows := append(slices.Clone(parts[0]), parts[1]...)
			slices.Sort(rows)
			for i, row := range rows {
				if int(row) != i || len(rows) != len(classes) {
					t.Fatalf("%v: the rows are %v", fraction, rows)
				}
			}
		}
		held := make([]int, 4)
		for _, row := range strataLast {
			held[classes[row]]++
		}
		for c := range held {
			share := float64(total[c]) * float64(len(strataLast)) / float64(len(classes))
			if d := float64(held[c]) - share; d <= -1 || d >= 1 {
				t.Errorf("%v: %d of %d rows of class %d are held back, the share is %v", fraction, held[c], total[c], c, share)
			}
		}
	}
	for _, fraction := range []float64{0, 1, -1, 0.999} {
		if _, _, ok := Split(2, fraction, 1); ok {
			t.Errorf("a fraction of %v was split off", fraction)
		}
	}
	if _, _, ok := StratifiedSplit(nil, 0.5, 1); ok {
		t.Error("nothing was split")
	}
}
