package callback

// This file keeps models and trainings in files, as keras/src/callbacks/model_checkpoint.py and backup_and_restore.py do.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/train"
)

// ModelCheckpoint writes the model to a file after each epoch, or now and then. A file is
// complete, or the old one is left as it was. That one can't be written ends the training
// with an error.
//
// It keeps models, to be loaded with cornu.Load or Model.LoadWeights. To go on with a
// training that was interrupted, to the bit, set cornu.FitConfig.Checkpoint.
type ModelCheckpoint struct {
	// Filepath is the name of the file, .keras, or a file of weights with
	// SaveWeightsOnly. What is in braces is filled in as Python does: {epoch} from 1,
	// {batch} from 1 if SaveFreq is set, and what is in the logs:
	// "{epoch:02d}-{val_loss:.2f}.keras". Its folder is made.
	Filepath string

	Monitor         string `default:"val_loss"` // the name in the logs
	SaveBestOnly    bool   // write only when what it monitors is better than ever
	SaveWeightsOnly bool   // .weights.h5, .safetensors or .npz
	Mode            Mode   `default:"auto"`
	SaveFreq        int    // batches from one file to the next; 0: one is written after each epoch

	// InitialValueThreshold is what must be bettered the first time, with SaveBestOnly;
	// nil: nothing.
	InitialValueThreshold *float64

	Log io.Writer // where it says what it does; nil is nowhere

	cfg     *ModelCheckpoint // with defaults
	monitor monitor
	batches int // since the last file
}

// TrainBegin forgets a training before this one.
func (m *ModelCheckpoint) TrainBegin(s *train.State) error {
	cfg := config.Resolve(*m)
	m.cfg, m.batches = &cfg, 0
	if cfg.SaveFreq < 0 {
		return fmt.Errorf("callback: ModelCheckpoint: SaveFreq is %d, it can't be negative", cfg.SaveFreq)
	}
	if cfg.Filepath == "" {
		return errors.New("callback: ModelCheckpoint: Filepath is empty: say where the model is written, \"{epoch:02d}.keras\" for one")
	}
	if _, err := s.Saver(cfg.Filepath, cfg.SaveWeightsOnly); err != nil {
		return fmt.Errorf("callback: ModelCheckpoint: %w", err)
	}
	if _, err := fill(cfg.Filepath, func(name string) (any, bool) {
		if name == "epoch" || name == "batch" {
			return 1, true
		}
		return 0.0, true
	}); err != nil {
		return fmt.Errorf("callback: ModelCheckpoint: Filepath is %q: %w", cfg.Filepath, err)
	}
	if !cfg.SaveBestOnly {
		return nil
	}
	var err error
	m.monitor, err = newMonitor(s, "ModelCheckpoint", cfg.Monitor, cfg.Mode, 0)
	if cfg.InitialValueThreshold != nil {
		m.monitor.best, m.monitor.any = *cfg.InitialValueThreshold, true
	}
	return err
}

// BatchEnd writes a file if it is time.
func (m *ModelCheckpoint) BatchEnd(s *train.State) error {
	if m.cfg.SaveFreq == 0 {
		return nil
	}
	if m.batches++; m.batches < m.cfg.SaveFreq {
		return nil
	}
	m.batches = 0
	return m.save(s, true)
}

// EpochEnd writes a file, unless SaveFreq is set.
func (m *ModelCheckpoint) EpochEnd(s *train.State) error {
	if m.cfg.SaveFreq > 0 {
		return nil
	}
	return m.save(s, false)
}

// save writes a file, if the model is good enough.
func (m *ModelCheckpoint) save(s *train.State, batch bool) error {
	if m.cfg.SaveBestOnly {
		value, ok, err := m.monitor.value(s)
		if err != nil || !ok {
			return err
		}
		before := "None"
		if m.monitor.any {
			before = fmt.Sprintf("%.5f", m.monitor.best)
		}
		if !m.monitor.improves(value) {
			say(m.Log, "Epoch %d: %s did not improve from %s", s.Epoch+1, m.monitor.name, before)
			return nil
		}
		say(m.Log, "Epoch %d: %s improved from %s to %.5f", s.Epoch+1, m.monitor.name, before, value)
	}
	path, err := fill(m.cfg.Filepath, func(name string) (any, bool) {
		switch {
		case name == "epoch":
			return s.Epoch + 1, true
		case name == "batch" && batch:
			return s.Batch + 1, true
		}
		value, ok := s.Log(name)
		return value, ok
	})
	if err != nil {
		known := slices.DeleteFunc(slices.Clone(s.Logs()), func(name string) bool { _, ok := s.Log(name); return !ok })
		return fmt.Errorf("callback: ModelCheckpoint: Filepath is %q: %w, only epoch, %s", m.cfg.Filepath, err, strings.Join(known, ", "))
	}
	write, err := s.Saver(path, m.cfg.SaveWeightsOnly)
	if err == nil {
		err = file.MkdirAll(filepath.Dir(path))
	}
	if err == nil {
		say(m.Log, "Epoch %d: saving model to %s", s.Epoch+1, path)
		err = write()
	}
	if err != nil {
		return fmt.Errorf("callback: ModelCheckpoint: %w", err)
	}
	return nil
}

// modelCheckpointState is ModelCheckpoint's.
type modelCheckpointState struct {
	Monitor monitorState
	Batches int64
}

// SaveState appends what has been seen.
func (m *ModelCheckpoint) SaveState(_ *train.State, b []byte) ([]byte, error) {
	return binary.Append(b, binary.LittleEndian, modelCheckpointState{m.monitor.state(), int64(m.batches)})
}

// LoadState sets what SaveState has appended.
func (m *ModelCheckpoint) LoadState(_ *train.State, b []byte) error {
	var state modelCheckpointState
	if _, err := unpack(b, &state); err != nil {
		return err
	}
	m.monitor.restore(state.Monitor)
	m.batches = int(state.Batches)
	return nil
}

// BackupAndRestore keeps a training while it lasts: Fit with the same BackupDir goes on
// where a training stopped that was interrupted, in the middle of an epoch too, and to the
// bits of one that was not. It is Keras's name for cornu.FitConfig.Checkpoint, which has
// more to set.
type BackupAndRestore struct {
	BackupDir        string // of this training alone
	SaveFreq         int    // batches from one backup to the next; 0: one is written after each epoch
	DoubleCheckpoint bool   // keep the last two, in case one gets damaged
	NoDelete         bool   `keras:"delete_checkpoint,not"` // don't remove them when training has ended

	Log io.Writer // where damaged backups, and writing that failed, are told; nil is os.Stderr
}

// Checkpoint tells Fit where the training is kept.
func (b *BackupAndRestore) Checkpoint() (train.Checkpoint, error) {
	switch {
	case b == nil || b.BackupDir == "":
		return train.Checkpoint{}, errors.New("callback: BackupAndRestore: it needs a BackupDir")
	case b.SaveFreq < 0:
		return train.Checkpoint{}, fmt.Errorf("callback: BackupAndRestore: SaveFreq is %d, it can't be negative", b.SaveFreq)
	}
	c := train.Checkpoint{Dir: b.BackupDir, EverySteps: b.SaveFreq, Keep: 1, Temporary: !b.NoDelete, Log: b.Log}
	if b.DoubleCheckpoint {
		c.Keep = 2
	}
	return c, nil
}

// EpochEnd does nothing: Fit writes the backups.
func (*BackupAndRestore) EpochEnd(*train.State) error { return nil }
