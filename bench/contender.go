package main

// This file talks to contenders. A contender is a process of its own, Cornu's too. It is asked on its standard input, a
// line at a time, and answers with a line of JSON, so that all of them stay warm while they take turns.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A contender is somebody who can be measured.
type contender struct {
	name    string
	command []string
	program []string // the whole program of 20 epochs; nil: it has none
	env     []string
	suites  []string // where it takes part
}

// An Answer is what a contender says to a question.
type Answer struct {
	Seconds  float64           `json:"seconds"`
	Peak     float64           `json:"peak"`   // of the FMA rate for the kernels in use, in GFLOP/s; 0: not said
	Allocs   float64           `json:"allocs"` // for questions about memory
	Bytes    float64           `json:"bytes"`  // those too
	First    float64           `json:"first"`  // when the first step was done, in Unix seconds
	Accuracy float64           `json:"accuracy"`
	Versions map[string]string `json:"versions"`
	Error    string            `json:"error"`
}

// environment is what a contender's process sees. The two variables of OpenBLAS that hold it to older kernels are taken
// out, and every library's number of threads is said.
func (c *contender) environment(b *bench, threads int) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "OPENBLAS_") || strings.HasPrefix(v, "OMP_") || strings.HasPrefix(v, "CORNU_")
	})
	n := strconv.Itoa(threads)
	env = append(env, "BENCH_MNIST="+b.work, "BENCH_THREADS="+n, "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n,
		"MKL_NUM_THREADS="+n, "GOMAXPROCS="+n, "PYTHONDONTWRITEBYTECODE=1",
		"BENCH_EPOCHS="+strconv.Itoa(b.epochs()), "BENCH_DIGITS="+strconv.Itoa(b.digits()))
	if b.suite == "cnn" || b.suite == "rnn" || b.suite == "sequence" {
		env = append(env, "BENCH_MODEL="+b.suite)
	}
	return append(env, c.env...)
}

// epochs is how many the whole program has.
func (b *bench) epochs() int {
	switch {
	case b.quick:
		return 1
	case b.suite == "cnn":
		return 10
	}
	return 20
}

// digits is how many an epoch goes through.
func (b *bench) digits() int {
	switch {
	case b.suite != "cnn" && b.suite != "rnn", b.suite == "rnn" && !b.quick:
		return 60000
	case b.quick:
		return 1280
	}
	return cnnDigits
}

// pinned returns the command held to as many processors as there are threads, where that can be done.
func pinned(command []string, threads int) []string {
	if path, err := exec.LookPath("taskset"); err == nil && threads < runtime.NumCPU() {
		return append([]string{path, "-c", fmt.Sprintf("0-%d", threads-1)}, command...)
	}
	return command
}

// A conversation is a contender's process.
type conversation struct {
	contender *contender
	threads   int
	process   *exec.Cmd
	in        io.WriteCloser
	answers   chan Answer
	said      *tail
	gone      bool
}

// patience is how long a contender may take to start or to answer.
const patience = 3 * time.Minute

// start starts a contender and waits until it has warmed up.
func (c *contender) start(ctx context.Context, b *bench, threads int) (*conversation, error) {
	command := pinned(c.command, threads)
	t := &conversation{contender: c, threads: threads, answers: make(chan Answer), said: &tail{}}
	t.process = exec.CommandContext(ctx, command[0], command[1:]...)
	t.process.Env = c.environment(b, threads)
	t.process.Stderr = t.said
	var err error
	if t.in, err = t.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(t.answers)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var a Answer
			if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
				a.Error = "it said " + strconv.Quote(lines.Text())
			}
			t.answers <- a
		}
	}()
	hello, err := t.wait()
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("%w\n%s", err, t.said)
	}
	for name, version := range hello.Versions {
		b.results.Versions[name] = version
	}
	return t, nil
}

// ask asks one question.
func (t *conversation) ask(question string) (Answer, error) {
	if t.gone {
		return Answer{}, errors.New("it is gone")
	}
	if _, err := io.WriteString(t.in, question+"\n"); err != nil {
		return Answer{}, err
	}
	return t.wait()
}

func (t *conversation) wait() (Answer, error) {
	select {
	case a, ok := <-t.answers:
		if !ok {
			t.gone = true
			return a, errors.New("it ended")
		}
		if a.Error != "" {
			return a, errors.New(a.Error)
		}
		return a, nil
	case <-time.After(patience):
		t.gone = true
		t.process.Process.Kill()
		return Answer{}, fmt.Errorf("no answer in %v", patience)
	}
}

// stop ends the conversation and returns the process's peak memory in bytes, 0 if that isn't known.
func (t *conversation) stop() int64 {
	peak := highWater(t.process.Process.Pid)
	t.in.Close()
	go func() {
		for range t.answers {
		}
	}()
	done := make(chan error, 1)
	go func() { done <- t.process.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.process.Process.Kill()
		<-done
	}
	if peak == 0 {
		peak = peakMemory(t.process.ProcessState)
	}
	return peak
}

// A tail keeps the end of what is written to it.
type tail struct{ content []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.content = append(t.content, p...)
	if len(t.content) > 2000 {
		t.content = t.content[len(t.content)-2000:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.content) }
