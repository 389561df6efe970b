package train

// This file keeps what was measured.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/metric"
)

// A History holds what was measured at the end of each epoch, as Keras's does. Fit
// makes one; another can be given as a callback, to gather several trainings.
type History struct {
	Epoch  []int                // the epochs that were run, from 0
	Values map[string][]float64 // by name: "loss", "accuracy", "val_loss", …

	measured map[string][]int // in which epochs, for what is not measured in all
}

// Find returns that one of names which name means: name itself, or the full name for
// one of Keras's short names, such as acc, mae, val_mse or kind_acc. The error for any
// other name lists names.
func Find(name string, names []string) (string, error) {
	if slices.Contains(names, name) {
		return name, nil
	}
	// What is before a short name is val_, or the name of an output.
	for i := range len(name) {
		if i > 0 && name[i-1] != '_' {
			continue
		}
		if m, err := metric.ByName(name[i:]); err == nil && slices.Contains(names, name[:i]+m.Name()) {
			return name[:i] + m.Name(), nil
		}
	}
	if len(names) == 0 {
		return "", fmt.Errorf("%q is not measured, nor is anything else", name)
	}
	return "", fmt.Errorf("%q is not measured, only %s", name, strings.Join(names, ", "))
}

// Metric returns what was measured under that name, epoch by epoch, as Find
// understands it.
func (h *History) Metric(name string) ([]float64, error) {
	found, err := Find(name, h.Names())
	if err != nil {
		return nil, fmt.Errorf("train: History: %w", err)
	}
	return h.Values[found], nil
}

// Last returns the value of the last epoch under that name, as Find understands
// it.
func (h *History) Last(name string) (float64, error) {
	values, err := h.Metric(name)
	if err != nil {
		return 0, err
	}
	if len(values) == 0 {
		return 0, fmt.Errorf("train: History: there is no value of %q", name)
	}
	return values[len(values)-1], nil
}

// Epochs returns the epoch of each value under that name: as many as there are
// values, fewer than in Epoch if validation is rare.
func (h *History) Epochs(name string) []int {
	n := len(h.Values[name])
	if epochs := h.measured[name]; len(epochs) == n {
		return epochs
	}
	return h.Epoch[len(h.Epoch)-min(n, len(h.Epoch)):]
}

// Names lists what was measured: sorted, training before validation.
func (h *History) Names() []string {
	var names []string
	for name := range h.Values {
		names = append(names, name)
	}
	sortNames(names)
	return names
}

// EpochEnd adds what the epoch has measured.
func (h *History) EpochEnd(s *State) error {
	if s != nil {
		h.add(s.Epoch, s.known())
	}
	return nil
}

func (h *History) add(epoch int, l *logs) {
	l.settle()
	h.Epoch = append(h.Epoch, epoch)
	for i, name := range l.names {
		if l.known[i] {
			h.append(name, epoch, l.values[i])
		}
	}
}

// A savedHistory is what checkpoints keep of a History that is a callback.
type savedHistory struct {
	Epoch    []int              `json:"epoch"`
	Values   map[string][]float `json:"values"`
	Measured map[string][]int   `json:"measured"`
}

// SaveState appends all that was measured.
func (h *History) SaveState(_ *State, b []byte) ([]byte, error) {
	saved := savedHistory{h.Epoch, map[string][]float{}, h.measured}
	for name, values := range h.Values {
		for _, v := range values {
			saved.Values[name] = append(saved.Values[name], float(v))
		}
	}
	text, err := json.Marshal(saved)
	return append(b, text...), err
}

// LoadState sets what SaveState has appended.
func (h *History) LoadState(_ *State, b []byte) error {
	var saved savedHistory
	if err := json.Unmarshal(b, &saved); err != nil {
		return fmt.Errorf("train: History: %w", err)
	}
	h.Epoch, h.measured, h.Values = saved.Epoch, saved.Measured, map[string][]float64{}
	for name, values := range saved.Values {
		for _, v := range values {
			h.Values[name] = append(h.Values[name], float64(v))
		}
	}
	return nil
}

func (h *History) append(name string, epoch int, value float64) {
	if h.measured == nil {
		h.measured = map[string][]int{}
	}
	if h.Values == nil {
		h.Values = map[string][]float64{}
	}
	h.measured[name] = append(h.measured[name], epoch)
	h.Values[name] = append(h.Values[name], value)
}

// sortNames sorts as Keras's progress line does: by name, validation last.
func sortNames(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		valA, valB := strings.HasPrefix(a, "val_"), strings.HasPrefix(b, "val_")
		switch {
		case valA == valB:
			return strings.Compare(a, b)
		case valA:
			return 1
		}
		return -1
	})
}

// logs are named values in a fixed order. Some measures take a while to compute,
// and most batches end with nobody asking, so that is done when someone does.
type logs struct {
	names  []string
	values []float64
	known  []bool

	measure func(*logs) // sets the values that a step measures
	stale   bool        // a step was done since
}

// settle brings the values up to date.
func (l *logs) settle() {
	if l.stale {
		l.stale = false
		l.measure(l)
	}
}

func newLogs(names []string) *logs {
	sortNames(names)
	return &logs{names: names, values: make([]float64, len(names)), known: make([]bool, len(names))}
}

func (l *logs) set(name string, value float64) {
	if i := slices.Index(l.names, name); i >= 0 {
		l.values[i], l.known[i] = value, true
	}
}

// put is set for a name that may be new, and reports whether it was known.
func (l *logs) put(name string, value float64) (known bool) {
	_, known = l.get(name)
	if !slices.Contains(l.names, name) {
		wider := newLogs(append(slices.Clone(l.names), name))
		for i, name := range l.names {
			if l.known[i] {
				wider.set(name, l.values[i])
			}
		}
		wider.measure = l.measure
		*l = *wider
	}
	l.set(name, value)
	return known
}

func (l *logs) get(name string) (value float64, ok bool) {
	l.settle()
	i := slices.Index(l.names, name)
	if i < 0 || !l.known[i] {
		return 0, false
	}
	return l.values[i], true
}

func (l *logs) forget() {
	l.stale = false
	clear(l.known)
}
