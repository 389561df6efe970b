package hdf5

// This file turns the bytes of elements into Go's numbers and texts.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cornu-ml/cornu/internal/number"
)

func order(t Type) binary.ByteOrder {
	if t.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// number returns the kind by its name in package number.
func (k Kind) number() number.Kind { return number.Kind(k.String()) }

func toInt64(raw []byte, t Type) ([]int64, error) {
	if !t.Kind.number().IsInteger() {
		return nil, fmt.Errorf("its elements are of type %v, integers were expected", t)
	}
	v := make([]int64, len(raw)/t.Size)
	order := order(t)
	for i := range v {
		v[i] = number.Integer(raw[i*t.Size:], t.Kind.number(), order)
		if t.Kind == Uint64 && v[i] < 0 {
			return nil, fmt.Errorf("element %d is %d, more than an int64 holds", i, uint64(v[i]))
		}
	}
	return v, nil
}

// toFloat32 converts the elements in raw, rounded to the nearest float32.
func toFloat32(dst []float32, raw []byte, kind Kind, t Type) error {
	if kind.number().Size() == 0 {
		return fmt.Errorf("its elements are of type %v, numbers were expected", t)
	}
	return number.Float32s(dst, raw, kind.number(), order(t))
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
			return nil, errors.New("its texts are over the budget: see Limits.Bytes")
		}
		s[i] = trim(b[:n], t.padding)
	}
	return s, nil
}

// trim cuts off the padding of a text. padding 0 means that a zero byte ends the text, 1 that zeros fill it up, 2 that spaces do.
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
