// Package config reads the structs by which Cornu is configured. Their exported
// fields are the configuration: what godoc shows is what a file stores.
//
// A field that is left out holds Go's zero value and means Keras's default. A
// default that isn't the zero value stands in the field's tag, so that it is
// written once, and Resolve, Encode and Decode agree on it:
//
//	Beta1        *float64 `default:"0.9"`
//	Mode         string   `default:"auto"`
//	LearningRate float64  `zero:"0.001"`
//	TopK         int      `zero:"none"`
//
// Where 0 is a legal value and the default is another, the field is a pointer: nil
// is the default and new(0.0) is 0. Where 0 is not a legal value the field is a
// plain number, and the tag zero says what 0 means: a default, or none, Keras's
// None, which is null in a file. A list or a text may have the tag zero:"none" too:
// an empty one is null in a file, and so is each 0 in such a list.
// A plain number without a tag means what it says, 0 included.
//
// A text whose tag is keras:"name,null" is null in a file where it is "none".
package config

// This file sets fields to their defaults.

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Resolve returns a copy of the struct v in which every field that was left out
// has its default. A pointer with a default is not nil in the copy, and every
// pointer to a number points to a copy of the number. Nested structs are resolved
// too. If v is an interface, the struct that it holds or points to is copied.
func Resolve[T any](v T) T {
	resolve(reflect.ValueOf(&v).Elem())
	return v
}

func resolve(v reflect.Value) {
	if v.Kind() == reflect.Interface {
		if s := reflect.Indirect(v.Elem()); s.Kind() == reflect.Struct {
			c := reflect.New(s.Type())
			c.Elem().Set(s)
			resolve(c.Elem())
			if v.Elem().Kind() == reflect.Struct {
				c = c.Elem()
			}
			v.Set(c)
		}
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, v := v.Type().Field(i), v.Field(i)
		if !f.IsExported() {
			continue
		}
		switch {
		case v.Kind() == reflect.Struct:
			resolve(v)
		case v.IsZero():
			if fallback := fallbackOf(f); fallback.IsValid() {
				v.Set(fallback)
			}
		case v.Kind() == reflect.Pointer && !v.IsNil() && isNumber(f.Type.Elem()):
			own := reflect.New(f.Type.Elem())
			own.Elem().Set(v.Elem())
			v.Set(own)
		}
	}
}

func isNumber(t reflect.Type) bool { return t.Kind() == reflect.Int || t.Kind() == reflect.Float64 }

// none is the tag zero of a field whose zero value is Keras's None.
const none = "none"

// fallbackOf returns the default that the tag of a field says, the zero Value if
// it says none. A tag that can't be read is a bug in the declaration of the struct.
func fallbackOf(f reflect.StructField) reflect.Value {
	fallback, isDefault := f.Tag.Lookup("default")
	zero, isZero := f.Tag.Lookup("zero")
	switch {
	case isDefault && isNumber(f.Type):
		panic(fmt.Sprintf("config: field %s: a plain number cannot tell 0 from nothing: make it a *%v, or, if 0 is no legal value, write zero:%q", f.Name, f.Type, fallback))
	case isZero && (isDefault || !isNumber(f.Type) && !(zero == none && slices.Contains([]reflect.Kind{reflect.Array, reflect.Slice, reflect.String}, f.Type.Kind()))):
		panic(fmt.Sprintf("config: field %s: zero:%q is for plain numbers alone, or none for lists and texts", f.Name, zero))
	case isDefault:
		return parse(f, f.Type, fallback)
	case isZero && zero != none:
		return parse(f, f.Type, zero)
	}
	return reflect.Value{}
}

// parse reads a default of type t.
func parse(f reflect.StructField, t reflect.Type, text string) reflect.Value {
	v := reflect.New(t).Elem()
	var err error
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(parse(f, t.Elem(), text))
	case reflect.Float64:
		var x float64
		x, err = strconv.ParseFloat(text, 64)
		v.SetFloat(x)
	case reflect.Int:
		var n int64
		n, err = strconv.ParseInt(text, 10, strconv.IntSize)
		v.SetInt(n)
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		for one := range strings.SplitSeq(text, ",") {
			v.Set(reflect.Append(v, parse(f, t.Elem(), one)))
		}
	case reflect.Array: // one number for all, or one for each
		parts := strings.Split(text, ",")
		for i := range v.Len() {
			v.Index(i).Set(parse(f, t.Elem(), parts[min(i, len(parts)-1)]))
		}
	case reflect.Interface:
		var members family
		var member any
		if members, err = familyOf(t); err == nil {
			member, err = members.byName(text)
		}
		if err == nil {
			v.Set(reflect.ValueOf(member))
		}
	default:
		err = fmt.Errorf("fields of type %v have no defaults", t)
	}
	if err != nil {
		panic(fmt.Sprintf("config: field %s: default %q: %v", f.Name, text, err))
	}
	return v
}
