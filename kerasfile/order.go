package kerasfile

// This file finds the order that Keras gives the layers of a network. It numbers groups of arrays, and orders an optimizer's state, by
// it. Operations that make masks stand between layers there, and count: see masks.go.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/layer"
)

// An application is one of a layer's.
type application struct {
	layer string
	index int
}

// Order returns the names of the layers in the order in which Keras has them once it has read the network: the farther from the
// outputs the earlier, and then in the order in which a walk from the outputs meets them (map_graph in keras/src/ops/function.py). Of nil
// there are none.
func Order(s *layer.Spec) []string {
	if s == nil {
		return nil
	}
	m := newMasks()
	for i := range s.Layers {
		m.layers[s.Layers[i].Name] = &s.Layers[i]
	}
	inputs := func(x application) []layer.NodeSpec {
		if one := m.layers[x.layer]; one != nil && x.index >= 0 && x.index < len(one.Inbound) {
			return one.Inbound[x.index]
		}
		return nil
	}
	var walked []application // each after its inputs
	seen := map[application]bool{}
	met := map[string]int{}
	var visit func(at layer.NodeSpec)
	visit = func(at layer.NodeSpec) {
		x := application{at.Layer, at.Index}
		if seen[x] {
			return
		}
		seen[x] = true
		if _, ok := met[x.layer]; !ok {
			met[x.layer] = 1 + len(met) // 0 is an input that nothing depends on
		}
		for _, y := range inputs(x) {
			visit(y)
		}
		walked = append(walked, x)
	}
	for _, out := range s.Outputs {
		visit(out)
	}
	depth, layerDepth := map[application]int{}, map[string]int{}
	deeper := func(x application, d int) { depth[x] = max(depth[x], d) }
	for _, x := range slices.Backward(walked) {
		d := max(depth[x], layerDepth[x.layer])
		layerDepth[x.layer] = d
		for i, y := range inputs(x) {
			deeper(application{y.Layer, y.Index}, d+1)
			if takesMask(m.layers[x.layer], i) {
				for z, operations := range m.distances(m.of(y)) {
					deeper(z, d+1+operations)
				}
			}
		}
	}
	var names []string
	for _, one := range s.Layers {
		names = append(names, one.Name)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(layerDepth[b], layerDepth[a]), cmp.Compare(met[a], met[b]))
	})
	return names
}

// takesMask reports whether the call of a layer of Keras's takes the mask of input i as an argument.
func takesMask(one *layer.LayerSpec, i int) bool {
	switch {
	case one == nil:
		return false
	case attends(one.Class):
		return i < 3 // query, value, key
	case recurs(one.Class), one.Network != nil:
		return i == 0
	}
	return i == 0 && slices.Contains([]string{"Bidirectional", "TimeDistributed", "BatchNormalization", "Softmax", "GlobalAveragePooling1D"}, one.Class)
}

// distances returns how many operations are between a mask and each result that it is made of, at most.
func (m *masks) distances(t term) map[application]int {
	if t == none {
		return nil
	}
	if far, ok := m.far[t]; ok {
		return far
	}
	far := map[application]int{}
	part := m.parts[t]
	if part.kind == "tensor" {
		far[application{part.of[0].(string), part.of[1].(int)}] = 0
	}
	own := 0
	if strings.HasPrefix(part.kind, "operation ") {
		own = 1
	}
	for _, of := range part.of {
		if inner, ok := of.(term); ok {
			for x, n := range m.distances(inner) {
				far[x] = max(far[x], n+own)
			}
		}
	}
	m.far[t] = far
	return far
}
