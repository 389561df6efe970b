//go:build unix

package main

// These tests run the program as a process of its own, for what concerns processes: signals, outputs, files that several
// of them have.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/loss"
)

// asProgram, in the environment, makes the test binary the program; patient makes that wait longer than any test
// for a command that is told to end, and for the digits for ever.
const (
	asProgram = "CORNU_TEST_AS_PROGRAM"
	patient   = "CORNU_TEST_PATIENT"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		switch {
		case os.Getenv(patient) != "":
			grace = time.Hour
			loadDigits = func() (train, test *mnist.Set, err error) {
				fmt.Println("the digits are on their way")
				select {}
			}
		case !choice.Thorough():
			loadDigits = scribbles
		}
		main()
	}
	if !choice.Thorough() {
		loadDigits = fewDigits
	}
	os.Exit(m.Run())
}

// scribbles stand in for the digits, which take longer to inflate than a program in these tests takes to train.
func scribbles() (train, test *mnist.Set, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, set := range []**mnist.Set{&train, &test} {
		const n = 1000
		images, labels := make([]uint8, n*mnist.Rows*mnist.Columns), make([]uint8, n)
		for i := range images {
			images[i] = uint8(random.IntN(256) * random.IntN(2))
		}
		for i := range labels {
			labels[i] = uint8(i % mnist.Classes)
		}
		if *set, err = dataset.New(images, labels, mnist.Rows, mnist.Columns, mnist.Classes); err != nil {
			return nil, nil, err
		}
	}
	return train, test, nil
}

// program returns a command that is killed if it hangs.
func program(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

// pipe makes a FIFO.
func pipe(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "pipe.png")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	return path
}

// A command that waits for the reader of its output, which never comes, ends too.
func TestASignalEndsEveryCommand(t *testing.T) {
	t.Parallel() // as all that waits for other processes
	// One signal is enough for a command; each ends what waits and what works.
	once := map[string]syscall.Signal{
		"doctor": syscall.SIGTERM, "version": syscall.SIGHUP, "figures -o": syscall.SIGHUP, "mnist samples": syscall.SIGINT,
		"mnist plan": syscall.SIGTERM, "mnist --limit": syscall.SIGINT, "mnist table": syscall.SIGINT,
	}
	var all sync.WaitGroup // at the same time, since they wait more than they work
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sent) {
			continue // the test runs under nohup, and so does what it starts
		}
		for _, args := range [][]string{
			{"doctor"},
			{"version"},
			{"figures", "-o", filepath.Join(t.TempDir(), "figures")},
			{"mnist", "samples", "-o", pipe(t)},
			{"mnist", "plan"},
			{"mnist", "--limit", "640", "--epochs", "100000", "--threads", "1"},
			{"mnist", "table", "--limit", "640", "--seeds", "10000", "--threads", "1"},
		} {
			if once[strings.Join(args[:min(2, len(args))], " ")] != sent && !choice.Thorough() {
				continue
			}
			// Nobody reads the output, and it is full.
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer write.Close()
			fillPipe(t, write)
			c := program(t, args...)
			c.Stdout = write
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			all.Go(func() { endsBy(t, sent, c, args) })
		}
	}
	all.Wait()
}

// endsBy checks that a signal ends a command that was started.
func endsBy(t *testing.T, signal syscall.Signal, c *exec.Cmd, args []string) {
	time.Sleep(time.Second)
	sent := time.Now()
	if err := c.Process.Signal(signal); err != nil {
		t.Error(args, signal, err)
		return
	}
	c.Wait()
	if took := time.Since(sent); took > 10*time.Second {
		t.Errorf("%v took %v to end by %v", args, took, signal)
	}
	if status := c.ProcessState.ExitCode(); status != 128+int(signal) {
		t.Errorf("%v ends with %d by %v", args, status, signal)
	}
	if args[0] == "figures" {
		// It has written all of them, or none.
		left, _ := os.ReadDir(args[2])
		if n := len(left); n != 0 && n != 2*len(figures) {
			t.Errorf("%v: %v were left", signal, left)
		}
	}
}

// fillPipe writes as much as a pipe holds.
func fillPipe(t *testing.T, write *os.File) {
	if err := write.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := write.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	for { // what is left of the last page
		if _, err := write.Write([]byte{0}); err != nil {
			break
		}
	}
}

func TestASecondSignalDoesNotWait(t *testing.T) {
	t.Parallel()
	c := program(t, "mnist", "samples", "-o", pipe(t))
	c.Env = append(c.Env, patient+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 20)); err != nil { // it has begun
		t.Fatal(err)
	}
	for range 2 {
		c.Process.Signal(os.Interrupt)
		time.Sleep(300 * time.Millisecond) // signals that come at once are one
	}
	c.Wait() // one that waits is killed after minutes
	if status := c.ProcessState.ExitCode(); status != interrupted || !strings.HasPrefix(errs.String(), "cornu: interrupted") {
		t.Errorf("it ended with %d and said %q", status, errs.String())
	}
}

func TestHangingUpIsIgnoredByThoseWhoseShellSaysSo(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" "$@"`, os.Args[0], "mnist", "--quiet", "--limit", "640", "--epochs", "30", "--hidden", "8")
	c.Env = append(os.Environ(), asProgram+"=1")
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	c.Process.Signal(syscall.SIGHUP)
	if err := c.Wait(); err != nil || !strings.Contains(out.String(), "Test accuracy: ") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestResultsThatAreLostAreAFailure(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{
		{"version"},
		{"doctor"},
		{"help"},
		{"mnist", "--help"},
		{},
		{"mnist", "samples", "-o", filepath.Join(t.TempDir(), "samples.png")},
		{"mnist", "plan"},
		append([]string{"mnist", "--quiet"}, small...),
		append([]string{"mnist", "predict", "--quiet"}, small...),
		quick,
	} {
		c := program(t, args...)
		var errs bytes.Buffer
		c.Stdout, c.Stderr = full, &errs
		c.Run()
		if status := c.ProcessState.ExitCode(); status != failed || strings.Count(errs.String(), "no space left") != 1 {
			t.Errorf("cornu %s: status %d, %q", strings.Join(args, " "), status, errs.String())
		}
	}
}

func TestProcessesMayShareAFileOfResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.csv")
	var all sync.WaitGroup
	for _, rows := range []string{"18", "16-18", "17"} {
		all.Go(func() {
			args := []string{"mnist", "table", "--epochs", "1", "--limit", "128", "--rows", rows, "--seeds", "2", "--csv", file}
			if text, err := program(t, args...).CombinedOutput(); err != nil {
				t.Errorf("rows %s: %v: %s", rows, err, text)
			}
		})
	}
	all.Wait()
	status, _, errs := call("mnist", "table", "--epochs", "1", "--limit", "128", "--rows", "16-18", "--seeds", "2", "--csv", file)
	if content, _ := os.ReadFile(file); status != 0 || !strings.Contains(errs, "holds 6 of 6") || strings.Count(string(content), header) != 1 {
		t.Errorf("status %d: %s\n%s", status, errs, content)
	}
}

func TestWhatIsNoFileHoldsNoResults(t *testing.T) {
	for _, path := range []string{pipe(t), "/dev/full", "/dev/null", t.TempDir()} {
		c := program(t, append(append([]string{}, quick...), "--csv", path)...)
		text, _ := c.CombinedOutput()
		if status := c.ProcessState.ExitCode(); status != failed || !strings.Contains(string(text), "--csv: "+path+" is not a regular file") {
			t.Errorf("%s: status %d, %s", path, status, text)
		}
	}
}

func TestAModelIsNotReadFromAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.keras")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{{"summary", path}, {"mnist", "predict", path}, {"mnist", "evaluate", path}, {"plot", path, "-o", path + ".svg"}, {"inspect", path}} {
		c := program(t, args...)
		text, _ := c.CombinedOutput()
		if status := c.ProcessState.ExitCode(); status != failed || !strings.Contains(string(text), " regular file") {
			t.Errorf("%v: status %d, %s", args, status, text)
		}
	}
}

func TestCurvesThatCannotBeWrittenLeaveTheAccuracy(t *testing.T) {
	full := filepath.Join(t.TempDir(), "curves.svg")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Skip(err)
	}
	status, out, errs := call(append([]string{"mnist", "--quiet", "--curves", full}, small...)...)
	if status != failed || !strings.HasPrefix(out, "Test accuracy: ") || !strings.Contains(errs, "cannot write "+full) {
		t.Errorf("status %d: %q, %q", status, out, errs)
	}
	if link, err := os.Readlink(full); link != "/dev/full" {
		t.Errorf("the link became %s, %v", link, err)
	}
}

// A disk that is full, a folder that is read-only, a device that takes nothing: the model that was there stays, the error
// names the file and what is wrong, and nothing else is left.
func TestWhatCannotBeWrittenLeavesTheModelThatWasThere(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	pair := r.npy("x.npy", array(r, r.x, 12, 4)) + "," + r.npy("y.npy", array(r, r.x[:12], 12))
	folder := r.in("out")
	r.check(os.Mkdir(folder, 0o755))
	old := filepath.Join(folder, "m.keras")
	r.check(os.WriteFile(old, []byte("before"), 0o644))
	full := r.in("full.keras")
	r.check(os.Symlink("/dev/full", full))
	for _, test := range []struct {
		before, to string // a command of the shell's, and the file to write
		want       string
	}{
		{"ulimit -f 1; trap '' XFSZ", old, "file too large"}, // a block, of 512 or 1024 bytes
		{"chmod 555 " + folder, old, "permission denied"},
		{":", full, "no space left on device"},
	} {
		c := program(t, "-c", test.before+`; exec "$0" "$@"`, os.Args[0], "fit", model, "--data", pair, "--quiet", "-o", test.to)
		c.Path, c.Args[0] = "/bin/sh", "sh"
		text, _ := c.CombinedOutput()
		r.check(os.Chmod(folder, 0o755))
		if test.want == "permission denied" && c.ProcessState.Success() {
			r.check(os.WriteFile(old, []byte("before"), 0o644))
			continue // root may write everywhere
		}
		if c.ProcessState.ExitCode() <= 0 || !strings.Contains(string(text), test.want) || !strings.Contains(string(text), folder) && !strings.Contains(string(text), test.to) {
			t.Errorf("%s: status %d, %s", test.before, c.ProcessState.ExitCode(), text)
		}
		left, _ := os.ReadDir(folder)
		if content, err := os.ReadFile(old); err != nil || string(content) != "before" || len(left) != 1 {
			t.Errorf("%s: %v are left, and the model is %q, %v", test.before, left, content, err)
		}
	}
}
