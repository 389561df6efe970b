package kerasfile

// This file turns a model's configuration into Keras's.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// modules says where Keras has the members of a family.
var modules = map[reflect.Type]string{
	reflect.TypeFor[initializer.Initializer](): "keras.initializers",
	reflect.TypeFor[regularizer.Regularizer](): "keras.regularizers",
	reflect.TypeFor[constraint.Constraint]():   "keras.constraints",
	reflect.TypeFor[optimizer.Optimizer]():     "keras.optimizers",
	reflect.TypeFor[optimizer.Schedule]():      "keras.optimizers.schedules",
	reflect.TypeFor[loss.Loss]():               "keras.losses",
	reflect.TypeFor[metric.Metric]():           "keras.metrics",
	reflect.TypeFor[layer.Layer]():             "keras.layers",
	reflect.TypeFor[layer.Cell]():              "keras.layers",
}

// Config returns the configuration as config.json of a .keras file has it.
func (m *Model) Config() ([]byte, error) {
	top, err := m.config()
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(python(top), "", " ")
}

func (m *Model) config() (object, error) {
	top := networkConfig(m.Name, m.Sequential, m.Network, true)
	if own := m.own(); own != nil {
		top["cornu_config"] = own
	}
	if m.Compile != nil {
		c, err := m.Compile.config()
		if err != nil {
			return nil, err
		}
		top["compile_config"] = c
	}
	return top, nil
}

// own is what Keras has no place for, nil if there is nothing.
func (m *Model) own() object {
	own := object{}
	if m.Seed != 0 {
		own["seed"] = strconv.FormatUint(m.Seed, 10)
	}
	if slices.ContainsFunc(m.Bytes, func(r data.Range) bool { return r != data.Range{} }) {
		var list []any
		for _, r := range m.Bytes {
			list = append(list, []any{r.Low, r.High})
		}
		own["bytes"] = list
	}
	if len(own) == 0 {
		return nil
	}
	return own
}

// networkConfig is a model without what it was compiled with.
func networkConfig(name string, sequential bool, net *layer.Spec, trainable bool) object {
	cfg := object{"name": name, "trainable": trainable}
	nested := map[string]bool{} // Functional models that are layers
	for _, one := range net.Layers {
		nested[one.Name] = one.Class == "Functional"
	}
	var layers []any
	for _, one := range net.Layers {
		var o object
		switch {
		case one.Network != nil:
			o = networkConfig(one.Name, one.Class == "Sequential", one.Network, one.Config["trainable"] != false)
		case one.Class == ofOperations:
			o = asOperation(one)
		default:
			o = class(one.Class, cmp.Or(apart[one.Class], "keras.layers"), settings(one))
			switch {
			case len(one.Shapes) > 1 && one.Class == "CategoryEncoding":
				o["build_config"] = object{"input_shape": jsonShape(one.Shapes[0])}
			case len(one.Shapes) > 1 && others(one.Class) != "":
				o["build_config"] = object{"shapes_dict": object{"sequences_shape": jsonShape(one.Shapes[0]), others(one.Class) + "_shape": shapeOf(one.Shapes[1:])}}
			case len(one.Shapes) > 1 && projects(one.Class):
				o["build_config"] = object{"shapes_dict": object{"query_shape": jsonShape(one.Shapes[0]), "value_shape": jsonShape(one.Shapes[1]), "key_shape": jsonShape(one.Shapes[min(2, len(one.Shapes)-1)])}}
			case len(one.Shapes) > 0:
				o["build_config"] = object{"input_shape": shapeOf(one.Shapes)}
			}
		}
		if !sequential {
			o["name"] = one.Name
			o["inbound_nodes"] = calls(one)
		}
		layers = append(layers, o)
	}
	cfg["layers"] = layers
	top := object{"module": "keras", "class_name": "Sequential", "config": cfg, "registered_name": nil}
	if sequential {
		cfg["build_input_shape"] = batchShape(net.Layers[0])
		top["build_config"] = object{"input_shape": cfg["build_input_shape"]}
		return top
	}
	top["module"], top["class_name"], top["registered_name"] = "keras.src.models.functional", "Functional", "Functional"
	cfg["input_layers"], cfg["output_layers"] = refs(net.Inputs, nested), refs(net.Outputs, nested)
	top["build_config"] = object{"input_shape": nil}
	return top
}

// python writes floats so that Python reads floats: 1 as 1.0. Keras refuses an integer here
// and there.
func python(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, x := range v {
			out[key] = python(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = python(x)
		}
		return out
	case []float64:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = python(x)
		}
		return out
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	}
	return v
}

// class is an object of Keras's of a class, or of a user's, whose name is "package>class".
func class(name, module string, cfg object) object {
	o := object{"module": module, "class_name": name, "config": cfg, "registered_name": nil}
	if i := strings.LastIndex(name, ">"); i >= 0 {
		o["module"], o["class_name"], o["registered_name"] = nil, name[i+1:], name
	}
	return o
}

// function is a function of the program's, as Keras writes those of Python.
func function(name string) object {
	return object{"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
}

// apart has the modules of layers that Keras does not export.
var apart = map[string]string{
	"CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
	"LayerScale":       "keras.src.applications.convnext",
	"StochasticDepth":  "keras.src.applications.convnext",
}

// settings returns a layer's configuration with Keras's entries.
func settings(one layer.LayerSpec) object {
	cfg := maps.Clone(one.Config)
	if one.Class == "InputLayer" {
		cfg["batch_shape"] = batchShape(one)
		delete(cfg, "shape")
		delete(cfg, "batch_size")
		return cfg
	}
	for _, name := range callSettings {
		delete(cfg, name)
	}
	cfg["dtype"] = "float32"
	maps.Copy(cfg, one.Kept.Extra)
	switch one.Class {
	case "Hashing", "HashedCrossing":
		if cfg["output_mode"] == "int" {
			cfg["dtype"] = "int64"
		}
		if mask, ok := cfg["mask_value"].(string); ok && !slices.Equal(one.Types, []tensor.DType{tensor.String}) {
			if n, err := strconv.Atoi(mask); err == nil {
				cfg["mask_value"] = n
			}
		}
	case "Dropout":
		if list, ok := cfg["noise_shape"].([]any); ok {
			list = slices.Clone(list)
			for i, d := range list {
				if d == -1 {
					list[i] = nil
				}
			}
			cfg["noise_shape"] = list
		}
	case "Rescaling": // which has numbers or lists of them
		for _, key := range []string{"scale", "offset"} {
			if cfg[key+"s"] != nil {
				cfg[key] = cfg[key+"s"]
			}
			delete(cfg, key+"s")
		}
	case "RandomShear": // Keras takes no pair that begins below 0
		for _, key := range []string{"x_factor", "y_factor"} {
			if pair, ok := cfg[key].([]any); ok && len(pair) == 2 {
				if f, _ := pair[1].(float64); f > 0 && pair[0] == -f {
					cfg[key] = f
				}
			}
		}
	case "Normalization":
		cfg["mean"], cfg["variance"] = nested(cfg["mean"], cfg, one.Shapes), nested(cfg["variance"], cfg, one.Shapes)
	}
	if l, err := layer.New(one.Class); err == nil {
		decorate(cfg, reflect.TypeOf(l))
	}
	return cfg
}

// nested gives the means of a Normalization the form that Keras reads: one number if all numbers have one, and a list of lists
// if there are several axes.
func nested(v any, cfg object, shapes []tensor.Shape) any {
	list, ok := v.([]any)
	axes, _ := cfg["axis"].([]any)
	switch {
	case !ok || len(list) == 0 || len(shapes) == 0:
		return v
	case len(axes) == 0:
		return list[0]
	}
	var sizes []int
	for _, a := range axes {
		axis, _ := a.(int)
		sizes = append(sizes, (axis+len(shapes[0]))%len(shapes[0]))
	}
	slices.Sort(sizes)
	for i, axis := range sizes {
		sizes[i] = shapes[0][axis]
	}
	for i := len(sizes) - 1; i > 0 && sizes[i] > 0 && len(list) > sizes[i]; i-- {
		var rows []any
		for row := range slices.Chunk(list, sizes[i]) {
			rows = append(rows, row)
		}
		list = rows
	}
	return list
}

func batchShape(input layer.LayerSpec) []any {
	shape, _ := input.Config["shape"].([]any)
	batch := append([]any{input.Config["batch_size"]}, shape...)
	for i, d := range batch[1:] {
		if d == tensor.None {
			batch[1+i] = nil
		}
	}
	return batch
}

// decorate gives the members of families in a configuration the form that Keras reads.
func decorate(cfg object, t reflect.Type) {
	for key, family := range config.FieldTypes(t) {
		switch v := cfg[key].(type) {
		case object:
			if family.Kind() == reflect.Interface {
				cfg[key] = member(v, family)
			}
		case []any:
			list := slices.Clone(v)
			for i, x := range list {
				if o, ok := x.(object); ok && family.Kind() == reflect.Slice {
					list[i] = member(o, family.Elem())
				}
			}
			cfg[key] = list
		}
	}
}

func member(o object, family reflect.Type) any {
	name, _ := o["class_name"].(string)
	t := config.MemberType(family, name)
	cfg, _ := o["config"].(object)
	cfg = maps.Clone(cfg)
	if family == reflect.TypeFor[activation.Activation]() {
		// A function goes by its name; one with settings is a layer of Keras's.
		a, err := activation.ByName(name)
		if err == nil {
			if plain, err := config.Encode(a); err == nil && reflect.DeepEqual(plain, cfg) {
				return a.Name()
			}
		}
		return class(name, "keras.layers", cfg)
	}
	if t == reflect.TypeOf(loss.Func("", nil)) {
		return function(name)
	}
	if t != nil {
		decorate(cfg, t)
	}
	if family == reflect.TypeFor[optimizer.Optimizer]() { // whose rate may be a schedule
		if cfg["schedule"] != nil {
			cfg["learning_rate"] = cfg["schedule"]
		}
		delete(cfg, "schedule")
		if cfg["no_rms_rate"] == true {
			cfg["rms_rate"] = nil
		}
		delete(cfg, "no_rms_rate")
	}
	if t == reflect.TypeFor[loss.CategoricalFocalCrossentropy]() { // which has a number or a list of them
		if cfg["alphas"] != nil {
			cfg["alpha"] = cfg["alphas"]
		}
		delete(cfg, "alphas")
	}
	return class(name, modules[family], cfg)
}

// shapeOf returns the shape of one input, or a list of those of several.
func shapeOf(shapes []tensor.Shape) any {
	if len(shapes) == 1 {
		return jsonShape(shapes[0])
	}
	list := make([]any, len(shapes))
	for i, s := range shapes {
		list[i] = jsonShape(s)
	}
	return list
}

func jsonShape(s tensor.Shape) []any {
	list := make([]any, len(s))
	for i, d := range s {
		if d != tensor.Batch {
			list[i] = d
		}
	}
	return list
}

// refs names inputs or outputs. Keras counts the applications of a Functional model from 1 there.
func refs(list []layer.NodeSpec, nested map[string]bool) []any {
	out := make([]any, len(list))
	for i, r := range list {
		if nested[r.Layer] {
			r.Index++
		}
		out[i] = []any{r.Layer, r.Index, r.Output}
	}
	return out
}

// calls returns the applications of a layer.
func calls(one layer.LayerSpec) []any {
	out := []any{}
	if one.Class == "InputLayer" {
		return out
	}
	for k, in := range one.Inbound {
		var tensors []any
		for i, r := range in {
			var shape any
			var dtype tensor.DType
			if i < len(one.Shapes) {
				shape = jsonShape(one.Shapes[i])
			}
			if i < len(one.Types) {
				dtype = one.Types[i]
			}
			tensors = append(tensors, object{"class_name": "__keras_tensor__", "config": object{
				"shape": shape, "dtype": dtype.String(), "keras_history": []any{r.Layer, r.Index, r.Output},
			}})
		}
		args, kwargs := tensors, object{}
		switch {
		case len(tensors) > 1 && one.Class == "CategoryEncoding":
			args, kwargs[others(one.Class)] = tensors[:1], tensors[1]
		case len(tensors) > 1 && others(one.Class) != "":
			args, kwargs[others(one.Class)] = tensors[:1], tensors[1:]
		case projects(one.Class):
			args = tensors[:min(2, len(tensors))]
			for i, name := range []string{"key", "attention_mask"} {
				if 2+i < len(tensors) {
					kwargs[name] = tensors[2+i]
				}
			}
		case one.Class == ofOperations:
			args = operationArgs(one, tensors)
		case len(tensors) != 1 || merges(one.Class):
			args = []any{tensors}
		}
		if k < len(one.Infer) && one.Infer[k] {
			kwargs["training"] = false
		}
		for _, name := range callSettings {
			if one.Config[name] == true {
				kwargs[name] = true
			}
		}
		out = append(out, object{"args": args, "kwargs": kwargs})
	}
	return out
}

// merges reports whether layers of the class take a list of inputs.
func merges(class string) bool {
	return slices.Contains([]string{"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "Attention", "AdditiveAttention", "CustomScaleLayer"}, class)
}

// others returns the argument by which Keras's layers of a class take what are further inputs of the layer in Cornu: the states
// that recurrent layers begin with, and what the numbers of a CategoryEncoding count.
func others(class string) string {
	switch {
	case class == "CategoryEncoding":
		return "count_weights"
	case recurs(class) || class == "Bidirectional":
		return stateName
	}
	return ""
}

const stateName = "initial_state"

// recurs reports whether layers of the class run a cell over a sequence.
func recurs(class string) bool {
	return slices.Contains([]string{"SimpleRNN", "LSTM", "GRU", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}, class)
}

// groupQuery is the name under which Keras exports a class that .h5 files call otherwise.
const groupQuery, groupedQuery = "GroupQueryAttention", "GroupedQueryAttention"

// projects reports whether layers of the class take a query, a value, a key and a mask as an argument each.
func projects(class string) bool {
	return class == "MultiHeadAttention" || class == groupQuery
}

// attends reports whether layers of the class have callSettings.
func attends(class string) bool {
	return projects(class) || class == "Attention" || class == "AdditiveAttention"
}

// callSettings are arguments of calls in Keras, and fields of layers in Cornu.
var callSettings = []string{"use_causal_mask", "return_attention_scores"}

// encode returns what Keras reads of a member of the family T.
func encode[T any](v T) (any, error) {
	box := struct{ Member T }{v}
	m, err := config.Encode(&box)
	if err != nil {
		return nil, err
	}
	o, ok := m["member"].(object)
	if !ok {
		return nil, nil
	}
	return member(o, reflect.TypeFor[T]()), nil
}

func (c *Compile) config() (object, error) {
	out := object{"loss": nil, "loss_weights": nil, "metrics": nil, "weighted_metrics": nil, "run_eagerly": false, "steps_per_execution": 1, "jit_compile": true}
	o, err := encode(c.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	if m, ok := o.(object); ok {
		m["config"].(object)["name"] = c.Optimizer.Name()
	}
	out["optimizer"] = o
	var losses []any
	for _, l := range c.Losses {
		x, err := encode(l)
		if err != nil {
			return nil, fmt.Errorf("loss: %w", err)
		}
		if m, ok := x.(object); ok {
			if cfg, ok := m["config"].(object); ok { // which a function hasn't
				cfg["name"] = l.Name()
			}
		}
		losses = append(losses, x)
	}
	out["loss"] = losses
	if len(losses) == 1 {
		out["loss"] = losses[0]
	}
	if c.LossWeights != nil {
		out["loss_weights"] = c.LossWeights
	}
	if out["metrics"], err = metrics(c.Metrics); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if out["weighted_metrics"], err = metrics(c.WeightedMetrics); err != nil {
		return nil, fmt.Errorf("weighted_metrics: %w", err)
	}
	return out, nil
}

// metrics writes the metrics of each output; of a model's only output they are one list.
func metrics(outputs [][]metric.Metric) (any, error) {
	var out []any
	for _, list := range outputs {
		one := []any{}
		for _, m := range list {
			if m == (metric.Accuracy{}) { // which Keras chooses by the loss
				one = append(one, m.Name())
				continue
			}
			x, err := encode(metric.Unnamed(m))
			if err != nil {
				return nil, err
			}
			if reflect.TypeOf(m) == reflect.TypeOf(metric.OfLoss(nil)) {
				one = append(one, function(m.Name()))
				continue
			}
			if o, ok := x.(object); ok {
				o["config"].(object)["name"] = m.Name()
			}
			one = append(one, x)
		}
		if len(outputs) == 1 {
			return one, nil
		}
		out = append(out, one)
	}
	if out == nil {
		return nil, nil
	}
	return out, nil
}
