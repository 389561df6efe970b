package callback

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/train"
)

// What Python's format makes of numbers, by the specs below.
func TestNamesAreFilledInAsPythonDoes(t *testing.T) {
	specs := strings.Split("|02d|5d|<5d|^6d|+d| d|=+6d|x>6d|0>4|08.3f|>08.2f|.2f|.0f|6.1f|e|.3e|E|g|.3g|.10g|G|%|.1%|+.2f|é^9.1f|.2|.5|012|F", "|")
	for _, row := range []struct {
		value any
		want  string
	}{
		{3, "3|03|    3|3    |  3   |+3| 3|+    3|xxxxx3|0003|0003.000|00003.00|3.00|3|   3.0|3.000000e+00|3.000e+00|3.000000E+00|3|3|3|3|300.000000%|300.0%|+3.00|ééé3.0ééé|error|error|000000000003|3.000000"},
		{-7, "-7|-7|   -7|-7   |  -7  |-7|-7|-    7|xxxx-7|00-7|-007.000|000-7.00|-7.00|-7|  -7.0|-7.000000e+00|-7.000e+00|-7.000000E+00|-7|-7|-7|-7|-700.000000%|-700.0%|-7.00|éé-7.0ééé|error|error|-00000000007|-7.000000"},
		{float64(0.12345678), "0.12345678|error|error|error|error|error|error|error|error|0.12345678|0000.123|00000.12|0.12|0|   0.1|1.234568e-01|1.235e-01|1.234568E-01|0.123457|0.123|0.12345678|0.123457|12.345678%|12.3%|+0.12|ééé0.1ééé|0.12|0.12346|000.12345678|0.123457"},
		{float64(-2.5), "-2.5|error|error|error|error|error|error|error|error|-2.5|-002.500|000-2.50|-2.50|-2|  -2.5|-2.500000e+00|-2.500e+00|-2.500000E+00|-2.5|-2.5|-2.5|-2.5|-250.000000%|-250.0%|-2.50|éé-2.5ééé|-2.5|-2.5|-000000002.5|-2.500000"},
		{float64(1234567.891), "1234567.891|error|error|error|error|error|error|error|error|1234567.891|1234567.891|1234567.89|1234567.89|1234568|1234567.9|1.234568e+06|1.235e+06|1.234568E+06|1.23457e+06|1.23e+06|1234567.891|1.23457E+06|123456789.100000%|123456789.1%|+1234567.89|1234567.9|1.2e+06|1.2346e+06|01234567.891|1234567.891000"},
		{float64(1e-07), "1e-07|error|error|error|error|error|error|error|error|1e-07|0000.000|00000.00|0.00|0|   0.0|1.000000e-07|1.000e-07|1.000000E-07|1e-07|1e-07|1e-07|1E-07|0.000010%|0.0%|+0.00|ééé0.0ééé|1e-07|1e-07|00000001e-07|0.000000"},
		{float64(100.0), "100.0|error|error|error|error|error|error|error|error|100.0|0100.000|00100.00|100.00|100| 100.0|1.000000e+02|1.000e+02|1.000000E+02|100|100|100|100|10000.000000%|10000.0%|+100.00|éé100.0éé|1e+02|100.0|0000000100.0|100.000000"},
		{float64(1e+22), "1e+22|error|error|error|error|error|error|error|error|1e+22|10000000000000000000000.000|10000000000000000000000.00|10000000000000000000000.00|10000000000000000000000|10000000000000000000000.0|1.000000e+22|1.000e+22|1.000000E+22|1e+22|1e+22|1e+22|1E+22|999999999999999983222784.000000%|999999999999999983222784.0%|+10000000000000000000000.00|10000000000000000000000.0|1e+22|1e+22|00000001e+22|10000000000000000000000.000000"},
		{float64(0.0), "0.0|error|error|error|error|error|error|error|error|00.0|0000.000|00000.00|0.00|0|   0.0|0.000000e+00|0.000e+00|0.000000E+00|0|0|0|0|0.000000%|0.0%|+0.00|ééé0.0ééé|0.0|0.0|0000000000.0|0.000000"},
		{math.NaN(), "nan|error|error|error|error|error|error|error|error|0nan|00000nan|00000nan|nan|nan|   nan|nan|nan|NAN|nan|nan|nan|NAN|nan%|nan%|+nan|ééénanééé|nan|nan|000000000nan|NAN"},
		{math.Inf(1), "inf|error|error|error|error|error|error|error|error|0inf|00000inf|00000inf|inf|inf|   inf|inf|inf|INF|inf|inf|inf|INF|inf%|inf%|+inf|éééinfééé|inf|inf|000000000inf|INF"},
		{math.Inf(-1), "-inf|error|error|error|error|error|error|error|error|-inf|-0000inf|0000-inf|-inf|-inf|  -inf|-inf|-inf|-INF|-inf|-inf|-inf|-INF|-inf%|-inf%|-inf|éé-infééé|-inf|-inf|-00000000inf|-INF"},
		{12, "12|12|   12|12   |  12  |+12| 12|+   12|xxxx12|0012|0012.000|00012.00|12.00|12|  12.0|1.200000e+01|1.200e+01|1.200000E+01|12|12|12|12|1200.000000%|1200.0%|+12.00|éé12.0ééé|error|error|000000000012|12.000000"},
	} {
		for i, want := range strings.Split(row.want, "|") {
			got, err := fill("{v:"+specs[i]+"}", func(string) (any, bool) { return row.value, true })
			if err != nil {
				got = "error"
			}
			if got != want {
				t.Errorf("format(%v, %q) is %q, want %q", row.value, specs[i], got, want)
			}
		}
	}
	known := map[string]any{"epoch": 3, "loss": 0.25}
	find := func(name string) (any, bool) { v, ok := known[name]; return v, ok }
	for template, want := range map[string]string{
		"m-{epoch:02d}-{loss:.2f}.keras": "m-03-0.25.keras",
		"{{{epoch}}}":                    "{3}",
		"plain":                          "plain",
		"{loss}":                         "0.25",
	} {
		if got, err := fill(template, find); err != nil || got != want {
			t.Errorf("%q becomes %q, %v, want %q", template, got, err, want)
		}
	}
	for _, template := range []string{"{epoch", "epoch}", "{", "}", "{}", "{accuracy}", "{epoch:x}", "{epoch:1000d}", "{epoch!r}", "{loss:d}", "{loss:.f}"} {
		if got, err := fill(template, find); err == nil {
			t.Errorf("%q becomes %q", template, got)
		}
	}
}

// written lists the files in a folder.
func written(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestModelCheckpointWritesWhatIsAskedFor(t *testing.T) {
	// The loss of each epoch is prescribed: 3, 1, 2, NaN, 1, 0.5.
	losses := []float64{3, 1, 2, math.NaN(), 1, 0.5}
	for name, c := range map[string]struct {
		callback ModelCheckpoint
		want     []string
	}{
		"each epoch":   {ModelCheckpoint{Filepath: "a/{epoch:02d}-{quality:.1f}.keras"}, []string{"01-3.0.keras", "02-1.0.keras", "03-2.0.keras", "04-nan.keras", "05-1.0.keras", "06-0.5.keras"}},
		"the best":     {ModelCheckpoint{Filepath: "a/{epoch}.keras", Monitor: "quality", SaveBestOnly: true, Mode: Min}, []string{"1.keras", "2.keras", "6.keras"}},
		"the greatest": {ModelCheckpoint{Filepath: "a/{epoch}.keras", Monitor: "quality", SaveBestOnly: true, Mode: Max}, []string{"1.keras"}},
		"a threshold":  {ModelCheckpoint{Filepath: "a/{epoch}.keras", Monitor: "quality", SaveBestOnly: true, Mode: Min, InitialValueThreshold: new(1.0)}, []string{"6.keras"}},
		"weights":      {ModelCheckpoint{Filepath: "a/m.weights.h5", SaveWeightsOnly: true}, []string{"m.weights.h5"}},
		"five batches": {ModelCheckpoint{Filepath: "a/{epoch}-{batch}.keras", SaveFreq: 5}, []string{"5-1.keras"}},
	} {
		folder := t.TempDir()
		m := c.callback
		m.Filepath = filepath.Join(folder, m.Filepath)
		model := oneWeight(t, 0.1)
		var kept []float64
		_, err := fit(t, model, len(losses), Func{OnEpochEnd: func(s *train.State) error {
			s.SetLog("quality", losses[s.Epoch])
			kept = append(kept, weightOf(t, model))
			return nil
		}}, &m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := written(t, filepath.Join(folder, "a"))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: it wrote %v, want %v", name, got, c.want)
		}
		if name == "the best" {
			again, err := cornu.Load(filepath.Join(folder, "a", "2.keras"))
			if err != nil {
				t.Fatal(err)
			}
			variables, err := again.Variables()
			if err != nil || float64(variables[0].Value()[0]) != kept[1] {
				t.Errorf("the file holds %v, it was %v: %v", variables[0].Value(), kept[1], err)
			}
		}
	}
}

func TestModelCheckpointSaysWhatIsWrongBeforeTheFirstEpoch(t *testing.T) {
	for want, m := range map[string]ModelCheckpoint{
		"Filepath is empty":          {},
		"must end with .keras":       {Filepath: "m.h4"},
		"is the name of a file of w": {Filepath: "m.weights.h5"},
		"weights are written to":     {Filepath: "m.keras", SaveWeightsOnly: true},
		"a brace has no other":       {Filepath: "{epoch.keras"},
		"can't be negative":          {Filepath: "m.keras", SaveFreq: -1},
		"unknown mode":               {Filepath: "m.keras", SaveBestOnly: true, Mode: "best"},
	} {
		began := false
		_, err := fit(t, oneWeight(t, 0.1), 1, &m, Func{OnEpochBegin: func(*train.State) error { began = true; return nil }})
		if err == nil || !strings.Contains(err.Error(), want) || began {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	m := ModelCheckpoint{Filepath: filepath.Join(t.TempDir(), "{accuracy}.keras")}
	if _, err := fit(t, oneWeight(t, 0.1), 1, &m); err == nil || !strings.Contains(err.Error(), `"accuracy" is not measured, only epoch, loss, mean_absolute_error`) {
		t.Errorf("the error is %v", err)
	}
}

func TestABackupIsThereWhileTrainingLasts(t *testing.T) {
	for _, keep := range []bool{false, true} {
		folder := filepath.Join(t.TempDir(), "backup")
		stop := errors.New("stop")
		want := oneWeight(t, 0.1)
		if _, err := fit(t, want, 6); err != nil {
			t.Fatal(err)
		}
		for _, until := range []int{3, 5, 6} {
			model := oneWeight(t, 0.1)
			first := -1
			history, err := fit(t, model, 6, &BackupAndRestore{BackupDir: folder, DoubleCheckpoint: true, NoDelete: keep}, Func{
				OnEpochBegin: func(s *train.State) error {
					if s.Epoch == until {
						return stop
					}
					if first < 0 {
						first = s.Epoch
					}
					time.Sleep(10 * time.Millisecond) // a backup is written beside what follows, and put off if that is too fast
					return nil
				},
			})
			if until > 3 && first == 0 {
				t.Error("training began anew")
			}
			left := len(written(t, folder))
			switch {
			case until < 6 && (!errors.Is(err, stop) || left < 2 || left > 3):
				t.Errorf("until epoch %d: %v, and %d files are there", until, err, left)
			case until < 6:
			case err != nil || weightOf(t, model) != weightOf(t, want) || fmt.Sprint(history.Epoch) != "[0 1 2 3 4 5]":
				t.Errorf("at the end: %v, the weight is %v, want %v, of epochs %v", err, weightOf(t, model), weightOf(t, want), history.Epoch)
			case keep != (left > 0):
				t.Errorf("at the end %d files are there", left)
			}
		}
	}
	if _, err := fit(t, oneWeight(t, 0.1), 1, &BackupAndRestore{}); err == nil || !strings.Contains(err.Error(), "needs a BackupDir") {
		t.Errorf("without a folder: %v", err)
	}
	two := []train.Callback{&BackupAndRestore{BackupDir: t.TempDir()}, &BackupAndRestore{BackupDir: t.TempDir()}}
	if _, err := fit(t, oneWeight(t, 0.1), 1, two...); err == nil || !strings.Contains(err.Error(), "one of them is enough") {
		t.Errorf("two of them: %v", err)
	}
}
