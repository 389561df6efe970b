package crc

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// block is how many bytes are folded at once: four vectors.
const block = 128

// least is how many blocks are worth it.
const least = 8

var wide = isa.WideCarryless()

// folding has the powers of x by which the first and the last 8 bytes of 16 are multiplied when a block follows; see Gopal et al.,
// Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction (Intel, 2009). Products of polynomials whose bits
// are in this order are shifted by one.
var folding = [2]uint64{uint64(zeros(block+4)) << 1, uint64(zeros(block-4)) << 1}

// fold makes of a block and so many blocks at p one that has the same sum.
//
//go:noescape
func fold(b *[block]byte, p *byte, blocks int, by *[2]uint64)

// Update returns the sum of a text that has the sum crc, with b behind it.
func Update(crc uint32, b []byte) uint32 {
	if n := len(b) / block; wide && n >= least {
		folded := [block]byte(b)
		binary.LittleEndian.PutUint32(folded[:], binary.LittleEndian.Uint32(folded[:])^^crc)
		fold(&folded, &b[block], n-1, &folding)
		crc = crc32.Update(^uint32(0), crc32.IEEETable, folded[:])
		b = b[n*block:]
	}
	return crc32.Update(crc, crc32.IEEETable, b)
}
