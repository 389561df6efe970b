package config

// This file says what a value is, for whoever compares it with another.

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Describe gives what is called name in pieces that have a name and a value: its type, and its fields as a file has them,
// where it has such.
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
