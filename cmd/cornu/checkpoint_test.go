//go:build unix

package main

// These tests kill trainings and let them go on.

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAKilledTrainingGoesOnToTheHashOfOneThatWasNotKilled(t *testing.T) {
	t.Parallel()
	kills, longest := 2, 800*time.Millisecond // half of which it takes to inflate the digits
	args := []string{"mnist", "train", "--quiet", "--limit", "640", "--epochs", "6", "--hidden", "32", "--checkpoint-every", "2"}
	if os.Getenv("CORNU_CI") != "" {
		kills, longest = 20, time.Second
		args = []string{"mnist", "train", "--quiet", "--epochs", "3", "--checkpoint-every", "20"}
	}
	want, err := program(t, args...).Output()
	if err != nil || !strings.Contains(string(want), "weights sha256:") {
		t.Fatal(err, string(want))
	}
	folder := t.TempDir()
	args = append(args, "--checkpoint", folder)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) // moments are random whatever the seed
	kept := func() string {
		paths, _ := filepath.Glob(filepath.Join(folder, "checkpoint-*"))
		return strings.Join(paths, " ")
	}
	for i := range kills {
		before := kept()
		c := program(t, args...)
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for i%2 == 1 && kept() == before && len(ended) == 0 { // however slow the machine is, it gets somewhere
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(random.Int64N(int64(longest))))
		c.Process.Kill()
		if <-ended; errs.Len() > 0 {
			t.Errorf("it said %s", &errs)
		}
	}
	var out, errs bytes.Buffer
	c := program(t, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil || out.String() != string(want) || errs.Len() > 0 {
		t.Errorf("it ends with %v and %s, said %s; without kills it is %s", err, &out, &errs, want)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 4 {
		t.Errorf("%v are left, %v", left, err)
	}
}

func TestAnInterruptedTrainingSaysThatItGoesOn(t *testing.T) {
	t.Parallel()
	signals := []syscall.Signal{syscall.SIGTERM}
	if os.Getenv("CORNU_CI") != "" {
		signals = append(signals, syscall.SIGINT)
	}
	for _, signal := range signals {
		folder := t.TempDir()
		saved := filepath.Join(t.TempDir(), "m.keras")
		c := program(t, "mnist", "train", "--quiet", "--limit", "640", "--epochs", "100000", "--hidden", "32", "--checkpoint-every", "2", "--checkpoint", folder, "--save", saved)
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
			if left, _ := filepath.Glob(filepath.Join(folder, "checkpoint-*")); len(left) > 0 {
				break
			}
		}
		c.Process.Signal(signal)
		c.Wait()
		if status := c.ProcessState.ExitCode(); status != 128+int(signal) || !strings.Contains(errs.String(), "saved to "+saved+", and the same command goes on from the checkpoint in "+folder) {
			t.Errorf("%v: it ends with %d and says %s", signal, status, &errs)
		}
	}
}

func TestAnotherTrainingsCheckpointIsRefused(t *testing.T) {
	folder := t.TempDir()
	args := append([]string{"mnist", "train", "--quiet", "--checkpoint", folder}, small...)
	if status, _, errs := call(args...); status != 0 || errs != "" {
		t.Fatal(status, errs)
	}
	if status, _, errs := call(append(args, "--seed", "9")...); status != failed || !strings.Contains(errs, "seed is 7, this one's is 9") {
		t.Errorf("status %d, %s", status, errs)
	}
	if status, _, errs := call(append(args, "--checkpoint-every", "0")...); status != misused || !strings.Contains(errs, "--checkpoint-every") {
		t.Errorf("status %d, %s", status, errs)
	}
}
