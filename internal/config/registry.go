package config

// This file keeps families: the values that implement one interface, by name.

import (
	"fmt"
	"maps"
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
}

// NewRegistry makes a family of what kind names (activation, loss…), and makes
// it known to Decode and to default tags.
func NewRegistry[T Member](kind string, members ...T) *Registry[T] {
	r := &Registry[T]{kind: kind, all: map[string]T{}}
	for _, m := range members {
		r.Register(m)
	}
	RegisterFamily(r.ByName)
	return r
}

// Register adds a member under its name, its class (the name of its type) and
// the aliases. It replaces one that was there.
func (r *Registry[T]) Register(m T, aliases ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
		return m, Unknown(r.kind, name, r.names)
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

// Class returns the name of v's type, Keras's class_name.
func Class(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

var families = struct {
	sync.RWMutex
	byName map[reflect.Type]func(string) (any, error)
}{byName: map[reflect.Type]func(string) (any, error){}}

// RegisterFamily tells Decode and default tags how a field of the interface
// type T gets a value from a name.
func RegisterFamily[T any](byName func(string) (T, error)) {
	families.Lock()
	defer families.Unlock()
	families.byName[reflect.TypeFor[T]()] = func(name string) (any, error) { return byName(name) }
}

// named returns the member of the family t that has the name.
func named(t reflect.Type, name string) (any, error) {
	families.RLock()
	byName := families.byName[t]
	known := slices.Collect(maps.Keys(families.byName))
	families.RUnlock()
	if byName == nil {
		return nil, fmt.Errorf("no family of %v among %v", t, known)
	}
	return byName(name)
}
