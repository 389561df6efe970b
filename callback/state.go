package callback

// This file keeps the callbacks' states in checkpoints.

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/train"
)

// errState says that what LoadState is given was not written by SaveState.
var errState = errors.New("it is not what was saved")

// unpack reads a struct of fixed size, and returns what follows.
func unpack(b []byte, into any) (rest []byte, err error) {
	n, err := binary.Decode(b, binary.LittleEndian, into)
	if err != nil {
		return nil, errState
	}
	return b[n:], nil
}

// monitorState is the state of a monitor.
type monitorState struct {
	Best float64
	Any  bool
}

func (m *monitor) state() monitorState    { return monitorState{m.best, m.any} }
func (m *monitor) restore(s monitorState) { m.best, m.any = s.Best, s.Any }

// earlyStoppingState is EarlyStopping's, but for the weights, which follow.
type earlyStoppingState struct {
	Monitor                  monitorState
	Wait, Stopped, BestEpoch int64
	Kept                     bool
}

// SaveState appends what has been seen, and the best weights.
func (e *EarlyStopping) SaveState(_ *train.State, b []byte) ([]byte, error) {
	b, err := binary.Append(b, binary.LittleEndian, earlyStoppingState{
		e.monitor.state(), int64(e.wait), int64(e.stopped), int64(e.bestEpoch), e.kept,
	})
	if err != nil || !e.kept || !e.cfg.RestoreBestWeights {
		return b, err
	}
	for _, w := range e.weights {
		b = number.Append(b, w)
	}
	return b, nil
}

// LoadState sets what SaveState has appended.
func (e *EarlyStopping) LoadState(s *train.State, b []byte) error {
	var state earlyStoppingState
	b, err := unpack(b, &state)
	if err != nil {
		return err
	}
	e.monitor.restore(state.Monitor)
	e.wait, e.stopped, e.bestEpoch, e.kept = int(state.Wait), int(state.Stopped), int(state.BestEpoch), state.Kept
	if !e.kept || !e.cfg.RestoreBestWeights {
		return nil
	}
	e.keep(s) // makes room
	for _, w := range e.weights {
		if len(b) < 4*len(w) {
			return fmt.Errorf("the best weights: %w: was RestoreBestWeights set?", errState)
		}
		number.Copy(w, b[:4*len(w)])
		b = b[4*len(w):]
	}
	return nil
}

// reduceState is ReduceLROnPlateau's.
type reduceState struct {
	Monitor        monitorState
	Wait, Cooldown int64
}

// SaveState appends what has been seen.
func (r *ReduceLROnPlateau) SaveState(_ *train.State, b []byte) ([]byte, error) {
	return binary.Append(b, binary.LittleEndian, reduceState{r.monitor.state(), int64(r.wait), int64(r.cooldown)})
}

// LoadState sets what SaveState has appended.
func (r *ReduceLROnPlateau) LoadState(_ *train.State, b []byte) error {
	var state reduceState
	if _, err := unpack(b, &state); err != nil {
		return err
	}
	r.monitor.restore(state.Monitor)
	r.wait, r.cooldown = int(state.Wait), int(state.Cooldown)
	return nil
}

// csvState is CSVLogger's.
type csvState struct {
	Place   int64 // where the next line goes
	Columns []string
	Present []string
}

// SaveState appends the place in the file, which is on the disk then.
func (c *CSVLogger) SaveState(_ *train.State, b []byte) ([]byte, error) {
	if c.unsaved {
		if err := c.file.Sync(); err != nil {
			return b, err
		}
		c.unsaved = false
	}
	place, err := c.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return b, err
	}
	text, err := json.Marshal(csvState{place, c.columns, c.present})
	return append(b, text...), err
}

// LoadState goes to the place in the file, and cuts off what follows: it is written again.
func (c *CSVLogger) LoadState(_ *train.State, b []byte) error {
	var state csvState
	if err := json.Unmarshal(b, &state); err != nil {
		return errState
	}
	end, err := c.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end < state.Place || state.Place < 0 {
		return fmt.Errorf("%s has %d bytes, it had %d when the checkpoint was made: it was changed or is another file", c.Filename, end, state.Place)
	}
	if err := c.file.Truncate(state.Place); err != nil {
		return err
	}
	c.columns, c.present = state.Columns, state.Present
	_, err = c.file.Seek(state.Place, io.SeekStart)
	return err
}

// tensorBoardState is TensorBoard's: where its files were.
type tensorBoardState struct{ Train, Validation eventPlace }

// SaveState appends the places in the files.
func (t *TensorBoard) SaveState(_ *train.State, b []byte) ([]byte, error) {
	var state tensorBoardState
	var err error
	if state.Train, err = t.train.place(); err == nil {
		state.Validation, err = t.validation.place()
	}
	if err != nil {
		return b, err
	}
	text, err := json.Marshal(state)
	return append(b, text...), err
}

// LoadState goes to the places in the files, and cuts off what follows: it is written again. In the place of a file that
// isn't there any more a new one is begun.
func (t *TensorBoard) LoadState(s *train.State, b []byte) error {
	var state tensorBoardState
	if err := json.Unmarshal(b, &state); err != nil {
		return errState
	}
	t.epochStart, t.epochSteps = time.Now(), s.Step
	there, err := t.train.resume(state.Train)
	if err == nil {
		_, err = t.validation.resume(state.Validation)
	}
	if err != nil || there {
		return err
	}
	return t.network(s)
}
