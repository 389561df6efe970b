package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATrainingLeavesWhatItIsAskedFor(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	status, out, errs := call(append([]string{
		"mnist", "train", "--quiet", "--activation", "gelu", "--optimizer", "lion", "--l1", "1e-6", "--l2", "1e-5",
		"--plot", in("network.svg"), "--curves", in("curves.PNG"), "--tensorboard", in("logs"),
	}, small...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	diagram, err := os.ReadFile(in("network.svg"))
	if err != nil || !strings.HasSuffix(string(diagram), "</svg>\n") {
		t.Errorf("the diagram is %.200q, %v", diagram, err)
	}
	decode(t, in("curves.PNG"))
	if logs, _ := filepath.Glob(in("logs/train/events.out.tfevents.*")); len(logs) != 1 {
		t.Errorf("TensorBoard's logs are %v", logs)
	}
	if _, plain, _ := call(append([]string{"mnist", "--quiet", "--activation", "gelu", "--optimizer", "lion"}, small...)...); plain == out {
		t.Error("penalties change nothing")
	}
}

func TestCurvesShowTheTestDigitsAndChangeNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "curves.svg")
	_, plain, _ := call(append([]string{"mnist", "train"}, small...)...)
	status, out, errs := call(append([]string{"mnist", "train", "--curves", file}, small...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	if strings.Contains(plain, "val_") || !strings.Contains(out, " - val_accuracy: ") {
		t.Errorf("with curves it printed\n%s, without\n%s", out, plain)
	}
	_, end, _ := strings.Cut(out, "Test accuracy:")
	if !strings.HasSuffix(plain, "Test accuracy:"+end) {
		t.Errorf("with curves the end is %s, without curves\n%s", end, plain)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), `aria-label="validation"`) {
		t.Errorf("the picture is %.200q, %v", content, err)
	}
}

func TestAnInterruptedTrainingLeavesTheCurvesOfItsEpochs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "curves.svg")
	ctx, cancel := context.WithCancel(context.Background())
	var out afterLine
	out.text, out.then = "Epoch 2/", cancel
	args := append([]string{"mnist", "train", "--curves", file}, small...)
	if status := run(ctx, append(args, "--epochs", "100000"), &out, io.Discard); status != interrupted {
		t.Errorf("status %d", status)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(content), "</svg>\n") {
		t.Errorf("the picture is %.200q, %v", content, err)
	}
}

func TestAnInterruptedTestSaysWhatWasDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out afterLine
	out.text, out.then = "1/1 - ", cancel // the epoch's line, the last one before the test
	var errs strings.Builder
	args := []string{"mnist", "--limit", "128", "--epochs", "1", "--hidden", "8"}
	if status := run(ctx, args, &out, &errs); status != interrupted {
		t.Errorf("status %d", status)
	}
	if want := "cornu: interrupted while it was tested: the training was done, all 1 epochs of it, and its weights were not saved\n"; errs.String() != want {
		t.Errorf("it said %q, want %q", errs.String(), want)
	}
}

// afterLine does something when a text is written to it.
type afterLine struct {
	text string
	then func()
}

func (a *afterLine) Write(p []byte) (int, error) {
	if strings.Contains(string(p), a.text) {
		a.then()
	}
	return len(p), nil
}

func TestPicturesThatCannotBeWrittenAreToldBeforeTraining(t *testing.T) {
	folder := t.TempDir()
	taken := filepath.Join(t.TempDir(), "folder.png")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--plot", "--curves"} {
		for file, want := range map[string]string{
			filepath.Join(folder, "none", "x.png"): "no folder " + filepath.Join(folder, "none"),
			filepath.Join(folder, "x.gif"):         ".svg or .png",
			taken:                                  "is a folder",
		} {
			if status, out, errs := call("mnist", "train", flag, file); status != misused || out != "" || !strings.Contains(errs, flag) || !strings.Contains(errs, want) {
				t.Errorf("%s %s: status %d, %q", flag, file, status, errs)
			}
		}
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("%v were left", left)
	}
	if os.Chmod(folder, 0o555); !writable(folder) {
		if status, _, errs := call("mnist", "train", "--curves", filepath.Join(folder, "x.png")); status != misused || !strings.Contains(errs, "nothing can be written to the folder "+folder) {
			t.Errorf("into a folder that is locked: status %d, %q", status, errs)
		}
	}
}

// writable reports whether files can be made in a folder, which root can in those that are locked.
func writable(folder string) bool {
	file, err := os.Create(filepath.Join(folder, "probe"))
	if err != nil {
		return false
	}
	file.Close()
	return os.Remove(file.Name()) == nil
}
