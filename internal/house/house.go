// Package house holds the tests of what holds for the whole module rather than for one package: which way imports
// point, which instructions the compiler may choose, and that what is exported is explained.
//
// It has no code of its own.
package house
