package kerasfile

// This file reads the masks that Keras 3 writes into a functional model. There a mask that a layer found at its input stands
// among the arguments of its call, and what the mask was made of are operations beside the layers:
//
//	Masking → LSTM    is    LSTM(x, mask=Any(NotEqual(input, 0.0)))
//
// Cornu's layers find the masks of their inputs as Keras's did, so such an argument says nothing new. One that a user has given
// does, and is refused. To tell them apart, both are written as terms: what the argument is, and what the input's mask would be.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/layer"
)

const maskName = "mask"

// queryMasks are the arguments by which layers of several heads take the masks of their inputs.
var queryMasks = []string{"query_mask", "value_mask", "key_mask"}

// A term stands for what a mask is made of. Equal ones are made alike.
type term int

const none term = 0 // no mask

// A part is what a term is made of: other terms among the rest.
type part struct {
	kind string
	of   []any
}

// masks knows the masks of a network's tensors.
type masks struct {
	asked      []givenMask
	layers     map[string]*layer.LayerSpec
	operations map[string]operation
	terms      map[string]term // by what they are, of terms that are made already
	parts      map[term]part   // what terms are made of
	far        map[term]map[application]int
	masks      map[layer.NodeSpec]term // of tensors of layers
	results    map[layer.NodeSpec]term // of operations
}

// An operation is one of keras.ops in a network.
type operation struct {
	class  string
	config object
	calls  []any
}

// isOperation reports whether an entry of a network's layers is an operation. An .h5 file doesn't say so: there it is one that
// makes masks, and no layer.
func isOperation(o object) bool {
	module, ok := o["module"].(string)
	if !ok {
		return slices.Contains([]any{"NotEqual", "Any", "LogicalOr", "ExpandDims", "OnesLike", "ZerosLike"}, o["class_name"])
	}
	return strings.HasPrefix(module, "keras.src.ops.") || strings.HasPrefix(module, "keras.ops")
}

func newMasks() *masks {
	return &masks{
		layers: map[string]*layer.LayerSpec{}, operations: map[string]operation{},
		terms: map[string]term{}, parts: map[term]part{}, far: map[term]map[application]int{}, masks: map[layer.NodeSpec]term{}, results: map[layer.NodeSpec]term{},
	}
}

// add takes an operation.
func (m *masks) add(o object) {
	name, _ := o["name"].(string)
	class, _ := o["class_name"].(string)
	cfg, _ := o["config"].(object)
	calls, _ := o["inbound_nodes"].([]any)
	m.operations[name] = operation{class, cfg, calls}
}

// term returns the term of a kind, made of those and other values.
func (m *masks) term(kind string, of ...any) term {
	text := fmt.Sprintf("%q %#v", kind, of)
	if _, ok := m.terms[text]; !ok {
		m.terms[text] = term(len(m.terms) + 1)
		m.parts[m.terms[text]] = part{kind, of}
	}
	return m.terms[text]
}

// A givenMask is an argument of a call: one mask, or a list of those of several inputs, which may be arguments of their own.
type givenMask struct {
	layer string
	in    []layer.NodeSpec
	mask  any
	apart bool
}

// amongTensors returns the classes of operations whose results a network's layers take, or it puts out.
func (m *masks) amongTensors(net *layer.Spec) (classes []string) {
	look := func(list []layer.NodeSpec) {
		for _, at := range list {
			if o, ok := m.operations[at.Layer]; ok {
				classes = append(classes, "keras.ops."+o.class)
			}
		}
	}
	for _, one := range net.Layers {
		for _, in := range one.Inbound {
			look(in)
		}
	}
	look(net.Outputs)
	return classes
}

// check returns an error unless all masks that are given are those that the inputs have.
func (m *masks) check(layers []layer.LayerSpec) error {
	for i := range layers {
		m.layers[layers[i].Name] = &layers[i]
	}
	for _, g := range m.asked {
		if err := m.same(g); err != nil {
			return fmt.Errorf("layer %q: %w", g.layer, err)
		}
	}
	return nil
}

func (m *masks) same(g givenMask) error {
	list, ok := g.mask.([]any)
	if !ok {
		list = []any{g.mask}
	}
	for i, v := range list {
		is, err := m.given(v)
		if err == nil && (i >= len(g.in) || is != m.of(g.in[i])) {
			err = errors.New("it is another than the input has by the layers before, which is not read")
		}
		if err != nil {
			name := maskName
			if g.apart {
				name = queryMasks[i]
			}
			return fmt.Errorf("the %s of its call: %w", name, err)
		}
	}
	return nil
}

// lost returns the first of the layers in the place of operations that has an input with a mask, "" if none has.
func (m *masks) lost(stand []string) string {
	for _, name := range stand {
		for _, in := range m.layers[name].Inbound {
			if slices.ContainsFunc(in, func(at layer.NodeSpec) bool { return m.of(at) != none }) {
				return name
			}
		}
	}
	return ""
}

// withState returns the name of a recurrent layer whose sequence has a mask and whose state is given, "" if there is none.
func (m *masks) withState(layers []layer.LayerSpec) string {
	for _, one := range layers {
		for _, in := range one.Inbound {
			if others(one.Class) == stateName && len(in) > 1 && m.of(in[0]) != none {
				return one.Name
			}
		}
	}
	return ""
}

// given returns the term of what an operation is applied to, or of a mask.
func (m *masks) given(v any) (term, error) {
	switch v := v.(type) {
	case nil:
		return none, nil
	case float64:
		return m.term("number", v), nil
	case []any:
		return m.list(v)
	}
	at, ok := tensorIn(v)
	if !ok {
		return none, fmt.Errorf("%v is no tensor of the network", v)
	}
	o, ok := m.operations[at.Layer]
	if !ok {
		return m.tensor(at), nil
	}
	if t, ok := m.results[at]; ok {
		if t == none {
			return none, fmt.Errorf("%q is made of itself", at.Layer)
		}
		return t, nil
	}
	m.results[at] = none
	if at.Index < 0 || at.Index >= len(o.calls) || at.Output != 0 {
		return none, fmt.Errorf("%q is not applied so often", at.Layer)
	}
	call, _ := o.calls[at.Index].(object)
	args, _ := call["args"].([]any)
	list, err := m.list(args)
	if err != nil {
		return none, err
	}
	axis := o.config["axis"]
	if one, ok := axis.([]any); ok && len(one) == 1 {
		axis = one[0]
	}
	m.results[at] = m.term("operation "+o.class, axis, list)
	return m.results[at], nil
}

func (m *masks) list(values []any) (term, error) {
	var of []any
	for _, v := range values {
		t, err := m.given(v)
		if err != nil {
			return none, err
		}
		of = append(of, t)
	}
	return m.term("list", of...), nil
}

func (m *masks) tensor(at layer.NodeSpec) term {
	return m.term("tensor", at.Layer, at.Index, at.Output)
}

// apply returns the term of an operation with an axis, nil if it has none.
func (m *masks) apply(class string, axis any, to ...term) term {
	var of []any
	for _, t := range to {
		of = append(of, t)
	}
	return m.term("operation "+class, axis, m.term("list", of...))
}

// of returns the term of the mask that Keras gives a tensor.
func (m *masks) of(at layer.NodeSpec) term {
	if t, ok := m.masks[at]; ok {
		return t
	}
	m.masks[at] = none // in a circle, which is refused elsewhere
	m.masks[at] = m.made(at)
	return m.masks[at]
}

func (m *masks) made(at layer.NodeSpec) term {
	one := m.layers[at.Layer]
	if one == nil || at.Index < 0 || at.Index >= len(one.Inbound) || len(one.Inbound[at.Index]) == 0 {
		return none
	}
	in, cfg := one.Inbound[at.Index], one.Config
	switch one.Class {
	case "Masking":
		value, _ := cfg["mask_value"].(float64)
		return m.apply("Any", -1.0, m.apply("NotEqual", nil, m.tensor(in[0]), m.term("number", value)))
	case "Embedding":
		if cfg["mask_zero"] == true {
			return m.apply("NotEqual", nil, m.tensor(in[0]), m.term("number", 0.0))
		}
	case "Bidirectional":
		inner, _ := cfg["layer"].(object)
		innerConfig, _ := inner["config"].(object)
		if innerConfig["return_sequences"] == true && (at.Output == 0 || at.Output == 1 && cfg["merge_mode"] == nil) {
			return m.of(in[0])
		}
	case "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum":
		all := m.of(in[0])
		for _, x := range in[1:] {
			t := m.of(x)
			if all == none || t == none {
				return none
			}
			all = m.apply("LogicalOr", nil, all, t)
		}
		return all
	case "Concatenate":
		var parts []any
		some := false
		for _, x := range in {
			t := m.of(x)
			if t == none {
				parts = append(parts, m.apply("OnesLike", nil, m.tensor(x)))
				continue
			}
			some = true
			parts = append(parts, m.apply("LogicalOr", nil, m.apply("ExpandDims", -1.0, t), m.apply("ZerosLike", nil, m.tensor(x))))
		}
		if some {
			axis, ok := cfg["axis"].(float64)
			if !ok {
				axis = -1
			}
			return m.apply("Any", -1.0, m.apply("Concatenate", axis, m.term("list", parts...)))
		}
	default:
		if at.Output == 0 && (passesMasks(one.Class) || recurs(one.Class) && cfg["return_sequences"] == true) {
			return m.of(in[0])
		}
	}
	return none
}

// passesMasks reports whether what layers of the class return has the mask of what they take.
func passesMasks(class string) bool {
	return slices.Contains([]string{
		"Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "ActivityRegularization", "Dense", "Identity", "Rescaling", "TimeDistributed",
		"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
		"BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization", "Normalization",
		"MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention", "keras_hub>SinePositionEncoding", "keras_hub>PositionEmbedding",
	}, class)
}
