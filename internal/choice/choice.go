// Package choice draws random test cases from bytes and makes those that fail
// small. A case is a function of its bytes, whatever they are, so that a shorter
// or smaller string of bytes is a simpler case: the shrinker need not know what
// it shrinks (MacIver and Donaldson 2020, "Test-Case Reduction via Test-Case
// Generation"). It is for tests.
package choice

import "math/rand/v2"

// BlockSize is how many bytes a block has. A case reads one for each of its parts,
// so that what one part reads doesn't move where another is left out.
const BlockSize = 8

// A Block is the choices of one part of a case.
type Block []byte

// Random returns the bytes of so many blocks that the seed stands for.
func Random(seed uint64, blocks int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, blocks*BlockSize)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// Blocks cuts data into blocks. The last may be short.
func Blocks(data []byte) []Block {
	var list []Block
	for len(data) > 0 {
		n := min(BlockSize, len(data))
		list = append(list, Block(data[:n:n]))
		data = data[n:]
	}
	return list
}

// Next returns the first of the blocks and takes it away. Where there is none it
// returns an empty one.
func Next(blocks *[]Block) *Block {
	if len(*blocks) == 0 {
		return new(Block)
	}
	b := (*blocks)[0]
	*blocks = (*blocks)[1:]
	return &b
}

// Byte returns the next byte, 0 if there is none.
func (b *Block) Byte() int {
	if len(*b) == 0 {
		return 0
	}
	v := (*b)[0]
	*b = (*b)[1:]
	return int(v)
}

// Of returns a number from 0 to n-1; 0 is the simplest.
func (b *Block) Of(n int) int { return b.Byte() % n }

// Once returns true about one time in n, and false where the bytes are 0.
func (b *Block) Once(n int) bool { return b.Byte()%n == n-1 }

// shrink returns the simplest bytes that it finds to fail as data does, after at
// most so many attempts. It leaves out blocks, and makes blocks and bytes 0 or
// smaller.
func shrink(data []byte, attempts int, fails func([]byte) bool) []byte {
	s := &shrinker{append([]byte{}, data...), attempts, fails}
	for s.blocks() || s.zeros() || s.bytes() {
	}
	return s.data
}

type shrinker struct {
	data  []byte
	left  int
	fails func([]byte) bool
}

// try keeps what still fails.
func (s *shrinker) try(data []byte) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	if !s.fails(data) {
		return false
	}
	s.data = data
	return true
}

func (s *shrinker) blocks() (better bool) {
	for n := (len(s.data) + BlockSize - 1) / BlockSize; n > 0; n /= 2 {
		for at := len(s.data) / BlockSize * BlockSize; at >= 0; at -= n * BlockSize {
			if at < len(s.data) {
				end := min(at+n*BlockSize, len(s.data))
				better = s.try(append(append([]byte{}, s.data[:at]...), s.data[end:]...)) || better
			}
		}
	}
	return better
}

func (s *shrinker) zeros() (better bool) {
	for at := 0; at < len(s.data); at += BlockSize {
		next := append([]byte{}, s.data...)
		clear(next[at:min(at+BlockSize, len(next))])
		if string(next) != string(s.data) {
			better = s.try(next) || better
		}
	}
	return better
}

func (s *shrinker) bytes() (better bool) {
	for i := range s.data {
		for _, less := range []func(v byte) byte{
			func(byte) byte { return 0 }, func(v byte) byte { return v % 16 }, func(v byte) byte { return v / 2 }, func(v byte) byte { return v - 1 },
		} {
			if v := s.data[i]; v > 0 && less(v) < v {
				next := append([]byte{}, s.data...)
				next[i] = less(v)
				better = s.try(next) || better
			}
		}
	}
	return better
}
