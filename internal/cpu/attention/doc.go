// Package attention has the kernels of attention and of its derivatives: weighted means of values, whose weights are the softmax
// of products of queries and keys, block by block of queries. attention.go has what it is and how it is cut into tasks,
// weights.go the weights of a block, gradient.go the derivatives.
package attention
