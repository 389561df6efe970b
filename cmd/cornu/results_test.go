package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// results is the file of the tables in the guide: 20 epochs from five seeds, 200 epochs from one.
const results = "../../docs/chapter1/table-1.3.2.csv"

// Keras 3.15 trained the same networks from three seeds. Its standard deviations are known for the test accuracy; for the
// others they are taken to be ours. Networks of one seed and size begin with the same weights and see the digits in the
// same order, so their accuracies err together: what the mean over all rows is worth shows in its deviation over seeds.
func TestTheTableIsWithinItsErrorsOfKeras(t *testing.T) {
	const (
		seeds, kerasSeeds = 5, 3
		least             = 0.03 // points, the least standard error of a row
		row, all          = 4, 2.87
	)
	kept := readResults(t)
	book := keras(t)
	for _, measure := range []struct {
		name, mean, deviation string
		of                    func(result) float64
	}{
		{"test", "keras20_test_mean", "keras20_test_sd", func(r result) float64 { return r.test }},
		{"train", "keras20_train_mean", "", func(r result) float64 { return r.train }},
		{"running train", "keras20_running_mean", "", func(r result) float64 { return r.running }},
	} {
		overall := make([]float64, seeds) // for each seed the mean difference over the rows
		worst := 0.0
		for i, r := range rows {
			theirs := book[i].number(t, measure.mean)
			var differences []float64
			for seed := range seeds {
				found, ok := kept.find((&table{reading: asTable, epochs: 20}).key(r, uint64(seed+1)))
				if !ok {
					t.Fatalf("%s lacks row %d, seed %d", results, i+1, seed+1)
				}
				difference := measure.of(found) - theirs
				differences = append(differences, difference)
				overall[seed] += difference / float64(len(rows))
			}
			ours := deviation(differences)
			kerass := ours
			if measure.deviation != "" {
				kerass = book[i].number(t, measure.deviation)
			}
			standard := max(math.Sqrt(ours*ours/seeds+kerass*kerass/kerasSeeds), least)
			if off := math.Abs(mean(differences)) / standard; off > row {
				t.Errorf("row %d, %v: the %s accuracy is %+.2f points from Keras's, %.1f standard errors", i+1, r, measure.name, mean(differences), off)
			} else {
				worst = max(worst, off)
			}
		}
		off := math.Abs(mean(overall)) / (deviation(overall) * math.Sqrt(1.0/seeds+1.0/kerasSeeds))
		t.Logf("%s accuracy: %+.3f points from Keras's in the mean, %.1f standard errors; a row at most %.1f", measure.name, mean(overall), off, worst)
		if off > all {
			t.Errorf("the %s accuracies are %+.3f points from Keras's in the mean, %.1f standard errors", measure.name, mean(overall), off)
		}
	}
}

func TestTheTablesOfTheGuideAreThoseOfTheFile(t *testing.T) {
	guide, err := os.ReadFile("../../docs/chapter1.md")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "table.csv") // nothing shall be added to the original,
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nor trained
	for _, args := range [][]string{{"--seeds", "5"}, {"--epochs", "200"}} {
		_, printed, _ := callUntil(ctx, append([]string{"mnist", "table", "--markdown", "--csv", file}, args...)...)
		if !strings.Contains(string(guide), printed) {
			t.Errorf("docs/chapter1.md doesn't have what cornu mnist table %s prints:\n%s", strings.Join(args, " "), printed)
		}
	}
}

func readResults(t *testing.T) ledger {
	t.Helper()
	if _, err := os.Stat(results); err != nil {
		t.Fatal(err)
	}
	kept, err := openLedger(results)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}
