package kerasfile

// This file finds the groups of arrays in the .keras files that Keras 2 wrote. Those of 2.12 to 2.14 are in groups of another
// name, in whose numbers each layer that has variables counts twice. On Windows a path of groups is one group whose name has
// backslashes.

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
)

// An archive2 says how the groups of a file are named, if they aren't as Keras 3 names them.
type archive2 struct {
	is      bool // Keras 2 wrote the file
	twice   bool // they are called checkpointed, and count twice
	windows bool // their paths are joined by backslashes
}

const checkpointed = "_layer_checkpoint_dependencies"

// archive2Of tells how groups are named, by those of the root.
func archive2Of(names []string) (a archive2) {
	for _, name := range names {
		a.twice = a.twice || strings.HasPrefix(name, checkpointed)
		a.windows = a.windows || strings.Contains(name, "\\")
	}
	return a
}

// ofKeras2 reports whether the metadata of an archive are of Keras 2.
func ofKeras2(f *zip.File) (bool, error) {
	text, err := content(f, 1<<20)
	if err != nil {
		return false, err
	}
	var meta struct {
		Version string `json:"keras_version"`
	}
	// Files that don't say are taken as those of Keras 3.
	err = json.Unmarshal(text, &meta)
	return err == nil && strings.HasPrefix(meta.Version, "2."), nil
}

// prefix is that of the groups of layers.
func (a archive2) prefix() string {
	if a.twice {
		return checkpointed + "/"
	}
	return "layers/"
}

// path returns a path as the file has it: what it ends with, vars, is a group of its own.
func (a archive2) path(path string) string {
	if i := strings.LastIndex(path, "/vars"); a.windows && i > 0 {
		path = strings.ReplaceAll(path[:i], "/", "\\") + path[i:]
	}
	return path
}

// slashes is a path of groups with slashes.
func slashes(path string) string { return strings.ReplaceAll(path, "\\", "/") }

// groupsOf returns the path of each layer's group, "" for one that has none.
func (w *Weights) groupsOf(layers []LayerKey, sequential bool) []string {
	if !w.second.twice {
		return groupsOf(classesOf(layers), sequential)
	}
	places := make([]string, len(layers))
	used := map[string]int{}
	for i := range layers {
		l := &layers[i]
		if sequential && l.Class == "InputLayer" {
			continue
		}
		name := config.Snake(l.Class)
		places[i] = w.second.prefix() + name
		if n := used[name]; n > 0 {
			places[i] = fmt.Sprint(places[i], "_", n)
		}
		used[name]++
		if l.all() > 0 {
			used[name]++
		}
	}
	return places
}

// innerGroups returns the paths of the groups of the layers that a layer is made of.
func (w *Weights) innerGroups(place string, l *LayerKey) []string {
	if isModel(l.Class) && w.second.twice {
		places := w.groupsOf(l.Inner, l.Class == "Sequential")
		for i, p := range places {
			if p != "" {
				places[i] = place + "/" + p
			}
		}
		return places
	}
	places := innerGroups(place, l.Class, classesOf(l.Inner))
	for i, p := range places {
		// MultiHeadAttention of Keras 2 has no properties of these names.
		if private := place + "/_" + strings.TrimPrefix(p, place+"/"); w.second.is && projects(l.Class) && w.has(private+"/vars") {
			places[i] = private
		}
	}
	return places
}
