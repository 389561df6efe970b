//go:build race

package choice

const raced = true
