// Package product holds the kernels that multiply and add: matrix products, convolutions and their gradients, and pools.
//
// What decides a product's tiles and tasks is the table of strategies in gemm_tiling.go; how zeros are left out is in
// gemm_zeros.go; what a convolution is stands in conv.go, its ways through the tiles of products in the other conv files.
package product
