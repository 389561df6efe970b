//go:build !unix

package cputest

import "testing"

// Fenced returns n elements; there are no fences here.
func Fenced[T any](t testing.TB, n int, _ bool) []T {
	t.Helper()
	return make([]T, n)
}
