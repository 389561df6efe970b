// Package move holds the kernels that move values and compute nothing else: copies between any strides, of which transposes,
// slices, padding and broadcasts are made, fills, one-hot rows, integers made float32, the gathering of a data set's rows, and rows of
// tables that are looked up, added up by their index and stored.
package move
