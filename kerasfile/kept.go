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

// restore finds what the layers of a network have learnt.
func restore(net *layer.Spec, sequential bool, place string, members map[string]*zip.File, w *Weights, limits Limits) error {
	at := placesIn(net, sequential, place)
	for i := range net.Layers {
		one := &net.Layers[i]
		if one.Network != nil {
			if err := restore(one.Network, one.Class == "Sequential", at[i], members, w, limits); err != nil {
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
		folder := assetsFolder + at[i] + "/"
		for _, name := range slices.Sorted(maps.Keys(members)) {
			dir, file := path.Split(name)
			if dir != folder || file == "" {
				continue
			}
			b, err := content(members[name], limits.Bytes)
			if lines := bytes.Count(b, []byte("\n")); err == nil && lines >= limits.Objects {
				err = fmt.Errorf("it has %d lines, the limit is %d: see Limits.Objects", lines+1, limits.Objects)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			one.Kept.Files[file] = b
		}
		if err := w.restore(at[i], one.Kept.Arrays, limits); err != nil {
			return fmt.Errorf("layer %q: %w", one.Name, err)
		}
	}
	return nil
}

// restore reads the arrays of a layer that are none of its variables.
func (w *Weights) restore(place string, arrays map[string][]float32, limits Limits) error {
	if !w.has(place + "/vars") {
		return nil
	}
	g, err := w.root.Group(place + "/vars")
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
		if int64(n) > limits.Bytes/4 || n > limits.Objects {
			return fmt.Errorf("array %s has shape %v: the limit is %d bytes and %d numbers: see Limits.Bytes and Limits.Objects", d.Path(), d.Shape(), limits.Bytes, limits.Objects)
		}
		arrays[name] = make([]float32, n)
		if err := d.Float32s(arrays[name]); err != nil {
			return err
		}
	}
	return nil
}
