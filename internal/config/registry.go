package config

// This file keeps families. A family is the values of one interface type, such as
// activations; its members are found by name.

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A Member is a value with a name, as Keras's files and listings give it.
type Member interface{ Name() string }

// A Registry holds a family, each member in its default configuration.
type Registry[T Member] struct {
	kind string

	mu    sync.RWMutex
	names []string     // of the members, without aliases
	all   map[string]T // by name, by class and by alias
	err   error        // the mistakes of Register
}

// NewRegistry makes a family of what kind names (activation, loss…), and makes
// it known to Decode and to default tags.
func NewRegistry[T Member](kind string, members ...T) *Registry[T] {
	r := &Registry[T]{kind: kind, all: map[string]T{}}
	for _, m := range members {
		r.Register(m)
	}
	RegisterFamily(r.ByName, func(m T) string { return Class(m) }, false)
	return r
}

// Register adds a member under its name, its class (the name of its type) and
// the aliases, in place of a member that has one of these names already. A member
// that can't be used (see Check) is not registered: the error of ByName says why.
func (r *Registry[T]) Register(m T, aliases ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := check("what was to be registered as a "+r.kind, reflect.ValueOf(&m).Elem(), false); err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	if !slices.Contains(r.names, m.Name()) {
		r.names = append(r.names, m.Name())
		slices.Sort(r.names)
	}
	for _, name := range append(aliases, m.Name(), Class(m)) {
		r.all[name] = m
	}
}

// ByName returns the member of that name, class or alias in its default
// configuration. The error of an unknown name lists the known ones.
func (r *Registry[T]) ByName(name string) (T, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, ok := r.all[name]
	if !ok {
		return m, errors.Join(Unknown(r.kind, name, r.names), r.err)
	}
	return m, nil
}

// Names lists the members in alphabetical order.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.names)
}

// Unknown is the error for a name that is none of the known.
func Unknown(kind, name string, known []string) error {
	return fmt.Errorf("unknown %s %q: the known ones are %s", kind, name, strings.Join(known, ", "))
}

// Class returns Keras's class_name of v: what its method of that name says, or
// the name of its type.
func Class(v any) string {
	if IsNil(v) {
		return ""
	}
	if c, ok := v.(interface{ Class() string }); ok {
		return c.Class()
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// A family is what Encode, Decode and default tags know of an interface type.
type family struct {
	byName func(string) (any, error)
	class  func(any) string

	pointers bool // its members are pointers, not values
}

var families = struct {
	sync.RWMutex
	of map[reflect.Type]family
}{of: map[reflect.Type]family{}}

// RegisterFamily makes the interface type T a family: byName returns the member of
// a name in its default configuration, class the class of a member. pointers says
// that its members are pointers to structs, as layers are; those of other families
// are structs.
func RegisterFamily[T any](byName func(string) (T, error), class func(T) string, pointers bool) {
	families.Lock()
	defer families.Unlock()
	families.of[reflect.TypeFor[T]()] = family{
		func(name string) (any, error) { return byName(name) },
		func(v any) string { return class(v.(T)) },
		pointers,
	}
}

func familyOf(t reflect.Type) (family, error) {
	families.RLock()
	defer families.RUnlock()
	f, ok := families.of[t]
	if !ok {
		return f, fmt.Errorf("%v is no family", t)
	}
	return f, nil
}
