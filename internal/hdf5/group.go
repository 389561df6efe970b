package hdf5

// This file reads groups: the links by which the objects of a file are found.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Group is a folder of objects, with attributes.
type Group struct {
	*object
	links []link // by name
}

// A link is an entry of a group.
type link struct {
	name string
	kind uint8
	at   uint64 // of the object's header, if the link is hard
	to   string // a path, if it is soft
}

// Kinds of links. A program that uses HDF5 may define further ones.
const (
	hardLink     = 0
	softLink     = 1
	externalLink = 64
)

// ErrNotFound says that a group has no object of that name.
var ErrNotFound = errors.New("there is no such object")

// Path returns the path by which the object was opened, such as "/layers/dense".
func (o *object) Path() string { return o.path }

// isGroup reports whether the object is a group. An array has a datatype and a dataspace.
func (o *object) isGroup() bool {
	for _, m := range o.messages {
		if m.kind == msgSymbolTable || m.kind == msgLinkInfo || m.kind == msgLink {
			return true
		}
	}
	return false
}

// group reads the links of the object.
func (o *object) group() (*Group, error) {
	g := &Group{object: o}
	if err := g.read(); err != nil {
		return nil, fmt.Errorf("hdf5: group %s: %w", o.path, err)
	}
	slices.SortFunc(g.links, func(a, b link) int { return cmp.Compare(a.name, b.name) })
	for i, l := range g.links {
		if i > 0 && l.name == g.links[i-1].name {
			return nil, fmt.Errorf("hdf5: group %s: damaged: it has two objects of the name %q", o.path, l.name)
		}
	}
	return g, nil
}

func (g *Group) read() error {
	if !g.isGroup() {
		return errors.New("it is no group")
	}
	for _, m := range g.messages {
		c := g.cursor(m, "link")
		var err error
		switch m.kind {
		case msgSymbolTable:
			tree, heap := c.offset(), c.offset()
			if err = c.err; err == nil {
				err = g.readSymbols(tree, heap)
			}
		case msgLink:
			err = g.addLink(c)
		case msgLinkInfo:
			err = g.readDense(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) add(l link) error {
	if len(g.links) >= g.f.limits.Objects {
		return fmt.Errorf("it has more than %d objects: see Limits.Objects", g.f.limits.Objects)
	}
	if l.name == "" || l.name == "." || strings.ContainsAny(l.name, "/\x00") {
		return fmt.Errorf("damaged: an object of the name %q", l.name)
	}
	g.links = append(g.links, l)
	return nil
}

// readSymbols reads the links of a group in HDF5's oldest format: a B-tree of symbol
// tables, whose names are in a local heap.
func (g *Group) readSymbols(tree, heap uint64) error {
	if tree == undefined {
		return nil
	}
	names, err := g.f.localHeap(heap)
	if err != nil {
		return err
	}
	return g.f.walkTree(tree, 0, g.f.sizeLength, func(_ *cursor, at uint64) error {
		head, err := g.f.block(at, 8, "symbol table")
		if err != nil {
			return err
		}
		if err := head.expect("SNOD"); err != nil {
			return err
		}
		head.skip(2)
		n := uint64(head.u16())
		entry := 2*uint64(g.f.sizeOffset) + 24
		c, err := g.f.block(at+8, n*entry, "symbol table")
		if err != nil {
			return err
		}
		for range n {
			name := names.text(c.offset())
			l := link{name: name, at: c.offset()}
			cache := c.u32()
			c.skip(4)
			scratch := c.bytes(16)
			if c.err != nil {
				return c.err
			}
			if cache == 2 {
				l.kind = softLink
				l.to = names.text(uint64(uint32(scratch[0]) | uint32(scratch[1])<<8 | uint32(scratch[2])<<16 | uint32(scratch[3])<<24))
			}
			if names.err != nil {
				return names.err
			}
			if err := g.add(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// A localHeap holds the names of a group.
type localHeap struct {
	c   *cursor
	err error
}

func (f *File) localHeap(at uint64) (*localHeap, error) {
	head, err := f.block(at, uint64(8+2*f.sizeLength+f.sizeOffset), "local heap")
	if err != nil {
		return nil, err
	}
	if err := head.expect("HEAP"); err != nil {
		return nil, err
	}
	head.skip(4)
	size := head.length()
	head.length() // the list of free blocks
	c, err := f.block(head.offset(), size, "local heap")
	if err != nil {
		return nil, err
	}
	return &localHeap{c: c}, nil
}

// text returns the text at an offset in the heap.
func (h *localHeap) text(offset uint64) string {
	if offset > uint64(len(h.c.b)) {
		h.err = fmt.Errorf("local heap at %#x: damaged: a name at %d of %d bytes", h.c.start, offset, len(h.c.b))
		return ""
	}
	h.c.at = int(offset)
	s := h.c.text()
	if h.err == nil {
		h.err = h.c.err
	}
	return s
}

// addLink reads a link message.
func (g *Group) addLink(c *cursor) error {
	if version := c.u8(); version != 1 {
		return fmt.Errorf("link: version %d is not known", version)
	}
	flags := c.u8()
	var l link
	if flags&(1<<3) != 0 {
		l.kind = c.u8()
	}
	if flags&(1<<2) != 0 {
		c.skip(8) // creation order
	}
	if flags&(1<<4) != 0 {
		c.skip(1) // character set
	}
	l.name = string(c.bytes(c.size(1 << (flags & 3))))
	switch l.kind {
	case hardLink:
		l.at = c.offset()
	case softLink:
		l.to = string(c.bytes(int(c.u16())))
	}
	if c.err != nil {
		return c.err
	}
	return g.add(l)
}

// readDense reads the links of a group that has many: they are in a fractal heap, and
// a B-tree has their places.
func (g *Group) readDense(c *cursor) error {
	c.skip(1)
	if c.u8()&1 != 0 {
		c.skip(8)
	}
	heapAt, tree := c.offset(), c.offset()
	if c.err != nil || heapAt == undefined || tree == undefined {
		return c.err
	}
	heap, err := g.f.fractalHeap(heapAt)
	if err != nil {
		return err
	}
	return g.f.walkTree2(tree, []uint8{5}, func(c *cursor, size int) error {
		c.skip(4) // hash
		b, err := heap.object(c.bytes(size - 4))
		if err != nil {
			return err
		}
		return g.addLink(&cursor{f: g.f, b: b, what: "link", start: heapAt})
	})
}

// Names lists the objects of the group in alphabetical order.
func (g *Group) Names() []string {
	names := make([]string, len(g.links))
	for i, l := range g.links {
		names[i] = l.name
	}
	return names
}

// Has reports whether the group has an object of that name.
func (g *Group) Has(name string) bool {
	_, ok := g.find(name)
	return ok
}

func (g *Group) find(name string) (link, bool) {
	i, ok := slices.BinarySearchFunc(g.links, name, func(l link, name string) int { return cmp.Compare(l.name, name) })
	if !ok {
		return link{}, false
	}
	return g.links[i], true
}

// Open returns the *Group, the *Dataset or the *NamedType of a path, names with slashes between
// them, from this group on. Links within the file are followed; those to other files are an
// error.
func (g *Group) Open(path string) (any, error) {
	hops := 0
	return g.open(path, &hops)
}

func (g *Group) open(path string, hops *int) (any, error) {
	var err error
	if strings.HasPrefix(path, "/") {
		if g, err = g.f.Root(); err != nil {
			return nil, err
		}
	}
	var at any = g
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		g, ok := at.(*Group)
		if !ok {
			return nil, fmt.Errorf("hdf5: %s: %w: %q is looked for in %s", path, ErrNotFound, name, kindOf(at))
		}
		if at, err = g.member(name, hops); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// member opens what the group has under a name.
func (g *Group) member(name string, hops *int) (any, error) {
	path := strings.TrimSuffix(g.path, "/") + "/" + name
	l, ok := g.find(name)
	if !ok {
		return nil, fmt.Errorf("hdf5: %s: %w", path, ErrNotFound)
	}
	if *hops++; *hops > g.f.limits.Depth {
		return nil, fmt.Errorf("hdf5: %s: more than %d groups and links on the way: do they lead in a circle? See Limits.Depth", path, g.f.limits.Depth)
	}
	switch l.kind {
	case hardLink:
		return g.f.open(l.at, path)
	case softLink:
		return g.open(l.to, hops)
	case externalLink:
		return nil, fmt.Errorf("hdf5: %s: it is a link to another file, which is not opened", path)
	}
	return nil, fmt.Errorf("hdf5: %s: links of kind %d are not followed", path, l.kind)
}

// open returns the *Group, the *Dataset or the *NamedType at an address.
func (f *File) open(at uint64, path string) (any, error) {
	if g := f.opened(at, path); g != nil {
		return g, nil
	}
	o, err := f.object(at, path)
	if err != nil {
		return nil, err
	}
	if o.isGroup() {
		g, err := o.group()
		if err != nil {
			return nil, err
		}
		f.keep(g)
		return g, nil
	}
	if o.isType() {
		n, err := o.namedType()
		if err != nil {
			return nil, err
		}
		return n, nil
	}
	d, err := o.dataset()
	if err != nil {
		return nil, err
	}
	return d, nil
}

// opened returns a group that was opened recently, nil if this one was not.
func (f *File) opened(at uint64, path string) *Group {
	f.recent.Lock()
	defer f.recent.Unlock()
	if g := f.recent.groups[strings.Count(path, "/")]; g != nil && g.at == at && g.path == path {
		return g
	}
	return nil
}

// keep makes a group one of those that were opened recently. Paths of several depths that lead to one group hold its links but once.
func (f *File) keep(g *Group) {
	f.recent.Lock()
	defer f.recent.Unlock()
	if f.recent.groups == nil {
		f.recent.groups = map[int]*Group{}
	}
	for _, same := range f.recent.groups {
		if same.at == g.at {
			g.messages, g.links = same.messages, same.links
		}
	}
	f.recent.groups[strings.Count(g.path, "/")] = g
}

// kindOf says what a path leads to.
func kindOf(object any) string {
	switch object.(type) {
	case *Group:
		return "a group"
	case *Dataset:
		return "an array"
	}
	return "a named type"
}

// Group opens the group at a path.
func (g *Group) Group(path string) (*Group, error) {
	o, err := g.Open(path)
	if err != nil {
		return nil, err
	}
	if g, ok := o.(*Group); ok {
		return g, nil
	}
	return nil, fmt.Errorf("hdf5: %s: it is %s, a group was expected", path, kindOf(o))
}

// Dataset opens the array at a path.
func (g *Group) Dataset(path string) (*Dataset, error) {
	o, err := g.Open(path)
	if err != nil {
		return nil, err
	}
	if d, ok := o.(*Dataset); ok {
		return d, nil
	}
	return nil, fmt.Errorf("hdf5: %s: it is %s, an array was expected", path, kindOf(o))
}

// Walk calls visit for the group and all that is in it, a group before its objects, in
// alphabetical order. An object that several links lead to is visited once; soft links
// and links to other files are not followed. What can't be opened is visited with
// its error and nil.
func (g *Group) Walk(visit func(path string, object any, err error) error) error {
	return g.walk(visit, map[uint64]bool{g.at: true}, 0)
}

func (g *Group) walk(visit func(string, any, error) error, seen map[uint64]bool, depth int) error {
	if err := visit(g.path, g, nil); err != nil {
		return err
	}
	if depth > g.f.limits.Depth {
		return fmt.Errorf("hdf5: %s: more than %d groups in each other: see Limits.Depth", g.path, g.f.limits.Depth)
	}
	for _, l := range g.links {
		if l.kind != hardLink || seen[l.at] {
			continue
		}
		seen[l.at] = true
		if len(seen) > g.f.limits.Objects {
			return fmt.Errorf("hdf5: more than %d objects: see Limits.Objects", g.f.limits.Objects)
		}
		hops := 0
		o, err := g.member(l.name, &hops)
		if sub, ok := o.(*Group); ok {
			err = sub.walk(visit, seen, depth+1)
		} else {
			err = visit(strings.TrimSuffix(g.path, "/")+"/"+l.name, o, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
