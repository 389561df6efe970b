package hdf5

// This file walks through B-trees, those of version 1 and of version 2.

import (
	"fmt"
	"math/bits"
	"slices"
)

// walkTree calls visit for each child of the leaves of a version 1 B-tree, with the
// key before it. kind is 0 for groups, 1 for chunks.
func (f *File) walkTree(at uint64, kind uint8, key int, visit func(key *cursor, child uint64) error) error {
	nodes := 0
	return f.walkNode(at, kind, key, -1, &nodes, visit)
}

func (f *File) walkNode(at uint64, kind uint8, key, level int, nodes *int, visit func(*cursor, uint64) error) error {
	const what = "B-tree"
	if *nodes++; *nodes > f.limits.Objects {
		return fmt.Errorf("%s: more than %d nodes: see Limits.Objects", what, f.limits.Objects)
	}
	headSize := uint64(8 + 2*f.sizeOffset)
	head, err := f.block(at, headSize, what)
	if err != nil {
		return err
	}
	if err := head.expect("TREE"); err != nil {
		return err
	}
	got, height, n := head.u8(), int(head.u8()), uint64(head.u16())
	// A node must be one level below its parent, so that no node can be its own descendant.
	if got != kind || level >= 0 && height != level {
		return fmt.Errorf("%s at %#x: damaged: a node of kind %d and level %d, expected %d and %d", what, at, got, height, kind, level)
	}
	c, err := f.block(at+headSize, n*uint64(key+f.sizeOffset), what)
	if err != nil {
		return err
	}
	for range n {
		k := &cursor{f: f, b: c.bytes(key), what: what, start: at}
		child := c.offset()
		if height > 0 {
			err = f.walkNode(child, kind, key, height-1, nodes, visit)
		} else {
			err = visit(k, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A tree2 is a version 2 B-tree.
type tree2 struct {
	f        *File
	kind     uint8
	nodeSize int
	record   int        // bytes
	counts   int        // bytes of a node's number of records
	levels   []treeNode // what a node of each level can hold, leaves first
	nodes    int        // visited
	visit    func(record *cursor, size int) error
}

// A treeNode says how many records a node of a level can hold.
type treeNode struct {
	records int    // in the node itself
	total   uint64 // in the node and below it
	bytes   int    // that the level above takes to write a total
}

// walkTree2 calls visit for each record of a version 2 B-tree, in order.
func (f *File) walkTree2(at uint64, kinds []uint8, visit func(record *cursor, size int) error) error {
	const what = "B-tree"
	c, err := f.block(at, uint64(4+2+4+2+2+2+f.sizeOffset+2+f.sizeLength+4), what)
	if err != nil {
		return err
	}
	if err := c.expect("BTHD"); err != nil {
		return err
	}
	version := c.u8()
	t := &tree2{f: f, kind: c.u8(), nodeSize: int(c.u32()), record: int(c.u16()), visit: visit}
	depth := int(c.u16())
	c.skip(2) // percentages
	root, n := c.offset(), int(c.u16())
	c.length() // all records
	if err := c.checksum(); err != nil {
		return err
	}
	if version != 0 || !slices.Contains(kinds, t.kind) || t.record == 0 || t.nodeSize < 16+t.record || t.nodeSize > 1<<26 || depth > 32 {
		return fmt.Errorf("%s at %#x: damaged or not known: version %d, kind %d, records of %d bytes in nodes of %d, depth %d",
			what, at, version, t.kind, t.record, t.nodeSize, depth)
	}
	const overhead = 4 + 1 + 1 + 4
	most := (t.nodeSize - overhead) / t.record
	t.counts = encodedSize(uint64(most))
	t.levels = []treeNode{{records: most, total: uint64(most)}}
	for range depth {
		below := t.levels[len(t.levels)-1]
		pointer := f.sizeOffset + t.counts + below.bytes
		most := (t.nodeSize - overhead - pointer) / (t.record + pointer)
		if most <= 0 || below.total > 1<<48 {
			return fmt.Errorf("%s at %#x: damaged: records of %d bytes in nodes of %d, depth %d", what, at, t.record, t.nodeSize, depth)
		}
		total := uint64(most+1)*below.total + uint64(most)
		t.levels = append(t.levels, treeNode{most, total, encodedSize(total)})
	}
	if n == 0 && depth == 0 || root == undefined {
		return nil
	}
	return t.walk(root, n, depth)
}

// encodedSize is how many bytes numbers up to n take.
func encodedSize(n uint64) int { return max((bits.Len64(n)+7)/8, 1) }

func (t *tree2) walk(at uint64, n, level int) error {
	const what = "B-tree node"
	if t.nodes++; t.nodes > t.f.limits.Objects {
		return fmt.Errorf("%s: more than %d of them: see Limits.Objects", what, t.f.limits.Objects)
	}
	if n > t.levels[level].records {
		return fmt.Errorf("%s at %#x: damaged: %d records where %d have room", what, at, n, t.levels[level].records)
	}
	pointer := 0
	if level > 0 {
		pointer = t.f.sizeOffset + t.counts + t.levels[level-1].bytes
	}
	size := 6 + n*t.record + 4
	if level > 0 {
		size += (n + 1) * pointer
	}
	c, err := t.f.block(at, uint64(size), what)
	if err != nil {
		return err
	}
	magic := "BTLF"
	if level > 0 {
		magic = "BTIN"
	}
	if err := c.expect(magic); err != nil {
		return err
	}
	c.skip(2)
	records := c.bytes(n * t.record)
	children := *c
	c.skip(size - 4 - c.at)
	if err := c.checksum(); err != nil {
		return err
	}
	for i := 0; i <= n; i++ {
		if level > 0 {
			child, count := children.offset(), int(children.uint(t.counts))
			children.skip(t.levels[level-1].bytes)
			if err := t.walk(child, count, level-1); err != nil {
				return err
			}
		}
		if i < n {
			r := &cursor{f: t.f, b: records[i*t.record:][:t.record], what: what, start: at}
			if err := t.visit(r, t.record); err != nil {
				return err
			}
			if r.err != nil {
				return r.err
			}
		}
	}
	return nil
}
