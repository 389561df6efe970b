package kerasfile

// This file maps the weights of layers and the state of optimizers to their places in a
// .weights.h5 file.

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A State is the arrays of a model.
type State struct {
	Name       string // of the model
	Sequential bool
	Layers     []LayerState
	Optimizer  *OptimizerState // nil: there is none
}

// A LayerState is the arrays of a layer: its weights, then its statistics.
type LayerState struct {
	Class, Name string
	Arrays      []Values             // its own
	Inner       []LayerState         // the layers that it is made of
	All         []Values             // its own and those of Inner, each once, as an .h5 file has them: those that are trained first
	Kept        map[string][]float32 // beside the variables, by their names: see layer.Keeper
}

// Values is an array to be written.
type Values struct {
	Path  string // of the variable, "dense/kernel": of layers
	Shape tensor.Shape
	Data  []float32
}

// An OptimizerState is the state of an optimizer, in Keras's order.
type OptimizerState struct {
	Optimizer  optimizer.Optimizer
	Iterations uint64
	Rate       float64 // the learning rate, if there is no schedule
	Scheduled  bool
	Slots      []Values
	Scale      *LossScale // of a LossScaleOptimizer
}

// groupsOf returns the path of each layer's group. Keras names them by class and number,
// not by the layers' names; a Sequential doesn't count its InputLayer.
func groupsOf(classes []string, sequential bool) []string {
	places := numbered("layers/", classes)
	for i, class := range classes {
		if sequential && class == "InputLayer" {
			places[i] = ""
		}
	}
	return places
}

// numbered returns paths that are named by class, and by number from the second of a class on.
func numbered(prefix string, classes []string) []string {
	places := make([]string, len(classes))
	used := map[string]int{}
	for i, class := range classes {
		name := config.Snake(class)
		places[i] = prefix + name
		if n := used[name]; n > 0 {
			places[i] = fmt.Sprintf("%s_%d", places[i], n)
		}
		used[name]++
	}
	return places
}

// isModel reports whether a class is that of models, which may be layers.
func isModel(class string) bool { return class == "Sequential" || class == "Functional" }

// innerGroups returns the paths of the groups of the layers of classes that a layer at place is made of: a
// model's are those of its layers and stacked cells' those of the cells, a Bidirectional has two, others have but one.
func innerGroups(place, class string, classes []string) []string {
	var places []string
	if isModel(class) {
		for _, p := range groupsOf(classes, class == "Sequential") {
			if p != "" {
				p = place + "/" + p
			}
			places = append(places, p)
		}
		return places
	}
	name := "/layer"
	switch {
	case class == "Bidirectional" && len(classes) == 2:
		return []string{place + "/forward_layer", place + "/backward_layer"}
	case class == "StackedRNNCells":
		return numbered(place+"/cells/", classes)
	case class == "RNN":
		name = "/cell"
	}
	if projects(class) && len(classes) >= 4 {
		prefix := "/" // MultiHeadAttention has properties of these names
		if class == groupQuery {
			prefix = "/_"
		}
		places = []string{place + prefix + "query_dense", place + prefix + "key_dense", place + prefix + "value_dense", place + prefix + "output_dense"}
		if len(classes) > 4 {
			places = slices.Insert(places, 2, place+"/_gate_dense")
		}
		return places
	}
	for i := range classes {
		if i == 0 {
			places = append(places, place+name)
		} else {
			places = append(places, fmt.Sprint(place, name, "_", i))
		}
	}
	return places
}

// ownGroup returns the path of the group of a layer's own arrays: Keras's recurrent layers keep them in a cell.
func ownGroup(place, class string) string {
	switch class {
	case "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
		return place + "/cell"
	}
	return place
}

// A LayerKey says which arrays of a file are a layer's.
type LayerKey struct {
	Class, Name string
	Variables   int        // of its own
	Inner       []LayerKey // the layers that it is made of
	// Legacy has the places that the variables, its own and those of Inner, have in an .h5 file. nil: they
	// are in order.
	Legacy []int
}

func classesOf(layers []LayerKey) []string {
	var classes []string
	for _, l := range layers {
		classes = append(classes, l.Class)
	}
	return classes
}

// all returns how many variables the layer has, with those of Inner.
func (l *LayerKey) all() int {
	n := l.Variables
	for i := range l.Inner {
		n += l.Inner[i].all()
	}
	return n
}

// arrays returns the arrays of a layer at a place, and of those that it is made of.
func (w *Weights) arrays(place string, l *LayerKey) ([]*Array, error) {
	var list []*Array
	if place == "" {
		return nil, nil
	}
	if at := ownGroup(place, l.Class); w.has(at + "/vars") {
		own, err := w.vars(at)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		if len(own) != l.Variables && (len(own) > 0 || len(l.Inner) > 0) && len(l.Inner) > 0 {
			return nil, fmt.Errorf("layer %q has %d variables of its own, the file has %d", l.Name, l.Variables, len(own))
		}
		list = own
	}
	for i, p := range w.innerGroups(place, l) {
		inner, err := w.arrays(p, &l.Inner[i])
		if err != nil {
			return nil, err
		}
		list = append(list, inner...)
	}
	return list, nil
}

// Layers returns the arrays of each layer, in the order in which Keras counts them, and the
// groups of arrays that are of none of them. A layer that the file has nothing of has none.
func (w *Weights) Layers(layers []LayerKey, sequential bool) (found [][]*Array, spare []string, err error) {
	if w.legacy {
		found, err = w.legacyLayers(layers)
		return found, nil, err
	}
	found = make([][]*Array, len(layers))
	places := w.groupsOf(layers, sequential)
	for i, place := range places {
		if found[i], err = w.arrays(place, &layers[i]); err != nil {
			return nil, nil, err
		}
	}
	// Groups within a layer's are those of its parts, such as a generator of random numbers.
	slices.Sort(places)
	err = w.eachLayer(func(g *hdf5.Group) error {
		own := strings.TrimSuffix(slashes(g.Path()), "/vars")[1:]
		for at := own; at != "." && len(g.Names()) > 0; at = path.Dir(at) {
			if _, known := slices.BinarySearch(places, at); known {
				return nil
			}
		}
		if len(g.Names()) > 0 {
			spare = append(spare, "/"+own)
		}
		return nil
	})
	return found, spare, err
}

// Ordered brings the arrays that an .h5 file has for a layer into the order of the layer's variables.
func (w *Weights) Ordered(l LayerKey, arrays []*Array) []*Array {
	if !w.legacy {
		return arrays
	}
	return l.inOrder(arrays)
}

// ByName returns the arrays of the layers of the file that have some, by the layers' names. Those of layers in a layer, such
// as a model, are behind its name: "encoder/dense".
func (w *Weights) ByName() (map[string][]*Array, error) {
	out := map[string][]*Array{}
	add := func(name string, arrays []*Array, err error) error {
		if err == nil && out[name] != nil {
			err = fmt.Errorf("kerasfile: the file has arrays of two layers of the name %q", name)
		}
		if len(arrays) > 0 {
			out[name] = arrays
		}
		return err
	}
	if w.legacy {
		_, err := w.legacyGroups(add)
		return out, err
	}
	err := w.eachLayer(func(g *hdf5.Group) error {
		if len(g.Names()) == 0 {
			return nil
		}
		place := strings.TrimSuffix(g.Path(), "/vars")
		name, err := w.nameOf(place)
		if err != nil {
			return err
		}
		if name == "" {
			name = place
		}
		arrays, err := w.vars(place)
		return add(name, arrays, err)
	})
	return out, err
}

// nameOf returns the name of the layer at a place behind those of the layers that it is in, or "" if it has none.
func (w *Weights) nameOf(place string) (string, error) {
	var names []string
	for at := place; at != "/" && at != "."; at = path.Dir(at) {
		if !w.has(at + "/vars") {
			continue
		}
		g, err := w.root.Group(w.second.path(at + "/vars"))
		if err != nil {
			return "", err
		}
		name, err := attribute(g, "name")
		if err != nil {
			return "", err
		}
		if name == "" && at == place {
			return "", nil
		}
		if name != "" {
			names = append([]string{name}, names...)
		}
	}
	return strings.Join(names, "/"), nil
}

// eachLayer visits the groups that have the arrays of layers.
func (w *Weights) eachLayer(visit func(*hdf5.Group) error) error {
	return w.root.Walk(func(path string, object any, err error) error {
		if g, ok := object.(*hdf5.Group); ok && err == nil && strings.HasPrefix(slashes(path), "/"+w.second.prefix()) && strings.HasSuffix(path, "/vars") {
			err = visit(g)
		}
		return err
	})
}

func (w *Weights) has(path string) bool {
	_, err := w.root.Open(w.second.path(path))
	return !errors.Is(err, hdf5.ErrNotFound)
}

// vars returns the arrays of the group of that path: vars/0, vars/1, ….
func (w *Weights) vars(path string) ([]*Array, error) {
	g, err := w.root.Group(w.second.path(path + "/vars"))
	if err != nil {
		return nil, err
	}
	var list []*Array
	for i := 0; g.Has(fmt.Sprint(i)); i++ {
		d, err := g.Dataset(fmt.Sprint(i))
		if err != nil {
			return nil, err
		}
		list = append(list, &Array{Path: d.Path(), d: d})
	}
	if len(list) != len(slices.DeleteFunc(slices.Clone(g.Names()), isKept)) {
		return nil, fmt.Errorf("kerasfile: %s: its arrays should be numbered from 0, they are %v", g.Path(), g.Names())
	}
	return list, nil
}

// HasOptimizer reports whether the file has an optimizer's state.
func (w *Weights) HasOptimizer() bool {
	if w.legacy {
		return w.root.Has("optimizer_weights")
	}
	return w.root.Has("optimizer")
}

// OptimizerName returns the name of the optimizer whose state the file has: "adam", or ""
// if there is none.
func (w *Weights) OptimizerName() (string, error) {
	if w.legacy || !w.HasOptimizer() {
		return "", nil
	}
	g, err := w.root.Group("optimizer/vars")
	if err != nil {
		return "", err
	}
	a, err := g.Attribute("name")
	if err != nil || a == nil {
		return "", err
	}
	return a.Text()
}

// A LossScale is the state of a LossScaleOptimizer.
type LossScale struct {
	Value float64
	Steps int // since it changed
}

// SavedOptimizer is the state of an optimizer in a file. Its slots are in Keras 3's order, that of
// Groups.
type SavedOptimizer struct {
	Iterations uint64
	Rate       *Array // nil: the file has none beside the configuration
	Slots      []*Array
	Scale      *LossScale // of a LossScaleOptimizer
}

// Optimizer returns the state of an optimizer that trains so many variables.
func (w *Weights) Optimizer(o optimizer.Optimizer, variables int) (*SavedOptimizer, error) {
	if w.old {
		return w.oldOptimizer(o, variables)
	}
	var arrays []*Array
	var err error
	if w.legacy {
		arrays, err = w.legacyOptimizer()
	} else {
		arrays, err = w.vars("optimizer")
	}
	if err != nil {
		return nil, err
	}
	s := &SavedOptimizer{}
	switch o.(type) {
	case optimizer.LossScaleOptimizer:
		// Its own iterations and rate, which mean nothing, then its state, then the inner optimizer's. Saved before its first step
		// it has no state, and the inner one has iterations and perhaps a rate.
		if len(arrays) < 3 {
			return nil, errors.New("kerasfile: the state of a LossScaleOptimizer is missing")
		}
		if len(arrays) < 5 {
			arrays = arrays[2:]
			break
		}
		steps, err := arrays[2].count()
		if err != nil {
			return nil, err
		}
		value, err := arrays[3].number()
		if err != nil {
			return nil, err
		}
		s.Scale, arrays = &LossScale{float64(value), int(steps)}, arrays[4:]
	}
	if len(arrays) == 0 {
		return nil, errors.New("kerasfile: the number of iterations is missing")
	}
	if s.Iterations, err = arrays[0].count(); err != nil {
		return nil, err
	}
	arrays = arrays[1:]
	own := scalars(o)
	switch {
	case w.second.is: // whose rate is in the configuration alone
		own = 0
	case optimizer.CommonOf(o).Schedule == nil:
		if len(arrays) == 0 || len(arrays[0].Shape()) != 0 {
			return nil, errors.New("kerasfile: the learning rate is missing")
		}
		s.Rate, arrays = arrays[0], arrays[1:]
	}
	if len(arrays) == 0 && s.Iterations == 0 { // it was saved before its first step
		return s, nil
	}
	if len(arrays) < own {
		return nil, fmt.Errorf("kerasfile: the state of %s is missing", o.Name())
	}
	s.Slots = arrays[:len(arrays)-own]
	return s, nil
}

// number reads a number.
func (a *Array) number() (float32, error) {
	var x [1]float32
	if len(a.Shape()) != 0 {
		return 0, fmt.Errorf("kerasfile: %s: a number of shape %v", a.Path, a.Shape())
	}
	err := a.Read(x[:])
	return x[0], err
}

// count reads a number of steps.
func (a *Array) count() (uint64, error) {
	n, err := a.d.Int64s()
	if err != nil {
		return 0, err
	}
	if len(n) != 1 || n[0] < 0 {
		return 0, fmt.Errorf("kerasfile: %s: %v is no number of steps", a.Path, n)
	}
	return uint64(n[0]), nil
}

// WriteWeights writes a .weights.h5 file.
func WriteWeights(w io.Writer, s *State) error {
	f := hdf5.NewWriter()
	var classes []string
	for _, l := range s.Layers {
		classes = append(classes, l.Class)
	}
	for i, place := range groupsOf(classes, s.Sequential) {
		s.Layers[i].write(f, place)
	}
	if o := s.Optimizer; o != nil {
		g := f.Group("optimizer/vars")
		number(g, o.arrays())
		g.Attribute("name", o.Optimizer.Name())
		if o.Scale != nil {
			number(f.Group("optimizer/inner_optimizer/vars"), o.inner())
		}
	}
	f.Group("vars").Attribute("name", s.Name)
	_, err := f.WriteTo(w)
	return err
}

// write writes the arrays of a layer, and of those that it is made of.
func (l *LayerState) write(f *hdf5.Writer, place string) {
	if place == "" {
		return
	}
	g := f.Group(ownGroup(place, l.Class) + "/vars")
	g.Attribute("name", l.Name)
	for k, v := range l.Arrays {
		g.Float32s(fmt.Sprint(k), v.Shape, v.Data)
	}
	for _, at := range keeps(place, l.Class) {
		if len(l.Kept) == 0 {
			break
		}
		g := f.Group(at + "/vars")
		for _, name := range slices.Sorted(maps.Keys(l.Kept)) {
			g.Float32s(name, tensor.Shape{len(l.Kept[name])}, l.Kept[name])
		}
	}
	var classes []string
	for _, inner := range l.Inner {
		classes = append(classes, inner.Class)
	}
	for i, p := range innerGroups(place, l.Class, classes) {
		l.Inner[i].write(f, p)
	}
}

// number writes arrays under their numbers.
func number(g *hdf5.GroupWriter, arrays []any) {
	for i, a := range arrays {
		put(g, fmt.Sprint(i), a)
	}
}

// put writes a count or an array.
func put(g *hdf5.GroupWriter, name string, array any) {
	switch v := array.(type) {
	case int64:
		g.Int(name, v)
	case Values:
		g.Float32s(name, v.Shape, v.Data)
	}
}

// arrays returns counts, int64, and arrays, Values, in Keras's order.
func (o *OptimizerState) arrays() []any {
	if o.Scale == nil {
		return o.inner()
	}
	// Iterations and a learning rate that mean nothing come first.
	own := []any{int64(0), scalar(0), int64(o.Scale.Steps), scalar(o.Scale.Value)}
	return append(own, o.inner()...)
}

// inner returns the number of iterations, the learning rate and the slots.
func (o *OptimizerState) inner() []any {
	list := []any{int64(o.Iterations)}
	if !o.Scheduled {
		list = append(list, scalar(o.Rate))
	}
	for _, v := range o.Slots {
		list = append(list, v)
	}
	if nadam, ok := o.Optimizer.(optimizer.Nadam); ok {
		list = append(list, scalar(nadam.Product(o.Iterations)))
	}
	return list
}

func scalar(x float64) Values { return Values{Data: []float32{float32(x)}} }

// scalars returns how many numbers Keras keeps behind an optimizer's slots.
func scalars(o optimizer.Optimizer) int {
	if _, ok := o.(optimizer.Nadam); ok {
		return 1
	}
	return 0
}

// Groups returns the names of an optimizer's slots in Keras's order: it keeps the slots of
// a group variable by variable, and one group behind the other.
func Groups(o optimizer.Optimizer) [][]string {
	var before, own, after [][]string
	var together []string
	_, rmsprop := o.(optimizer.RMSprop)
	for _, s := range optimizer.Slots(o) {
		switch {
		case s.Name == "average":
			before = slices.Insert(before, 0, []string{s.Name})
		case s.Name == "gradient_accumulator":
			before = append(before, []string{s.Name})
		case rmsprop:
			own = append(own, []string{s.Name})
		case s.Name == "velocity_hat":
			after = append(after, []string{s.Name})
		default:
			together = append(together, s.Name)
		}
	}
	if together != nil {
		own = append(own, together)
	}
	return slices.Concat(before, own, after)
}

// SlotShape returns the shape that Keras gives a slot of a variable. Adafactor has one number
// for a row or a column, and of vectors, which have neither, a number that means nothing.
func SlotShape(o optimizer.Optimizer, slot string, shape tensor.Shape) tensor.Shape {
	rank := len(shape)
	switch _, ok := o.(optimizer.Adafactor); {
	case !ok || slot != "rows" && slot != "columns":
		return shape
	case rank < 2:
		return nil
	case slot == "rows":
		return shape[:rank-1]
	}
	return append(shape[:rank-2:rank-2], shape[rank-1])
}
