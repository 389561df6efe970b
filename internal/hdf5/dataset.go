package hdf5

// This file reads arrays: their shapes, where their bytes are, and their elements.

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/internal/number"
)

// A Dataset is an array in a file, with attributes.
type Dataset struct {
	*object
	values
	layout  layout
	filters []filter
	fill    []byte // the element that was not written; nil is zeros
}

// values are the type and the shape of an array or an attribute.
type values struct {
	typ   Type
	shape []int // nil for a scalar
	most  []int // the dimensions up to which an array may grow, -1 without bound
	null  bool  // HDF5's null dataspace, which has no elements
}

// Type returns the type of the elements.
func (v *values) Type() Type { return v.typ }

// Shape returns the dimensions: none of a scalar.
func (v *values) Shape() []int { return slices.Clone(v.shape) }

// Len returns the number of elements.
func (v *values) Len() int {
	if v.null {
		return 0
	}
	n := 1
	for _, d := range v.shape {
		n *= d
	}
	return n
}

// maxRank is HDF5's limit on the number of dimensions.
const maxRank = 32

// readSpace reads a dataspace message. It checks that the number of bytes of the elements
// doesn't overflow.
func (v *values) readSpace(c *cursor) error {
	version, rank, flags := c.u8(), int(c.u8()), c.u8()
	kind := uint8(1)
	switch version {
	case 1:
		c.skip(5)
	case 2:
		kind = c.u8()
	default:
		return fmt.Errorf("dataspace: version %d is not known", version)
	}
	if rank > maxRank {
		return fmt.Errorf("dataspace: damaged: %d dimensions", rank)
	}
	if rank > c.f.limits.Rank {
		return fmt.Errorf("dataspace: %d dimensions, the limit is %d: see Limits.Rank", rank, c.f.limits.Rank)
	}
	v.null = kind == 2
	total := uint64(v.typ.Size)
	for range rank {
		d := c.length()
		if d > math.MaxInt || d > 0 && total > math.MaxInt64/2/d {
			return fmt.Errorf("dataspace: %v × %d elements of %d bytes are too many", v.shape, d, v.typ.Size)
		}
		total *= max(d, 1)
		v.shape = append(v.shape, int(d))
	}
	v.most = v.shape
	if flags&1 != 0 {
		v.most = nil
		for i := range rank {
			switch n := c.length(); {
			case n == 1<<(8*c.f.sizeLength-1)<<1-1:
				v.most = append(v.most, -1)
			case n < uint64(v.shape[i]) || n > math.MaxInt64/2:
				return fmt.Errorf("dataspace: damaged: %v elements of at most %d", v.shape, n)
			default:
				v.most = append(v.most, int(n))
			}
		}
	}
	return c.err
}

// bytes is how many bytes the elements take.
func (v *values) bytes() int { return v.Len() * v.typ.Size }

func (o *object) dataset() (*Dataset, error) {
	d := &Dataset{object: o}
	if err := d.read(); err != nil {
		return nil, fmt.Errorf("hdf5: %s: %w", o.path, err)
	}
	return d, nil
}

func (d *Dataset) read() error {
	c, err := d.find(msgDatatype, "datatype")
	if err == nil && c == nil {
		err = errors.New("it is neither a group nor an array")
	}
	if err != nil {
		return err
	}
	if d.typ, err = readType(c, 0); err != nil {
		return err
	}
	if c, err = d.find(msgDataspace, "dataspace"); err == nil && c == nil {
		err = errors.New("dataspace: damaged: there is none")
	}
	if err != nil {
		return err
	}
	if err := d.readSpace(c); err != nil {
		return err
	}
	for _, m := range d.messages {
		if m.kind == msgExternal {
			return errors.New("its elements are in another file, which is not opened")
		}
	}
	if c, err = d.find(msgFilters, "filters"); err != nil {
		return err
	} else if c != nil {
		if d.filters, err = readFilters(c); err != nil {
			return err
		}
	}
	if err := d.readFill(); err != nil {
		return err
	}
	if c, err = d.find(msgLayout, "layout"); err == nil && c == nil {
		err = errors.New("layout: damaged: there is none")
	}
	if err != nil {
		return err
	}
	return d.readLayout(c)
}

// readFill reads the fill value, which elements have that were never written.
func (d *Dataset) readFill() error {
	c, err := d.find(msgFill, "fill value")
	if err != nil {
		return err
	}
	if c == nil {
		if c, err = d.find(msgFillOld, "fill value"); c != nil {
			d.fill = c.bytes(c.size(4))
			err = c.err
		}
	} else {
		defined := true
		switch version := c.u8(); version {
		case 1, 2:
			c.skip(2)
			defined = c.u8() != 0
		case 3:
			defined = c.u8()&(1<<5) != 0
		default:
			return fmt.Errorf("fill value: version %d is not known", version)
		}
		if defined && c.left() >= 4 {
			d.fill = c.bytes(c.size(4))
		}
		err = c.err
	}
	if err == nil && len(d.fill) != 0 && len(d.fill) != d.typ.Size {
		err = fmt.Errorf("fill value: damaged: it has %d bytes, an element has %d", len(d.fill), d.typ.Size)
	}
	if len(d.fill) == 0 || allZero(d.fill) {
		d.fill = nil
	}
	return err
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }

// raw returns the bytes of all elements.
func (d *Dataset) raw() ([]byte, error) {
	if int64(d.bytes()) > d.f.limits.Bytes {
		return nil, fmt.Errorf("hdf5: %s: %v elements of %d bytes are over the budget of %d bytes: see Limits.Bytes", d.path, d.shape, d.typ.Size, d.f.limits.Bytes)
	}
	if err := d.present(); err != nil {
		return nil, err
	}
	b := make([]byte, d.bytes())
	return b, d.readInto(b)
}

// readInto fills b, which has the size of all elements.
func (d *Dataset) readInto(b []byte) error {
	if err := d.layout.read(d, b); err != nil {
		return fmt.Errorf("hdf5: %s: %w", d.path, err)
	}
	return nil
}

// Float32s reads all elements into dst, in row-major order. Integers and other floats
// are rounded to float32; Type says what they were. dst must have Len elements.
func (d *Dataset) Float32s(dst []float32) error {
	if len(dst) != d.Len() {
		return fmt.Errorf("hdf5: %s: it has %d elements, %d were asked for", d.path, d.Len(), len(dst))
	}
	kind := d.kind()
	if kind == Float32 && !d.typ.BigEndian && number.LittleEndian {
		return d.readInto(number.Bytes(dst))
	}
	raw, err := d.raw()
	if err != nil {
		return err
	}
	if err := toFloat32(dst, raw, kind, d.typ); err != nil {
		return fmt.Errorf("hdf5: %s: %w", d.path, err)
	}
	return nil
}

// Int64s reads all elements of an array of integers or booleans.
func (d *Dataset) Int64s() ([]int64, error) {
	raw, err := d.raw()
	if err != nil {
		return nil, err
	}
	v, err := toInt64(raw, d.typ)
	if err != nil {
		return nil, fmt.Errorf("hdf5: %s: %w", d.path, err)
	}
	return v, nil
}

// Strings reads all elements of an array of texts.
func (d *Dataset) Strings() ([]string, error) {
	raw, err := d.raw()
	if err != nil {
		return nil, err
	}
	s, err := d.f.toStrings(raw, d.typ)
	if err != nil {
		return nil, fmt.Errorf("hdf5: %s: %w", d.path, err)
	}
	return s, nil
}

// Kind returns the kind of the elements, BFloat16 for what Keras marks as such: it
// stores these as opaque elements of 2 bytes with an attribute "dtype".
func (d *Dataset) Kind() Kind { return d.kind() }

func (d *Dataset) kind() Kind {
	if d.typ.Kind == Opaque && d.typ.Size == 2 || d.typ.Kind == Uint16 {
		if a, err := d.Attribute("dtype"); err == nil && a != nil {
			if s, err := a.Text(); err == nil && s == "bfloat16" {
				return BFloat16
			}
		}
	}
	return d.typ.Kind
}
