// Package config reads the structs by which Cornu is configured. Their exported
// fields are the configuration: what godoc shows is what a file stores.
//
// A field that is left out holds Go's zero value and means Keras's default. A
// default that isn't zero stands in the field's tag:
//
//	Beta1 float64 `default:"0.9"`
//
// so that it is written once, and Resolve, Encode and Decode agree on it. Zero
// says 0 for such a field.
package config

// This file puts defaults in.

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// Zero stands for 0 in a float field whose zero value means a default that
// isn't 0. It is the smallest denormal, and is read as 0 everywhere.
const Zero = math.SmallestNonzeroFloat64

// Resolve returns a copy of the struct v in which every field that was left out
// has its default, and every Zero is 0. Structs within are resolved too. If v is
// an interface, it is the struct in it that is copied.
func Resolve[T any](v T) T {
	resolve(reflect.ValueOf(&v).Elem())
	return v
}

func resolve(v reflect.Value) {
	if v.Kind() == reflect.Interface && v.Elem().Kind() == reflect.Struct {
		c := reflect.New(v.Elem().Type()).Elem()
		c.Set(v.Elem())
		resolve(c)
		v.Set(c)
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
		if f.Type.Kind() == reflect.Struct {
			resolve(v)
		}
		if tag, ok := f.Tag.Lookup("default"); ok && v.IsZero() {
			v.Set(parse(f, tag))
		}
		if f.Type.Kind() == reflect.Float64 && v.Float() == Zero {
			v.SetFloat(0)
		}
	}
}

// parse reads the tag of a field. A tag that can't be read is a bug in the
// declaration of the struct.
func parse(f reflect.StructField, tag string) reflect.Value {
	v := reflect.New(f.Type).Elem()
	var err error
	switch f.Type.Kind() {
	case reflect.Float64:
		var x float64
		x, err = strconv.ParseFloat(tag, 64)
		v.SetFloat(x)
	case reflect.Int:
		var n int64
		n, err = strconv.ParseInt(tag, 10, strconv.IntSize)
		v.SetInt(n)
	case reflect.String:
		v.SetString(tag)
	case reflect.Interface:
		var members family
		var member any
		if members, err = familyOf(f.Type); err == nil {
			member, err = members.byName(tag)
		}
		if err == nil {
			v.Set(reflect.ValueOf(member))
		}
	default:
		err = fmt.Errorf("fields of type %v have no defaults", f.Type)
	}
	if err != nil {
		panic(fmt.Sprintf("config: field %s: default %q: %v", f.Name, tag, err))
	}
	return v
}
