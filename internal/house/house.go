// Package house holds the tests of what holds for the whole module rather than for one package: which way imports
// point, which instructions the compiler may choose, that what is exported is explained, and that it bears any argument.
//
// It has no code of its own.
package house
