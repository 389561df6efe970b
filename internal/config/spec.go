package config

// This file turns configurations into maps that JSON can hold, with Keras's
// names, and back.
//
// A field's name is its Go name in snake case, or what its tag says:
//
//	NoBias bool `keras:"use_bias,not"`
//
// The option "not" inverts a boolean. The option "ours" marks a field that Keras
// doesn't have, or whose default Keras can't write: it is left out of the map where
// it has its default. The fields of a nested struct stand among those of the outer
// one; those of a struct behind a pointer, in a map of their own. A value in an
// interface is a map of its class_name and its config, an element type is its name.

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Encode returns the configuration of the struct v, or of the struct that it points
// to. Fields that were left out have their defaults.
func Encode(v any) (map[string]any, error) {
	c := reflect.New(reflect.Indirect(reflect.ValueOf(v)).Type()).Elem()
	c.Set(reflect.Indirect(reflect.ValueOf(v)))
	m := map[string]any{}
	if c.Kind() != reflect.Struct {
		return m, nil
	}
	resolve(c)
	return m, encode(c, m)
}

func encode(v reflect.Value, m map[string]any) error {
	for _, f := range fields(v) {
		if f.value.Kind() == reflect.Struct {
			if err := encode(f.value, m); err != nil {
				return err
			}
			continue
		}
		if f.ours && f.isDefault() {
			continue
		}
		if f.none && f.value.IsZero() {
			m[f.name] = nil
			continue
		}
		x, err := encodeValue(f.value)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if list, ok := x.([]any); ok && f.none {
			for i := range list {
				if list[i] == 0 {
					list[i] = nil
				}
			}
		}
		if b, ok := x.(bool); ok && f.not {
			x = !b
		}
		if f.null && x == none {
			x = nil
		}
		m[f.name] = x
	}
	return nil
}

func encodeValue(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int:
		return int(v.Int()), nil
	case reflect.Uint8:
		if named, ok := v.Interface().(encoding.TextMarshaler); ok {
			text, err := named.MarshalText()
			return string(text), err
		}
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return encodeValue(v.Elem())
	case reflect.Float64:
		if x := v.Float(); math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, fmt.Errorf("%v is not finite", x)
		}
		return v.Float(), nil
	case reflect.Slice:
		if v.IsNil() {
			return nil, nil
		}
		return encodeList(v)
	case reflect.Array:
		return encodeList(v)
	case reflect.Struct:
		return Encode(v.Interface())
	case reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		members, err := familyOf(v.Type())
		if err != nil {
			return nil, err
		}
		class := members.class(v.Interface())
		known, err := members.byName(class)
		if err != nil || reflect.TypeOf(known) != v.Elem().Type() {
			return nil, fmt.Errorf("%q, a %v, is of no registered class: Register of package %s makes it known to files", class, v.Elem().Type(), path.Base(v.Type().PkgPath()))
		}
		m, err := Encode(v.Interface())
		return map[string]any{"class_name": class, "config": m}, err
	}
	return nil, fmt.Errorf("a %v cannot be written", v.Type())
}

func encodeList(v reflect.Value) (any, error) {
	list := make([]any, v.Len())
	for i := range list {
		x, err := encodeValue(v.Index(i))
		if err != nil {
			return nil, err
		}
		list[i] = x
	}
	return list, nil
}

// Decode sets the struct that v points to, which holds a default configuration,
// to what m says. Entries of m that are no field are an error.
func Decode(m map[string]any, v any) error {
	rest := maps.Clone(m)
	s := reflect.ValueOf(v).Elem()
	if err := decode(rest, s); err != nil {
		return err
	}
	if len(rest) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(rest)))
		return Unknown("field of "+s.Type().Name(), name, names(s))
	}
	return nil
}

func decode(m map[string]any, v reflect.Value) error {
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range fields(v) {
		if f.value.Kind() == reflect.Struct {
			if err := decode(m, f.value); err != nil {
				return err
			}
			continue
		}
		x, ok := m[f.name]
		if !ok {
			continue
		}
		delete(m, f.name)
		if b, ok := x.(bool); ok && f.not {
			x = !b
		}
		if f.null && x == nil {
			x = none
		}
		if err := decodeValue(x, f.value); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		// A field that has its default is left out, as in a program. A zero that would
		// then mean the default is not a legal value.
		switch {
		case f.value.IsZero() && x != nil && (f.none || f.fallback.IsValid()):
			return fmt.Errorf("%s: %v is not a value that it can have", f.name, x)
		case f.isDefault():
			f.value.SetZero()
		}
	}
	return nil
}

func decodeValue(x any, v reflect.Value) error {
	misfit := fmt.Errorf("%v (%T) is no %v", x, x, v.Type())
	if x == nil {
		v.SetZero()
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		b, ok := x.(bool)
		if !ok {
			return misfit
		}
		v.SetBool(b)
	case reflect.String:
		s, ok := x.(string)
		if !ok {
			return misfit
		}
		v.SetString(s)
	case reflect.Uint8:
		name, ok := x.(string)
		named, known := v.Addr().Interface().(encoding.TextUnmarshaler)
		if !ok || !known {
			return misfit
		}
		return named.UnmarshalText([]byte(name))
	case reflect.Int, reflect.Float64:
		if list, ok := x.([]any); ok && len(list) == 1 {
			x = list[0] // a tuple of one
		}
		n, ok := number(x)
		if !ok || v.Kind() == reflect.Int && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
			return misfit
		}
		if v.Kind() == reflect.Int {
			v.SetInt(int64(n))
		} else {
			v.SetFloat(n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(x, v.Elem())
	case reflect.Slice:
		list, ok := x.([]any)
		if !ok {
			list = []any{x} // Keras lets one element stand for a list of it
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i := range list {
			if err := decodeValue(list[i], v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Array:
		list, ok := x.([]any)
		if ok && len(list) != v.Len() {
			return misfit
		}
		for i := range v.Len() {
			one := x // Keras lets a number stand for a tuple of it
			if ok {
				one = list[i]
			}
			if one == nil {
				return misfit
			}
			if err := decodeValue(one, v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		m, ok := x.(map[string]any)
		if !ok {
			return misfit
		}
		return Decode(m, v.Addr().Interface())
	case reflect.Interface:
		return decodeMember(x, v, misfit)
	default:
		return misfit
	}
	return nil
}

// decodeMember sets v to a member of its family: x is its name, or a map of its
// class and its configuration.
func decodeMember(x any, v reflect.Value, misfit error) error {
	m, ok := x.(map[string]any)
	if !ok {
		name, ok := x.(string)
		if !ok {
			return misfit
		}
		m = map[string]any{"class_name": name}
	}
	class, ok := m["class_name"].(string)
	if !ok {
		return misfit
	}
	members, err := familyOf(v.Type())
	if err != nil {
		return err
	}
	member, err := members.byName(class)
	if err != nil {
		return err
	}
	c, ok := m["config"].(map[string]any)
	if !ok && m["config"] != nil {
		return misfit
	}
	if p := reflect.ValueOf(member); p.Kind() == reflect.Pointer {
		v.Set(p)
		return Decode(c, member)
	}
	p := reflect.New(reflect.TypeOf(member))
	p.Elem().Set(reflect.ValueOf(member))
	if err := Decode(c, p.Interface()); err != nil {
		return fmt.Errorf("%s: %w", class, err)
	}
	v.Set(p.Elem())
	return nil
}

func number(x any) (float64, bool) {
	switch x := x.(type) {
	case float64:
		return x, true
	case int:
		return float64(x), true
	case json.Number:
		n, err := x.Float64()
		return n, err == nil
	}
	return 0, false
}

// A field is a field of a struct that is part of the configuration.
type field struct {
	name     string
	not      bool // the map has the inverse of the boolean
	ours     bool // not in the map if it is the default
	none     bool // 0 is null
	null     bool // "none" is null
	value    reflect.Value
	fallback reflect.Value // the default, invalid if that is the zero value
}

// isDefault reports whether the field's value, resolved, is its default.
func (f field) isDefault() bool {
	if !f.fallback.IsValid() {
		return f.value.IsZero()
	}
	return reflect.DeepEqual(f.value.Interface(), f.fallback.Interface())
}

func fields(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		tag, ok := f.Tag.Lookup("keras")
		if !ok {
			tag = Snake(f.Name)
			if f.Name == "Frozen" { // of layers, the user's own too
				tag = "trainable,not"
			}
		}
		name, option, _ := strings.Cut(tag, ",")
		if name == "" {
			name = Snake(f.Name)
		}
		out = append(out, field{
			name: name, not: option == "not", ours: option == "ours", null: option == "null", none: f.Tag.Get("zero") == none,
			value: v.Field(i), fallback: fallbackOf(f),
		})
	}
	return out
}

// FieldTypes returns the types of the fields of a configuration, a struct type or a
// pointer to one, by the names that files have for them.
func FieldTypes(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return types
	}
	for _, f := range fields(reflect.New(t).Elem()) {
		if f.value.Kind() == reflect.Struct {
			maps.Copy(types, FieldTypes(f.value.Type()))
		} else {
			types[f.name] = f.value.Type()
		}
	}
	return types
}

// MemberType returns the type of the member with that name or class in a family, an
// interface type; nil if there is none.
func MemberType(family reflect.Type, name string) reflect.Type {
	members, err := familyOf(family)
	if err != nil {
		return nil
	}
	member, err := members.byName(name)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(member)
}

// names lists the names of the fields of v.
func names(v reflect.Value) []string {
	var out []string
	for _, f := range fields(v) {
		if f.value.Kind() == reflect.Struct {
			out = append(out, names(f.value)...)
		} else {
			out = append(out, f.name)
		}
	}
	return out
}

// Snake writes the name of a class in Keras's snake case: Conv2DTranspose becomes conv2d_transpose. Keras names layers, and their
// groups of weights in files, in this way. Where Keras exports a class under another name, it is the class's own that counts.
func Snake(name string) string {
	name = name[strings.LastIndex(name, ">")+1:] // of what a package has registered
	if name == "GroupQueryAttention" {
		name = "GroupedQueryAttention"
	}
	r := []rune(name)
	var out []rune
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) {
			before := unicode.IsLower(r[i-1])
			after := i+1 < len(r) && unicode.IsLower(r[i+1])
			if before || after {
				out = append(out, '_')
			}
		}
		out = append(out, unicode.ToLower(c))
	}
	return string(out)
}
