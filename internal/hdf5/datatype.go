package hdf5

// This file reads datatypes.

import (
	"fmt"
	"strings"
)

// A Kind is a datatype as programs know it.
type Kind uint8

// The kinds. Other is any datatype that this package doesn't read: Type.Name names it.
const (
	Other Kind = iota
	Float16
	BFloat16
	Float32
	Float64
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Bool   // an enumeration of FALSE and TRUE in a byte, as h5py writes it
	String // of a fixed length or a variable one
	Opaque // bytes
)

var kindNames = [...]string{
	Other: "other", Float16: "float16", BFloat16: "bfloat16", Float32: "float32", Float64: "float64",
	Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64", Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64",
	Bool: "bool", String: "string", Opaque: "opaque",
}

// String returns the kind's name, as NumPy has it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// A Type is the datatype of an array's elements.
type Type struct {
	Kind      Kind
	Size      int    // bytes of an element in the file
	BigEndian bool   // of numbers
	Name      string // for people: "float32", "big-endian int16", "compound"

	variable bool // a String whose elements are in the global heap
	padding  uint8
}

// String returns the type's name.
func (t Type) String() string { return t.Name }

var classNames = [...]string{
	0: "integer", 1: "float", 2: "time", 3: "string", 4: "bit field", 5: "opaque", 6: "compound", 7: "reference", 8: "enumeration",
	9: "sequence of variable length", 10: "array",
}

// maxTypeDepth bounds how deep types may be nested.
const maxTypeDepth = 16

// readType reads a datatype message. Where the kind is Other, c doesn't reach the end of
// the message, so nothing that follows it can be read from c.
func readType(c *cursor, depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, fmt.Errorf("%s: types within types, more than %d deep", c.what, maxTypeDepth)
	}
	head := c.u8()
	class, version := head&15, head>>4
	flags := uint32(c.uint(3))
	t := Type{Size: int(c.u32())}
	if c.err != nil {
		return t, c.err
	}
	if version == 0 || version > 5 || int(class) >= len(classNames) {
		return t, fmt.Errorf("%s: damaged: class %d of version %d", c.what, class, version)
	}
	t.Name = classNames[class]
	if t.Size == 0 {
		return t, fmt.Errorf("%s: damaged: a %s of no bytes", c.what, t.Name)
	}
	switch class {
	case 0:
		t.BigEndian = flags&1 != 0
		offset, precision := c.u16(), c.u16()
		if offset != 0 || int(precision) != 8*t.Size {
			break
		}
		signed := flags&8 != 0
		switch {
		case t.Size == 1 && signed:
			t.Kind = Int8
		case t.Size == 1:
			t.Kind = Uint8
		case t.Size == 2 && signed:
			t.Kind = Int16
		case t.Size == 2:
			t.Kind = Uint16
		case t.Size == 4 && signed:
			t.Kind = Int32
		case t.Size == 4:
			t.Kind = Uint32
		case t.Size == 8 && signed:
			t.Kind = Int64
		case t.Size == 8:
			t.Kind = Uint64
		}
	case 1:
		t.BigEndian = flags&1 != 0
		layout := floatLayout{
			size: t.Size, sign: int(flags >> 8 & 255), vax: flags&(1<<6) != 0, implied: flags>>4&3 == 2,
			offset: int(c.u16()), precision: int(c.u16()),
			expAt: int(c.u8()), expSize: int(c.u8()), manAt: int(c.u8()), manSize: int(c.u8()), bias: int(c.u32()),
		}
		t.Kind = floatLayouts[layout]
	case 3:
		t.Kind = String
		t.padding = uint8(flags & 15)
	case 5:
		t.Kind = Opaque
		tag := c.bytes(int(flags & 255))
		t.Name = strings.TrimRight(fmt.Sprintf("opaque %s", strings.TrimRight(string(tag), "\x00")), " ")
	case 8:
		base, err := readType(c, depth+1)
		if err != nil {
			return t, err
		}
		t.BigEndian = base.BigEndian
		if isBool(c, base, int(flags&0xffff), version) {
			t.Kind = Bool
		}
	case 9:
		t.variable = true
		if flags&15 == 1 {
			t.Kind = String
			t.padding = uint8(flags >> 4 & 15)
		}
		if t.Size != 4+c.f.sizeOffset+4 {
			return t, fmt.Errorf("%s: damaged: a %s of %d bytes", c.what, t.Name, t.Size)
		}
	}
	if t.Kind != Other && t.Kind != Opaque {
		t.Name = t.Kind.String()
		if t.BigEndian && t.Size > 1 {
			t.Name = "big-endian " + t.Name
		}
	}
	return t, c.err
}

// A NamedType is a datatype that a file has under a name, with attributes. Arrays and attributes may be of it.
type NamedType struct {
	*object
	typ Type
}

// Type returns the datatype.
func (n *NamedType) Type() Type { return n.typ }

// isType reports whether the object is a named type: an array has a dataspace too.
func (o *object) isType() bool {
	isType := false
	for _, m := range o.messages {
		switch m.kind {
		case msgDatatype:
			isType = true
		case msgDataspace, msgLayout:
			return false
		}
	}
	return isType
}

func (o *object) namedType() (*NamedType, error) {
	c, err := o.find(msgDatatype, "datatype")
	n := &NamedType{object: o}
	if err == nil {
		n.typ, err = readType(c, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("hdf5: %s: %w", o.path, err)
	}
	return n, nil
}

// isBool reports whether the members of an enumeration, which come next, are FALSE and TRUE.
func isBool(c *cursor, base Type, members int, version uint8) bool {
	if members != 2 || base.Kind != Int8 && base.Kind != Uint8 {
		return false
	}
	var names [2]string
	for i := range names {
		from := c.at
		names[i] = c.text()
		if version < 3 {
			c.skip((8 - (c.at-from)%8) % 8)
		}
	}
	values := c.bytes(2)
	return c.err == nil && names == [2]string{"FALSE", "TRUE"} && values[0] == 0 && values[1] == 1
}

// A floatLayout is how the bits of a floating-point number lie.
type floatLayout struct {
	size, sign                                              int
	vax, implied                                            bool
	offset, precision, expAt, expSize, manAt, manSize, bias int
}

var floatLayouts = map[floatLayout]Kind{
	{2, 15, false, true, 0, 16, 10, 5, 0, 10, 15}:    Float16,
	{2, 15, false, true, 0, 16, 7, 8, 0, 7, 127}:     BFloat16,
	{4, 31, false, true, 0, 32, 23, 8, 0, 23, 127}:   Float32,
	{8, 63, false, true, 0, 64, 52, 11, 0, 52, 1023}: Float64,
}
