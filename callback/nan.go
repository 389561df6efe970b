package callback

// This file stops a training whose loss is no number any more.

import (
	"fmt"
	"io"
	"math"

	"github.com/cornu-ml/cornu/train"
)

// TerminateOnNaN ends a training after a batch that made the loss infinite or
// not a number.
//
// Fit itself stops before such a step changes the weights, with an error that
// says where the value came from. This callback is for trainings that are told to
// go on: those with AllowNonFinite.
type TerminateOnNaN struct {
	RaiseError bool // end with an error; otherwise as if all epochs were done

	Log io.Writer // where it says that it ends a training; nil is nowhere
}

// BatchEnd looks at the loss.
func (t *TerminateOnNaN) BatchEnd(s *train.State) error {
	loss, ok := s.Log("loss")
	if !ok || !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	if t.RaiseError {
		return fmt.Errorf("callback: TerminateOnNaN: the loss is %v after batch %d of epoch %d", loss, s.Batch+1, s.Epoch+1)
	}
	say(t.Log, "Batch %d: Invalid loss, terminating training", s.Batch)
	return train.ErrStop
}

// EpochEnd does nothing.
func (t *TerminateOnNaN) EpochEnd(*train.State) error { return nil }
