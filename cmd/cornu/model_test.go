package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A model that was trained here is kept, shown, drawn, tested and asked without being trained again.
func TestATrainedModelIsKeptInAFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "digits.keras")
	must := func(args ...string) string {
		t.Helper()
		status, out, errs := call(args...)
		if status != 0 {
			t.Fatalf("cornu %s ends with %d: %s", strings.Join(args, " "), status, errs)
		}
		return out
	}
	trained := must("mnist", "train", "--epochs", "1", "--limit", "1280", "--hidden", "16", "--quiet", "--save", file)
	accuracy := strings.TrimSuffix(strings.Fields(trained)[2], "%") // Test accuracy: 80.0%
	tested := must("mnist", "evaluate", file)
	if !strings.Contains(tested, "accuracy: 0.") || !strings.Contains(tested, "loss: ") {
		t.Errorf("evaluate prints %s", tested)
	}
	if got := strings.Fields(tested)[1]; !strings.HasPrefix(got, "0."+strings.ReplaceAll(accuracy, ".", "")[:2]) {
		t.Errorf("the accuracy is %s when it is tested again, and was %s%%", got, accuracy)
	}
	if shown := must("mnist", "predict", file, "--index", "7"); !strings.Contains(shown, "test digit 7 is a 9, the network says") {
		t.Errorf("predict prints %s", shown)
	}
	for _, want := range []string{`"model.weights.h5", `, "0  float32 (784, 16)  50176 bytes", `@name  ["adam"]`} {
		if tree := must("inspect", file); !strings.Contains(tree, want) {
			t.Errorf("inspect doesn't print %s but %s", want, tree)
		}
	}
	if table := must("summary", file); !strings.Contains(table, "dropout (Dropout)") {
		t.Errorf("summary prints %s", table)
	}
	must("plot", file, "-o", filepath.Join(folder, "net.svg"))
	if svg, err := os.ReadFile(filepath.Join(folder, "net.svg")); err != nil || !bytes.Contains(svg, []byte("dropout")) {
		t.Errorf("the diagram lacks a layer: %v", err)
	}
}

// What is in models that are layers is shown to who asks.
func TestSummaryAndPlotShowWhatIsNested(t *testing.T) {
	const file = "../../kerasfile/testdata/nested.keras"
	picture := filepath.Join(t.TempDir(), "net.svg")
	for _, expand := range []bool{false, true} {
		flags := map[bool][]string{true: {"--expand-nested"}}[expand]
		status, table, errs := call(append([]string{"summary", file}, flags...)...)
		if strings.Contains(table, "mean (Dense)") != expand || status != 0 {
			t.Errorf("%v: status %d: %s%s", flags, status, table, errs)
		}
		status, _, errs = call(append([]string{"plot", file, "-o", picture}, flags...)...)
		svg, err := os.ReadFile(picture)
		if err != nil || bytes.Contains(svg, []byte("mean")) != expand || status != 0 {
			t.Errorf("%v: status %d: %s, %v", flags, status, errs, err)
		}
	}
}

func TestFilesThatAreNoModelsAreMistakes(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.keras")
	if err := os.WriteFile(page, []byte("<!DOCTYPE html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := os.WriteFile(cut, append(binary.LittleEndian.AppendUint64(nil, 500), `{"dense/kernel":{`...), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"summary", page}, failed, "page.keras: it is no model of Keras's, .keras or .h5: it is a page of HTML"},
		{[]string{"inspect", page}, failed, "page.keras: it is neither .keras, .h5, .safetensors, .npz nor .npy"},
		{[]string{"inspect", cut}, failed, "cut.safetensors: safetensors: a header of 500 bytes in a file of 25: it is cut off"},
		{[]string{"inspect", filepath.Dir(page)}, failed, "is no regular file"},
		{[]string{"inspect"}, misused, "cornu inspect takes one file, got 0 arguments"},
		{[]string{"mnist", "evaluate", "none.keras"}, failed, "none.keras"},
		{[]string{"mnist", "train", "--save", "m.weights.h5"}, misused, "--save: models are written to files that end with .keras or .h5"},
		{[]string{"plot", page}, misused, "say where the picture goes"},
	} {
		if status, _, errs := call(test.args...); status != test.status || !strings.Contains(errs, test.want) {
			t.Errorf("cornu %s ends with %d: %s", strings.Join(test.args, " "), status, errs)
		}
	}
}

func TestAModelThatTakesTextsIsForPrograms(t *testing.T) {
	const want = `the model's input "review" is texts, and the command takes numbers`
	if status, _, errs := call("predict", "../../kerasfile/testdata/texts.keras", "--data", "-"); status != failed || !strings.Contains(errs, want) {
		t.Errorf("cornu predict ends with %d: %s", status, errs)
	}
}
