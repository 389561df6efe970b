// Package crc computes the CRC-32 of IEEE 802.3: what hash/crc32 computes, of large texts in less time, and the sum of a text
// from those of its parts.
package crc

import "hash/crc32"

// A CRC-32 is a polynomial over GF(2) modulo that of IEEE 802.3, whose coefficient of x^0 is the
// highest bit. The sum of a text a and a text b is sum(a)·x^(8·len(b)) + sum(b).

// unit is the polynomial 1.
const unit = 1 << 31

// Join returns the sum of a text that has the sum a, with n bytes behind it that have the sum b.
func Join(a, b uint32, n int64) uint32 { return multiply(a, zeros(n)) ^ b }

// multiply returns the product of two polynomials.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a&unit != 0 {
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
	power := uint32(unit)
	for square := uint32(unit >> 8); n != 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, square)
		}
		square = multiply(square, square)
	}
	return power
}
