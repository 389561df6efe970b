package optimizer

// This file has the schedules of the learning rate. They are computed in float64.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// A Schedule gives the learning rate of every step.
type Schedule interface {
	// Name returns Keras's name of the class: "ExponentialDecay".
	Name() string
	// Rate returns the learning rate after so many steps: Rate(0) is that of the
	// first.
	Rate(steps uint64) float64
}

var schedules = config.NewRegistry[Schedule](
	"schedule",
	ExponentialDecay{}, InverseTimeDecay{}, PolynomialDecay{}, PiecewiseConstantDecay{}, CosineDecay{}, CosineDecayRestarts{},
)

// ScheduleByName returns the schedule that Keras knows by the name of its class,
// with its defaults. The error of an unknown name lists the known ones.
func ScheduleByName(name string) (Schedule, error) { return schedules.ByName(name) }

// ScheduleNames lists the names that ScheduleByName knows.
func ScheduleNames() []string { return schedules.Names() }

// RegisterSchedule makes a schedule known to ScheduleByName and to files.
func RegisterSchedule(s Schedule) { schedules.Register(s) }

func positive(s Schedule, name string, steps int) error {
	if steps <= 0 {
		return errorf(s, "%s is %d, it must be positive", name, steps)
	}
	return nil
}

func errorf(s Schedule, format string, args ...any) error {
	return fmt.Errorf("schedule %s: %w", s.Name(), fmt.Errorf(format, args...))
}

// fraction is how many times decaySteps have passed, whole times if staircase.
func fraction(steps uint64, decaySteps int, staircase bool) float64 {
	p := float64(steps) / float64(decaySteps)
	if staircase {
		p = math.Floor(p)
	}
	return p
}

// ExponentialDecay is InitialLearningRate · DecayRate^(steps/DecaySteps).
type ExponentialDecay struct {
	InitialLearningRate float64
	DecaySteps          int
	DecayRate           float64
	Staircase           bool // the power is rounded down
}

// Name returns "ExponentialDecay".
func (ExponentialDecay) Name() string { return "ExponentialDecay" }

// Check returns an error unless the fields are in range.
func (s ExponentialDecay) Check() error { return positive(s, "DecaySteps", s.DecaySteps) }

// Rate returns the learning rate after so many steps.
func (s ExponentialDecay) Rate(steps uint64) float64 {
	return s.InitialLearningRate * fmath.Pow64(s.DecayRate, fraction(steps, s.DecaySteps, s.Staircase))
}

// InverseTimeDecay is InitialLearningRate / (1 + DecayRate · steps/DecaySteps). The
// argument decay of Keras 2.2's optimizers is InverseTimeDecay{rate, 1, decay, false}.
type InverseTimeDecay struct {
	InitialLearningRate float64
	DecaySteps          int
	DecayRate           float64
	Staircase           bool // the quotient of steps is rounded down
}

// Name returns "InverseTimeDecay".
func (InverseTimeDecay) Name() string { return "InverseTimeDecay" }

// Check returns an error unless the fields are in range.
func (s InverseTimeDecay) Check() error { return positive(s, "DecaySteps", s.DecaySteps) }

// Rate returns the learning rate after so many steps.
func (s InverseTimeDecay) Rate(steps uint64) float64 {
	return s.InitialLearningRate / (1 + float64(s.DecayRate*fraction(steps, s.DecaySteps, s.Staircase)))
}

// PolynomialDecay falls from InitialLearningRate to EndLearningRate within
// DecaySteps, as (1 - steps/DecaySteps)^Power does, and stays there. If it cycles
// it takes twice, three times … as long instead, so that it reaches the end again
// and again.
type PolynomialDecay struct {
	InitialLearningRate float64
	DecaySteps          int
	EndLearningRate     *float64 `default:"0.0001"`
	Power               *float64 `default:"1"`
	Cycle               bool
}

// Name returns "PolynomialDecay".
func (PolynomialDecay) Name() string { return "PolynomialDecay" }

// Check returns an error unless the fields are in range.
func (s PolynomialDecay) Check() error { return positive(s, "DecaySteps", s.DecaySteps) }

// Rate returns the learning rate after so many steps.
func (s PolynomialDecay) Rate(steps uint64) float64 {
	s = config.Resolve(s)
	length, at := float64(s.DecaySteps), float64(steps)
	if s.Cycle {
		length *= max(math.Ceil(at/length), 1)
	}
	p := min(at, length) / length
	end := *s.EndLearningRate
	return float64((s.InitialLearningRate-end)*fmath.Pow64(1-p, *s.Power)) + end
}

// PiecewiseConstantDecay is Values[i], where i is the number of Boundaries that
// steps is greater than.
type PiecewiseConstantDecay struct {
	Boundaries []int
	Values     []float64 // one more than there are boundaries
}

// Name returns "PiecewiseConstantDecay".
func (PiecewiseConstantDecay) Name() string { return "PiecewiseConstantDecay" }

// Check returns an error unless the fields are in range.
func (s PiecewiseConstantDecay) Check() error {
	if len(s.Values) != len(s.Boundaries)+1 {
		return errorf(s, "%d Boundaries need %d Values, got %d", len(s.Boundaries), len(s.Boundaries)+1, len(s.Values))
	}
	for i, b := range s.Boundaries {
		if b < 0 || i > 0 && b <= s.Boundaries[i-1] {
			return errorf(s, "the Boundaries %v do not rise from 0", s.Boundaries)
		}
	}
	return nil
}

// Rate returns the learning rate after so many steps.
func (s PiecewiseConstantDecay) Rate(steps uint64) float64 {
	i := 0
	for i < len(s.Boundaries) && steps > uint64(s.Boundaries[i]) {
		i++
	}
	if i >= len(s.Values) {
		return 0
	}
	return s.Values[i]
}

const pi = 3.14159265358979323846264338327950288

// half is half a cosine wave: 1 at 0 and Alpha at 1 and beyond.
func half(fraction, alpha float64) float64 {
	wave := 0.5 * (1 + fmath.Cos64(pi*fraction))
	return float64((1-alpha)*wave) + alpha
}

// CosineDecay falls within DecaySteps from InitialLearningRate to Alpha times
// that, along half a cosine wave (Loshchilov and Hutter 2016). With a
// WarmupTarget it first rises from InitialLearningRate to that within WarmupSteps,
// and falls from there.
type CosineDecay struct {
	InitialLearningRate float64
	DecaySteps          int
	Alpha               float64
	WarmupTarget        *float64 // nil: no warmup
	WarmupSteps         int
}

// Name returns "CosineDecay".
func (CosineDecay) Name() string { return "CosineDecay" }

// Check returns an error unless the fields are in range.
func (s CosineDecay) Check() error {
	if s.WarmupSteps < 0 {
		return errorf(s, "WarmupSteps is %d, it cannot be negative", s.WarmupSteps)
	}
	return positive(s, "DecaySteps", s.DecaySteps)
}

// Rate returns the learning rate after so many steps.
func (s CosineDecay) Rate(steps uint64) float64 {
	at, from := float64(steps), s.InitialLearningRate
	if s.WarmupTarget != nil {
		if steps < uint64(s.WarmupSteps) {
			return float64((*s.WarmupTarget-from)*(at/float64(s.WarmupSteps))) + from
		}
		at, from = at-float64(s.WarmupSteps), *s.WarmupTarget
	}
	length := float64(s.DecaySteps)
	return from * half(min(at, length)/length, s.Alpha)
}

// CosineDecayRestarts is CosineDecay that begins again each time it has come to
// its end: a time TMul as long, at a rate MMul as high (Loshchilov and Hutter 2016).
type CosineDecayRestarts struct {
	InitialLearningRate float64
	FirstDecaySteps     int
	TMul                float64  `zero:"2"` // 0: 2
	MMul                *float64 `default:"1"`
	Alpha               float64
}

// Name returns "CosineDecayRestarts".
func (CosineDecayRestarts) Name() string { return "CosineDecayRestarts" }

// Check returns an error unless the fields are in range.
func (s CosineDecayRestarts) Check() error {
	if r := config.Resolve(s); !(r.TMul >= 1 && r.TMul <= 1e9) {
		return errorf(s, "TMul is %v, it must be at least 1 and at most 1e9", s.TMul)
	}
	return positive(s, "FirstDecaySteps", s.FirstDecaySteps)
}

// Rate returns the learning rate after so many steps.
func (s CosineDecayRestarts) Rate(steps uint64) float64 {
	s = config.Resolve(s)
	at, restarts := float64(steps)/float64(s.FirstDecaySteps), 0.0
	if s.TMul == 1 {
		restarts = math.Floor(at)
		at -= restarts
	} else {
		// The lengths are a geometric series: 1, TMul, TMul² …, of which n are (TMulⁿ - 1)/(TMul - 1).
		more := s.TMul - 1
		growth := fmath.Log1p64(more)
		begin := func(n float64) float64 {
			if float64(n*growth) < 0.1 {
				return fmath.Expm164(float64(n*growth)) / more
			}
			return (fmath.Pow64(s.TMul, n) - 1) / more // exact if TMul is whole
		}
		restarts = max(math.Floor(fmath.Log1p64(float64(at*more))/growth), 0)
		switch { // rounding may be off by one
		case at < begin(restarts):
			restarts--
		case at >= begin(restarts+1):
			restarts++
		}
		at = (at - begin(restarts)) / fmath.Pow64(s.TMul, restarts)
	}
	height := fmath.Pow64(*s.MMul, restarts)
	// The floor Alpha doesn't shrink with the height.
	wave := 0.5 * height * (1 + fmath.Cos64(pi*at))
	return s.InitialLearningRate * (float64((1-s.Alpha)*wave) + s.Alpha)
}
