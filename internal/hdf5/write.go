package hdf5

// This file writes files: superblock 0, groups as B-trees of symbol tables, arrays in
// one piece. It is the oldest format, which everything that reads HDF5 knows and which
// h5py writes too. There are no times in it: the same content gives the same bytes.

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/number"
)

// A Writer is the root group of a file to be written. It is filled in memory, arrays
// by reference, and written by WriteTo.
type Writer struct {
	GroupWriter

	at     uint64 // the next free address
	out    []byte // everything but the arrays
	texts  []textPlace
	arrays []*arrayWriter // in the order of their addresses
}

// A GroupWriter is a group to be written.
type GroupWriter struct {
	path    string
	err     *error // the first mistake, of the whole file
	attrs   []attrWriter
	members []memberWriter

	header, tree, heap uint64
}

type memberWriter struct {
	name  string
	group *GroupWriter
	array *arrayWriter
}

// An arrayWriter is an array, or the value of an attribute, to be written.
type arrayWriter struct {
	typ    typeWriter
	shape  []int
	scalar bool
	float  []float32 // the elements, or
	raw    []byte    // their bytes, or
	texts  []string  // of variable length
	header uint64
	data   uint64 // the address of the elements; before that is known, where in the header it is to be written
}

type attrWriter struct {
	name  string
	value *arrayWriter
}

// A typeWriter is a datatype message.
type typeWriter struct {
	size    int
	message []byte
}

// NewWriter returns an empty file.
func NewWriter() *Writer {
	w := &Writer{}
	w.path, w.err = "/", new(error)
	return w
}

func (g *GroupWriter) fail(format string, args ...any) {
	if *g.err == nil {
		*g.err = fmt.Errorf("hdf5: %s: %w", g.path, fmt.Errorf(format, args...))
	}
}

// find returns the member of that name, nil if there is none.
func (g *GroupWriter) find(name string) *memberWriter {
	for i := range g.members {
		if g.members[i].name == name {
			return &g.members[i]
		}
	}
	return nil
}

func (g *GroupWriter) add(m memberWriter) {
	if m.name == "" || m.name == "." || strings.ContainsAny(m.name, "/\x00") {
		g.fail("%q can't be the name of an object", m.name)
	}
	if g.find(m.name) != nil {
		g.fail("there is a %q already", m.name)
	}
	g.members = append(g.members, m)
}

// Group returns the group at a path, names with slashes between them, and makes what of
// it isn't there.
func (g *GroupWriter) Group(path string) *GroupWriter {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		m := g.find(name)
		if m == nil {
			g.add(memberWriter{name: name, group: &GroupWriter{path: strings.TrimSuffix(g.path, "/") + "/" + name, err: g.err}})
			m = &g.members[len(g.members)-1]
		}
		if m.group == nil {
			g.fail("%q is an array already", name)
			return &GroupWriter{path: path, err: g.err}
		}
		g = m.group
	}
	return g
}

// Float32s adds an array. Its elements are read when the file is written.
func (g *GroupWriter) Float32s(name string, shape []int, x []float32) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(x) {
		g.fail("array %q: %d elements for shape %v", name, len(x), shape)
	}
	g.add(memberWriter{name: name, array: &arrayWriter{typ: float32Type, shape: slices.Clone(shape), float: x}})
}

// Int adds an array of one integer.
func (g *GroupWriter) Int(name string, v int64) {
	g.add(memberWriter{name: name, array: g.value(name, v)})
}

// Attribute sets an attribute: a string, an int64, a float64, a bool, or a []string, of
// which all have the length of the longest, padded with zeros, as h5py stores them. An
// empty list is stored as h5py does that too, as no numbers.
func (g *GroupWriter) Attribute(name string, value any) {
	a := g.value(name, value)
	if n := len(a.raw); n > math.MaxUint16-1024 {
		g.fail("attribute %q has %d bytes, which is too long", name, n)
	}
	g.attrs = append(g.attrs, attrWriter{name, a})
}

func (g *GroupWriter) value(name string, value any) *arrayWriter {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "\x00") {
			g.fail("%q: a text has a zero in it", name)
		}
		return &arrayWriter{typ: textType, scalar: true, texts: []string{v}}
	case int64:
		return &arrayWriter{typ: int64Type, scalar: true, raw: binary.LittleEndian.AppendUint64(nil, uint64(v))}
	case float64:
		return &arrayWriter{typ: float64Type, scalar: true, raw: binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))}
	case bool:
		b := []byte{0}
		if v {
			b[0] = 1
		}
		return &arrayWriter{typ: boolType, scalar: true, raw: b}
	case []string:
		if len(v) == 0 {
			return &arrayWriter{typ: float64Type, shape: []int{0}}
		}
		size := 1
		for _, s := range v {
			size = max(size, len(s))
			if strings.Contains(s, "\x00") {
				g.fail("%q: a text has a zero in it", name)
			}
		}
		a := &arrayWriter{typ: fixedText(size), shape: []int{len(v)}, raw: make([]byte, size*len(v))}
		for i, s := range v {
			copy(a.raw[i*size:], s)
		}
		return a
	}
	g.fail("%q: a %T can't be stored", name, value)
	return &arrayWriter{typ: float64Type, shape: []int{0}}
}

// The datatypes that are written.
var (
	float32Type = typeWriter{4, floatType(4, 31, 23, 8, 23, 127)}
	float64Type = typeWriter{8, floatType(8, 63, 52, 11, 52, 1023)}
	int64Type   = typeWriter{8, integerType(8, true)}
	// h5py's booleans: an enumeration of int8.
	boolType = typeWriter{1, slices.Concat(
		[]byte{1<<4 | 8, 2, 0, 0, 1, 0, 0, 0}, integerType(1, true),
		[]byte("FALSE\x00\x00\x00TRUE\x00\x00\x00\x00"), []byte{0, 1})}
	// A text of variable length, UTF-8, ended by a zero: a sequence of bytes.
	textType = typeWriter{16, slices.Concat([]byte{1<<4 | 9, 1, 1, 0, 16, 0, 0, 0}, integerType(1, false))}
)

func floatType(size, sign, expAt, expSize, manSize, bias int) []byte {
	b := []byte{1<<4 | 1, 2 << 4, byte(sign), 0, byte(size), 0, 0, 0, 0, 0, byte(8 * size), 0, byte(expAt), byte(expSize), 0, byte(manSize)}
	return binary.LittleEndian.AppendUint32(b, uint32(bias))
}

func integerType(size int, signed bool) []byte {
	b := []byte{1 << 4, 0, 0, 0, byte(size), 0, 0, 0, 0, 0, byte(8 * size), 0}
	if signed {
		b[1] = 8
	}
	return b
}

func fixedText(size int) typeWriter {
	b := binary.LittleEndian.AppendUint32([]byte{1<<4 | 3, 1, 0, 0}, uint32(size)) // padded with zeros
	return typeWriter{size, b}
}

// A textPlace is a place in out where the reference to a text is to be written.
type textPlace struct {
	at   int // in out
	text string
}

// Sizes and numbers of the format as it is written: addresses and lengths of 8 bytes.
const (
	superblockSize = 96
	entrySize      = 40
	leafEntries    = 8  // 2·K of a symbol table
	nodeChildren   = 32 // 2·K of a B-tree's node
	tableSize      = 8 + leafEntries*entrySize
	nodeSize       = 24 + nodeChildren*8 + (nodeChildren+1)*8
	leastHeap      = 4096
)

// WriteTo writes the file.
func (w *Writer) WriteTo(to io.Writer) (int64, error) {
	if *w.err != nil {
		return 0, *w.err
	}
	w.at, w.out, w.texts, w.arrays = superblockSize, make([]byte, superblockSize), nil, nil
	w.group(&w.GroupWriter)
	w.placeTexts()
	end := w.at
	for _, a := range w.arrays {
		end = max(end, a.data+uint64(a.bytes()))
	}
	w.superblock(end)
	out := &countingWriter{w: bufio.NewWriterSize(to, 1<<20)}
	out.Write(w.out)
	for _, a := range w.arrays {
		out.Write(make([]byte, int64(a.data)-out.n))
		if a.float == nil {
			out.Write(a.raw)
		} else {
			number.Write(out, a.float)
		}
	}
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return out.n, fmt.Errorf("hdf5: %w", out.err)
	}
	return out.n, nil
}

// A countingWriter keeps the first error.
type countingWriter struct {
	w   *bufio.Writer
	n   int64
	err error
}

func (c *countingWriter) Write(b []byte) (int, error) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
	}
	c.n += int64(len(b))
	return len(b), c.err
}

func (a *arrayWriter) bytes() int {
	if a.float != nil {
		return 4 * len(a.float)
	}
	return len(a.raw)
}

// reserve gives n bytes their place, at a multiple of 8.
func (w *Writer) reserve(n int) uint64 {
	at := w.at
	w.at = (w.at + uint64(n) + 7) / 8 * 8
	w.out = append(w.out, make([]byte, int(w.at)-len(w.out))...)
	return at
}

func (w *Writer) u16(at uint64, v int)    { binary.LittleEndian.PutUint16(w.out[at:], uint16(v)) }
func (w *Writer) u32(at uint64, v int)    { binary.LittleEndian.PutUint32(w.out[at:], uint32(v)) }
func (w *Writer) u64(at uint64, v uint64) { binary.LittleEndian.PutUint64(w.out[at:], v) }

func (w *Writer) superblock(end uint64) {
	copy(w.out, signature)
	w.out[13], w.out[14] = 8, 8 // bytes of addresses and of lengths
	w.u16(16, leafEntries/2)
	w.u16(18, nodeChildren/2)
	w.u64(32, undefined) // free space
	w.u64(40, end)
	w.u64(48, undefined) // driver
	w.entry(56, 0, &memberWriter{group: &w.GroupWriter})
}

// entry writes a symbol table's entry, whose name is at an offset in the group's heap.
func (w *Writer) entry(at, name uint64, m *memberWriter) {
	w.u64(at, name)
	if m.group == nil {
		w.u64(at+8, m.array.header)
		return
	}
	w.u64(at+8, m.group.header)
	w.u32(at+16, 1) // the places of the B-tree and the heap follow
	w.u64(at+24, m.group.tree)
	w.u64(at+32, m.group.heap)
}

// group writes a group and all that is in it.
func (w *Writer) group(g *GroupWriter) {
	// Names in alphabetical order, which B-trees have.
	members := slices.Clone(g.members)
	slices.SortFunc(members, func(a, b memberWriter) int { return cmp.Compare(a.name, b.name) })
	names, size := make([]uint64, len(members)), 8 // the empty name is at 0
	for i, m := range members {
		names[i] = uint64(size)
		size += (len(m.name) + 8) / 8 * 8
	}
	g.header = w.reserve(16 + 24 + w.attributeSize(g.attrs))
	g.heap = w.reserve(32)
	segment := w.reserve(size)
	copy(w.out[g.heap:], "HEAP")
	w.u64(g.heap+8, uint64(size))
	w.u64(g.heap+16, 1) // no free block
	w.u64(g.heap+24, segment)
	for i, m := range members {
		copy(w.out[segment+names[i]:], m.name)
	}

	// Symbol tables, then nodes of a B-tree until one has all.
	var level []treeChild
	for i := 0; i < len(members); i += leafEntries {
		level = append(level, treeChild{w.reserve(tableSize), names[min(i+leafEntries, len(members))-1]})
	}
	tables := level
	for height := 0; ; height++ {
		level = w.nodes(level, height)
		if len(level) == 1 {
			break
		}
	}
	g.tree = level[0].at

	w.headerOf(g.header, 1+len(g.attrs), 24+w.attributeSize(g.attrs))
	at := w.message(g.header+16, msgSymbolTable, 16)
	w.u64(at, g.tree)
	w.u64(at+8, g.heap)
	w.attributes(at+16, g.attrs)

	for i := range members {
		m := &members[i]
		if m.group != nil {
			w.group(m.group)
		} else {
			w.array(m.array)
		}
	}
	for t, table := range tables {
		copy(w.out[table.at:], "SNOD\x01")
		n := min(leafEntries, len(members)-t*leafEntries)
		w.u16(table.at+6, n)
		for i := range n {
			w.entry(table.at+8+uint64(i*entrySize), names[t*leafEntries+i], &members[t*leafEntries+i])
		}
	}
}

// A treeChild is a table or a node, and the greatest name in it.
type treeChild struct{ at, last uint64 }

// nodes writes the nodes over a level of children, and returns them.
func (w *Writer) nodes(children []treeChild, height int) []treeChild {
	var nodes []treeChild
	for first := true; first || len(children) > 0; first = false {
		n := min(len(children), nodeChildren)
		at := w.reserve(nodeSize)
		copy(w.out[at:], "TREE")
		w.out[at+5] = byte(height)
		w.u16(at+6, n)
		w.u64(at+8, undefined) // siblings
		w.u64(at+16, undefined)
		last := uint64(0)
		if len(nodes) > 0 {
			previous := nodes[len(nodes)-1]
			last = previous.last
			w.u64(at+8, previous.at)
			w.u64(previous.at+16, at)
		}
		w.u64(at+24, last)
		for i, c := range children[:n] {
			w.u64(at+32+uint64(16*i), c.at)
			w.u64(at+40+uint64(16*i), c.last)
			last = c.last
		}
		nodes = append(nodes, treeChild{at, last})
		children = children[n:]
	}
	return nodes
}

// headerOf writes the beginning of an object's header.
func (w *Writer) headerOf(at uint64, messages, size int) {
	w.out[at] = 1
	w.u16(at+2, messages)
	w.u32(at+4, 1) // one link leads here
	w.u32(at+8, size)
}

// message writes the head of a message of n bytes and returns where its data go.
func (w *Writer) message(at uint64, kind, n int) uint64 {
	w.u16(at, kind)
	w.u16(at+2, (n+7)/8*8)
	return at + 8
}

func spaceSize(a *arrayWriter) int { return 8 + 8*len(a.shape) }

func padded(n int) int { return (n + 7) / 8 * 8 }

// attributeSize is how many bytes the messages of attributes take.
func (w *Writer) attributeSize(attrs []attrWriter) int {
	n := 0
	for _, a := range attrs {
		n += 8 + padded(w.attributeBody(a))
	}
	return n
}

func (w *Writer) attributeBody(a attrWriter) int {
	return 8 + padded(len(a.name)+1) + padded(len(a.value.typ.message)) + padded(spaceSize(a.value)) + len(a.value.raw) + 16*len(a.value.texts)
}

func (w *Writer) attributes(at uint64, attrs []attrWriter) {
	for _, a := range attrs {
		n := w.attributeBody(a)
		at = w.message(at, msgAttribute, n)
		w.out[at] = 1
		w.u16(at+2, len(a.name)+1)
		w.u16(at+4, len(a.value.typ.message))
		w.u16(at+6, spaceSize(a.value))
		p := at + 8
		copy(w.out[p:], a.name)
		p += uint64(padded(len(a.name) + 1))
		copy(w.out[p:], a.value.typ.message)
		p += uint64(padded(len(a.value.typ.message)))
		w.space(p, a.value)
		p += uint64(padded(spaceSize(a.value)))
		copy(w.out[p:], a.value.raw)
		for i, s := range a.value.texts {
			w.texts = append(w.texts, textPlace{int(p) + 16*i, s})
		}
		at += uint64(padded(n))
	}
}

// space writes a dataspace.
func (w *Writer) space(at uint64, a *arrayWriter) {
	w.out[at], w.out[at+1] = 1, byte(len(a.shape))
	for i, d := range a.shape {
		w.u64(at+8+uint64(8*i), uint64(d))
	}
}

// array writes an array's header.
func (w *Writer) array(a *arrayWriter) {
	size := 8 + padded(spaceSize(a)) + 8 + padded(len(a.typ.message)) + 8 + 8 + 8 + 24
	a.header = w.reserve(16 + size)
	w.headerOf(a.header, 4, size)
	at := w.message(a.header+16, msgDataspace, spaceSize(a))
	w.space(at, a)
	at = w.message(at+uint64(padded(spaceSize(a))), msgDatatype, len(a.typ.message))
	copy(w.out[at:], a.typ.message)
	at = w.message(at+uint64(padded(len(a.typ.message))), msgFill, 8)
	copy(w.out[at:], []byte{2, 2, 2, 1}) // version 2; allocated late; the fill value is written if it was set; it is defined, as the default
	at = w.message(at+8, msgLayout, 24)
	w.out[at], w.out[at+1] = 3, contiguous
	w.u64(at+2, undefined)
	w.u64(at+10, uint64(a.bytes()))
	a.data = at + 2 // the place of its address, until that is known
	w.arrays = append(w.arrays, a)
}

// placeTexts puts the texts of variable length into collections of the global heap, and
// gives the arrays their places at the end of the file.
func (w *Writer) placeTexts() {
	const most = 60_000 // objects of a collection, whose numbers have 16 bits
	for first := 0; first < len(w.texts); first += most {
		texts := w.texts[first:min(first+most, len(w.texts))]
		size := 16
		for _, t := range texts {
			size += 16 + padded(len(t.text))
		}
		free := max(leastHeap-size, 0)
		if free > 0 && free < 16 {
			free = 16
		}
		at := w.reserve(size + free)
		copy(w.out[at:], "GCOL\x01")
		w.u64(at+8, uint64(size+free))
		p := at + 16
		for i, t := range texts {
			w.u16(p, i+1)
			w.u64(p+8, uint64(len(t.text)))
			copy(w.out[p+16:], t.text)
			p += uint64(16 + padded(len(t.text)))
			place := uint64(t.at)
			w.u32(place, len(t.text))
			w.u64(place+4, at)
			w.u32(place+12, i+1)
		}
		if free > 0 {
			w.u64(p+8, uint64(free))
		}
	}
	end := w.at
	for _, a := range w.arrays {
		if a.bytes() == 0 {
			a.data = end
			continue
		}
		w.u64(a.data, end)
		a.data = end
		end = (end + uint64(a.bytes()) + 7) / 8 * 8
	}
}
