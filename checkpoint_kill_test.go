//go:build unix

package cornu_test

// This file kills trainings: processes of their own, at random moments, and at each operation on files that saving does.

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/train"
)

// What the process that is to be killed is told by its environment.
const (
	killedFolder = "CORNU_TEST_KILLED_FOLDER" // where it works
	killedAt     = "CORNU_TEST_KILLED_AT"     // the operation on files at which it kills itself; none if it is negative
	killedBy     = "CORNU_TEST_KILLED_BY"     // the name of the regime in which it trains, "" for one with all that has a state
)

// trainToBeKilled trains with all that has a state, or in a regime, and returns a digest of what comes of it. A step takes a
// while.
func trainToBeKilled(t *testing.T, folder, by string, checkpoint cornu.Checkpoint) string {
	r := regime{
		name: "killed",
		optimizer: optimizer.LossScaleOptimizer{
			InnerOptimizer: optimizer.Adam{EMA: optimizer.EMA{On: true}, GradientAccumulationSteps: 2},
			InitialScale:   1e38, DynamicGrowthSteps: 7,
		},
		config: cornu.FitConfig{ValidationSplit: 0.4}, // whole batches, which states that last want
		callbacks: func(folder string) []train.Callback {
			all := []train.Callback{
				&callback.EarlyStopping{Patience: 6, RestoreBestWeights: true, MinDelta: 1},
				&callback.ReduceLROnPlateau{Patience: new(2), MinDelta: new(1.0), Factor: new(0.5)},
				&callback.CSVLogger{Filename: filepath.Join(folder, "log.csv")},
				callback.Func{OnBatchEnd: func(*train.State) error { time.Sleep(time.Millisecond); return nil }},
			}
			if by == "" { // others keep no averages
				all = append(all, &callback.SwapEMAWeights{SwapOnEpoch: true})
			}
			return all
		},
	}
	for _, other := range regimes() {
		if other.name == by {
			r.optimizer, r.layers, r.samples = other.optimizer, other.layers, other.samples
		}
	}
	state, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
		cfg.Epochs, cfg.Checkpoint = 10, checkpoint
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, state)))
}

// It is the process that is killed.
func TestMainOfTheProcessThatIsKilled(t *testing.T) {
	folder := os.Getenv(killedFolder)
	if folder == "" {
		t.Skip("it is run by the test that kills it")
	}
	at, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int64 // checkpoints are written beside the training
	defer file.Intercept(func(o file.Operation) error {
		if done.Add(1) == int64(at+1) {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Hour)
		}
		return nil
	})()
	digest := trainToBeKilled(t, folder, os.Getenv(killedBy), cornu.Checkpoint{Dir: filepath.Join(folder, "checkpoints"), EverySteps: 3})
	if err := os.WriteFile(filepath.Join(folder, "digest"), []byte(digest), 0o666); err != nil {
		t.Fatal(err)
	}
}

// killed runs the process, which kills itself at an operation on files, or is killed after a while. It reports whether
// the process came to its end.
func killed(t *testing.T, folder, by string, at int, after time.Duration) bool {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestMainOfTheProcessThatIsKilled$")
	c.Env = append(os.Environ(), killedFolder+"="+folder, killedAt+"="+strconv.Itoa(at), killedBy+"="+by, "TMPDIR="+t.TempDir())
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() >= 0 || strings.Contains(out.String(), "checkpoints:") {
		t.Fatalf("it says %s", &out)
	}
	return err == nil
}

func TestATrainingThatIsKilledComesToTheBitsOfOneThatIsNot(t *testing.T) {
	moments, operations, all := 4, 3, []string{""}
	if os.Getenv("CORNU_CI") != "" {
		moments, operations, all = 150, 60, append(all, optimizer.Names()...)
		for _, r := range regimes() {
			if r.layers != nil {
				all = append(all, r.name)
			}
		}
	}
	for i, by := range all {
		if i > 0 {
			moments, operations = 12, 3
		}
		testKilled(t, by, moments, operations)
	}
}

// testKilled kills trainings in a regime at so many moments and operations on files.
func testKilled(t *testing.T, by string, moments, operations int) {
	want := trainToBeKilled(t, t.TempDir(), by, cornu.Checkpoint{})
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) // moments are random whatever the seed
	folder := t.TempDir()
	dir := filepath.Join(folder, "checkpoints")
	check := func() {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(folder, "digest")); err != nil || string(got) != want {
			t.Fatalf("%s: the digest is %s, %v; without kills it is %s", by, got, err, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 4 { // with the lock, and what is half written
			t.Fatalf("%s: %v are left, %v", by, left, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for range moments {
		if killed(t, folder, by, -1, 20*time.Millisecond+time.Duration(random.Int64N(int64(200*time.Millisecond)))) {
			check()
		}
	}
	for i := range operations {
		at := i
		if operations < 40 {
			at = random.IntN(40)
		}
		if killed(t, folder, by, at, time.Minute) {
			check()
		}
	}
	for !killed(t, folder, by, -1, time.Minute) {
	}
	check()
}
