package main

import (
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

func TestPicturesThatCannotBeWrittenAreToldBeforeTraining(t *testing.T) {
	folder := t.TempDir()
	for _, flag := range []string{"--plot", "--curves"} {
		for file, want := range map[string]string{
			filepath.Join(folder, "none", "x.png"): "no folder " + filepath.Join(folder, "none"),
			filepath.Join(folder, "x.gif"):         ".svg or .png",
		} {
			if status, out, errs := call("mnist", "train", flag, file); status != misused || out != "" || !strings.Contains(errs, flag) || !strings.Contains(errs, want) {
				t.Errorf("%s %s: status %d, %q", flag, file, status, errs)
			}
		}
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("%v were left", left)
	}
}
