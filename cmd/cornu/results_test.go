package main

// This file compares what is committed: the results with Keras's, and the guide's tables with
// the results. That Cornu still gives these results, it shows for one row; that it still
// gives the README's hash, for one run; both only in .ci/run. A short training has its hash
// in every run.

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
)

// results is the file of the tables in the guide: 20 epochs from ten seeds, 200 epochs from one.
const results = "../../docs/chapter1/table-1.3.2.csv"

// Keras 3.15 trained the same networks: from three seeds, of which the means are known, and from four more. Networks of
// one seed begin with much the same weights and see the digits in the same order, so their accuracies err together: how
// much their mean over all rows errs shows in its deviation over seeds.
func TestTheKeptResultsAreWithinTheirErrorsOfKeras(t *testing.T) {
	const (
		seeds, meantSeeds, moreSeeds = 10, 3, 4
		kerasSeeds                   = meantSeeds + moreSeeds
		least                        = 0.03 // points, the least standard error of a row
		row, all                     = 4, 2 // standard errors
	)
	kept := readResults(t)
	means := readRecords(t, "testdata/keras-1.3.2.csv")
	more := readRecords(t, "testdata/keras-seeds.csv") // all rows of a seed, then the next
	for _, measure := range []struct {
		name, mean, column string
		of                 func(result) float64
	}{
		{"test", "keras20_test_mean", "test", func(r result) float64 { return r.test }},
		{"train", "keras20_train_mean", "train", func(r result) float64 { return r.train }},
		{"running train", "keras20_running_mean", "running", func(r result) float64 { return r.running }},
	} {
		overall, worst := 0.0, 0.0
		overRows, overKerasRows := make([]float64, seeds), make([]float64, moreSeeds) // means
		for i, r := range book.Rows {
			var ours, theirs []float64
			for seed := range seeds {
				found, ok := kept.find((&table{reading: book.AsTable, epochs: 20}).key(r, uint64(seed+1)))
				if !ok {
					t.Fatalf("%s lacks row %d, seed %d", results, i+1, seed+1)
				}
				ours = append(ours, measure.of(found))
				overRows[seed] += measure.of(found) / float64(len(book.Rows))
			}
			for seed := range moreSeeds {
				value := more[seed*len(book.Rows)+i].number(t, measure.column)
				theirs = append(theirs, value)
				overKerasRows[seed] += value / float64(len(book.Rows))
			}
			keras := (meantSeeds*means[i].number(t, measure.mean) + moreSeeds*mean(theirs)) / kerasSeeds
			difference := mean(ours) - keras
			overall += difference / float64(len(book.Rows))
			off := math.Abs(difference) / max(standardError(ours, seeds, theirs, kerasSeeds), least)
			if off > row {
				t.Errorf("row %d, %v: the %s accuracy is %+.2f points from Keras's, %.1f standard errors", i+1, r, measure.name, difference, off)
			}
			worst = max(worst, off)
		}
		off := math.Abs(overall) / standardError(overRows, seeds, overKerasRows, kerasSeeds)
		t.Logf("%s accuracy: %+.3f points from Keras's in the mean, %.1f standard errors; a row at most %.1f", measure.name, overall, off, worst)
		if off > all {
			t.Errorf("the %s accuracies are %+.3f points from Keras's in the mean, %.1f standard errors", measure.name, overall, off)
		}
	}
}

func TestAShortTrainingHasItsHash(t *testing.T) {
	const want = "weights sha256:1bd66e845c9bc15b44f359a1cb2c08c3085daffe475663cedf19754c7d1f38fb"
	status, out, errs := call("mnist", "train", "--epochs", "1", "--limit", "6400", "--seed", "7", "--quiet")
	if status != 0 || !strings.Contains(out, want) {
		t.Errorf("status %d: %s%s\nwant %s", status, out, errs, want)
	}
}

func TestTheDefaultTrainingHasTheHashInTheREADME(t *testing.T) {
	if os.Getenv("CORNU_CI") == "" || testing.Short() {
		t.Skip("20 epochs are for .ci/run")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs := call("mnist", "train", "--quiet")
	_, hash, _ := strings.Cut(out, "weights sha256:")
	if hash = strings.TrimSpace(hash); status != 0 || len(hash) != 64 || !strings.Contains(string(readme), hash) {
		t.Errorf("status %d: %s%s\nREADME.md lacks the hash", status, out, errs)
	}
}

func TestARowOfTheKeptResultsIsWhatTrainingGives(t *testing.T) {
	if os.Getenv("CORNU_CI") == "" || testing.Short() {
		t.Skip("20 epochs are for .ci/run")
	}
	file := filepath.Join(t.TempDir(), "table.csv")
	if status, out, errs := call("mnist", "table", "--rows", "18", "--seeds", "1", "--csv", file); status != 0 {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	fresh, err := openLedger(file)
	if err != nil {
		t.Fatal(err)
	}
	key := (&table{reading: book.AsTable, epochs: 20}).key(book.Rows[17], 1)
	got, ok := fresh.find(key)
	results := readResults(t)
	want, kept := results.find(key)
	got.seconds, want.seconds = 0, 0
	if !ok || !kept || got != want {
		t.Errorf("training gives %+v, %s has %+v", got, results.path, want)
	}
}

// standardError is that of the difference of two means, over n and m seeds, of which x and y are some.
func standardError(x []float64, n int, y []float64, m int) float64 {
	return math.Sqrt(square(deviation(x))/float64(n) + square(deviation(y))/float64(m))
}

func square(x float64) float64 { return x * x }

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
	for _, args := range [][]string{{"--seeds", "10"}, {"--epochs", "200"}} {
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
