package config

// This file describes a value by its type and its fields, so that two values can be compared.

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Describe yields pairs of texts that describe v, which is called name: the name with v's type, and then "name's field" with
// the JSON of each field, for all fields that a file would have.
func Describe(name string, v any) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if !yield(name, fmt.Sprintf("%T", v)) || IsNil(v) {
			return
		}
		fields, err := Encode(v)
		if err != nil {
			return // it can't be in a file either
		}
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			text, err := json.Marshal(fields[field])
			if err == nil && !yield(fmt.Sprintf("%s's %s", name, field), string(text)) {
				return
			}
		}
	}
}
