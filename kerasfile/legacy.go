package kerasfile

// This file reads the .h5 files of whole models and of weights that Keras 2 wrote, and that
// Keras 3 still writes where it is asked to.

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/internal/strictjson"
)

// openH5 reads the .h5 file of a whole model.
func openH5(r io.ReaderAt, size int64, limits Limits) (*Model, *Weights, error) {
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
	depth := limits.orDefaults().Depth
	read := func(name, text string) (object, error) {
		v, err := strictjson.Parse([]byte(text), depth, strictjson.Float)
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
	if training != "" {
		c, err := read("training_config", training)
		if err != nil {
			return nil, nil, err
		}
		if o, ok := c["optimizer_config"]; ok {
			c["optimizer"] = o
		}
		top["compile_config"] = c
	}
	old := !strings.HasPrefix(version, "3.")
	if old {
		w.stateless = true
		modernize(top)
	}
	m, rd, err := readModel(top)
	if err != nil {
		return nil, nil, err
	}
	if old {
		if w.root.Has("optimizer_weights") && m.Compile != nil {
			rd.note("the state of Keras %s's optimizer is not read: training goes on with a fresh one", version)
		}
		if strings.Contains(text, "hard_sigmoid") {
			rd.note("hard_sigmoid is that of Keras 3, x/6 + 0.5; Keras %s's was 0.2x + 0.5", version)
		}
	}
	m.Notes = rd.notes
	return m, w, nil
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
		if cfg["distribution"] == "normal" {
			cfg["distribution"] = "truncated_normal"
		}
		if cfg["epsilon"] == nil {
			delete(cfg, "epsilon")
		}
		// lr/(1 + decay·iterations) is a schedule now.
		if decay, ok := cfg["decay"].(float64); ok {
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
