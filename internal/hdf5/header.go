package hdf5

// This file reads object headers: the messages that say what an object is.

import (
	"errors"
	"fmt"
)

// The messages that are read.
const (
	msgDataspace     = 0x01
	msgLinkInfo      = 0x02
	msgDatatype      = 0x03
	msgFillOld       = 0x04
	msgFill          = 0x05
	msgLink          = 0x06
	msgExternal      = 0x07
	msgLayout        = 0x08
	msgFilters       = 0x0b
	msgAttribute     = 0x0c
	msgSharedTable   = 0x0f
	msgContinuation  = 0x10
	msgSymbolTable   = 0x11
	msgAttributeInfo = 0x15

	lastMessage = 0x17 // of those that the format has
)

// Flags of a message.
const (
	sharedMessage = 1 << 1 // it is elsewhere, and its data say where
	failIfUnknown = 1 << 7 // who doesn't know its kind doesn't understand the object
)

type message struct {
	kind  int
	flags uint8
	at    uint64 // in the file
	data  []byte
}

// An object is what a link leads to: a group, an array, or a named type.
type object struct {
	f        *File
	at       uint64 // of its header
	path     string
	messages []message
}

// A headerChunk is the place of a part of an object's header.
type headerChunk struct {
	at, size uint64
}

// object reads the header at an address. path is how it was reached, for errors.
func (f *File) object(at uint64, path string) (*object, error) {
	o := &object{f: f, at: at, path: path}
	if err := o.read(); err != nil {
		return nil, fmt.Errorf("hdf5: %s: object header at %#x: %w", path, at, err)
	}
	return o, nil
}

func (o *object) read() error {
	start, err := o.f.block(o.at, 16, "object header")
	if err != nil {
		return err
	}
	if string(start.b[:4]) == "OHDR" {
		return o.readV2()
	}
	if version := start.u8(); version != 1 {
		return fmt.Errorf("version %d is not known: the file is damaged, or there is no object here", version)
	}
	start.skip(1)
	count := int(start.u16())
	start.skip(4) // references
	size := uint64(start.u32())
	chunks := []headerChunk{{o.at + 16, size}}
	for i := 0; i < len(chunks) && count > 0; i++ {
		c, err := o.f.block(chunks[i].at, chunks[i].size, "object header")
		if err != nil {
			return err
		}
		for ; count > 0 && c.left() >= 8; count-- {
			m := message{kind: int(c.u16())}
			n := int(c.u16())
			m.flags = c.u8()
			c.skip(3)
			m.at = c.start + uint64(c.at)
			m.data = c.bytes(n)
			if c.err != nil {
				return c.err
			}
			if chunks, err = o.add(m, chunks); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *object) readV2() error {
	c, err := o.f.block(o.at, min(64, uint64(o.f.size)-o.f.base-o.at), "object header")
	if err != nil {
		return err
	}
	c.skip(4)
	if version := c.u8(); version != 2 {
		return fmt.Errorf("version %d is not known", version)
	}
	flags := c.u8()
	if flags&(1<<5) != 0 {
		c.skip(16) // times
	}
	if flags&(1<<4) != 0 {
		c.skip(4) // when attributes are stored densely
	}
	size := c.uint(1 << (flags & 3))
	if c.err != nil {
		return c.err
	}
	prefix := uint64(c.at)
	if size > uint64(o.f.size) {
		return fmt.Errorf("damaged: its size is %d", size)
	}
	chunks := []headerChunk{{o.at, prefix + size + 4}}
	for i := 0; i < len(chunks); i++ {
		c, err := o.f.block(chunks[i].at, chunks[i].size, "object header")
		if err != nil {
			return err
		}
		if len(c.b) < 8 {
			return errors.New("damaged: a continuation of less than 8 bytes")
		}
		end := &cursor{f: o.f, b: c.b, at: len(c.b) - 4, what: c.what, start: c.start}
		if err := end.checksum(); err != nil {
			return err
		}
		c.b = c.b[:len(c.b)-4]
		if i == 0 {
			c.skip(int(prefix))
		} else if err := c.expect("OCHK"); err != nil {
			return err
		}
		head := 4
		if flags&(1<<2) != 0 {
			head = 6
		}
		for c.left() >= head { // fewer bytes are a gap
			m := message{kind: int(c.u8())}
			n := int(c.u16())
			m.flags = c.u8()
			c.skip(head - 4) // creation order
			m.at = c.start + uint64(c.at)
			m.data = c.bytes(n)
			if c.err != nil {
				return c.err
			}
			if chunks, err = o.add(m, chunks); err != nil {
				return err
			}
		}
	}
	return nil
}

// add keeps a message. Of a continuation message it appends to chunks the chunk that it names.
func (o *object) add(m message, chunks []headerChunk) ([]headerChunk, error) {
	if m.kind > lastMessage && m.flags&failIfUnknown != 0 {
		return nil, fmt.Errorf("a message of kind %#x, which is not known, says that the object can't be understood without it", m.kind)
	}
	if m.kind != msgContinuation {
		if len(o.messages) >= o.f.limits.Objects {
			return nil, fmt.Errorf("more than %d messages: see Limits.Objects", o.f.limits.Objects)
		}
		o.messages = append(o.messages, m)
		return chunks, nil
	}
	c := o.cursor(m, "continuation")
	next := headerChunk{c.offset(), c.length()}
	for _, seen := range chunks {
		if seen.at == next.at {
			return nil, errors.New("damaged: it continues itself")
		}
	}
	return append(chunks, next), c.err
}

func (o *object) cursor(m message, what string) *cursor {
	return &cursor{f: o.f, b: m.data, what: what, start: m.at}
}

// find returns the first message of a kind, nil if there is none. It follows a message that
// is elsewhere.
func (o *object) find(kind int, what string) (*cursor, error) {
	for _, m := range o.messages {
		if m.kind == kind {
			return o.f.resolve(o.cursor(m, what), kind, m.flags&sharedMessage != 0)
		}
	}
	return nil, nil
}

// resolve returns the message that c has, or, if it is shared, the message that c names.
func (f *File) resolve(c *cursor, kind int, shared bool) (*cursor, error) {
	if !shared {
		return c, c.err
	}
	version, where := c.u8(), c.u8()
	if version == 1 {
		c.skip(6)
		c.length() // the place of a name
	}
	if version == 3 && where == 1 {
		id := c.bytes(8)
		if c.err != nil {
			return nil, c.err
		}
		return f.sharedMessage(id, kind, c.what)
	}
	if version == 0 || version > 3 || version == 3 && where != 2 {
		return nil, fmt.Errorf("%s: it is shared by way %d of version %d, which is not read", c.what, where, version)
	}
	at := c.offset()
	if c.err != nil {
		return nil, c.err
	}
	o := &object{f: f, at: at}
	if err := o.read(); err != nil {
		return nil, fmt.Errorf("%s: shared, at %#x: %w", c.what, at, err)
	}
	for _, m := range o.messages {
		if m.kind == kind && m.flags&sharedMessage == 0 {
			return o.cursor(m, c.what), nil
		}
	}
	return nil, fmt.Errorf("%s: damaged: what it shares at %#x has none", c.what, at)
}
