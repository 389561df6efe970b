// Package hash has the hash functions by which Keras puts texts into bins, which are TensorFlow's: the same texts fall into
// the same bins.
package hash

import (
	"encoding/binary"
	"math/bits"
)

const (
	k0 = 0xc3a5c85c97cb3127
	k1 = 0xb492b66fbe98f273
	k2 = 0x9ae16a3b2f90404f
)

// Fingerprint64 is FarmHash's function of that name (Pike and Alakuijala 2014), farmhashna::Hash64.
func Fingerprint64(s []byte) uint64 {
	switch n := len(s); {
	case n <= 16:
		return upTo16(s)
	case n <= 32:
		return upTo32(s)
	case n <= 64:
		return upTo64(s)
	}
	x := uint64(81) // the seed
	y := x
	y = y*k1 + 113
	z := mix(y*k2+113) * k2
	x = x*k2 + word(s, 0)
	var v, w [2]uint64
	last := s[len(s)-64:]
	whole := (len(s) - 1) / 64 * 64
	round := func(s []byte, mul, of uint64) {
		x = rotate(x+y+v[0]+word(s, 8), 37) * mul
		y = rotate(y+v[1]+word(s, 48), 42) * mul
		x ^= w[1] * of
		y += v[0]*of + word(s, 40)
		z = rotate(z+w[0], 33) * mul
		v = weak(s, v[1]*mul, x+w[0])
		w = weak(s[32:], z+w[1], y+word(s, 16))
		z, x = x, z
	}
	for at := 0; at < whole; at += 64 {
		round(s[at:], k1, 1)
	}
	final := k1 + (z&0xff)<<1
	w[0] += uint64(len(s)-1) & 63
	v[0] += w[0]
	w[0] += v[0]
	round(last, final, 9)
	return pair(pair(v[0], w[0], final)+mix(y)*k0+z, pair(v[1], w[1], final)+x, final)
}

func word(s []byte, at int) uint64  { return binary.LittleEndian.Uint64(s[at:]) }
func half(s []byte, at int) uint64  { return uint64(binary.LittleEndian.Uint32(s[at:])) }
func rotate(x uint64, n int) uint64 { return bits.RotateLeft64(x, -n) }
func mix(x uint64) uint64           { return x ^ x>>47 }
func pair(u, v, mul uint64) uint64  { return mix((v^mix((u^v)*mul))*mul) * mul }
func multiplier(s []byte) uint64    { return k2 + 2*uint64(len(s)) }
func ends(s []byte, n int) uint64   { return word(s, len(s)-n) }

func upTo16(s []byte) uint64 {
	n := uint64(len(s))
	switch {
	case n >= 8:
		mul := multiplier(s)
		a, b := word(s, 0)+k2, ends(s, 8)
		return pair(rotate(b, 37)*mul+a, (rotate(a, 25)+b)*mul, mul)
	case n >= 4:
		return pair(n+half(s, 0)<<3, half(s, int(n)-4), multiplier(s))
	case n > 0:
		y := uint64(s[0]) + uint64(s[n/2])<<8
		z := n + uint64(s[n-1])<<2
		return mix(y*k2^z*k0) * k2
	}
	return k2
}

func upTo32(s []byte) uint64 {
	mul := multiplier(s)
	a, b, c, d := word(s, 0)*k1, word(s, 8), ends(s, 8)*mul, ends(s, 16)*k2
	return pair(rotate(a+b, 43)+rotate(c, 30)+d, a+rotate(b+k2, 18)+c, mul)
}

func upTo64(s []byte) uint64 {
	mul := multiplier(s)
	a, b, c, d := word(s, 0)*k2, word(s, 8), ends(s, 8)*mul, ends(s, 16)*k2
	y := rotate(a+b, 43) + rotate(c, 30) + d
	z := pair(y, a+rotate(b+k2, 18)+c, mul)
	e, f := word(s, 16)*mul, word(s, 24)
	g, h := (y+ends(s, 32))*mul, (z+ends(s, 24))*mul
	return pair(rotate(e+f, 43)+rotate(g, 30)+h, e+rotate(f+a, 18)+g, mul)
}

func weak(s []byte, a, b uint64) [2]uint64 {
	a += word(s, 0)
	b = rotate(b+a+word(s, 24), 21)
	c := a
	a += word(s, 8) + word(s, 16)
	return [2]uint64{a + word(s, 24), b + rotate(a, 44) + c}
}

// Cat is what TensorFlow makes of two fingerprints: FingerprintCat64.
func Cat(a, b uint64) uint64 {
	const mul = 0xc6a4a7935bd1e995
	x := (a ^ mul) ^ mix(b*mul)*mul
	return mix(mix(x*mul) * mul)
}

// Sip is SipHash-2-4 (Aumasson and Bernstein 2012) with the two halves of a key.
func Sip(key [2]uint64, s []byte) uint64 {
	v0, v1 := key[0]^0x736f6d6570736575, key[1]^0x646f72616e646f6d
	v2, v3 := key[0]^0x6c7967656e657261, key[1]^0x7465646279746573
	rounds := func(n int) {
		for range n {
			v0, v2 = v0+v1, v2+v3
			v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
			v0 = bits.RotateLeft64(v0, 32)
			v2, v0 = v2+v1, v0+v3
			v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
			v2 = bits.RotateLeft64(v2, 32)
		}
	}
	rest := s
	take := func(m uint64) {
		v3 ^= m
		rounds(2)
		v0 ^= m
	}
	for ; len(rest) >= 8; rest = rest[8:] {
		take(word(rest, 0))
	}
	var end [8]byte
	copy(end[:], rest)
	end[7] = byte(len(s))
	take(word(end[:], 0))
	v2 ^= 0xff
	rounds(4)
	return v0 ^ v1 ^ v2 ^ v3
}
