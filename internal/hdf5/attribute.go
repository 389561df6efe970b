package hdf5

// This file reads attributes: small arrays that belong to a group or an array.

import (
	"cmp"
	"fmt"
	"slices"
)

// An Attribute is a named value of a group or an array.
type Attribute struct {
	Name string

	values
	f    *File
	data []byte
}

// Attributes returns the attributes in alphabetical order.
func (o *object) Attributes() ([]*Attribute, error) {
	var list []*Attribute
	add := func(c *cursor) error {
		a, err := o.f.attribute(c)
		if err != nil {
			return err
		}
		list = append(list, a)
		return nil
	}
	for _, m := range o.messages {
		var err error
		switch m.kind {
		case msgAttribute:
			var c *cursor
			if c, err = o.f.resolve(o.cursor(m, "attribute"), msgAttribute, m.flags&sharedMessage != 0); err == nil {
				err = add(c)
			}
		case msgAttributeInfo:
			err = o.denseAttributes(o.cursor(m, "attributes"), add)
		}
		if err != nil {
			return nil, fmt.Errorf("hdf5: %s: %w", o.path, err)
		}
	}
	slices.SortFunc(list, func(a, b *Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Attribute returns the attribute of that name, nil if there is none.
func (o *object) Attribute(name string) (*Attribute, error) {
	list, err := o.Attributes()
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Name == name {
			return a, nil
		}
	}
	return nil, nil
}

// denseAttributes reads the attributes of an object that has many, or large ones.
func (o *object) denseAttributes(c *cursor, add func(*cursor) error) error {
	c.skip(1)
	if c.u8()&1 != 0 {
		c.skip(2)
	}
	heapAt, tree := c.offset(), c.offset()
	if c.err != nil || heapAt == undefined || tree == undefined {
		return c.err
	}
	heap, err := o.f.fractalHeap(heapAt)
	if err != nil {
		return err
	}
	return o.f.walkTree2(tree, []uint8{8}, func(r *cursor, _ int) error {
		id := r.bytes(8)
		flags := r.u8()
		if r.err != nil {
			return r.err
		}
		if flags&sharedMessage != 0 {
			c, err := o.f.sharedMessage(id, msgAttribute, "attribute")
			if err != nil {
				return err
			}
			return add(c)
		}
		b, err := heap.object(id)
		if err != nil {
			return err
		}
		return add(&cursor{f: o.f, b: b, what: "attribute", start: heapAt})
	})
}

func (f *File) attribute(c *cursor) (*Attribute, error) {
	version, flags := c.u8(), c.u8()
	nameSize, typeSize, spaceSize := int(c.u16()), int(c.u16()), int(c.u16())
	if version < 1 || version > 3 {
		return nil, fmt.Errorf("attribute: version %d is not known", version)
	}
	if version == 1 {
		flags = 0
	}
	if version == 3 {
		c.skip(1) // character set of the name
	}
	field := func(n int) *cursor {
		part := &cursor{f: f, b: c.bytes(n), what: c.what, start: c.start}
		if version == 1 {
			c.skip((8 - n%8) % 8)
		}
		return part
	}
	a := &Attribute{f: f, Name: trim(field(nameSize).b, 0)}
	typ, space := field(typeSize), field(spaceSize)
	if c.err != nil {
		return nil, c.err
	}
	fail := func(err error) (*Attribute, error) { return nil, fmt.Errorf("attribute %q: %w", a.Name, err) }
	typ, err := f.resolve(typ, msgDatatype, flags&1 != 0)
	if err != nil {
		return fail(err)
	}
	if a.typ, err = readType(typ, 0); err != nil {
		return fail(err)
	}
	if space, err = f.resolve(space, msgDataspace, flags&2 != 0); err != nil {
		return fail(err)
	}
	if err := a.readSpace(space); err != nil {
		return fail(err)
	}
	a.data = c.bytes(a.bytes())
	if c.err != nil {
		return fail(c.err)
	}
	return a, nil
}

// Strings returns the elements of an attribute of texts.
func (a *Attribute) Strings() ([]string, error) {
	s, err := a.f.toStrings(a.data, a.typ)
	if err != nil {
		return nil, fmt.Errorf("hdf5: attribute %q: %w", a.Name, err)
	}
	return s, nil
}

// Text returns an attribute that is one text.
func (a *Attribute) Text() (string, error) {
	s, err := a.Strings()
	if err == nil && len(s) != 1 {
		err = fmt.Errorf("hdf5: attribute %q: it has %d texts, one was expected", a.Name, len(s))
	}
	if err != nil {
		return "", err
	}
	return s[0], nil
}

// Int64s returns the elements of an attribute of integers or booleans.
func (a *Attribute) Int64s() ([]int64, error) {
	v, err := toInt64(a.data, a.typ)
	if err != nil {
		return nil, fmt.Errorf("hdf5: attribute %q: %w", a.Name, err)
	}
	return v, nil
}

// Float32s returns the elements of an attribute of numbers.
func (a *Attribute) Float32s() ([]float32, error) {
	v := make([]float32, a.Len())
	if err := toFloat32(v, a.data, a.typ.Kind, a.typ); err != nil {
		return nil, fmt.Errorf("hdf5: attribute %q: %w", a.Name, err)
	}
	return v, nil
}
