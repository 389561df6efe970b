package optimizer

// This file has the optimizer that scales the loss for another.

import (
	"errors"
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/config"
)

// LossScaleOptimizer multiplies the loss by a scale before InnerOptimizer's gradients
// are computed, and divides them by it, so that small ones don't become 0 on the
// way. A step with a gradient that is not finite changes nothing and halves the
// scale; DynamicGrowthSteps finite steps in a row double it.
//
// All else is InnerOptimizer's: its rate, slots, clipping and moving average. Its
// LossScaleFactor isn't used.
type LossScaleOptimizer struct {
	InnerOptimizer     Optimizer `default:"rmsprop"` // nil: RMSprop, as for a model that is given none
	InitialScale       float64   `zero:"32768"`      // 0: 2¹⁵
	DynamicGrowthSteps int       `zero:"2000"`       // 0: 2000
}

// Name returns "lossscaleoptimizer".
func (LossScaleOptimizer) Name() string { return "lossscaleoptimizer" }

// Check returns an error unless the fields are in range.
func (o LossScaleOptimizer) Check() error {
	o = config.Resolve(o)
	if _, twice := o.InnerOptimizer.(LossScaleOptimizer); twice {
		return errors.New("InnerOptimizer is a LossScaleOptimizer too")
	}
	if !(o.InitialScale > 0 && o.InitialScale <= math.MaxFloat32) {
		return fmt.Errorf("InitialScale is %v, it must be positive and a float32", o.InitialScale)
	}
	if o.DynamicGrowthSteps < 0 {
		return fmt.Errorf("DynamicGrowthSteps is %d, it must be positive", o.DynamicGrowthSteps)
	}
	return Check(o.InnerOptimizer)
}

// inner returns InnerOptimizer, or its default for one that Check refuses.
func (o LossScaleOptimizer) inner() Optimizer {
	if config.IsNil(o.InnerOptimizer) {
		o.InnerOptimizer = nil
	}
	return config.Resolve(o).InnerOptimizer
}

// Slots returns InnerOptimizer's.
func (o LossScaleOptimizer) Slots() []Slot { return o.inner().Slots() }

// Update emits InnerOptimizer's rule.
func (o LossScaleOptimizer) Update(u *Update) { o.inner().Update(u) }
