package file

// This file tells what an array of NumPy's is in its file, which readers may have made another type of.

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// An NpyHeader is what stands before the elements of an .npy file.
type NpyHeader struct {
	Type  string // "float16", or what NumPy writes for a type that has no such name
	Bytes int    // of an element, 0 if it isn't known
	Shape []int
}

var (
	npyHeader = regexp.MustCompile(`^\s*\{\s*'descr': (.*), 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\}\s*$`) // as NumPy writes it
	npyType   = regexp.MustCompile(`^[<>|=]([biuf])(\d+)$`)
)

// ReadNpyHeader reads the beginning of an .npy file, whose elements need not be of a type that Cornu reads.
func ReadNpyHeader(r io.Reader) (NpyHeader, error) {
	var h NpyHeader
	var start [12]byte
	if _, err := io.ReadFull(r, start[:10]); err != nil {
		return h, err
	}
	size := int(binary.LittleEndian.Uint16(start[8:]))
	if start[6] > 1 {
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return h, err
		}
		size = int(min(binary.LittleEndian.Uint32(start[8:]), 1<<20))
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, err
	}
	found := npyHeader.FindSubmatch(text)
	if found == nil {
		return h, fmt.Errorf("the header of its array is %.200q", text)
	}
	h.Type, h.Shape = strings.Trim(string(found[1]), "'"), []int{}
	for part := range strings.SplitSeq(string(found[3]), ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(part)); err == nil {
			h.Shape = append(h.Shape, n)
		}
	}
	if h.Type == "<V2" {
		h.Type, h.Bytes = "bfloat16", 2
	} else if simple := npyType.FindStringSubmatch(h.Type); simple != nil {
		h.Bytes, _ = strconv.Atoi(simple[2])
		h.Type = map[string]string{"b": "bool", "i": "int", "u": "uint", "f": "float"}[simple[1]]
		if h.Type != "bool" {
			h.Type += strconv.Itoa(8 * h.Bytes)
		}
	}
	return h, nil
}

// NpzTypes returns the types that the arrays of an .npz file have in it, by their names. Those whose header isn't as NumPy
// writes it are left out.
func NpzTypes(r io.ReaderAt, size int64) (map[string]string, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, f := range z.File {
		entry, err := f.Open()
		if err != nil {
			return nil, err
		}
		if h, err := ReadNpyHeader(entry); err == nil {
			types[strings.TrimSuffix(f.Name, ".npy")] = h.Type
		}
		entry.Close()
	}
	return types, nil
}
