package hdf5

// This file turns the bytes of elements into Go's numbers and texts.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// littleEndian says that this machine's numbers are stored as most files' are.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf returns the memory of x.
func bytesOf(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}

func order(t Type) binary.ByteOrder {
	if t.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// integer returns the element at the beginning of b.
func integer(b []byte, kind Kind, order binary.ByteOrder) int64 {
	switch kind {
	case Int8:
		return int64(int8(b[0]))
	case Uint8, Bool:
		return int64(b[0])
	case Int16:
		return int64(int16(order.Uint16(b)))
	case Uint16:
		return int64(order.Uint16(b))
	case Int32:
		return int64(int32(order.Uint32(b)))
	case Uint32:
		return int64(order.Uint32(b))
	}
	return int64(order.Uint64(b))
}

func (k Kind) isInteger() bool { return k >= Int8 && k <= Bool }

func toInt64(raw []byte, t Type) ([]int64, error) {
	if !t.Kind.isInteger() {
		return nil, fmt.Errorf("its elements are of type %v, integers were expected", t)
	}
	v := make([]int64, len(raw)/t.Size)
	order := order(t)
	for i := range v {
		v[i] = integer(raw[i*t.Size:], t.Kind, order)
		if t.Kind == Uint64 && v[i] < 0 {
			return nil, fmt.Errorf("element %d is %d, more than an int64 holds", i, uint64(v[i]))
		}
	}
	return v, nil
}

// toFloat32 converts the elements in raw, rounded to the nearest float32.
func toFloat32(dst []float32, raw []byte, kind Kind, t Type) error {
	order := order(t)
	switch kind {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(raw[4*i:]))
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(raw[8*i:])))
		}
	case Float16:
		for i := range dst {
			dst[i] = fromHalf(order.Uint16(raw[2*i:]))
		}
	case BFloat16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(order.Uint16(raw[2*i:])) << 16)
		}
	case Uint64:
		for i := range dst {
			dst[i] = float32(order.Uint64(raw[8*i:]))
		}
	default:
		if !kind.isInteger() {
			return fmt.Errorf("its elements are of type %v, numbers were expected", t)
		}
		for i := range dst {
			dst[i] = float32(integer(raw[i*t.Size:], kind, order))
		}
	}
	return nil
}

// fromHalf widens an IEEE 754 binary16, exactly.
func fromHalf(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, man := uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0:
		f := float32(man) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 255<<23 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// toStrings reads texts, those of variable length from the global heap.
func (f *File) toStrings(raw []byte, t Type) ([]string, error) {
	if t.Kind != String {
		return nil, fmt.Errorf("its elements are of type %v, texts were expected", t)
	}
	s := make([]string, len(raw)/t.Size)
	if !t.variable {
		for i := range s {
			s[i] = trim(raw[i*t.Size:][:t.Size], t.padding)
		}
		return s, nil
	}
	budget := f.limits.Bytes // many elements may name one object
	for i := range s {
		c := &cursor{f: f, b: raw[i*t.Size:][:t.Size], what: "text"}
		n, at, index := c.u32(), c.offset(), c.u32()
		if n == 0 || at == 0 || at == undefined {
			continue
		}
		b, err := f.globalObject(at, index)
		if err != nil {
			return nil, err
		}
		if uint64(n) > uint64(len(b)) {
			return nil, fmt.Errorf("damaged: a text of %d bytes in an object of %d", n, len(b))
		}
		if budget -= int64(n); budget < 0 {
			return nil, errors.New("its texts are over the budget")
		}
		s[i] = trim(b[:n], t.padding)
	}
	return s, nil
}

// trim cuts what pads a text: 0 ends it, 1 is zeros, 2 is spaces.
func trim(b []byte, padding uint8) string {
	switch padding {
	case 0:
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
	case 1:
		b = bytes.TrimRight(b, "\x00")
	default:
		b = bytes.TrimRight(b, " ")
	}
	return string(b)
}
