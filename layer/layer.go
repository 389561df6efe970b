// Package layer has the layers of networks, the symbolic nodes by which they are
// put together, and the networks that come of it.
//
// A layer is a pointer to a struct whose exported fields are its configuration:
//
//	&layer.Dense{Units: 256, Activation: activation.ReLU{}}
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0. A
// layer that is applied twice shares its weights, in one network or in several.
//
// A layer of your own has two methods. Build declares its variables, Call emits
// its nodes:
//
//	type Scale struct {
//		Name   string
//		Frozen bool
//		factor *layer.Variable
//	}
//
//	func (l *Scale) Build(b *layer.Builder, in []tensor.Shape) error {
//		l.factor = b.Variable("factor", tensor.Shape{1}, layer.VariableConfig{Initializer: initializer.Ones{}})
//		return nil
//	}
//
//	func (l *Scale) Call(c *layer.Context, in []*graph.Node) *graph.Node {
//		return in[0].Mul(c.Value(l.factor))
//	}
package layer

// This file defines Layer, and what is read of any layer by reflection.

import (
	"reflect"
	"runtime"
	"sync"
	"unsafe"
	"weak"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Layer is a pointer to a struct. These direct fields of it have a meaning for
// all layers that have them:
//
//	Name                string                   unique in its network; "" is dense, dense_1, …
//	Frozen              bool                     its variables are not trained
//	ActivityRegularizer regularizer.Regularizer  a penalty on its output
type Layer interface {
	// Build declares the layer's variables. It is called once, with the shapes
	// of the first inputs, whose first dimension is tensor.Batch. A layer whose
	// type has no fields is another one each time it is applied.
	Build(b *Builder, in []tensor.Shape) error
	// Call emits the layer's nodes. It is called for every graph, and as often
	// as the layer is applied in it.
	Call(c *Context, in []*graph.Node) *graph.Node
}

// Name returns l's field Name: what the user has called it, "" if nothing.
func Name(l Layer) string { return field[string](l, "Name") }

// Frozen returns l's field Frozen.
func Frozen(l Layer) bool { return field[bool](l, "Frozen") }

// activityRegularizer returns what penalizes the outputs of l. Keras's MultiHeadAttention has a field of that name for its
// projections alone.
func activityRegularizer(l Layer) regularizer.Regularizer {
	if _, ok := l.(*MultiHeadAttention); ok {
		return nil
	}
	return field[regularizer.Regularizer](l, "ActivityRegularizer")
}

// field returns a direct field of the struct that l points to, if it has one of
// that name and type.
func field[T any](l Layer, name string) (v T) {
	s := reflect.Indirect(reflect.ValueOf(l))
	if s.Kind() != reflect.Struct {
		return v
	}
	f, ok := s.Type().FieldByName(name)
	if !ok || len(f.Index) != 1 || f.Type != reflect.TypeFor[T]() {
		return v
	}
	v, _ = s.FieldByIndex(f.Index).Interface().(T)
	return v
}

// Class returns the name of l's class in Keras: the one under which its type is
// registered, or else the name of the type.
func Class(l Layer) string {
	if config.IsNil(l) {
		return ""
	}
	if m, ok := l.(*Model); ok {
		return m.class()
	}
	if name, ok := classOf(reflect.TypeOf(l)); ok {
		return name
	}
	return config.Class(l)
}

// A record is what is remembered of a layer, as long as it lives: so one that is
// applied again, in this network or another, shares its variables and, as in
// Keras, keeps its name.
type record struct {
	building  *sync.Mutex // held by who builds it
	built     bool
	variables []*Variable // its own
	states    []*Variable // that last from batch to batch, which are no weights
	inner     []Layer     // that it is made of
	name      string      // that the first network with it has given it
}

var records = struct {
	sync.Mutex
	of map[identity]record
}{of: map[identity]record{}}

// An identity is a layer without what keeps it alive. A struct has the address of
// its first field, which may be a layer too: so the type is part of it.
type identity struct {
	t reflect.Type
	p weak.Pointer[byte]
}

func identityOf(l Layer) identity { return identity{reflect.TypeOf(l), weak.Make(address(l))} }

func address(l Layer) *byte { return (*byte)(reflect.ValueOf(l).UnsafePointer()) }

// distinct returns l, or, of a type without fields, l at an address of its own:
// all values of such types may have one address, by which they can't be told
// apart. They keep nothing, so that none is missed where two are.
func distinct(l Layer) Layer {
	t := reflect.TypeOf(l).Elem()
	if t.Size() > 0 {
		return l
	}
	const alone = 32 // bytes: less shares its memory with others
	return reflect.NewAt(t, unsafe.Pointer(new([alone]byte))).Interface().(Layer)
}

// Variables returns the variables of l, its own and then those of the layers that it is made
// of, each once; nil if it has none or isn't built.
func Variables(l Layer) []*Variable {
	r := recall(l)
	if r.inner == nil {
		return r.variables
	}
	var list []*Variable
	seen := map[*Variable]bool{}
	walk(l, nil, func(l Layer, _ []Layer) {
		for _, v := range recall(l).variables {
			if !seen[v] {
				seen[v] = true
				list = append(list, v)
			}
		}
	})
	return list
}

func recall(l Layer) record {
	if reflect.ValueOf(l).Kind() != reflect.Pointer {
		return record{} // no layer: Apply refuses it
	}
	records.Lock()
	defer records.Unlock()
	return records.of[identityOf(l)]
}

// remember changes what is remembered of l.
func remember(l Layer, change func(r *record)) {
	key := identityOf(l)
	records.Lock()
	defer records.Unlock()
	r, ok := records.of[key]
	change(&r)
	records.of[key] = r
	if !ok {
		runtime.AddCleanup(address(l), func(key identity) {
			records.Lock()
			defer records.Unlock()
			delete(records.of, key)
		}, key)
	}
}
