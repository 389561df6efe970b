//go:build !unix

package cpu

import "testing"

// fenced returns n elements; there are no fences here.
func fenced[T any](t testing.TB, n int, _ bool) []T {
	t.Helper()
	return make([]T, n)
}
