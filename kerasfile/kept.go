package kerasfile

// This file has what layers learn that is no variable: vocabularies, which are in files of their own, and the weights of their
// tokens.

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// isKept reports whether an array among the variables of a layer is none of them.
func isKept(name string) bool { return name == "idf_weights" }

// keeps returns the places that what a layer of the class has learnt is at: a TextVectorization has a layer that looks up.
func keeps(place, class string) []string {
	if class == "TextVectorization" {
		return []string{place, place + "/_lookup_layer"}
	}
	return []string{place}
}

// placesIn returns the places of the layers of a network that is at a place.
func placesIn(net *layer.Spec, sequential bool, place string) []string {
	var classes []string
	for _, one := range net.Layers {
		classes = append(classes, one.Class)
	}
	list := groupsOf(classes, sequential)
	for i := range list {
		list[i] = path.Join(place, list[i])
	}
	return list
}

// kept calls add with each file of what the layers of a network have learnt.
func kept(net *layer.Spec, sequential bool, place string, add func(path string, content []byte)) {
	at := placesIn(net, sequential, place)
	for i, one := range net.Layers {
		if one.Network != nil {
			kept(one.Network, one.Class == "Sequential", at[i], add)
			continue
		}
		for _, place := range keeps(at[i], one.Class) {
			for _, name := range slices.Sorted(maps.Keys(one.Kept.Files)) {
				add(place+"/"+name, one.Kept.Files[name])
			}
		}
	}
}

// learnt names a layer that has learnt what is no variable, "" if none has.
func learnt(net *layer.Spec) string {
	for _, one := range net.Layers {
		if len(one.Kept.Files) > 0 || len(one.Kept.Arrays) > 0 {
			return one.Name
		}
		if one.Network != nil {
			if name := learnt(one.Network); name != "" {
				return name
			}
		}
	}
	return ""
}

// A finder finds in a file what layers have learnt.
type finder struct {
	files   map[string][]*zip.File // by their folders, in the order of their names
	weights *Weights
	limits  Limits // of Bytes, what is left
}

func newFinder(members map[string]*zip.File, w *Weights, limits Limits) *finder {
	f := &finder{map[string][]*zip.File{}, w, limits}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if folder, file := path.Split(name); file != "" {
			f.files[folder] = append(f.files[folder], members[name])
		}
	}
	return f
}

// restore finds what the layers of a network have learnt.
func (f *finder) restore(net *layer.Spec, sequential bool, place string) error {
	at := placesIn(net, sequential, place)
	for i := range net.Layers {
		one := &net.Layers[i]
		if one.Network != nil {
			if err := f.restore(one.Network, one.Class == "Sequential", at[i]); err != nil {
				return err
			}
			continue
		}
		l, err := layer.New(one.Class)
		if err != nil {
			continue // the network says which are known
		}
		if _, ok := l.(layer.Keeper); !ok {
			continue
		}
		one.Kept = layer.Kept{Files: map[string][]byte{}, Arrays: map[string][]float32{}}
		for _, member := range f.files[assetsFolder+at[i]+"/"] {
			b, err := content(member, f.limits.Bytes)
			if lines := bytes.Count(b, []byte("\n")); err == nil && lines >= f.limits.Objects {
				err = fmt.Errorf("it has %d lines, the limit is %d: see Limits.Objects", lines+1, f.limits.Objects)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", member.Name, err)
			}
			f.limits.Bytes -= int64(len(b))
			one.Kept.Files[path.Base(member.Name)] = b
		}
		if err := f.arrays(at[i], one.Kept.Arrays); err != nil {
			return fmt.Errorf("layer %q: %w", one.Name, err)
		}
	}
	return nil
}

// arrays reads the arrays of a layer that are none of its variables.
func (f *finder) arrays(place string, to map[string][]float32) error {
	if !f.weights.has(place + "/vars") {
		return nil
	}
	g, err := f.weights.root.Group(f.weights.second.path(place + "/vars"))
	if err != nil {
		return err
	}
	for _, name := range g.Names() {
		if !isKept(name) {
			continue
		}
		d, err := g.Dataset(name)
		if err != nil {
			return err
		}
		n := tensor.Shape(d.Shape()).Numel()
		if int64(n) > f.limits.Bytes/4 || n > f.limits.Objects {
			return fmt.Errorf("array %s has shape %v: there may be %d bytes and %d numbers: see Limits.Bytes and Limits.Objects", d.Path(), d.Shape(), f.limits.Bytes, f.limits.Objects)
		}
		f.limits.Bytes -= int64(4 * n)
		to[name] = make([]float32, n)
		if err := d.Float32s(to[name]); err != nil {
			return err
		}
	}
	return nil
}
