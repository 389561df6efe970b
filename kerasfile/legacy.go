package kerasfile

// This file reads the .h5 files of whole models and of weights that Keras 2 wrote, and that
// Keras 3 still writes where it is asked to.

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/optimizer"
)

// openH5 reads the .h5 file of a whole model.
func openH5(r io.ReaderAt, size int64, limits Limits, compiled bool) (*Model, *Weights, error) {
	w, err := OpenWeights(r, size, limits)
	if err != nil {
		return nil, nil, err
	}
	text, err := attribute(w.root, "model_config")
	if err != nil {
		return nil, nil, err
	}
	if text == "" {
		return nil, nil, errors.New("it has weights and no model: Model.LoadWeights reads it")
	}
	version, err := attribute(w.root, "keras_version")
	if err != nil {
		return nil, nil, err
	}
	limits = limits.OrDefaults()
	read := func(name, text string) (object, error) {
		v, err := parse([]byte(text), limits)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		o, ok := v.(object)
		if !ok {
			return nil, fmt.Errorf("%s: it is no object of JSON", name)
		}
		return o, nil
	}
	top, err := read("model_config", text)
	if err != nil {
		return nil, nil, err
	}
	// Sequential models of Keras before 2.2.3 are a list of layers.
	if list, ok := top["config"].([]any); ok {
		top["config"] = object{"layers": list}
	}
	training, err := attribute(w.root, "training_config")
	if err != nil {
		return nil, nil, err
	}
	if training != "" && compiled {
		c, err := read("training_config", training)
		if err != nil {
			return nil, nil, err
		}
		if o, ok := c["optimizer_config"]; ok {
			c["optimizer"] = o
		}
		top["compile_config"] = c
	}
	own, err := attribute(w.root, "cornu_config")
	if err != nil {
		return nil, nil, err
	}
	if own != "" {
		if top["cornu_config"], err = read("cornu_config", own); err != nil {
			return nil, nil, err
		}
	}
	w.old = !strings.HasPrefix(version, "3.")
	modernize(top)
	m, rd, err := readModel(top, limits)
	if err != nil {
		return nil, nil, err
	}
	if w.old && rd.withState != "" {
		return nil, nil, fmt.Errorf("layer %q: its sequence has a mask, and its state is given: Keras 2 leaves steps out then, Keras 3 and Cornu don't", rd.withState)
	}
	if w.old {
		rd.noteOld(m, text, version)
	}
	m.Notes = rd.notes
	return m, w, nil
}

// noteOld says what Keras 2 computed in another way than Keras 3 of a configuration.
func (r *reader) noteOld(m *Model, text, version string) {
	if strings.Contains(text, "hard_sigmoid") {
		r.note("hard_sigmoid is that of Keras 3, x/6 + 0.5; Keras %s's was 0.2x + 0.5", version)
	}
	if m.Compile != nil {
		if _, ok := m.Compile.Optimizer.(optimizer.Nadam); ok {
			r.note("Nadam's schedule of momentum is that of Keras 3; Keras %s's was another", version)
		}
	}
}

// modernize gives what Keras 2 wrote the names of Keras 3, at any depth.
func modernize(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			modernize(x)
		}
	case object:
		for _, x := range v {
			modernize(x)
		}
		cfg, ok := v["config"].(object)
		if !ok {
			return
		}
		if fn, ok := cfg["fn"].(string); ok && v["class_name"] == "MeanMetricWrapper" {
			v["class_name"] = fn
			delete(cfg, "fn")
		}
		if class, _ := v["class_name"].(string); strings.HasPrefix(class, "Custom>") {
			v["class_name"] = strings.TrimPrefix(class, "Custom>") // as its last releases wrote optimizers
		}
		rename := func(from, to string) {
			if x, ok := cfg[from]; ok {
				delete(cfg, from)
				if _, there := cfg[to]; !there {
					cfg[to] = x
				}
			}
		}
		rename("lr", "learning_rate")
		if v["class_name"] == "LeakyReLU" {
			rename("alpha", "negative_slope")
		}
		if class, _ := v["class_name"].(string); strings.HasPrefix(class, "SeparableConv") || strings.HasPrefix(class, "DepthwiseConv") {
			for _, key := range []string{"kernel_initializer", "kernel_regularizer", "kernel_constraint"} {
				delete(cfg, key) // of a kernel that they don't have
			}
		}
		if cfg["distribution"] == "normal" {
			cfg["distribution"] = "truncated_normal"
		}
		if cfg["reduction"] == "auto" {
			delete(cfg, "reduction")
		}
		if cfg["epsilon"] == nil {
			delete(cfg, "epsilon")
		}
		// Nadam's decay is of its momentum, and has become a part of the rule.
		if v["class_name"] == "Nadam" {
			for _, key := range []string{"decay", "schedule_decay"} {
				if d, ok := cfg[key].(float64); ok && float32(d) == 0.004 {
					delete(cfg, key)
				}
			}
		}
		// lr/(1 + decay·iterations) is a schedule now.
		if decay, ok := cfg["decay"].(float64); ok && v["class_name"] != "Nadam" {
			delete(cfg, "decay")
			if rate, isNumber := cfg["learning_rate"].(float64); decay != 0 && isNumber {
				cfg["learning_rate"] = object{"class_name": "InverseTimeDecay", "config": object{
					"initial_learning_rate": rate, "decay_steps": 1.0, "decay_rate": decay,
				}}
			}
		}
	}
}

// attribute returns a text that is an attribute of a group, "" if there is none.
func attribute(g *hdf5.Group, name string) (string, error) {
	a, err := g.Attribute(name)
	if err != nil || a == nil {
		return "", err
	}
	return a.Text()
}

// names returns a list of texts that is an attribute, or, if it was too long for one, several
// that are numbered.
func names(g *hdf5.Group, name string) ([]string, error) {
	list, err := g.Attributes()
	if err != nil {
		return nil, err
	}
	parts := map[string]*hdf5.Attribute{}
	for _, a := range list {
		parts[a.Name] = a
	}
	if a := parts[name]; a != nil {
		if a.Len() == 0 {
			return nil, nil
		}
		return a.Strings()
	}
	if parts[name+"0"] == nil {
		return nil, fmt.Errorf("kerasfile: %s: it has no attribute %q", g.Path(), name)
	}
	var out []string
	for i := 0; parts[fmt.Sprint(name, i)] != nil; i++ {
		part, err := parts[fmt.Sprint(name, i)].Strings()
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// legacyGroups visits the groups of layers in order, and returns how many of them have arrays.
func (w *Weights) legacyGroups(visit func(name string, arrays []*Array, err error) error) (int, error) {
	g := w.root
	if g.Has("model_weights") {
		var err error
		if g, err = g.Group("model_weights"); err != nil {
			return 0, err
		}
	}
	all, err := names(g, "layer_names")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range all {
		var arrays []*Array
		sub, err := g.Group(name)
		if err == nil {
			arrays, err = listed(sub)
		}
		if err := visit(name, arrays, err); err != nil {
			return 0, err
		}
		if len(arrays) > 0 {
			n++
		}
	}
	return n, nil
}

// legacyLayers matches the layers that have variables with the file's groups that have
// arrays, in order, as Keras does.
func (w *Weights) legacyLayers(layers []LayerKey) ([][]*Array, error) {
	var want, found []string
	var places []int // of the layers that have variables
	for i, l := range layers {
		if l.all() > 0 {
			want, places = append(want, l.Name), append(places, i)
		}
	}
	out := make([][]*Array, len(layers))
	n, err := w.legacyGroups(func(name string, arrays []*Array, err error) error {
		if len(arrays) > 0 {
			if len(found) < len(places) {
				at := places[len(found)]
				out[at] = layers[at].inOrder(arrays)
			}
			found = append(found, name)
		}
		return err
	})
	if err == nil && n != len(want) {
		err = fmt.Errorf("the model has %d layers with variables, %s, the file has %d, %s", len(want), strings.Join(want, ", "), n, strings.Join(found, ", "))
	}
	return out, err
}

// inOrder brings the arrays of a layer of an .h5 file, those that are trained first, into the order of its
// variables. Arrays that aren't those of the layer stay as they are.
func (l *LayerKey) inOrder(arrays []*Array) []*Array {
	if l.Legacy == nil {
		return arrays
	}
	out := make([]*Array, len(l.Legacy))
	most := 0
	for i, place := range l.Legacy {
		if place >= len(arrays) {
			return arrays
		}
		out[i], most = arrays[place], max(most, place+1)
	}
	if most != len(arrays) {
		return arrays
	}
	return out
}

// listed returns the arrays that a group lists by their names.
func listed(g *hdf5.Group) ([]*Array, error) {
	list, err := names(g, "weight_names")
	if err != nil {
		return nil, err
	}
	var arrays []*Array
	for _, name := range list {
		d, err := g.Dataset(name)
		if err != nil {
			return nil, err
		}
		arrays = append(arrays, &Array{Path: d.Path(), d: d})
	}
	return arrays, nil
}

// legacyOptimizer returns the arrays of the optimizer.
func (w *Weights) legacyOptimizer() ([]*Array, error) {
	g, err := w.root.Group("optimizer_weights")
	if err != nil {
		return nil, err
	}
	return listed(g)
}

// oldOptimizer reads the state that Keras 2's optimizers keep. They have gone through four layouts: by
// variables (TensorFlow 2.11 and later), by slots, by slots without names (Keras 2.2 and 2.3), and,
// of some in Keras 2.2, without the number of iterations. What a rule has no slot for is left out: SGD kept
// momenta that it didn't use, Adam places for amsgrad.
func (w *Weights) oldOptimizer(o optimizer.Optimizer, variables int) (*SavedOptimizer, error) {
	arrays, err := w.legacyOptimizer()
	if err != nil {
		return nil, err
	}
	s := &SavedOptimizer{}
	byLabel := map[string][]*Array{}
	var labels []string
	add := func(label string, a *Array) {
		if byLabel[label] == nil {
			labels = append(labels, label)
		}
		byLabel[label] = append(byLabel[label], a)
	}
	unnamed, byVariables := 0, false
	for i, a := range arrays {
		name := strings.TrimPrefix(a.Path, "/optimizer_weights/")
		byVariables = byVariables || i == 0 && name == "iteration:0"
		label := slotLabel(name, byVariables)
		switch {
		case i == 0 && len(a.Shape()) == 0:
			if s.Iterations, err = a.count(); err != nil {
				return nil, err
			}
		case label == "momentum_cache": // Nadam's, which follows from the number of iterations
		case label == "":
			add(fmt.Sprint("unnamed ", unnamed/max(variables, 1)), a)
			unnamed++
		default:
			add(label, a)
		}
	}
	if len(labels) == 0 {
		return s, nil
	}
	// A moving average goes by its name, the others by their order.
	named := map[string][]*Array{"average": byLabel["average"]}
	labels = slices.DeleteFunc(labels, func(label string) bool { return label == "average" })
	for _, slot := range optimizer.Slots(o) {
		if slot.Name == "average" {
			continue
		}
		if len(labels) == 0 {
			return nil, fmt.Errorf("kerasfile: the file has no %s of %s", slot.Name, o.Name())
		}
		named[slot.Name], labels = byLabel[labels[0]], labels[1:]
	}
	for _, group := range Groups(o) {
		for v := range variables {
			for _, name := range group {
				if len(named[name]) != variables {
					return nil, fmt.Errorf("kerasfile: the file has %d arrays of %s's %s, the model trains %d variables", len(named[name]), o.Name(), name, variables)
				}
				s.Slots = append(s.Slots, named[name][v])
			}
		}
	}
	return s, nil
}

// slotLabel returns what of an array's name says which slot it is of: "m" of "Adam/m/dense/kernel:0", in the
// layout by variables, and of "training/Adam/dense/kernel/m:0"; nothing of "training/Adam/Variable_1:0".
func slotLabel(name string, byVariables bool) string {
	parts := strings.Split(strings.TrimSuffix(name, ":0"), "/")
	label := parts[len(parts)-1]
	if byVariables && len(parts) > 1 {
		label = parts[1]
	}
	if !slices.Contains(slotLabels, label) {
		return ""
	}
	return label
}

var slotLabels = []string{
	"m", "v", "u", "vhat", "momentum", "velocity", "rms", "mg", "average_gradient", "average", "accumulator", "linear",
	"accum_grad", "accum_var", "accumulated_grad", "accumulated_delta_var", "momentum_cache",
}
