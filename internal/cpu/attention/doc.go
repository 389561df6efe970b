// Package attention has the kernels of attention, softmax(Scale·Q·Kᵀ)·V, and of its gradient. They work on blocks of 64
// queries, so that only the weights of one block are in memory at a time. attention.go has the forward pass and how it is
// cut into tasks, weights.go the weights of a block, gradient.go the gradient.
package attention
