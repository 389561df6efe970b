// Package reduce holds the kernels each of whose results depends on a whole row or column: sums, maxima and minima along an
// axis, the check that all elements are finite, softmax and its cross-entropy.
package reduce
