package callback

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A row is what is logged after an epoch.
type row map[string]float64

// fitLogging runs a training that measures nothing, whose logs are the rows.
func fitLogging(t testing.TB, rows []row, callbacks ...train.Callback) error {
	t.Helper()
	step, err := train.NewStep(0, func(s *train.StepBuilder) {
		s.Output(s.Input("x", tensor.Shape{tensor.Batch, 1}).Square())
	})
	if err != nil {
		t.Fatal(err)
	}
	log := train.Func(func(s *train.State) error {
		for name, value := range rows[s.Epoch] {
			s.SetLog(name, value)
		}
		return nil
	})
	source := &data.Arrays{X: ones(t).X}
	_, err = train.Fit(context.Background(), step, nil, source, train.Config{
		Epochs: len(rows), BatchSize: 4, Quiet: true, Callbacks: append([]train.Callback{log}, callbacks...),
	})
	return err
}

// plainRows and validatedRows are the logs of keras_callbacks.py; validation is
// every so many epochs.
func plainRows() []row {
	return []row{
		{"loss": 0.5, "mae": 1},
		{"loss": 1e-5, "mae": 123456},
		{"loss": 1e16, "mae": 0.1},
		{"loss": 1e-4, "mae": math.NaN()},
	}
}

func validatedRows(every int) []row {
	rows := plainRows()
	for i, r := range rows {
		if i%every == every-1 {
			r["val_loss"], r["val_mae"] = r["loss"]/3, math.Inf(1)
		}
	}
	return rows
}

func TestCSVLoggerWritesKerasFilesByteForByte(t *testing.T) {
	runs := map[string][][]row{
		"csv: without validation":      {plainRows()},
		"csv: with validation":         {validatedRows(1)},
		"csv: validation now and then": {validatedRows(2)},
		"csv: separator":               {validatedRows(1)},
		"csv: two runs":                {plainRows(), plainRows()[:2]},
		"csv: append":                  {plainRows(), plainRows()[:2]},
	}
	for _, c := range cases(t, "CSVLogger") {
		t.Run(c.Name, func(t *testing.T) {
			logger := &CSVLogger{Filename: filepath.Join(t.TempDir(), "log.csv")}
			configure(t, c, logger)
			for _, rows := range runs[c.Name] {
				if err := fitLogging(t, rows, logger); err != nil {
					t.Fatal(err)
				}
			}
			if got := read(t, logger.Filename); got != c.Texts["file"] {
				t.Errorf("the file is\n%q, want\n%q", got, c.Texts["file"])
			}
		})
	}
	if len(runs) != len(cases(t, "CSVLogger")) {
		t.Error("the golden file has other cases")
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNumbersAreWrittenAsPythonDoes(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0.0", math.Copysign(0, -1): "-0.0", 1: "1.0", 0.1: "0.1", -2.5: "-2.5", 123456789: "123456789.0",
		1e-4: "0.0001", 9.999e-5: "9.999e-05", 1e15: "1000000000000000.0", 1e16: "1e+16", 1.5e300: "1.5e+300",
		1e-310: "1e-310", math.Inf(1): "inf", math.Inf(-1): "-inf", float64(float32(0.1)): "0.10000000149011612",
	} {
		if got := repr(value); got != want {
			t.Errorf("%g is written %s, want %s", value, got, want)
		}
	}
	if got := repr(math.NaN()); got != "nan" {
		t.Errorf("NaN is written %s", got)
	}
}

func TestALineThatACrashCutIsReplaced(t *testing.T) {
	const whole = "epoch,loss,val_loss\r\n0,0.5,NA\r\n"
	for _, torn := range []string{"", "1", "1,0.2", "1,0.25,NA\r", strings.Repeat("x", 10_000)} {
		name := filepath.Join(t.TempDir(), "log.csv")
		if err := os.WriteFile(name, []byte(whole+torn), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := fitLogging(t, []row{{"loss": 0.25}}, &CSVLogger{Filename: name, Append: true}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, name); got != whole+"0,0.25,NA\r\n" {
			t.Errorf("after %.20q the file is %q", torn, got)
		}
	}
}

func TestAFileOfOtherColumnsIsLeftAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log.csv")
	const before = "epoch,accuracy,loss\n0,1,2\n"
	if err := os.WriteFile(name, []byte(before), 0o666); err != nil {
		t.Fatal(err)
	}
	err := fitLogging(t, []row{{"loss": 1}}, &CSVLogger{Filename: name, Append: true})
	if err == nil || !strings.Contains(err.Error(), "has the columns epoch, accuracy, loss, this training has epoch, loss, val_loss") {
		t.Errorf("the error is %v", err)
	}
	if got := read(t, name); got != before {
		t.Errorf("the file is %q", got)
	}
}

func FuzzCSVLoggerGoesOnInAnyFile(f *testing.F) {
	f.Add([]byte("epoch,loss,val_loss\r\n0,0.5,NA\r\n1,0."))
	f.Add([]byte("\"epoch\n"))
	f.Add([]byte("\n\n\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, before []byte) {
		name := filepath.Join(t.TempDir(), "log.csv")
		if err := os.WriteFile(name, before, 0o666); err != nil {
			t.Fatal(err)
		}
		err := fitLogging(t, []row{{"loss": 0.25}}, &CSVLogger{Filename: name, Append: true})
		after := []byte(read(t, name))
		kept := before[:bytes.LastIndexByte(before, '\n')+1]
		if !bytes.HasPrefix(after, kept) {
			t.Fatalf("%q became %q", before, after)
		}
		if err == nil && !bytes.HasSuffix(after, []byte("\n0,0.25,NA\r\n")) {
			t.Errorf("no error, and the file is %q", after)
		}
	})
}
