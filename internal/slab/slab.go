// Package slab has the memory in which the variables of a network lie next to each
// other, so that an optimizer's step over all of them is one pass.
package slab

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/tensor"
)

// A Slab is one contiguous piece of memory. A variable stays in its slab for life,
// whichever networks share it. The methods of Span read and write the numbers.
type Slab struct {
	kind   number.Kind // Float32, or BFloat16 or Float16
	data   []float32   // if it is Float32
	halves []uint16    // else

	// A step holds use while it computes: for writing if it trains, else for reading.
	// So networks that share layers may be trained and run at the same time.
	use     sync.RWMutex
	number  uint64        // steps lock slabs in the order of their numbers
	version atomic.Uint64 // how often it was locked for writing, or written to by a Span
}

// made is the number of slabs that were made.
var made atomic.Uint64

// New returns a slab of size zeros, which are stored as Float32, BFloat16 or Float16.
func New(size int, kind number.Kind) *Slab {
	if kind == number.Float32 {
		return of(mem.Make[float32](size))
	}
	return &Slab{kind: kind, halves: mem.Make[uint16](size), number: made.Add(1)}
}

func of(data []float32) *Slab { return &Slab{kind: number.Float32, data: data, number: made.Add(1)} }

// Of returns all of a new slab whose memory is data.
func Of(data []float32) Span { return of(data).All() }

// All returns all of the slab.
func (s *Slab) All() Span { return Span{s, 0, len(s.data) + len(s.halves)} }

// Kind returns what the slab's numbers are stored as.
func (s *Slab) Kind() number.Kind { return s.kind }

// A Span is a contiguous part of a slab: a variable, an optimizer's slot for one, or several of these that lie next to each
// other. Its numbers are reached by its methods alone. The caller has locked the slab by Acquire, unless no step knows it yet.
type Span struct {
	Slab        *Slab // nil: the variable has no memory yet
	Offset, Len int
}

// Part returns the n numbers from offset on.
func (s Span) Part(offset, n int) Span { return Span{s.Slab, s.Offset + offset, n} }

// View returns the numbers for reading. They may be the memory itself, so they are valid until the slab is written to.
func (s Span) View() []float32 {
	if s.Slab == nil || s.Slab.kind == number.Float32 {
		return s.Host()
	}
	wide := make([]float32, s.Len)
	for i, h := range s.Halves() {
		wide[i] = widen(h, s.Slab.kind)
	}
	return wide
}

func widen(h uint16, kind number.Kind) float32 {
	if kind == number.BFloat16 {
		return number.FromBFloat16(h)
	}
	return number.FromFloat16(h)
}

// Fill calls write to set all Len numbers in dst, whose contents before that mean nothing. They are rounded to what the slab
// stores; it is an error if one is too large for that.
func (s Span) Fill(write func(dst []float32) error) error {
	if s.Slab != nil {
		s.Slab.version.Add(1)
	}
	if s.Slab == nil || s.Slab.kind == number.Float32 {
		return write(s.Host())
	}
	wide := make([]float32, s.Len)
	if err := write(wide); err != nil {
		return err
	}
	if err := s.Fits(wide); err != nil {
		return err
	}
	narrow := number.ToFloat16
	if s.Slab.kind == number.BFloat16 {
		narrow = number.ToBFloat16
	}
	for i, x := range wide {
		s.Halves()[i] = narrow(x)
	}
	return nil
}

// Fits returns an error if one of the numbers is finite and too large for what the slab stores.
func (s Span) Fits(numbers []float32) error {
	most := float32(math.Float32frombits(0x7f7f0000))
	switch {
	case s.Slab == nil || s.Slab.kind == number.Float32:
		return nil
	case s.Slab.kind == number.Float16:
		most = 65504
	}
	for _, x := range numbers {
		if x-x == 0 && (x > most || x < -most) {
			return fmt.Errorf("%v is too large for %s, which has numbers up to %v: bfloat16 has larger ones", x, s.Slab.kind, most)
		}
	}
	return nil
}

// Write sets the numbers to src, which must have Len of them that pass Fits.
func (s Span) Write(src []float32) {
	_ = s.Fill(func(dst []float32) error {
		copy(dst, src)
		return nil
	})
}

// Swap exchanges the numbers of two spans of equal length.
func Swap(a, b Span) {
	kept := slices.Clone(a.View())
	a.Write(b.View())
	b.Write(kept)
}

// Halves returns the memory itself of numbers that are stored as 16 bits, for kernels of this machine's processor.
func (s Span) Halves() []uint16 { return s.Slab.halves[s.Offset:][:s.Len:s.Len] }

// Host returns the memory itself of numbers that are stored as float32, for kernels of this machine's processor.
func (s Span) Host() []float32 {
	if s.Slab == nil {
		return nil
	}
	return s.Slab.data[s.Offset:][:s.Len:s.Len]
}

// align is the granularity of variables in a slab, in float32s: a cache line, and a
// vector of every instruction set.
const align = 16

// Padded returns the room that n numbers take in a slab.
func Padded(n int) int { return (n + align - 1) / align * align }

// Ordered returns the slabs, each once, in the order in which Acquire takes them.
func Ordered(slabs []*Slab) []*Slab {
	list := slices.SortedFunc(slices.Values(slabs), func(a, b *Slab) int { return cmp.Compare(a.number, b.number) })
	return slices.Compact(list)
}

// Acquire locks the slabs, in the order that Ordered has brought them into. Release
// unlocks them.
func Acquire(slabs []*Slab, write bool) {
	for _, s := range slabs {
		if write {
			s.use.Lock()
			s.version.Add(1)
		} else {
			s.use.RLock()
		}
	}
}

// Version tells what the slab holds from what it held before it was written to. The caller has locked it.
func (s *Slab) Version() uint64 { return s.version.Load() }

// Release unlocks what Acquire has locked.
func Release(slabs []*Slab, write bool) {
	for _, s := range slabs {
		if write {
			s.use.Unlock()
		} else {
			s.use.RUnlock()
		}
	}
}

// An Array is a variable that is to be allocated.
type Array struct {
	Path   string
	Shape  tensor.Shape
	Size   int // bytes of a number; 0 is 4
	Copies int // further arrays of its size that come with it: its gradient and the optimizer's slots
}

// Fit returns an error if the arrays take more memory than the limit. It names the
// largest.
func Fit(arrays []Array) error {
	if len(arrays) == 0 {
		return nil
	}
	total, what := 0.0, "the variables"
	most := &arrays[0]
	for i := range arrays {
		a := &arrays[i]
		total += float64(float64(cmp.Or(a.Size, 4)*(1+a.Copies)) * float64(a.Shape.Numel()))
		if a.Shape.Numel() > most.Shape.Numel() {
			most = a
		}
		if a.Copies > 0 {
			what = "the variables with their gradients and the optimizer's slots"
		}
	}
	return mem.Check(1, total, "variable %q has shape %v: %s", most.Path, most.Shape, what)
}
