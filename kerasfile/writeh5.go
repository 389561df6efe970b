package kerasfile

// This file writes the .h5 files of whole models and of weights, in the layout that Keras 2 made
// and Keras 3 still writes. Configurations have Keras 2's form, which both read.

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/optimizer"
)

// WriteH5 writes the .h5 file of a whole model. The same model gives the same bytes.
func WriteH5(w io.Writer, m *Model, state *State) error {
	if name := learnt(m.Network); name != "" {
		return fmt.Errorf("layer %q has learnt a vocabulary, which an .h5 file has no place for: save the model to a .keras file", name)
	}
	top, err := m.config()
	if err != nil {
		return err
	}
	f := hdf5.NewWriter()
	put := func(name string, v any) {
		text, e := json.Marshal(python(v))
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
		f.Attribute(name, string(text))
	}
	f.Attribute("keras_version", kerasVersion)
	f.Attribute("backend", backend)
	put("model_config", object{"class_name": top["class_name"], "config": keras2Model(top["config"].(object))})
	if c, ok := top["compile_config"].(object); ok {
		put("training_config", keras2Training(c))
	}
	if own := m.own(); own != nil {
		put("cornu_config", own)
	}
	if err != nil {
		return err
	}
	writeLayers(f.Group("model_weights"), state)
	if o := state.Optimizer; o != nil {
		g := f.Group("optimizer_weights")
		var names []string
		for i, a := range o.arrays() {
			names = append(names, fmt.Sprintf("%s/%d", o.Optimizer.Name(), i))
			putAt(g, names[i], a)
		}
		texts(g, "weight_names", names)
	}
	_, err = f.WriteTo(w)
	return err
}

// WriteWeightsH5 writes the .h5 file of weights as Keras 2 does.
func WriteWeightsH5(w io.Writer, state *State) error {
	f := hdf5.NewWriter()
	writeLayers(&f.GroupWriter, state)
	_, err := f.WriteTo(w)
	return err
}

// backend is one that Keras 2 had.
const backend = "tensorflow"

// writeLayers writes the arrays of layers under the layers' names.
func writeLayers(g *hdf5.GroupWriter, state *State) {
	g.Attribute("backend", backend)
	g.Attribute("keras_version", kerasVersion)
	var layers []string
	for _, l := range state.Layers {
		layers = append(layers, l.Name)
		sub := g.Group(l.Name)
		var names []string
		for _, v := range l.All {
			names = append(names, v.Path)
			putAt(sub, v.Path, v)
		}
		texts(sub, "weight_names", names)
	}
	texts(g, "layer_names", layers)
	texts(g.Group("top_level_model_weights"), "weight_names", nil)
}

// putAt writes a count or an array at a path.
func putAt(g *hdf5.GroupWriter, path string, array any) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		g, path = g.Group(path[:i]), path[i+1:]
	}
	put(g, path, array)
}

// mostAttribute is how many bytes Keras lets an attribute have. A longer list is several, with
// numbers.
const mostAttribute = 64_512

// texts writes a list of texts as attributes, in as few equal parts as there can be.
func texts(g *hdf5.GroupWriter, name string, list []string) {
	width := 1
	for _, s := range list {
		width = max(width, len(s))
	}
	most := max(mostAttribute/width, 1) // texts of a part
	parts := (len(list) + most - 1) / most
	if parts <= 1 {
		g.Attribute(name, list)
		return
	}
	for i := range parts {
		size := (len(list) + parts - i - 1) / (parts - i)
		g.Attribute(fmt.Sprint(name, i), list[:size])
		list = list[size:]
	}
}

// keras2Model gives the configuration of a network, or of a layer, the form of Keras 2: layers
// without the modules of their classes, and calls as lists.
func keras2Model(cfg object) object {
	cfg = keras2Names(cfg).(object)
	delete(cfg, "build_input_shape")
	layers, ok := cfg["layers"].([]any)
	if !ok {
		return cfg
	}
	// Keras 2 and 3 count the applications of models that are layers differently, and Keras 3 takes
	// its own form: that of Keras 2 is for networks without.
	models := slices.ContainsFunc(layers, func(x any) bool { return x.(object)["config"].(object)["layers"] != nil })
	out := make([]any, len(layers))
	for i, x := range layers {
		l := x.(object)
		one := keras2Object(l, keras2Model(l["config"].(object)))
		if isOperation(l) { // by whose module Keras 3 knows it
			one["module"], one["registered_name"] = l["module"], l["registered_name"]
		}
		for _, key := range []string{"name", "inbound_nodes"} {
			if x, ok := l[key]; ok {
				one[key] = x
			}
		}
		if calls, ok := one["inbound_nodes"].([]any); ok && !models && !isOperation(l) {
			one["inbound_nodes"] = keras2Calls(calls)
		}
		out[i] = one
	}
	cfg["layers"] = out
	return cfg
}

// keras2Object is an object as Keras 2 wrote it, of its class's name and a configuration.
func keras2Object(o object, cfg any) object {
	class := o["class_name"]
	if name, _ := o["registered_name"].(string); name != "" {
		class = name
	}
	if class == groupQuery {
		class = groupedQuery
	}
	return object{"class_name": class, "config": cfg}
}

// keras2Training gives what a model was compiled with the form of Keras 2.
func keras2Training(compile object) object {
	out := object{"sample_weight_mode": nil, "loss_weights": compile["loss_weights"]}
	for _, key := range []string{"loss", "metrics", "weighted_metrics"} {
		out[key] = keras2Objects(compile[key])
	}
	if o, ok := compile["optimizer"].(object); ok {
		cfg, plain := maps.Clone(o["config"].(object)), defaults(o["class_name"])
		for _, key := range keras3Settings {
			if reflect.DeepEqual(cfg[key], plain[key]) {
				delete(cfg, key)
			}
		}
		one := keras2Object(o, cfg)
		// What Keras 2 doesn't know by its name Keras 3 knows by its module.
		if class, _ := o["class_name"].(string); o["registered_name"] == nil && !slices.Contains(keras2Optimizers, class) {
			one["module"], one["registered_name"] = o["module"], nil
		}
		out["optimizer_config"] = one
	}
	return out
}

var keras2Optimizers = []string{"SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam", "Ftrl"}

// keras3Settings are settings of optimizers that Keras 2 doesn't have, or not always: they are left out
// where they have their defaults.
var keras3Settings = []string{
	"weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency",
	"loss_scale_factor", "gradient_accumulation_steps",
}

// defaults returns the configuration of an optimizer without any.
func defaults(class any) object {
	name, _ := class.(string)
	o, err := optimizer.ByName(name)
	if err != nil {
		return nil
	}
	c, err := encode(o)
	if err != nil {
		return nil
	}
	cfg, _ := c.(object)["config"].(object)
	return cfg
}

// keras2Objects takes the modules from the objects of lists.
func keras2Objects(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = keras2Objects(x)
		}
		return out
	case object:
		return keras2Object(v, v["config"])
	}
	return v
}

// renamed are settings that Keras 2 calls otherwise, by class. Keras 3 knows these names too.
var renamed = map[string][2]string{"InputLayer": {"batch_shape", "batch_input_shape"}, "LeakyReLU": {"negative_slope", "alpha"}}

// keras2Names returns a copy of a configuration with the names of Keras 2, at any depth.
func keras2Names(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = keras2Names(x)
		}
		return out
	case object:
		out := object{}
		for key, x := range v {
			out[key] = keras2Names(x)
		}
		class, _ := v["class_name"].(string)
		cfg, _ := out["config"].(object)
		if names, ok := renamed[class]; ok && cfg != nil {
			if x, there := cfg[names[0]]; there {
				delete(cfg, names[0])
				cfg[names[1]] = x
			}
		}
		return out
	}
	return v
}

// keras2Calls gives the applications of a layer as lists of [layer, application, output, arguments]. Those with tensors in
// several arguments, as a recurrent layer with a state to begin with has and attention of several heads, stay as they are: Keras 3
// doesn't read such a list.
func keras2Calls(calls []any) any {
	out := []any{}
	for _, c := range calls {
		args, kwargs := c.(object)["args"].([]any), c.(object)["kwargs"].(object)
		if len(args) > 1 || slices.ContainsFunc(slices.Collect(maps.Values(kwargs)), func(v any) bool { _, setting := v.(bool); return !setting }) {
			return calls
		}
		refs := []any{}
		if inner, ok := args[0].([]any); ok {
			args = inner
		}
		for _, x := range args {
			history := x.(object)["config"].(object)["keras_history"].([]any)
			refs = append(refs, append(slices.Clone(history), kwargs))
		}
		out = append(out, refs)
	}
	return out
}
