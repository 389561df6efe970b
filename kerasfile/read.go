package kerasfile

// This file turns Keras's configuration of a model into Cornu's.

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/strictjson"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// An object is one of JSON's.
type object = map[string]any

// A reader reads one file's configuration.
type reader struct {
	notes   []string
	unknown []string // classes of layers that aren't known
	rank    int      // the most dimensions of a shape

	withState string // the name of a recurrent layer whose state is given and whose sequence has a mask; "" if there is none
}

func (r *reader) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.notes, s) {
		r.notes = append(r.notes, s)
	}
}

// ReadConfig reads a model's configuration, config.json of a .keras file.
func ReadConfig(text []byte, limits Limits) (*Model, error) {
	return readConfig(text, limits, false, true)
}

// readConfig reads a configuration, which may be of Keras 2, with what the model was compiled with or without.
func readConfig(text []byte, limits Limits, old, compiled bool) (*Model, error) {
	limits = limits.OrDefaults()
	v, err := parse(text, limits)
	if err != nil {
		return nil, err
	}
	top, ok := v.(object)
	if !ok {
		return nil, errors.New("it is no object of JSON")
	}
	if !compiled {
		delete(top, "compile_config")
	}
	if old {
		modernize(top)
	}
	m, r, err := readModel(top, limits)
	if err != nil {
		return nil, err
	}
	if old {
		r.noteOld(m, string(text), "2")
	}
	m.Notes = r.notes
	return m, nil
}

// parse reads JSON within limits that are none of them 0.
func parse(text []byte, limits Limits) (any, error) {
	v, err := strictjson.Parse(text, limits.Depth, limits.Objects, strictjson.Float)
	switch {
	case errors.Is(err, strictjson.ErrDepth):
		err = fmt.Errorf("%w: the limit is %d: see Limits.Depth", err, limits.Depth)
	case errors.Is(err, strictjson.ErrObjects):
		err = fmt.Errorf("%w: the limit is %d: see Limits.Objects", err, limits.Objects)
	}
	return v, err
}

func readModel(top object, limits Limits) (*Model, *reader, error) {
	r := &reader{rank: limits.Rank}
	m, err := r.model(top)
	return m, r, err
}

func (r *reader) model(top object) (*Model, error) {
	if err := refuse(top, ""); err != nil {
		return nil, err
	}
	class, _ := top["class_name"].(string)
	cfg, ok := top["config"].(object)
	if !ok {
		return nil, errors.New("it is the configuration of no model: it has no \"config\"")
	}
	layers, ok := network(class, cfg)
	if !ok {
		return nil, fmt.Errorf("its class is %q: Sequential and Functional models are read, not those of classes of one's own", class)
	}
	m := &Model{Sequential: class == "Sequential"}
	m.Name, _ = cfg["name"].(string)
	if own, ok := top["cornu_config"].(object); ok {
		if err := m.readOwn(own); err != nil {
			return nil, fmt.Errorf("cornu_config: %w", err)
		}
	}
	var err error
	if m.Sequential {
		m.Network, err = r.sequential(cfg, layers)
	} else {
		m.Network, err = r.functional(cfg, layers)
	}
	if len(r.unknown) > 0 {
		return nil, fmt.Errorf("layers of these classes are not known: %s; the known ones are %s (layer.Register makes others known)",
			strings.Join(r.unknown, ", "), strings.Join(layer.Classes(), ", "))
	}
	if err != nil {
		return nil, err
	}
	if n := len(m.Network.Inputs); m.Bytes != nil && len(m.Bytes) != n {
		return nil, fmt.Errorf("cornu_config: bytes of %d inputs, the model has %d", len(m.Bytes), n)
	}
	// Keras writes defaults for a model that was never compiled: it has no loss then.
	if compile, ok := top["compile_config"].(object); ok && compile["loss"] != nil {
		if m.Compile, err = r.compile(compile, m); err != nil {
			return nil, &CompileError{err}
		}
	}
	return m, nil
}

// readOwn reads what Keras has no place for.
func (m *Model) readOwn(own object) error {
	if x, ok := own["seed"]; ok {
		text, _ := x.(string)
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("a seed of %q", text)
		}
		m.Seed = seed
	}
	list, _ := own["bytes"].([]any)
	for _, x := range list {
		ends, _ := x.([]any)
		if len(ends) != 2 {
			return fmt.Errorf("bytes: %v is no [low, high]", x)
		}
		low, ok1 := ends[0].(float64)
		high, ok2 := ends[1].(float64)
		if !ok1 || !ok2 {
			return fmt.Errorf("bytes: %v is no [low, high]", x)
		}
		m.Bytes = append(m.Bytes, data.Range{Low: low, High: high})
	}
	return nil
}

// refuse returns an error if a configuration holds code, at any depth.
func refuse(v any, path string) error {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			if err := refuse(x, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case object:
		switch class, _ := v["class_name"].(string); class {
		case "Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "__bytes__":
			return fmt.Errorf("%s: a %s holds code, which no file may bring", path, class)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := refuse(v[name], path+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequential reads the layers of a Sequential, one behind the other.
func (r *reader) sequential(cfg object, layers []any) (*layer.Spec, error) {
	s := &layer.Spec{}
	last := ""
	for i, x := range layers {
		one, err := r.layer(x, i)
		if err != nil {
			return nil, err
		}
		if i == 0 && one.Class != "InputLayer" {
			shape, ok := inputShape(x.(object), cfg)
			if !ok {
				return nil, errors.New("it was saved before it knew the shape of its input: build it, then save it")
			}
			last = "input_layer"
			s.Layers = append(s.Layers, layer.LayerSpec{
				Class: "InputLayer", Name: last, Config: object{"name": last, "shape": sample(shape), "batch_size": shape[0]}, Inbound: [][]layer.NodeSpec{nil},
			})
		}
		var in []layer.NodeSpec
		if one.Class != "InputLayer" {
			in = []layer.NodeSpec{{Layer: last}}
		} else if i > 0 {
			return nil, fmt.Errorf("layer %q: an InputLayer among the others", one.Name)
		}
		one.Inbound = [][]layer.NodeSpec{in}
		last = one.Name
		s.Layers = append(s.Layers, one)
	}
	if len(s.Layers) == 0 {
		return nil, errors.New("it has no layers")
	}
	s.Inputs, s.Outputs = []layer.NodeSpec{{Layer: s.Layers[0].Name}}, []layer.NodeSpec{{Layer: last}}
	return s, nil
}

// inputShape finds the shape of the input, with the size of batches, for a Sequential that has no InputLayer.
func inputShape(first, cfg object) ([]any, bool) {
	inner, _ := first["config"].(object)
	for _, v := range []any{inner["batch_input_shape"], inner["batch_shape"], cfg["build_input_shape"]} {
		if list, ok := v.([]any); ok && len(list) > 0 {
			return list, true
		}
	}
	return nil, false
}

// network returns the layers of a model's configuration, if it is of a class that is read.
func network(class string, cfg object) ([]any, bool) {
	layers, ok := cfg["layers"].([]any)
	return layers, ok && (class == "Sequential" || class == "Functional" || class == "Model")
}

// uncount counts the applications of models that are layers from 0.
func uncount(refs []layer.NodeSpec, nested map[string]bool) {
	for i := range refs {
		if nested[refs[i].Layer] {
			refs[i].Index--
		}
	}
}

func (r *reader) functional(cfg object, layers []any) (*layer.Spec, error) {
	s := &layer.Spec{}
	old := false // calls are written as Keras 2 does
	known := newMasks()
	layers, stand := asLayers(layers)
	for i, x := range layers {
		if o, ok := x.(object); ok && isOperation(o) {
			known.add(o)
			continue
		}
		one, err := r.layer(x, i)
		if err != nil {
			return nil, err
		}
		calls, _ := x.(object)["inbound_nodes"].([]any)
		for k, v := range calls {
			c, err := inbound(one.Class, v)
			if err == nil {
				err = said(&one, k, v)
			}
			if err == nil && c.how == training && !changesImages(one.Class) {
				err = errors.New("the argument \"training\" of the call is True, which is not read")
			}
			if err != nil {
				return nil, fmt.Errorf("layer %q: inbound_nodes: %w", one.Name, err)
			}
			if c.mask != nil {
				known.asked = append(known.asked, givenMask{one.Name, c.in, c.mask, projects(one.Class)})
			}
			one.Inbound = append(one.Inbound, c.in)
			// Of other layers Keras writes this whether it was said or not.
			one.Infer = append(one.Infer, c.how == inference && (one.Network != nil || one.Class == "BatchNormalization"))
			if _, list := v.([]any); list {
				old = true
			}
		}
		if !slices.Contains(one.Infer, true) {
			one.Infer = nil
		}
		if one.Class == "InputLayer" && len(calls) == 0 {
			one.Inbound = [][]layer.NodeSpec{nil}
		}
		s.Layers = append(s.Layers, one)
	}
	// Models that are layers begin with an application of their own, which isn't there. Keras 3
	// counts it in what names outputs alone, and not of a Sequential.
	var err error
	nested := map[string]bool{}
	for _, one := range s.Layers {
		nested[one.Name] = one.Network != nil && (old || one.Class == "Functional")
	}
	for _, one := range s.Layers {
		for _, in := range one.Inbound {
			if old {
				uncount(in, nested)
			}
		}
	}
	defer func() {
		uncount(s.Inputs, nested)
		uncount(s.Outputs, nested)
	}()
	if s.Inputs, err = ends(cfg["input_layers"]); err != nil {
		return nil, fmt.Errorf("input_layers: %w", err)
	}
	if s.Outputs, err = ends(cfg["output_layers"]); err != nil {
		return nil, fmt.Errorf("output_layers: %w", err)
	}
	if err := known.check(s.Layers); err != nil {
		return nil, err
	}
	if name := known.lost(stand); name != "" {
		return nil, fmt.Errorf("layer %q: it is an operation between layers, and its input has a mask: an operation loses masks, Cornu's layers pass them on", name)
	}
	r.withState = cmp.Or(r.withState, known.withState(s.Layers))
	for _, class := range known.amongTensors(s) {
		if !slices.Contains(r.unknown, class) {
			r.unknown = append(r.unknown, class)
		}
	}
	return s, nil
}

// ref reads [layer, application, output].
func ref(v any) (layer.NodeSpec, bool) {
	list, isList := v.([]any)
	if !isList || len(list) < 3 {
		return layer.NodeSpec{}, false
	}
	name, ok1 := list[0].(string)
	index, ok2 := list[1].(float64)
	output, ok3 := list[2].(float64)
	ok := ok1 && ok2 && ok3 && index == float64(int(index)) && output == float64(int(output))
	return layer.NodeSpec{Layer: name, Index: int(index), Output: int(output)}, ok
}

// ends reads one reference or a list of them.
func ends(v any) ([]layer.NodeSpec, error) {
	if one, ok := ref(v); ok {
		return []layer.NodeSpec{one}, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("lists of [layer, application, output] are read: names of inputs and outputs are not kept otherwise")
	}
	var refs []layer.NodeSpec
	for _, x := range list {
		one, ok := ref(x)
		if !ok {
			return nil, fmt.Errorf("%v is no [layer, application, output]", x)
		}
		refs = append(refs, one)
	}
	return refs, nil
}

// A mode is what a call says of training.
type mode int

const (
	unsaid mode = iota
	training
	inference
)

// changesImages reports whether a class is of those whose calls say training=True if nothing was said.
func changesImages(class string) bool {
	others := []string{"Resizing", "CenterCrop", "RandAugment", "Solarization", "AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization"}
	return strings.HasPrefix(class, "Random") || slices.Contains(others, class)
}

// A call is one application of a layer: its inputs, what it says of training, and the masks that it is given.
type call struct {
	in   []layer.NodeSpec
	how  mode
	mask any
}

// inbound reads one application of a layer of the class: Keras 3 writes the arguments of the call, Keras 2 a list of
// [layer, application, output, arguments].
func inbound(class string, v any) (c call, err error) {
	if projects(class) {
		v = oldQuery(v)
	}
	if list, ok := v.([]any); ok {
		for _, x := range list {
			one, ok := ref(x)
			if !ok {
				return c, fmt.Errorf("%v is no [layer, application, output]", x)
			}
			if args := x.([]any); len(args) > 3 {
				m, _ := args[3].(object)
				if c.how, err = arguments(withoutSettings(class, m)); err != nil {
					return c, err
				}
			}
			c.in = append(c.in, one)
		}
		return c, nil
	}
	o, ok := v.(object)
	if !ok {
		return c, fmt.Errorf("%v is no call", v)
	}
	kwargs, _ := o["kwargs"].(object)
	kwargs = maps.Clone(kwargs)
	var states []any
	if name := others(class); name != "" && kwargs[name] != nil {
		state := kwargs[name]
		if states, ok = state.([]any); !ok {
			states = []any{state}
		}
		delete(kwargs, name)
	}
	args, _ := o["args"].([]any)
	switch {
	case projects(class):
		args, c.mask = queries(args, kwargs)
	case kwargs[maskName] != nil && !nothing(kwargs[maskName]):
		c.mask = kwargs[maskName]
	}
	delete(kwargs, maskName)
	if c.how, err = arguments(withoutSettings(class, kwargs)); err != nil {
		return c, err
	}
	if len(args) != 1 {
		return c, fmt.Errorf("a call with %d arguments, one is read", len(args))
	}
	list, ok := args[0].([]any)
	if !ok {
		list = args
	}
	for _, x := range slices.Concat(list, states) {
		one, ok := tensorIn(x)
		if !ok {
			return c, fmt.Errorf("%v is no tensor of the network", x)
		}
		c.in = append(c.in, one)
	}
	return c, nil
}

// oldQuery writes a call of a layer of several heads as Keras 3 does, if it is as Keras 2 does: value, key and masks are behind the query.
func oldQuery(v any) any {
	list, _ := v.([]any)
	if len(list) != 1 {
		return v
	}
	query, _ := list[0].([]any)
	if len(query) != 4 {
		return v
	}
	more, _ := query[3].(object)
	kwargs := object{}
	for name, x := range more {
		kwargs[name] = oldOperand(x)
	}
	return object{"args": []any{oldOperand(query[:3])}, "kwargs": kwargs}
}

// tensorIn reads a tensor of the network among the arguments of a call.
func tensorIn(v any) (layer.NodeSpec, bool) {
	t, _ := v.(object)
	inner, _ := t["config"].(object)
	at, ok := ref(inner["keras_history"])
	return at, ok && t["class_name"] == "__keras_tensor__"
}

// queries returns the inputs of a layer of several heads as a list, and the masks of the first of them, of which it takes each as an
// argument, by place or by name. Those that have a name are deleted.
func queries(args []any, kwargs object) (list []any, masks any) {
	names := slices.Concat([]string{"query", "value", "key"}, queryMasks, []string{"attention_mask"})
	given := make([]any, len(names))
	for i, name := range names {
		given[i] = kwargs[name]
		delete(kwargs, name)
		if i < len(args) {
			given[i] = args[i]
		}
	}
	in := given[:2:2]
	switch key, mask := given[2], given[6]; {
	case mask != nil && key == nil:
		in = append(in, given[1], mask)
	case mask != nil:
		in = append(in, key, mask)
	case key != nil:
		in = append(in, key)
	}
	known := given[3:6]
	if given[2] == nil && given[5] == nil {
		known = given[3:5]
	}
	if !nothing(known) {
		masks = known
	}
	return append([]any{in}, args[min(len(args), len(names)):]...), masks
}

// withoutSettings returns the arguments of a call without those that are fields of the layer here.
func withoutSettings(class string, kwargs object) object {
	if !attends(class) {
		return kwargs
	}
	kwargs = maps.Clone(kwargs)
	for _, name := range callSettings {
		delete(kwargs, name)
	}
	return kwargs
}

// said gives the layer the fields that its call number k has as arguments. All calls of a layer must say the same.
func said(one *layer.LayerSpec, k int, v any) error {
	if !attends(one.Class) {
		return nil
	}
	c, _ := v.(object)
	kwargs, _ := c["kwargs"].(object)
	if list, ok := v.([]any); ok && len(list) > 0 { // as Keras 2 writes it
		if args, _ := list[0].([]any); len(args) > 3 {
			kwargs, _ = args[3].(object)
		}
	}
	for _, name := range callSettings {
		v, isBool := kwargs[name].(bool)
		switch {
		case kwargs[name] != nil && !isBool:
			return fmt.Errorf("the argument %q of the call is %v, it must be true or false", name, kwargs[name])
		case k > 0 && v != (one.Config[name] == true):
			return fmt.Errorf("its calls differ in %q, which is one setting of the layer here", name)
		case v:
			one.Config[name] = true
		}
	}
	return nil
}

// nothing reports whether v is a list of nulls, such as the masks of several inputs that have none.
func nothing(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(x any) bool { return x != nil })
}

// arguments reads the named arguments of a call.
func arguments(kwargs object) (how mode, err error) {
	for _, name := range slices.Sorted(maps.Keys(kwargs)) {
		switch v := kwargs[name]; {
		case name == "training" && v == true:
			how = training
		case v != nil && v != false && !nothing(v):
			return unsaid, fmt.Errorf("an argument %q of the call is not read", name)
		case name == "training" && v == false:
			how = inference
		}
	}
	return how, nil
}

// nested reads a model that is a layer.
func (r *reader) nested(one layer.LayerSpec, cfg object, layers []any) (layer.LayerSpec, error) {
	one.Config = object{"name": one.Name, "trainable": cfg["trainable"] != false}
	var err error
	if one.Class == "Sequential" {
		one.Network, err = r.sequential(cfg, layers)
	} else {
		one.Class = "Functional"
		one.Network, err = r.functional(cfg, layers)
	}
	if err != nil {
		err = fmt.Errorf("layer %q: %w", one.Name, err)
	}
	return one, err
}

// layer reads the configuration of layer number i.
func (r *reader) layer(v any, i int) (layer.LayerSpec, error) {
	o, _ := v.(object)
	class, ok := o["class_name"].(string)
	if !ok {
		return layer.LayerSpec{}, fmt.Errorf("layer %d: it has no class_name", i)
	}
	if class == groupedQuery {
		class = groupQuery
	}
	// What a user has registered goes by its registered_name, "package>class".
	if name, _ := o["registered_name"].(string); name != "" {
		if _, err := layer.New(name); err == nil {
			class = name
		}
	}
	cfg, _ := o["config"].(object)
	cfg = maps.Clone(cfg)
	if cfg == nil {
		cfg = object{}
	}
	name, _ := cfg["name"].(string)
	if n, ok := o["name"].(string); ok && name == "" {
		name = n
	}
	one := layer.LayerSpec{Class: class, Name: name, Config: cfg}
	if name == "" {
		return one, fmt.Errorf("layer %d, a %s: it has no name", i, class)
	}
	for _, key := range slices.Sorted(maps.Keys(cfg)) {
		if shape, ok := cfg[key].([]any); ok && strings.HasSuffix(key, "shape") && len(shape) > r.rank {
			return one, fmt.Errorf("layer %q: its %s has %d dimensions, the limit is %d: see Limits.Rank", name, key, len(shape), r.rank)
		}
	}
	if layers, ok := network(class, cfg); ok {
		return r.nested(one, cfg, layers)
	}
	l, err := layer.New(class)
	if err != nil {
		if isFunction(class) {
			class = fmt.Sprintf("%s of tf.%v", class, cfg["function"])
		}
		if !slices.Contains(r.unknown, class) {
			r.unknown = append(r.unknown, class)
		}
		return one, nil
	}
	if class == "InputLayer" {
		if err := input(cfg); err != nil {
			return one, fmt.Errorf("layer %q: %w", name, err)
		}
		var dtype tensor.DType
		kind, _ := cfg["dtype"].(string)
		if err := dtype.UnmarshalText([]byte(kind)); err != nil || dtype == tensor.Float64 {
			if err := r.dtype(fmt.Sprintf("layer %q, an InputLayer", name), cfg["dtype"]); err != nil {
				return one, err
			}
			delete(cfg, "dtype")
		}
	}
	if err := r.clean(fmt.Sprintf("layer %q, a %s", name, class), cfg, reflect.TypeOf(l)); err != nil {
		return one, err
	}
	if class == "InputLayer" {
		delete(cfg, "trainable")
	}
	return one, nil
}

// input gives an InputLayer the shape of a sample.
func input(cfg object) error {
	for _, key := range []string{"batch_shape", "batch_input_shape"} {
		shape, ok := cfg[key].([]any)
		if !ok {
			continue
		}
		if len(shape) == 0 {
			return fmt.Errorf("%s is empty", key)
		}
		delete(cfg, key)
		cfg["shape"], cfg["batch_size"] = sample(shape), shape[0]
	}
	return nil
}

// sample returns the shape of a sample, given that of a batch: null in it is tensor.None.
func sample(batch []any) []any {
	shape := slices.Clone(batch[1:])
	for i, d := range shape {
		if d == nil {
			shape[i] = float64(tensor.None)
		}
	}
	return shape
}

// What Keras writes and Cornu has no field for, with the values that change nothing.
var harmless = map[string][]any{
	"sparse":                      {false},
	"ragged":                      {false},
	"optional":                    {false},
	"noise_shape":                 {nil},
	"input_axes":                  {nil},
	"output_axes":                 {nil},
	"quantization_config":         {nil},
	"gptq_unpacked_column_size":   {nil},
	"data_format":                 {"channels_last"},
	"axis":                        {-1.0, []any{-1.0}},
	"ignore_class":                {nil},
	"sparse_y_true":               {true},
	"sparse_y_pred":               {true},
	"loss_scale_factor":           {nil},
	"gradient_accumulation_steps": {nil},
	"batch_input_shape":           nil, // any: it was read already
	"trainable":                   nil, // of a layer without variables
	"lora_rank":                   {nil},
	"input_length":                nil, // of an Embedding of Keras 2, whose input says it
	"build_config":                nil,
	"is_legacy_optimizer":         nil,
	"jit_compile":                 nil,
	"synchronized":                {false},
	"encoding":                    {"utf-8"},
	"vocabulary_size":             nil, // which the vocabulary says
	"vocabulary_dtype":            {"int64", "string"},
	"oov_method":                  nil, // of a StringLookup, which has one
	"rms_scaling":                 {false},
	"implementation":              nil, // of a recurrent layer of Keras 2: how it was computed
	"time_major":                  {false},
	"query_shape":                 nil, // of attention of Keras 2, and of what it is applied to
	"key_shape":                   nil,
	"value_shape":                 nil,
	"softmax_robust_masking":      nil, // of a step that sees nothing
	"groups":                      {1.0},
}

// bothWays are factors of which one number stands for both ways.
var bothWays = []string{"height_factor", "width_factor", "x_factor", "y_factor", "brightness_factor", "saturation_factor"}

// clean brings a configuration, and those in it, to the fields of Cornu's type. What
// Cornu can't do is left in, for the decoder to refuse it by its name.
func (r *reader) clean(what string, cfg object, t reflect.Type) error {
	types := config.FieldTypes(t)
	for _, key := range slices.Sorted(maps.Keys(cfg)) {
		v := cfg[key]
		family, known := types[key]
		if o, ok := v.(object); ok && known && o["class_name"] == "__tensor__" { // as Keras writes what it has made a tensor of
			inner, _ := o["config"].(object)
			v = inner["value"]
			cfg[key] = v
		}
		switch {
		case known && v == nil && t == reflect.TypeFor[optimizer.Muon](): // which has defaults in the place of none
			switch key {
			case "rms_rate":
				cfg["no_rms_rate"] = true
			case "weight_decay", "adam_weight_decay":
				cfg[key] = 0.0
			}
		case key == "dtype" && !known:
			if t.Implements(reflect.TypeFor[metric.Metric]()) || t.Implements(reflect.TypeFor[layer.Host]()) {
				// In which it counts: the intersections over unions do so in int32. Or what it gives.
			} else if err := r.dtype(what, v); err != nil {
				return err
			}
			delete(cfg, key)
		case known && (key == "mean" || key == "variance"): // one number, or lists of lists
			cfg[key] = flat(v)
		case known && isList(v) && (t == reflect.TypeFor[*layer.Rescaling]() || t == reflect.TypeFor[loss.CategoricalFocalCrossentropy]()): // numbers for the channels, or the classes
			delete(cfg, key)
			cfg[key+"s"] = flat(v)
		case known && key == "noise_shape": // null is the size of the input
			if list, ok := v.([]any); ok {
				list = slices.Clone(list)
				for i, d := range list {
					if d == nil {
						list[i] = -1.0
					}
				}
				cfg[key] = list
			}
		case known && key == "mask_value" && family == reflect.TypeFor[*string](): // of integers it is one
			if n, ok := v.(float64); ok {
				cfg[key] = strconv.FormatFloat(n, 'f', -1, 64)
			}
		case known && key == "ngrams":
			if most, ok := v.(float64); ok { // up to so many
				var sizes []any
				for n := 1.0; n <= min(most, maxNgrams); n++ {
					sizes = append(sizes, n)
				}
				cfg[key] = sizes
			}
		case known && (slices.Contains(bothWays, key) || key == "factor" && t == reflect.TypeFor[*layer.RandomRotation]()):
			if f, ok := v.(float64); ok { // one number stands for both ways
				cfg[key] = []any{-math.Abs(f), math.Abs(f)}
			}
		case known && key == "hue_factor":
			if f, ok := v.(float64); ok { // from 0 on
				cfg[key] = []any{0.0, f}
			}
		case known:
			m, err := r.member(v, family)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", what, key, err)
			}
			cfg[key] = m
		case key == "seed":
			if v != nil {
				r.note("%s: its seed is not used: a model has one seed for all that is random", what)
			}
			delete(cfg, key)
		default:
			values, ok := harmless[key]
			if ok && (values == nil || slices.ContainsFunc(values, func(x any) bool { return reflect.DeepEqual(x, v) })) {
				delete(cfg, key)
			}
		}
	}
	return nil
}

// dtype notes a type that isn't float32.
func (r *reader) dtype(what string, v any) error {
	if o, ok := v.(object); ok {
		inner, _ := o["config"].(object)
		v = inner["name"]
	}
	switch v {
	case "float32", nil:
	case "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16", "uint8", "int8", "int16", "int32", "int64":
		r.note("%s: its type is %v; Cornu computes in float32", what, v)
	default:
		return fmt.Errorf("%s: its type is %v, which is not known", what, v)
	}
	return nil
}

// member brings a member of a family (an initializer, say) to the form that the decoder
// reads: a name, or an object of class_name and config; and a list of members to a list of such. Other values stay as they are.
func (r *reader) member(v any, family reflect.Type) (any, error) {
	if list, ok := v.([]any); ok && family.Kind() == reflect.Slice && family.Elem().Kind() == reflect.Interface {
		out := make([]any, len(list))
		for i, x := range list {
			var err error
			if out[i], err = r.member(x, family.Elem()); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	o, ok := v.(object)
	if !ok || family.Kind() != reflect.Interface {
		return v, nil
	}
	class, _ := o["class_name"].(string)
	if class == "function" { // one of Keras's or of the program's, by its name; an .h5 file has no modules
		name, ok := o["config"].(string)
		if module, said := o["module"].(string); !ok || said && module != "builtins" && !strings.HasPrefix(module, "keras") {
			return nil, errors.New("a function of somebody's own is not read")
		}
		return name, nil
	}
	cfg, _ := o["config"].(object)
	cfg = maps.Clone(cfg)
	if name, _ := o["registered_name"].(string); config.MemberType(family, name) != nil {
		class = name
	}
	if family == reflect.TypeFor[optimizer.Optimizer]() { // whose rate may be a schedule
		if schedule, ok := cfg["learning_rate"].(object); ok {
			cfg["schedule"] = schedule
			delete(cfg, "learning_rate")
		}
	}
	t := config.MemberType(family, class)
	if t == nil {
		return object{"class_name": class, "config": cfg}, nil // the decoder says which are known
	}
	if _, ok := config.FieldTypes(t)["name"]; !ok {
		delete(cfg, "name")
	}
	return object{"class_name": class, "config": cfg}, r.clean(class, cfg, t)
}

// decode makes a member of the family T.
func decode[T any](r *reader, v any) (T, error) {
	var box struct{ Member T }
	m, err := r.member(v, reflect.TypeFor[T]())
	if err != nil {
		return box.Member, err
	}
	err = config.Decode(object{"member": m}, &box)
	return box.Member, err
}

func (r *reader) compile(c object, m *Model) (*Compile, error) {
	out := &Compile{}
	var err error
	if out.Optimizer, err = decode[optimizer.Optimizer](r, c["optimizer"]); err != nil {
		return nil, fmt.Errorf("optimizer: %w", err)
	}
	names := make([]string, len(m.Network.Outputs))
	for i, o := range m.Network.Outputs {
		names[i] = o.Layer
	}
	losses, err := places(c["loss"], names)
	if err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	for _, x := range losses {
		var l loss.Loss
		if x != nil {
			if l, err = decode[loss.Loss](r, x); err != nil {
				return nil, fmt.Errorf("loss: %w", err)
			}
		}
		out.Losses = append(out.Losses, l)
	}
	if c["loss_weights"] != nil {
		weights, err := places(c["loss_weights"], names)
		if err != nil {
			return nil, fmt.Errorf("loss_weights: %w", err)
		}
		for _, x := range weights {
			w, ok := x.(float64)
			if x == nil {
				w, ok = 1, true
			}
			if !ok {
				return nil, fmt.Errorf("loss_weights: %v is no number", x)
			}
			out.LossWeights = append(out.LossWeights, w)
		}
	}
	if out.Metrics, err = r.metrics(c["metrics"], names); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if out.WeightedMetrics, err = r.metrics(c["weighted_metrics"], names); err != nil {
		return nil, fmt.Errorf("weighted_metrics: %w", err)
	}
	return out, nil
}

// places puts what is said of outputs in their places: a list, an object by their names,
// or one value for all of them.
func places(v any, names []string) ([]any, error) {
	switch v := v.(type) {
	case []any:
		if len(v) != len(names) {
			return nil, fmt.Errorf("it has %d entries, the model has %d outputs", len(v), len(names))
		}
		return v, nil
	case object:
		if _, ok := v["class_name"]; ok {
			break
		}
		list := make([]any, len(names))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			i := slices.Index(names, name)
			if i < 0 {
				return nil, config.Unknown("output", name, names)
			}
			list[i] = v[name]
		}
		return list, nil
	}
	return slices.Repeat([]any{v}, len(names)), nil
}

// metrics reads the metrics of a model: a list of those of its only output, or an entry for
// each output, which may be a list.
func (r *reader) metrics(v any, names []string) ([][]metric.Metric, error) {
	if v == nil {
		return nil, nil
	}
	if list, ok := v.([]any); ok && len(names) == 1 && !slices.ContainsFunc(list, isList) {
		v = []any{list}
	}
	list, err := places(v, names)
	if err != nil {
		return nil, err
	}
	out := make([][]metric.Metric, len(names))
	for i, x := range list {
		inner, ok := x.([]any)
		if !ok && x != nil {
			inner = []any{x}
		}
		for _, x := range inner {
			if x == nil {
				continue
			}
			m, err := decode[metric.Metric](r, x)
			if err != nil {
				return nil, err
			}
			name, _ := x.(string) // mae, say, under which it is in the logs
			if o, ok := x.(object); ok {
				cfg, _ := o["config"].(object)
				name, _ = cfg["name"].(string)
			}
			if name != "" && name != m.Name() {
				m = metric.Named(name, m)
			}
			out[i] = append(out[i], m)
		}
	}
	return out, nil
}

// flat makes one list of lists of lists. What is no list stays.
func flat(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := []any{}
	for _, x := range list {
		if inner, ok := flat(x).([]any); ok {
			out = append(out, inner...)
		} else {
			out = append(out, x)
		}
	}
	return out
}

// maxNgrams bounds the lengths of n-grams up to a number.
const maxNgrams = 64

func isList(v any) bool { _, ok := v.([]any); return ok }
