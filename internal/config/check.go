package config

// This file finds members of families that can't be used, such as nil pointers. A
// family is the values of one interface type, such as activations: see registry.go.

import (
	"fmt"
	"reflect"
)

// IsNil reports whether v is nil: an interface that holds nothing, or one that
// holds a pointer, a function or the like that is nil.
func IsNil(v any) bool { return isNil(reflect.ValueOf(v)) }

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.Interface:
		return v.IsNil()
	}
	return false
}

// Check returns an error if v, a member of the family T, or a member in its fields
// can't be used. A member can't be used if it is nil, if its interface holds a nil
// pointer, if it is a pointer in a family whose members are plain structs (its
// fields would not be read), or if its method Check() error, where it has one,
// returns an error. what names v in the error.
func Check[T any](what string, v T) error { return check(what, reflect.ValueOf(&v).Elem(), true) }

// CheckFields is Check of the members in the fields of the struct that v points
// to, where nil is no mistake.
func CheckFields(v any) error {
	if s := reflect.Indirect(reflect.ValueOf(v)); s.Kind() == reflect.Struct {
		return checkFields("", s, true)
	}
	return nil
}

// check looks at v, which has the interface type of a family; deep says that the
// members' own checks are called.
func check(what string, v reflect.Value, deep bool) error {
	if v.IsNil() {
		return fmt.Errorf("%s is nil", what)
	}
	member := v.Elem()
	if isNil(member) {
		return fmt.Errorf("%s is a nil %v", what, member.Type())
	}
	if f, err := familyOf(v.Type()); err == nil && f.pointers {
		return nil // its fields are looked at where it is used
	}
	if t := member.Type(); t.Kind() == reflect.Pointer && t.Elem().Implements(v.Type()) {
		return fmt.Errorf("%s is a pointer to %v, which is a value: write %v{…} without &", what, t.Elem(), t.Elem())
	}
	if s := reflect.Indirect(member); s.Kind() == reflect.Struct {
		if err := checkFields(what+"'s ", s, deep); err != nil {
			return err
		}
	}
	if deep && member.CanInterface() {
		if own, ok := member.Interface().(interface{ Check() error }); ok {
			if err := own.Check(); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
	}
	return nil
}

// checkFields looks at the fields of s that hold members of families.
func checkFields(owner string, s reflect.Value, deep bool) error {
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		var err error
		switch v.Kind() {
		case reflect.Struct:
			err = checkFields(owner, v, deep)
		case reflect.Interface:
			if _, none := familyOf(f.Type); none == nil && !v.IsNil() {
				err = check(owner+f.Name, v, deep)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
