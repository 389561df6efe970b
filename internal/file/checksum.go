package file

// This file compares the checksum of a member of an archive that is read in place.

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/crc"
)

// A Summed reads a member of an archive, and sums what is large while it is in a core's cache: the arrays of a model,
// which are nearly all of it, are read but once.
type Summed struct {
	R       io.ReaderAt // the member alone
	Name    string      // that errors tell
	Size    int64       // bytes
	CRC     uint32      // of all of it, as the archive says
	Threads int         // that read and sum

	mu   sync.Mutex
	sums []stretch
}

// A stretch is the bytes from at to end, and their CRC-32.
type stretch struct {
	at, end int64
	crc     uint32
}

const (
	summedAtOnce = 256 << 10 // bytes, which stay in a core's cache between reading and summing
	leastSummed  = 64 << 10  // bytes that are worth to be remembered
)

// ReadAt reads as io.ReaderAt says.
func (s *Summed) ReadAt(b []byte, at int64) (int, error) {
	if len(b) < leastSummed || at < 0 || at > s.Size-int64(len(b)) {
		return s.R.ReadAt(b, at)
	}
	read := int64(len(b))
	err := InPieces(read, s.Threads, func(from, to int64) error {
		n, err := s.sum(b[from:to], at+from)
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			read = min(read, from+int64(n))
		}
		return err
	})
	return int(read), err
}

// sum fills b and remembers its sum.
func (s *Summed) sum(b []byte, at int64) (int, error) {
	sum := uint32(0)
	for i := 0; i < len(b); i += summedAtOnce {
		part := b[i:min(i+summedAtOnce, len(b))]
		if n, err := s.R.ReadAt(part, at+int64(i)); n < len(part) {
			return i + n, fmt.Errorf("reading %d bytes at %d: %w", len(part), at+int64(i), err)
		}
		sum = crc.Update(sum, part)
	}
	s.add(stretch{at, at + int64(len(b)), sum})
	return len(b), nil
}

func (s *Summed) add(one stretch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sums = append(s.sums, one)
}

// Verify returns an error unless all bytes have the sum that the archive says. It reads those that are not summed yet.
func (s *Summed) Verify() error {
	known := s.sums
	slices.SortFunc(known, func(a, b stretch) int { return cmp.Compare(a.at, b.at) })
	s.sums = nil
	end := int64(0)
	for _, one := range append(known, stretch{at: s.Size, end: s.Size}) {
		if one.at < end {
			continue // it was read twice
		}
		if err := s.rest(end, one.at); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		s.add(one)
		end = one.end
	}
	slices.SortFunc(s.sums, func(a, b stretch) int { return cmp.Compare(a.at, b.at) })
	sum := uint32(0)
	for _, one := range s.sums {
		sum = crc.Join(sum, one.crc, one.end-one.at)
	}
	if sum != s.CRC {
		return fmt.Errorf("%s: it is damaged: the CRC-32 of its %d bytes is %08x, the archive says %08x: take another copy of the file", s.Name, s.Size, sum, s.CRC)
	}
	return nil
}

// rest sums the bytes from at to end.
func (s *Summed) rest(at, end int64) error {
	return InPieces(end-at, s.Threads, func(from, to int64) error {
		b := make([]byte, min(to-from, summedAtOnce))
		for from < to {
			n, err := s.sum(b[:min(to-from, summedAtOnce)], at+from)
			if err != nil {
				return err
			}
			from += int64(n)
		}
		return nil
	})
}
