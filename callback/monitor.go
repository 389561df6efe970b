package callback

// This file watches one measure for improvement, as keras/src/callbacks/
// monitor_callback.py does.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/train"
)

// A Mode says which values of what is monitored are better.
type Mode string

// The modes.
const (
	Auto Mode = "auto" // the loss or the metric knows
	Min  Mode = "min"  // less is better
	Max  Mode = "max"  // greater is better
)

// A monitor compares the values of one measure.
type monitor struct {
	who      string // the callback, for errors
	name     string
	down     bool    // less is better
	minDelta float64 // what doesn't count
	best     float64
	any      bool // best holds a value
}

func newMonitor(s *train.State, who, name string, mode Mode, minDelta float64) (monitor, error) {
	found, missing := train.Find(name, s.Logs())
	if missing == nil {
		name = found
	}
	m := monitor{who: who, name: name, minDelta: math.Abs(minDelta)}
	if math.IsNaN(minDelta) {
		return m, fmt.Errorf("callback: %s: MinDelta is not a number", who)
	}
	switch mode {
	case Min:
		m.down = true
	case Max:
	case Auto:
		direction := s.Direction(name)
		if direction == metric.Unknown && missing != nil {
			return m, fmt.Errorf("callback: %s: %w; of what a callback adds, Mode must say Max or Min", who, missing)
		}
		if direction == metric.Unknown {
			return m, fmt.Errorf("callback: %s: whether %q should rise or fall is not known: set Mode to Max or Min", who, name)
		}
		m.down = direction == metric.Down
	default:
		return m, fmt.Errorf("callback: %s: %w", who, config.Unknown("mode", string(mode), []string{"auto", "max", "min"}))
	}
	return m, nil
}

// value returns the present value, and whether there is one in this epoch. It is
// an error if there never is.
func (m *monitor) value(s *train.State) (value float64, ok bool, err error) {
	value, ok = s.Log(m.name)
	if ok || slices.Contains(s.Logs(), m.name) {
		return value, ok, nil
	}
	hint := ""
	if _, measured := s.Log(strings.TrimPrefix(m.name, "val_")); measured {
		hint = ": give Fit validation data"
	}
	return 0, false, fmt.Errorf("callback: %s: %q is not measured, only %s%s", m.who, m.name, strings.Join(s.Logs(), ", "), hint)
}

// improves reports whether a value is better than the best so far, and makes it
// the best then. The first is always better; what is not a number never is.
func (m *monitor) improves(value float64) bool {
	if math.IsNaN(value) || m.any && !m.better(value, m.best) {
		return false
	}
	m.best, m.any = value, true
	return true
}

func (m *monitor) better(value, reference float64) bool {
	if m.down {
		return value+m.minDelta < reference
	}
	return value-m.minDelta > reference
}
