package cornu_test

// This file holds trainings whose checkpoints can't be written to losing nothing that was written, and to saying so.

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/faulty"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/train"
)

// A telling is what is told. It may be written to from several goroutines.
type telling struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *telling) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// Whatever operation on files fails, or all after it: training comes to its end, what failed is told, and what is left goes
// on to the same bits.
func TestATrainingLosesNothingWhateverOperationOnFilesFails(t *testing.T) {
	r := regime{optimizer: optimizer.Adam{}}
	want, err := r.train(t, ctx, t.TempDir(), func(cfg *cornu.FitConfig) { cfg.Epochs = 3 })
	if err != nil {
		t.Fatal(err)
	}
	epochs := 1
	if os.Getenv("CORNU_CI") != "" {
		epochs = 3
	}
	faulty.Each(t, func(fault *faulty.Fault) {
		folder := t.TempDir()
		dir := filepath.Join(folder, "checkpoints")
		var told telling
		model := resumable(t, r.optimizer)
		history, err := model.Fit(ctx, points(t, 60), cornu.FitConfig{
			Epochs: epochs, BatchSize: 12, Quiet: true, Checkpoint: cornu.Checkpoint{Dir: dir, EverySteps: 4, Log: &told},
		})
		failed := fault.Failed()
		fault.Heal()
		lost := (*train.CheckpointError)(nil)
		switch {
		case len(failed) == 0:
			if err != nil || told.text.Len() > 0 {
				t.Errorf("nothing failed, and it is %v, and said %q", err, told.text.String())
			}
		case history == nil: // the folder couldn't be made or opened
			if !errors.Is(err, faulty.ErrDisk) || !strings.Contains(err.Error(), dir) {
				t.Errorf("when %v failed the error is %v", failed[0], err)
			}
		default:
			if len(history.Epoch) != epochs {
				t.Errorf("when %v failed training ended after %v", failed[0], history.Epoch)
			}
			if err != nil && (!errors.As(err, &lost) || !errors.Is(err, faulty.ErrDisk)) {
				t.Errorf("when %v failed the error is %v", failed[0], err)
			}
			if !strings.Contains(told.text.String(), "checkpoint-0") || !strings.Contains(told.text.String(), faulty.ErrDisk.Error()) {
				t.Errorf("when %v failed it said %q", failed[0], told.text.String())
			}
		}
		got, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
			cfg.Epochs, cfg.Checkpoint = 3, cornu.Checkpoint{Dir: dir, EverySteps: 40, Log: io.Discard}
		})
		if err != nil {
			t.Fatalf("after %v failed: %v", failed, err)
		}
		diff(t, "after what failed", got, want)
		if left := files(t, dir); len(left) > 2 {
			t.Errorf("after %v failed %d files are left", failed, len(left))
		}
	})
}

// A full disk takes no more bytes: what is there stays, and training goes on without more checkpoints.
func TestAFullDiskIsToldAndTheOldCheckpointStays(t *testing.T) {
	r := regime{optimizer: optimizer.Adam{}}
	folder := t.TempDir()
	if _, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
		cfg.Epochs, cfg.Checkpoint = 1, cornu.Checkpoint{Dir: folder}
	}); err != nil {
		t.Fatal(err)
	}
	before := files(t, folder)
	full := errors.New("no space left on device")
	end := file.Intercept(func(o file.Operation) error {
		if o.Name == "write" {
			return full
		}
		return nil
	})
	var told telling
	model := resumable(t, r.optimizer)
	history, err := model.Fit(ctx, points(t, 60), cornu.FitConfig{
		Epochs: 4, BatchSize: 12, Quiet: true, Checkpoint: cornu.Checkpoint{Dir: folder, Log: &told},
	})
	end()
	lost := (*train.CheckpointError)(nil)
	if !errors.As(err, &lost) || !errors.Is(err, full) || len(history.Epoch) != 4 || !strings.Contains(told.text.String(), full.Error()) {
		t.Errorf("the error is %v, of epochs %v, and it said %s", err, history.Epoch, told.text.String())
	}
	if after := files(t, folder); strings.Join(after, "") != strings.Join(before, "") {
		t.Errorf("%d files are left of %d", len(after), len(before))
	}
	want, err := r.train(t, ctx, t.TempDir(), func(*cornu.FitConfig) {})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) { cfg.Checkpoint.Dir = folder })
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "when there is room again", got, want)
}

func TestAFolderThatCannotBeWrittenIsToldBeforeTraining(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(taken, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	began := false
	for _, dir := range []string{taken, filepath.Join(taken, "folder")} {
		_, err := regime{optimizer: optimizer.Adam{}}.train(t, ctx, t.TempDir(), func(cfg *cornu.FitConfig) {
			cfg.Checkpoint.Dir = dir
			cfg.Callbacks = []train.Callback{train.Func(func(*train.State) error { began = true; return nil })}
		})
		if err == nil || !strings.Contains(err.Error(), taken) || began {
			t.Errorf("the error is %v", err)
		}
	}
}
