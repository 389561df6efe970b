package callback

// This file changes the learning rate: on a plateau, and by a schedule.

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/train"
)

// ReduceLROnPlateau lowers the learning rate when what it monitors has stopped
// improving. The rate of each epoch is logged as "learning_rate". The optimizer's
// own schedule, if it has one, ends with the first reduction.
type ReduceLROnPlateau struct {
	Monitor  string   `default:"val_loss"` // the name in the logs
	Factor   *float64 `default:"0.1"`      // what the rate is multiplied by, less than 1
	Patience *int     `default:"10"`       // this many epochs in a row without improvement lower the rate
	Mode     Mode     `default:"auto"`
	MinDelta *float64 `default:"1e-4"` // an improvement by less is none
	Cooldown int      // epochs after a reduction in which none is counted
	MinLR    float64  // the rate doesn't get lower than this

	Log io.Writer // where it says what it does; nil is nowhere

	cfg      *ReduceLROnPlateau // with defaults
	monitor  monitor
	wait     int
	cooldown int // epochs that are left of it
}

// TrainBegin forgets a training before this one.
func (r *ReduceLROnPlateau) TrainBegin(s *train.State) error {
	cfg := config.Resolve(*r)
	r.cfg = &cfg
	r.wait, r.cooldown = 0, 0
	if f := *cfg.Factor; !(f >= 0 && f < 1) {
		return fmt.Errorf("callback: ReduceLROnPlateau: Factor is %v, it must be less than 1 and not negative", f)
	}
	if len(s.Optimizers()) == 0 {
		return errNoOptimizer("ReduceLROnPlateau")
	}
	var err error
	r.monitor, err = newMonitor(s, "ReduceLROnPlateau", cfg.Monitor, cfg.Mode, *cfg.MinDelta)
	return err
}

func errNoOptimizer(who string) error {
	return errors.New("callback: " + who + ": the step has no optimizer")
}

// EpochEnd looks whether the epoch has improved anything.
func (r *ReduceLROnPlateau) EpochEnd(s *train.State) error {
	s.SetLog("learning_rate", s.LearningRate())
	value, ok, err := r.monitor.value(s)
	if err != nil || !ok {
		return err
	}
	if r.cooldown > 0 {
		r.cooldown--
		r.wait = 0
	}
	if r.monitor.improves(value) {
		r.wait = 0
	} else if r.cooldown == 0 {
		r.wait++
		if r.wait >= *r.cfg.Patience && r.reduce(s) {
			r.cooldown, r.wait = r.cfg.Cooldown, 0
		}
	}
	return nil
}

// reduce reports whether a rate could be lowered.
func (r *ReduceLROnPlateau) reduce(s *train.State) bool {
	reduced := false
	for _, o := range s.Optimizers() {
		if rate := o.LearningRate(); rate > r.cfg.MinLR {
			rate = max(*r.cfg.Factor*rate, r.cfg.MinLR)
			o.SetLearningRate(rate)
			say(r.Log, "Epoch %d: ReduceLROnPlateau reducing learning rate to %v.", s.Epoch+1, rate)
			reduced = true
		}
	}
	return reduced
}

// LearningRateScheduler sets the learning rate at the beginning of each epoch.
// The rate is logged as "learning_rate".
//
// A schedule of package optimizer changes the rate with every step instead.
type LearningRateScheduler struct {
	// Schedule returns the rate of an epoch, counted from 0, given the present one.
	Schedule func(epoch int, rate float64) float64

	Log io.Writer // where it says what it does; nil is nowhere
}

// TrainBegin checks that there is a schedule, and something to set.
func (l *LearningRateScheduler) TrainBegin(s *train.State) error {
	if l.Schedule == nil {
		return errors.New("callback: LearningRateScheduler: Schedule is nil")
	}
	if len(s.Optimizers()) == 0 {
		return errNoOptimizer("LearningRateScheduler")
	}
	return nil
}

// EpochBegin sets the rate.
func (l *LearningRateScheduler) EpochBegin(s *train.State) error {
	for _, o := range s.Optimizers() {
		rate := l.Schedule(s.Epoch, o.LearningRate())
		if math.IsNaN(rate) || math.IsInf(rate, 0) {
			return fmt.Errorf("callback: LearningRateScheduler: the rate of epoch %d would be %v", s.Epoch+1, rate)
		}
		o.SetLearningRate(rate)
		say(l.Log, "Epoch %d: LearningRateScheduler setting learning rate to %v.", s.Epoch+1, rate)
	}
	return nil
}

// EpochEnd logs the rate.
func (l *LearningRateScheduler) EpochEnd(s *train.State) error {
	s.SetLog("learning_rate", s.LearningRate())
	return nil
}
