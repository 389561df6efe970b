// Package reduce holds the kernels that look at a whole row or column for one number: sums and extremes along an axis,
// whether all is finite, softmax and its cross-entropy.
package reduce
