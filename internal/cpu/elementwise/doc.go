// Package elementwise holds the kernels that compute each element of a result from the elements at the same place: chains
// of such operations are one program, run tile by tile or by a loop of its own, and dropout's random bits are drawn on the way.
//
// What each operation is stands in program.go and, as plain Go, in elementwise_generic.go; the programs that have a loop
// of their own are listed in ../_gen/fused; where dropout's bits come from is in dropout.go.
package elementwise
