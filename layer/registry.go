package layer

// This file keeps the classes of layers by name.

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/config"
)

func init() { config.RegisterFamily(New, Class, true) }

var classes = struct {
	sync.RWMutex
	make map[string]func() Layer
	of   map[reflect.Type]string
	err  error // of registering what makes no layer
}{make: map[string]func() Layer{}, of: map[reflect.Type]string{}}

// Register makes a class of layers known, so that models with it can be saved and
// loaded. f returns a new layer in its default configuration. If it returns none, the
// class is not registered, and the error of New for an unknown class says why.
func Register(class string, f func() Layer) {
	var l Layer
	if f != nil {
		l = f()
	}
	classes.Lock()
	defer classes.Unlock()
	if err := check(l); err != nil {
		classes.err = errors.Join(classes.err, fmt.Errorf("what was to be registered as %q: %w", class, err))
		return
	}
	classes.make[class] = f
	classes.of[reflect.TypeOf(l)] = class
}

// check returns an error unless l is what layers are.
func check(l Layer) error {
	v := reflect.ValueOf(l)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("it is nil: a layer is &%v{…}", v.Type().Elem())
	}
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("a layer is a pointer to a struct, not a %T", l)
	}
	return nil
}

// New returns a new layer of the class, in its default configuration. The error
// of an unknown class lists the known ones.
func New(class string) (Layer, error) {
	classes.RLock()
	f, broken := classes.make[class], classes.err
	classes.RUnlock()
	if f == nil {
		return nil, errors.Join(config.Unknown("layer", class, Classes()), broken)
	}
	l := f()
	return l, check(l)
}

// Classes lists the registered classes in alphabetical order.
func Classes() []string {
	classes.RLock()
	defer classes.RUnlock()
	var names []string
	for name := range classes.make {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func classOf(t reflect.Type) (string, bool) {
	classes.RLock()
	defer classes.RUnlock()
	name, ok := classes.of[t]
	return name, ok
}
