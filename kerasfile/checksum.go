package kerasfile

// This file computes the checksum of a member of an archive that is read in place.

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/cornu-ml/cornu/internal/par"
)

const (
	summedAtOnce = 256 << 10 // bytes, which stay in a core's cache between reading and summing
	leastShare   = 4 << 20   // bytes that are worth a goroutine
)

// checksum returns the CRC-32 of size bytes that r reads, as zip archives have it. Every
// thread sums a share of them.
func checksum(r io.ReaderAt, size int64) (uint32, error) {
	shares := max(1, min(int64(par.Default().Workers()), size/leastShare))
	sums := make([]uint32, shares)
	errs := make([]error, shares)
	bound := func(i int64) int64 { return size/shares*i + min(i, size%shares) }
	var all sync.WaitGroup
	for i := range shares {
		all.Go(func() { sums[i], errs[i] = checksumFrom(r, bound(i), bound(i+1)) })
	}
	all.Wait()
	sum := uint32(0)
	for i := range shares {
		sum = multiply(sum, zeros(bound(i+1)-bound(i))) ^ sums[i]
	}
	return sum, errors.Join(errs...)
}

// checksumFrom returns the CRC-32 of the bytes from at to end.
func checksumFrom(r io.ReaderAt, at, end int64) (uint32, error) {
	b := make([]byte, min(end-at, summedAtOnce))
	sum := uint32(0)
	for at < end {
		b = b[:min(end-at, summedAtOnce)]
		if n, err := r.ReadAt(b, at); n < len(b) {
			return 0, fmt.Errorf("reading %d bytes at %d: %w", len(b), at, err)
		}
		sum = crc32.Update(sum, crc32.IEEETable, b)
		at += int64(len(b))
	}
	return sum, nil
}

// A CRC-32 is a polynomial over GF(2) modulo that of IEEE 802.3, whose coefficient of x^0 is the
// highest bit. The sum of a text a and a text b is sum(a)·x^(8·len(b)) + sum(b).

// one is the polynomial 1.
const one = 1 << 31

// multiply returns the product of two polynomials.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a&one != 0 {
			product ^= b
		}
		odd := b & 1
		b >>= 1
		if odd != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}

// zeros returns x^(8·n), by which a sum is multiplied when n bytes follow.
func zeros(n int64) uint32 {
	power := uint32(one)
	for square := uint32(one >> 8); n != 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, square)
		}
		square = multiply(square, square)
	}
	return power
}
