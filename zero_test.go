package cornu_test

// This file tests, by reflection over every configuration that there is, that a
// number that is written is never read as another.

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// members returns every member of a family in its default configuration.
func members[T any](t *testing.T, names []string, byName func(string) (T, error)) []any {
	t.Helper()
	var all []any
	for _, name := range names {
		m, err := byName(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// configurations returns a default of every struct by which Cornu is configured.
func configurations(t *testing.T) []any {
	t.Helper()
	return slices.Concat(
		members(t, activation.Names(), activation.ByName),
		members(t, initializer.Names(), initializer.ByName),
		members(t, regularizer.Names(), regularizer.ByName),
		members(t, constraint.Names(), constraint.ByName),
		members(t, loss.Names(), loss.ByName),
		members(t, metric.Names(), metric.ByName),
		members(t, optimizer.Names(), optimizer.ByName),
		members(t, optimizer.ScheduleNames(), optimizer.ScheduleByName),
		members(t, layer.Classes(), layer.New),
		[]any{&callback.EarlyStopping{}, &callback.ReduceLROnPlateau{}, &callback.CSVLogger{}, &callback.TensorBoard{}},
	)
}

// A number is a field of a configuration that holds one, or points to one.
type number struct {
	of    reflect.Value // the configuration, a copy
	index int           // among its numbers
	field reflect.StructField
	value reflect.Value
}

// numbers lists the fields of a copy of a configuration that hold numbers, those
// of structs within too.
func numbers(v any) []number {
	c := reflect.New(reflect.Indirect(reflect.ValueOf(v)).Type()).Elem()
	c.Set(reflect.Indirect(reflect.ValueOf(v)))
	if c.Kind() != reflect.Struct {
		return nil
	}
	var out []number
	var visit func(s reflect.Value)
	visit = func(s reflect.Value) {
		for i := range s.NumField() {
			f, t := s.Type().Field(i), s.Type().Field(i).Type
			if t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			switch {
			case !f.IsExported():
			case f.Type.Kind() == reflect.Struct:
				visit(s.Field(i))
			case t.Kind() == reflect.Int || t.Kind() == reflect.Float64:
				out = append(out, number{c, len(out), f, s.Field(i)})
			}
		}
	}
	visit(c)
	return out
}

func (n number) String() string { return fmt.Sprintf("%v.%s", n.of.Type(), n.field.Name) }

// member returns what has the field: layers are pointers.
func (n number) member() any {
	p := reflect.New(n.of.Type())
	p.Elem().Set(n.of)
	if l, ok := p.Interface().(layer.Layer); ok {
		return l
	}
	return n.of.Interface()
}

// resolved returns what the field means: a number, or nil.
func (n number) resolved() any {
	return pointee(numbers(config.Resolve(n.of.Interface()))[n.index].value)
}

func pointee(v reflect.Value) any {
	switch {
	case v.Kind() != reflect.Pointer:
		return v.Interface()
	case v.IsNil():
		return nil
	}
	return v.Elem().Interface()
}

// stored returns what a file says of the field, and what the field holds after
// that file was read.
func (n number) stored(t *testing.T) (file, back any) {
	t.Helper()
	m, err := config.Encode(n.of.Interface())
	if err != nil {
		t.Fatalf("%v: %v", n, err)
	}
	name, _, _ := strings.Cut(n.field.Tag.Get("keras"), ",")
	if name == "" {
		name = config.Snake(n.field.Name)
	}
	again := reflect.New(n.of.Type())
	if err := config.Decode(m, again.Interface()); err != nil {
		t.Errorf("%v: what was stored can't be read: %v", n, err)
	}
	return m[name], pointee(numbers(again.Interface())[n.index].value)
}

func isZero(v any) bool { return v == 0 || v == 0.0 }

func TestANumberThatIsWrittenIsNeverReadAsAnother(t *testing.T) {
	for _, c := range configurations(t) {
		for _, n := range numbers(c) {
			n.value.SetZero()
			fallback, hasDefault := n.field.Tag.Lookup("default")
			zero, hasMeaning := n.field.Tag.Lookup("zero")
			means := n.resolved()
			file, back := n.stored(t)
			switch {
			case n.field.Type.Kind() == reflect.Pointer:
				if want, _ := strconv.ParseFloat(fallback, 64); hasDefault && (want == 0 || reflect.ValueOf(means).Convert(reflect.TypeOf(want)).Interface() != want || back != nil) {
					t.Errorf("%v: nil means %v and comes back as %v, want %s and nil", n, means, back, fallback)
				}
				if !hasDefault && means != nil {
					t.Errorf("%v: nil means %v", n, means)
				}
				n.value.Set(reflect.New(n.field.Type.Elem()))
				means = n.resolved()
				if file, back = n.stored(t); !isZero(means) || !isZero(file) || !isZero(back) {
					t.Errorf("%v: a pointer to 0 means %v, is stored as %v and comes back as %v", n, means, file, back)
				}
			case !hasMeaning:
				if !isZero(means) || !isZero(file) || !isZero(back) {
					t.Errorf("%v: 0 means %v, is stored as %v and comes back as %v", n, means, file, back)
				}
			case zero == "none":
				if !isZero(means) || file != nil || !isZero(back) {
					t.Errorf("%v: 0 means %v, is stored as %v and comes back as %v, want 0, null and 0", n, means, file, back)
				}
			default: // a comment on the field says that 0 is no legal value
				if isZero(means) || file != means || !isZero(back) {
					t.Errorf("%v: 0 means %v, is stored as %v and comes back as %v, want %s and 0", n, means, file, back, zero)
				}
			}
		}
	}
}

// What a number means is what a member of a family computes with: the default
// whether it is said or not, and something else for 0.
func TestANumberThatIsWrittenIsInEffect(t *testing.T) {
	for _, c := range configurations(t) {
		for _, n := range numbers(c) {
			fallback, ok := n.field.Tag.Lookup("default")
			if !ok {
				continue
			}
			switchOn(n.of)
			n.value.SetZero()
			left := work(t, n.member())
			if left == "" {
				continue
			}
			n.value.Set(reflect.New(n.field.Type.Elem()))
			nothing := work(t, n.member())
			said, err := strconv.ParseFloat(fallback, 64)
			if err != nil {
				t.Fatal(err)
			}
			n.value.Elem().Set(reflect.ValueOf(said).Convert(n.field.Type.Elem()))
			if written := work(t, n.member()); left != written || left == nothing {
				t.Errorf("%v: left out it is %s: %v; 0 is: %v", n, fallback, left == written, left == nothing)
			}
		}
	}
}

// switchOn sets all booleans, on which some numbers' effect depends, but that of frozen layers,
// some of which need less.
func switchOn(s reflect.Value) {
	for i := range s.NumField() {
		switch f := s.Field(i); {
		case !s.Type().Field(i).IsExported():
		case f.Kind() == reflect.Bool:
			f.SetBool(s.Type().Field(i).Name != "Frozen")
		case f.Kind() == reflect.Struct:
			switchOn(f)
		}
	}
}

// work describes what a member of a family computes, "" for those that this test
// can't ask.
func work(t *testing.T, member any) string {
	t.Helper()
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{3, 3}), g.Input("y", tensor.Shape{3, 3})
	var numbers []float64 // that are computed on the host
	switch m := member.(type) {
	case activation.Activation:
		m.Apply(x)
	case regularizer.Regularizer:
		m.Penalty(x)
	case constraint.Constraint:
		m.Project(x)
	case loss.Loss:
		if f, ok := m.(loss.Fitter); ok {
			if target, err := f.TargetShape(x.Shape()); err == nil && !target.Equal(y.Shape()) {
				y = g.Input("y", target)
			}
		}
		loss.Of(m, y, x, nil)
	case metric.Metric:
		m.Update(x, y, nil)
	case initializer.Initializer:
		w := make([]float32, 9)
		if err := m.Init(w, tensor.Shape{3, 3}, 1, 2); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		return fmt.Sprint(w)
	case optimizer.Schedule:
		s := reflect.New(reflect.TypeOf(m)).Elem()
		s.Set(reflect.ValueOf(m))
		for name, value := range map[string]any{"InitialLearningRate": 0.5, "DecaySteps": 5, "FirstDecaySteps": 5} {
			if f := s.FieldByName(name); f.IsValid() {
				f.Set(reflect.ValueOf(value))
			}
		}
		for step := range uint64(9) {
			numbers = append(numbers, s.Interface().(optimizer.Schedule).Rate(step))
		}
	case optimizer.Optimizer:
		u := &optimizer.Update{
			Param: g.Param("w", tensor.Shape{12}), Grad: g.Input("g", tensor.Shape{12}), Shapes: []tensor.Shape{{3, 3}, {3}}, Offsets: []int{0, 9},
			HostScalar: func(name string, f func(float64, uint64) float64) *graph.Node {
				for step := range uint64(3) {
					numbers = append(numbers, f(0.5, step+1))
				}
				return g.Input(name, tensor.Shape{})
			},
		}
		for _, s := range optimizer.Slots(m) {
			numbers = append(numbers, s.Init)
			u.Slots = append(u.Slots, g.Input(s.Name, tensor.Shape{12}))
		}
		optimizer.Step(m, u)
	case layer.Layer:
		n := layer.Apply(m, layer.Apply(&layer.Input{Shape: tensor.Shape{3}}))
		if n.Err() != nil {
			return "" // it needs to be configured, or more inputs
		}
		m.Call(layer.NewContext(g, true), []*graph.Node{x})
	default:
		return ""
	}
	if err := g.Err(); err != nil {
		t.Errorf("%T: %v", member, err)
	}
	var b strings.Builder
	for _, n := range g.Nodes() {
		b.WriteString(n.String() + "; ")
	}
	return fmt.Sprint(b.String(), numbers)
}

// What a file says of a configuration that was left as it is, is what Keras's does.
func TestDefaultsAreThoseOfKeras(t *testing.T) {
	compared := 0
	for _, c := range configurations(t) {
		family, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprintf("%T", c), "*"), ".")
		if _, ok := c.(optimizer.Schedule); ok {
			family = "schedule"
		}
		ours, err := config.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, keras := range golden.Load(t, "defaults").Cases {
			if keras.Name != family+" "+config.Class(c) {
				continue
			}
			compared++
			for name, want := range keras.Config {
				got, ok := ours[name]
				if list, isList := got.([]any); isList && len(list) == 1 {
					got = list[0] // one element stands for a list of it
				}
				// A decay of 0 is none; names are given by networks.
				if !ok || name == "name" || name == "weight_decay" && got == 0.0 && want == nil {
					continue
				}
				if n, isInt := got.(int); isInt {
					got = float64(n)
				}
				if got != want {
					t.Errorf("%T: %s is %v, Keras's %v", c, name, got, want)
				}
			}
		}
	}
	if compared < 90 {
		t.Errorf("%d configurations were compared", compared)
	}
}
