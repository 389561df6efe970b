// Package move holds the kernels that move values: copies between arrays of any strides, of which transposes, slices, padding
// and broadcasts are made, fills and one-hot rows (copy.go), the conversion of integers to float32 (convert.go), the gathering
// of shuffled rows of a data set into a batch (gather.go), and the lookup, the sum by index and the update of rows of a table,
// which an Embedding and its gradient are made of (rows.go).
package move
