package cornu

// This file reads weights from files into models that are there.

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A LoadWeightsConfig says what a file of weights has to do with a model.
type LoadWeightsConfig struct {
	// ByName takes for each layer what the file has under its name, and leaves layers that the
	// file doesn't have as they are. Otherwise the file must be of a model with the same
	// layers, as Keras counts them: those of a class in order in a .keras or a .weights.h5
	// file, those with weights in order in an .h5 file.
	ByName bool
	// SkipMismatch leaves a layer as it is for which the file has no arrays, or others than it
	// has variables, or of other shapes. Otherwise that is an error.
	SkipMismatch bool

	Context context.Context  // ends it early; nil is never
	Limits  kerasfile.Limits // what the file may make LoadWeights take; zeros are the defaults
	Log     io.Writer        // says what is converted; nil is os.Stderr, io.Discard is nowhere
}

// LoadWeights reads the weights of a model with the same layers from a .weights.h5, a .keras,
// an .h5, a .safetensors or an .npz file, whatever its name, and the optimizer's state if the
// file has that of an optimizer of the name of the one that the model is compiled with. Arrays of
// .safetensors and .npz files go by the paths of the variables, dense/kernel; those of an .npz
// file without names (arr_0) are in the order of Weights. If anything doesn't fit, nothing is
// changed.
func (m *Model) LoadWeights(path string) error {
	_, err := m.LoadWeightsWith(path, LoadWeightsConfig{})
	return err
}

// LoadWeightsWith is LoadWeights with a configuration. It returns what was left out, a sentence
// for each layer of the model and for each group of arrays of the file. The optimizer's state is
// read only if nothing is left out.
func (m *Model) LoadWeightsWith(path string, cfg LoadWeightsConfig) (skipped []string, err error) {
	if err := m.hold("LoadWeights"); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if skipped, err = m.loadWeights(path, cfg); err != nil {
		return nil, fmt.Errorf("cornu: LoadWeights: %s: %w", path, err)
	}
	return skipped, nil
}

func (m *Model) loadWeights(path string, cfg LoadWeightsConfig) ([]string, error) {
	if err := m.ready(); err != nil {
		return nil, err
	}
	f, err := file.OpenMapped(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limits := cfg.Limits.OrDefaults()
	arrays, keras, err := openArrays(newReading(cfg.Context, f), f.Size(), limits)
	if err != nil {
		return nil, err
	}
	matched, content, o, err := m.read(arrays, keras, limits, cfg)
	if keras != nil {
		if damaged := keras.Verify(); damaged != nil {
			return nil, damaged
		}
	}
	if err != nil {
		return nil, err
	}
	slabs := slabsOf(m.net.Variables())
	slab.Acquire(slabs, true)
	for i, p := range matched.pairs {
		slab.SpanOf(p.to).Write(content[i])
	}
	slab.Release(slabs, true)
	if o != m.optimizer {
		m.optimizer, m.steps = o, nil
	}
	say(cfg.Log, "LoadWeights", matched.types())
	return matched.skipped, nil
}

// read returns which arrays are of which variables, what is in them, and the optimizer with the state of the file, if
// that has one that fits.
func (m *Model) read(arrays arrays, keras *kerasfile.Weights, limits kerasfile.Limits, cfg LoadWeightsConfig) (matched *matching, content [][]float32, o *train.Optimizer, err error) {
	if matched, err = m.match(arrays, cfg); err != nil {
		return nil, nil, nil, err
	}
	content = make([][]float32, len(matched.pairs))
	for i, p := range matched.pairs {
		content[i] = make([]float32, p.to.Shape.Numel())
		if err := p.from.read(content[i]); err != nil {
			return nil, nil, nil, err
		}
		if err := slab.SpanOf(p.to).Fits(content[i]); err != nil {
			return nil, nil, nil, fmt.Errorf("variable %s: %w", p.to.Path, err)
		}
	}
	o = m.optimizer
	if o != nil && m.untrainable() == nil && keras != nil && len(matched.skipped) == 0 {
		name, err := keras.OptimizerName()
		if err != nil {
			return nil, nil, nil, err
		}
		if name == m.compiled.Optimizer.Name() {
			if o, err = m.restored(keras, limits); err != nil {
				return nil, nil, nil, fmt.Errorf("the optimizer's state: %w", err)
			}
		}
	}
	return matched, content, o, nil
}

// say writes notes to people.
func say(log io.Writer, call string, notes []string) {
	if log == nil {
		log = os.Stderr
	}
	for _, note := range notes {
		fmt.Fprintf(log, "cornu: %s: %s\n", call, note)
	}
}

// openArrays opens a file of weights, and returns its arrays, and as what Keras wrote them, nil
// if it isn't Keras's.
func openArrays(r io.ReaderAt, size int64, limits kerasfile.Limits) (arrays, *kerasfile.Weights, error) {
	var head [9]byte
	r.ReadAt(head[:], 0)
	switch text := string(head[:]); {
	case file.BeginsSafetensors(head[:]):
		f, err := safetensors.Read(r, size, safetensors.Limits{Rank: limits.Rank})
		if err != nil {
			return nil, nil, err
		}
		named := namedWeights{}
		for _, a := range f.Arrays() {
			named[a.Name()] = array{path: a.Name(), shape: a.Shape(), kind: a.Type(), read: a.Float32s}
		}
		return named, nil, nil
	case strings.HasPrefix(text, "PK") && isNpz(r, size):
		all, err := tensor.ReadNpz(r, size, limits.Bytes)
		if err != nil {
			return nil, nil, err
		}
		types, err := file.NpzTypes(r, size)
		if err != nil {
			return nil, nil, err
		}
		named := namedWeights{}
		for name, t := range all {
			named[name] = array{path: name, shape: t.Shape(), kind: cmp.Or(types[name], t.DType().String()), read: func(dst []float32) error {
				x, err := t.Cast(tensor.Float32)
				if err != nil {
					return err
				}
				values, err := tensor.Data[float32](x)
				copy(dst, values)
				return err
			}}
		}
		return named, nil, nil
	}
	w, err := kerasfile.Weigh(r, size, limits)
	if err != nil {
		return nil, nil, err
	}
	return &kerasWeights{Weights: w}, w, nil
}

// isNpz reports whether an archive begins with an array of NumPy's.
func isNpz(r io.ReaderAt, size int64) bool {
	z, err := zip.NewReader(r, size)
	return err == nil && len(z.File) > 0 && strings.HasSuffix(z.File[0].Name, ".npy")
}

// An array is one of a file.
type array struct {
	path  string
	shape tensor.Shape
	kind  string // its type: "float32"
	read  func([]float32) error
}

// arrays are those of a file.
type arrays interface {
	// inOrder returns the arrays of each layer of a model with the same layers, none of a layer
	// that the file has nothing of, and what of the file is of no layer.
	inOrder(m *Model) (found [][]array, spare []string, err error)
	// byName does so by the layers' names.
	byName(m *Model) (found [][]array, spare []string, err error)
}

// kerasWeights are arrays by layers.
type kerasWeights struct {
	*kerasfile.Weights
	network bool // the model's network is that of the file, in its order
}

func (w *kerasWeights) inOrder(m *Model) ([][]array, []string, error) {
	layers := m.net.Layers()
	if !w.network {
		if net, err := m.inKerasOrder(); err == nil { // else Keras has no such network
			layers = net.Layers()
		}
	}
	keys := make([]kerasfile.LayerKey, len(layers))
	for i, l := range layers {
		keys[i] = m.layerKey(l)
	}
	lists, spare, err := w.Layers(keys, m.sequential)
	if err != nil {
		return nil, nil, err
	}
	found := make([][]array, len(layers))
	for i, list := range lists {
		found[slices.Index(m.net.Layers(), layers[i])] = arraysOf(list)
	}
	return found, spare, nil
}

func (m *Model) layerKey(l layer.Layer) kerasfile.LayerKey {
	key := layerKey(l, m.net.Name(l))
	if key.Inner != nil {
		key.Legacy = m.legacyOrder(l)
	}
	return key
}

func layerKey(l layer.Layer, name string) kerasfile.LayerKey {
	key := kerasfile.LayerKey{Class: layer.Class(l), Name: name, Variables: len(layer.Own(l))}
	for _, inner := range layer.Inner(l) {
		key.Inner = append(key.Inner, layerKey(inner, innerName(l, inner)))
	}
	return key
}

// legacyOrder returns the place that each variable of a layer has in an .h5 file: those that are trained come first,
// each once.
func (m *Model) legacyOrder(l layer.Layer) []int {
	variables := m.net.VariablesOf(l)
	place := map[*layer.Variable]int{}
	for _, trained := range []bool{true, false} {
		for _, v := range variables {
			if _, there := place[v]; !there && m.net.Trainable(v) == trained {
				place[v] = len(place)
			}
		}
	}
	order := make([]int, len(variables))
	for i, v := range variables {
		order[i] = place[v]
	}
	return order
}

func (w *kerasWeights) byName(m *Model) ([][]array, []string, error) {
	lists, err := w.ByName()
	if err != nil {
		return nil, nil, err
	}
	found := make([][]array, len(m.net.Layers()))
	for i, l := range m.net.Layers() {
		found[i] = arraysOf(w.named(lists, "", m.layerKey(l)))
	}
	return found, slices.Sorted(maps.Keys(lists)), nil
}

// named takes the arrays of a layer, and of those that it is made of, out of lists by their names.
func (w *kerasWeights) named(lists map[string][]*kerasfile.Array, within string, key kerasfile.LayerKey) []*kerasfile.Array {
	name := within + key.Name
	arrays := w.Ordered(key, lists[name])
	delete(lists, name)
	for _, inner := range key.Inner {
		arrays = append(arrays[:len(arrays):len(arrays)], w.named(lists, name+"/", inner)...)
	}
	return arrays
}

func arraysOf(list []*kerasfile.Array) []array {
	var out []array
	for _, a := range list {
		out = append(out, array{path: a.Path, shape: a.Shape(), kind: a.Type(), read: a.Read})
	}
	return out
}

// namedWeights are arrays by the paths of variables.
type namedWeights map[string]array

// nameless is what NumPy calls arrays that nobody gave a name.
var nameless = regexp.MustCompile(`^arr_\d+$`)

func (w namedWeights) inOrder(m *Model) ([][]array, []string, error) {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(w)), func(name string) bool { return !nameless.MatchString(name) }) {
		return w.numbered(m)
	}
	return w.byName(m)
}

func (w namedWeights) numbered(m *Model) ([][]array, []string, error) {
	variables := m.net.Variables()
	if len(w) != len(variables) {
		return nil, nil, fmt.Errorf("the file has %d arrays, the model has %d variables", len(w), len(variables))
	}
	place := map[*layer.Variable]array{}
	for i, v := range variables {
		a, ok := w[fmt.Sprint("arr_", i)]
		if !ok {
			return nil, nil, fmt.Errorf("the file has %d arrays, and no arr_%d", len(w), i)
		}
		place[v] = a
	}
	found := make([][]array, len(m.net.Layers()))
	for i, l := range m.net.Layers() {
		for _, v := range m.net.VariablesOf(l) {
			found[i] = append(found[i], place[v])
		}
	}
	return found, nil, nil
}

func (w namedWeights) byName(m *Model) ([][]array, []string, error) {
	// Keras puts the model's name before the paths of a Sequential.
	short := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if _, rest, ok := strings.Cut(name, "/"); ok {
			if _, several := short[rest]; several {
				name = ""
			}
			short[rest] = name
		}
	}
	found := make([][]array, len(m.net.Layers()))
	taken := map[string]bool{}
	for i, l := range m.net.Layers() {
		variables := m.net.VariablesOf(l)
		var missing []string
		for _, v := range variables {
			a, ok := w[v.Path]
			if long := short[v.Path]; !ok && long != "" {
				a, ok = w[long], true
			}
			if !ok {
				missing = append(missing, v.Path)
				continue
			}
			if taken[a.path] {
				return nil, nil, fmt.Errorf("the file's %s is of several variables, %s is one", a.path, v.Path)
			}
			taken[a.path] = true
			found[i] = append(found[i], a)
		}
		if n := len(missing); n > 0 && n < len(variables) {
			return nil, nil, fmt.Errorf("layer %q: the file has no %s", m.net.Name(l), strings.Join(missing, ", "))
		}
	}
	var spare []string
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !taken[name] {
			spare = append(spare, name)
		}
	}
	return found, spare, nil
}

// A matching says which arrays of a file are those of which variables.
type matching struct {
	pairs   []pair
	skipped []string
}

type pair struct {
	from array
	to   *layer.Variable
}

// types says which arrays are converted.
func (m *matching) types() []string {
	var notes []string
	for _, p := range m.pairs {
		if t := p.from.kind; t != "float32" && len(p.to.Shape) > 0 { // one number counts something
			note := fmt.Sprintf("weights of type %s are converted to float32", t)
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// match finds the arrays of the model's variables in a file, and checks their shapes.
func (m *Model) match(file arrays, cfg LoadWeightsConfig) (*matching, error) {
	find := file.inOrder
	if cfg.ByName {
		find = file.byName
	}
	found, spare, err := find(m)
	if err != nil {
		return nil, err
	}
	out, pairOf := &matching{}, map[*layer.Variable]int{}
	for i, l := range m.net.Layers() {
		variables := m.net.VariablesOf(l)
		if len(variables) == 0 && len(found[i]) == 0 {
			continue
		}
		if err := m.misfit(l, found[i]); err == nil {
			for k, v := range variables {
				at, shared := pairOf[v]
				if shared { // by a layer before, which has it in the file too
					out.pairs[at].from = found[i][k]
					continue
				}
				pairOf[v] = len(out.pairs)
				out.pairs = append(out.pairs, pair{found[i][k], v})
			}
		} else if cfg.SkipMismatch || cfg.ByName && len(found[i]) == 0 {
			out.skipped = append(out.skipped, err.Error())
		} else {
			return nil, err
		}
	}
	for _, name := range spare {
		text := fmt.Sprintf("the file's %s is of no layer of the model", name)
		if !cfg.SkipMismatch && !cfg.ByName {
			return nil, errors.New(text)
		}
		out.skipped = append(out.skipped, text)
	}
	if len(out.pairs) == 0 && len(out.skipped) > 0 {
		return nil, fmt.Errorf("nothing of the file fits the model: %s", strings.Join(out.skipped, "; "))
	}
	return out, nil
}

// misfit returns an error unless the arrays are those of the layer's variables.
func (m *Model) misfit(l layer.Layer, found []array) error {
	name, variables := m.net.Name(l), m.net.VariablesOf(l)
	switch {
	case len(found) == 0:
		return fmt.Errorf("layer %q: the file has no arrays for it", name)
	case len(found) != len(variables):
		return fmt.Errorf("layer %q has %d variables, the file has %d arrays for it, from %s on", name, len(variables), len(found), found[0].path)
	}
	for k, v := range variables {
		if !found[k].shape.Equal(v.Shape) {
			return fmt.Errorf("variable %s has shape %v, the file's %s has %v", v.Path, v.Shape, found[k].path, found[k].shape)
		}
	}
	return nil
}
