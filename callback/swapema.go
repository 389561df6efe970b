package callback

// This file lets evaluations see the moving averages of the weights.

import (
	"errors"

	"github.com/cornu-ml/cornu/train"
)

// SwapEMAWeights puts the moving averages of the weights in their place for each
// validation, and the weights back after it. The optimizer must keep averages: its
// EMA is on.
type SwapEMAWeights struct {
	// SwapOnEpoch puts the averages in place at the end of each epoch too, until the
	// next begins, for the callbacks that come after this one.
	SwapOnEpoch bool
}

// swap puts the averages in place, or the weights back.
func (SwapEMAWeights) swap(s *train.State, averages bool) error {
	for _, o := range s.Optimizers() {
		o.UseAverages(averages)
	}
	return nil
}

// TrainBegin checks that there are averages.
func (c *SwapEMAWeights) TrainBegin(s *train.State) error {
	for _, o := range s.Optimizers() {
		if o.UseAverages(false) {
			return nil
		}
	}
	return errors.New("callback: SwapEMAWeights: the optimizer keeps no averages: set its EMA.On")
}

// EpochBegin puts the weights back.
func (c *SwapEMAWeights) EpochBegin(s *train.State) error { return c.swap(s, false) }

// EpochEnd puts the averages in place, if SwapOnEpoch is set.
func (c *SwapEMAWeights) EpochEnd(s *train.State) error { return c.swap(s, c.SwapOnEpoch) }

// TestBegin puts the averages in place.
func (c *SwapEMAWeights) TestBegin(s *train.State) error { return c.swap(s, true) }

// TestEnd puts the weights back.
func (c *SwapEMAWeights) TestEnd(s *train.State) error { return c.swap(s, false) }

// TrainEnd puts the weights back, if training ended before its time.
func (c *SwapEMAWeights) TrainEnd(s *train.State) error { return c.swap(s, false) }
