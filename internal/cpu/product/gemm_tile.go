package product

// This file holds the arguments of the assembly that products are made of. The
// generators read it, so it imports nothing.

// A tile is the work of one call of a microkernel: count tiles of C, each
//
//	C[i][j] = Σ A[i][p]·B[p][j]   for p = 0 … k-1, one chain of fused multiply-adds
//
// for the rows and the columns of the microkernel. The microkernels named Rows read
// A[i][p] at a + i*lda + 4*p; those named Cols, which a transposed or packed A is
// for, at a + p*lda + 4*i. B[p][j] is at b + p*ldb + 4*j and C[i][j] at
// c + i*ldc + 4*j. Everything that is not a count is in bytes.
type tile struct {
	a, b, c             *float32
	lda, ldb, ldc       int
	k                   int
	count               int
	aStep, bStep, cStep int      // from one tile to the next
	tail                int      // columns that the last vector has
	next                *float32 // what is prefetched of B or of A for the next step: four vectors for every four k
	nextStep            int      // from these to those of the next four k
	sparse              int      // 1: only the first line of the cache is fetched
	far                 int      // 1: the next tile of C is to be prefetched
	nonTemporal         int      // 1: C is stored by non-temporal stores; it is aligned and the last vector is full
	resume              int      // 1: the chains go on from what is in C; 0: they start from +0

	// The microkernels named Listed compute count tiles below each other, each for k of
	// p that are listed. They reduce count by those that are done, and stop before one
	// with a chain that ends at -0, infinite or NaN.
	//
	// Those named Indirect read A[i][p] at a + list[2p] + i*lda and B[p][j] at b + list[2p+1] + 4*j.
	//
	// Those named Segmented compute k segments, one after the other, of which the list has three numbers each: A[i][p] is at a + list[3s] + i*lda + 4*p,
	// B[p][j] at b + list[3s+1] + p*ldb + 4*j for p = 0 … list[3s+2]-1.
	list, ks         *int32
	listStep, ksStep int
}

// A block is a matrix to be transposed, or several side by side to be copied: element
// (i, j) of rows × cols is at src + i*lds + 4*j, and the next matrix begins after
// its last column.
type block struct {
	dst, src   *float32
	ldd, lds   int // bytes between rows
	rows, cols int
	count      int // of matrices to be copied
	dstStep    int // bytes between their copies
}

// A search is for what is not 0: bit j of bits[i] says whether element (i, j) of x
// isn't. NaN isn't; -0 is.
type search struct {
	bits       *uint64
	x          *float32
	ldx        int // bytes between rows
	rows, cols int // of which there are at most 64
}

// A listing is that of the bits that are set in so many words. n is set to how many
// there are; elements of the list behind these may be overwritten, up to 15.
type listing struct {
	list  *int32
	bits  *uint64
	words int
	n     int
}

// A depthwise is sums of products column by column, for count rows of cols columns:
//
//	C[j] = Σ A[p][j]·B[p][j]   for p = 0 … k-1, one chain of fused multiply-adds
//
// A[p][j] is at a + offsets[2p] + 4*j, B[p][j] at b + offsets[2p+1] + 4*j. B is the same for all rows. Everything
// that is not a count is in bytes.
type depthwise struct {
	a, b, c      *float32
	offsets      *int // where A and B are for each p
	k            int
	cols         int
	count        int
	aStep, cStep int // from one row to the next
	resume       int // 1: the chains go on from what is in C; 0: they start from +0

	// depthwise3x3 has three lines of three rows, side by side in C.
	lineStep int // from one line to the next in A
}
