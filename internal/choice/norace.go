//go:build !race

package choice

// raced says that the race detector watches, at whose pace few cases will do: a race doesn't hide in one of a thousand.
const raced = false
