package layer

// This file keeps the classes of layers by name.

import (
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
}{make: map[string]func() Layer{}, of: map[reflect.Type]string{}}

// Register makes a class of layers known to files. f returns a new layer in its
// default configuration.
func Register(class string, f func() Layer) {
	classes.Lock()
	defer classes.Unlock()
	classes.make[class] = f
	classes.of[reflect.TypeOf(f())] = class
}

// New returns a new layer of the class, in its default configuration. The error
// of an unknown class lists the known ones.
func New(class string) (Layer, error) {
	classes.RLock()
	f := classes.make[class]
	classes.RUnlock()
	if f == nil {
		return nil, config.Unknown("layer", class, Classes())
	}
	return f(), nil
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
