package cornu

// This file says what a model is, for checkpoints: one is of use to the same model alone.

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/hash"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/train"
)

// facts says what the model is and what it is trained for. Its optimizer, seed and variables
// are known to train.
func (m *Model) facts(classWeights map[int]float64) []train.Fact {
	var facts []train.Fact
	add := func(name, format string, args ...any) {
		facts = append(facts, train.Fact{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	describe := func(name string, v any) {
		for name, value := range config.Describe(name, v) {
			facts = append(facts, train.Fact{Name: name, Value: value})
		}
	}
	var names []string
	for _, l := range m.net.Layers() {
		names = append(names, m.net.Name(l))
	}
	add("list of layers", "%v", names)
	for _, l := range m.net.Layers() {
		of := fmt.Sprintf("layer %q", m.net.Name(l))
		if k, ok := l.(layer.Keeper); ok {
			files := k.Keep().Files
			for _, file := range slices.Sorted(maps.Keys(files)) {
				add(of+"'s "+file, "%x", hash.Fingerprint64(files[file]))
			}
		}
		for name, value := range config.Describe(of, l) {
			if name != of+"'s name" { // which need not be set
				facts = append(facts, train.Fact{Name: name, Value: value})
			}
		}
	}
	inputs := map[string][][]string{} // of each use of a layer
	for _, x := range m.net.Nodes() {
		var in []string
		for _, y := range x.Inputs() {
			in = append(in, m.net.Name(y.Layer()))
		}
		name := m.net.Name(x.Layer())
		inputs[name] = append(inputs[name], in)
	}
	for _, name := range names {
		add(fmt.Sprintf("input of layer %q", name), "%v", inputs[name])
	}
	for i, name := range m.outputNames() {
		of := ""
		if len(m.outputNames()) > 1 {
			of = fmt.Sprintf(" of output %q", name)
		}
		describe("loss"+of, m.compiled.lossOf(i))
		if m.compiled.LossWeights != nil {
			add("loss weight"+of, "%v", m.compiled.LossWeights[i])
		}
		for k, one := range m.compiled.metricsOf(i) {
			describe(fmt.Sprintf("metric %d%s", k+1, of), one)
		}
		for k, one := range m.compiled.weightedMetricsOf(i) {
			describe(fmt.Sprintf("weighted metric %d%s", k+1, of), one)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(classWeights)) {
		add(fmt.Sprintf("weight of class %d", class), "%v", classWeights[class])
	}
	return facts
}
