package hdf5

// This file reads messages that several objects share. A file may keep equal dataspaces,
// datatypes, fill values, filters and attributes once, in heaps of its own.

import (
	"errors"
	"fmt"
)

// A sharedIndex is a heap of messages. It has an index by which a writer finds equal messages,
// which is not read.
type sharedIndex struct {
	kinds uint16 // bit i says that messages of kind i may be in the heap
	heap  uint64
}

// maxSharedIndexes is HDF5's limit on their number.
const maxSharedIndexes = 8

// sharedMessage returns the message of a kind that an ID names.
func (f *File) sharedMessage(id []byte, kind int, what string) (*cursor, error) {
	f.shared.Do(func() { f.shared.indexes, f.shared.err = f.sharedIndexes() })
	err := f.shared.err
	if err == nil {
		err = fmt.Errorf("damaged: no heap is for messages of kind %d", kind)
		for _, x := range f.shared.indexes {
			if x.kinds>>kind&1 == 0 || x.heap == undefined {
				continue
			}
			var b []byte
			if b, err = f.sharedObject(x.heap, id); err == nil {
				return &cursor{f: f, b: b, what: what, start: x.heap}, nil
			}
			break // a kind is in one heap only
		}
	}
	return nil, fmt.Errorf("%s: it is in the file's heaps of shared messages: %w", what, err)
}

func (f *File) sharedObject(heapAt uint64, id []byte) ([]byte, error) {
	heap, err := f.fractalHeap(heapAt)
	if err != nil {
		return nil, err
	}
	if heap.filtered() { // HDF5 has no way to write one
		return nil, heap.damaged("a heap of shared messages is compressed")
	}
	return heap.object(id)
}

// sharedIndexes reads the table of heaps. The superblock's extension says where it is.
func (f *File) sharedIndexes() ([]sharedIndex, error) {
	if f.extension == undefined {
		return nil, errors.New("damaged: it has none")
	}
	o := &object{f: f, at: f.extension}
	if err := o.read(); err != nil {
		return nil, fmt.Errorf("superblock's extension at %#x: %w", f.extension, err)
	}
	for _, m := range o.messages {
		if m.kind == msgSharedTable && m.flags&sharedMessage == 0 {
			return f.sharedTable(o.cursor(m, "shared message table"))
		}
	}
	return nil, errors.New("damaged: it has none")
}

func (f *File) sharedTable(m *cursor) ([]sharedIndex, error) {
	version, at, n := m.u8(), m.offset(), int(m.u8())
	if m.err != nil {
		return nil, m.err
	}
	if version != 0 || n > maxSharedIndexes {
		return nil, fmt.Errorf("%s: damaged or not known: version %d, %d heaps", m.what, version, n)
	}
	c, err := f.block(at, uint64(4+n*(14+2*f.sizeOffset)+4), m.what)
	if err != nil {
		return nil, err
	}
	if err := c.expect("SMTB"); err != nil {
		return nil, err
	}
	indexes := make([]sharedIndex, n)
	for i := range indexes {
		c.skip(1 + 1) // version, kind of index
		indexes[i].kinds = c.u16()
		c.skip(4 + 2 + 2 + 2) // the least size, when a list becomes a tree and a tree a list, messages
		c.offset()            // the index
		indexes[i].heap = c.offset()
	}
	return indexes, c.checksum()
}
