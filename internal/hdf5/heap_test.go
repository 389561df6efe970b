package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/hostile"
)

// testdata/make.py makes the same names and has h5py read them.
func TestGroupsWhoseLinksAreInCompressedHeapsAreRead(t *testing.T) {
	for _, names := range []struct {
		file, group string
		count, size int
	}{
		{"small_packed.h5", "one", 12, 9},
		{"small_packed.h5", "table", 20, 150},
		{"small_packed.h5", "huge", 9, 4200},
		{"small_packed_deep.h5", "tables", 140, 4000},
	} {
		group := names.group
		root := openFile(t, names.file)
		a, err := root.Dataset("a")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, 24)
		if err := a.Float32s(want); err != nil {
			t.Fatal(err)
		}
		g, err := root.Group(group)
		if err != nil {
			t.Error(err)
			continue
		}
		var list []string
		for i := range names.count {
			list = append(list, fmt.Sprintf("%04d", i)+strings.Repeat(string("abcdefgh"[i%8]), names.size))
		}
		if !slices.Equal(g.Names(), list) {
			t.Errorf("%s has %d names, want %d", group, len(g.Names()), len(list))
		}
		for _, name := range list {
			d, err := g.Dataset(name)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, 24)
			if err := d.Float32s(got); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s/%.4s… is %v, %v", group, name, got, err)
			}
		}
	}
}

// A heapFile is a file whose metadata are changed, with checksums as they should be.
type heapFile struct {
	t testing.TB
	b []byte
}

func changed(t testing.TB, name string) *heapFile {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return &heapFile{t, b}
}

// put writes an integer of n bytes at an offset of the first block that begins with a
// signature, and the checksum that is in the last 4 of the block's bytes.
func (f *heapFile) put(magic string, offset, n int, value uint64) *heapFile {
	f.t.Helper()
	at := max(0, bytes.Index(f.b, []byte(magic)))
	size := map[string]int{signature: 48, "FRHP": 158 + len(filtersOf(f.b[at:])), "SMTB": 0}[magic]
	if magic == "SMTB" {
		for size = 4 + 30 + 4; lookup3(f.b[at:][:size-4]) != binary.LittleEndian.Uint32(f.b[at+size-4:]); size += 30 {
		}
	}
	block := f.b[at:][:size]
	if lookup3(block[:size-4]) != binary.LittleEndian.Uint32(block[size-4:]) {
		f.t.Fatalf("the block of %s at %d has another size than %d", magic, at, size)
	}
	var field [8]byte
	binary.LittleEndian.PutUint64(field[:], value)
	copy(block[offset:][:n], field[:])
	binary.LittleEndian.PutUint32(block[size-4:], lookup3(block[:size-4]))
	return f
}

// filtersOf returns the message of a heap's filters.
func filtersOf(heap []byte) []byte { return heap[154:][:binary.LittleEndian.Uint16(heap[7:])] }

// root gives the first heap, which is one direct block, another block.
func (f *heapFile) root(block []byte) *heapFile {
	at := uint64(len(f.b))
	f.b = append(f.b, block...)
	f.put("FRHP", 132, 8, at)
	f.put("FRHP", 142, 8, uint64(len(block)))
	return f.put("FRHP", 150, 4, 2) // without its second filter, which is Fletcher's checksum
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func hostileHeaps(t testing.TB) []hostile.File {
	t.Helper()
	const packed, shared = "small_packed.h5", "small_shared.h5"
	// The first heap's only block.
	whole := changed(t, packed).b
	heap := whole[bytes.Index(whole, []byte("FRHP")):]
	at, n := binary.LittleEndian.Uint64(heap[132:]), binary.LittleEndian.Uint64(heap[142:])
	filters, err := readFilters(&cursor{b: filtersOf(heap)})
	if err != nil {
		t.Fatal(err)
	}
	block, err := undo(filters, bytes.Clone(whole[at:][:n]), 0, int(binary.LittleEndian.Uint64(heap[112:])))
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(block)
	altered[len(block)-1] ^= 1
	elsewhere := bytes.Clone(block)
	copy(elsewhere, "FHIB")
	flipped := bytes.Clone(whole)
	flipped[at+n/2] ^= 16
	table := uint64(bytes.Index(changed(t, shared).b, []byte("SMTB")))
	return []hostile.File{
		{Name: "szip", Content: changed(t, packed).put("FRHP", 156, 2, 4).b, Want: "filter 4 (szip), which is not read"},
		{Name: "filters_beyond", Content: changed(t, packed).put("FRHP", 155, 1, 30).b, Want: "in the middle of a field"},
		{Name: "too_many_filters", Content: changed(t, packed).put("FRHP", 155, 1, 200).b, Want: "filters: damaged: 200"},
		{Name: "block_beyond", Content: changed(t, packed).put("FRHP", 142, 8, 1<<40).b, Want: "beyond the end of the file"},
		{Name: "no_filter_undone", Content: changed(t, packed).put("FRHP", 150, 4, 3).b, Want: "and should have 512"},
		{Name: "large_blocks", Content: changed(t, packed).put("FRHP", 112, 8, 1<<31).put("FRHP", 120, 8, 1<<31).b, Want: "over the budget"},
		{Name: "flipped", Content: flipped, Want: "damaged"},
		{Name: "bomb", Content: changed(t, packed).root(deflated(make([]byte, 1<<22))).b, Want: "it has more than"},
		{Name: "short", Content: changed(t, packed).root(deflated(block[:100])).b, Want: "it has 100 bytes and should have 512"},
		{Name: "altered", Content: changed(t, packed).root(deflated(altered)).b, Want: "the checksum of the direct block"},
		{Name: "no_block", Content: changed(t, packed).root(deflated(elsewhere)).b, Want: `should begin with "FHDB"`},

		{Name: "no_extension", Content: changed(t, shared).put(signature, 20, 8, undefined).b, Want: "it has none"},
		{Name: "extension_is_root", Content: changed(t, shared).put(signature, 20, 8, binary.LittleEndian.Uint64(changed(t, shared).b[36:])).b, Want: "it has none"},
		{Name: "extension_beyond", Content: changed(t, shared).put(signature, 20, 8, 1<<50).b, Want: "beyond the end of the file"},
		{Name: "no_kinds", Content: changed(t, shared).put("SMTB", 6, 2, 0).b, Want: "no heap is for messages of kind"},
		{Name: "no_heap", Content: changed(t, shared).put("SMTB", 26, 8, undefined).b, Want: "no heap is for messages of kind"},
		{Name: "heap_beyond", Content: changed(t, shared).put("SMTB", 26, 8, 1<<50).b, Want: "beyond the end of the file"},
		{Name: "heap_is_table", Content: changed(t, shared).put("SMTB", 26, 8, table).b, Want: `should begin with "FRHP"`},
	}
}

// readHeaps opens all that is in a file, within a megabyte.
func readHeaps(b []byte) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Bytes: 1 << 20})
	if err != nil {
		return err
	}
	root, err := f.Root()
	if err != nil {
		return err
	}
	return root.Walk(func(_ string, object any, err error) error {
		switch o := object.(type) {
		case *Group:
			_, err = o.Attributes()
		case *Dataset:
			_, err = o.Attributes()
		}
		return err
	})
}

func TestDamagedHeapsAreRefusedByWhatIsWrongWithThem(t *testing.T) {
	for _, name := range []string{"small_packed.h5", "small_packed_deep.h5", "small_shared.h5", "small_shared_old.h5"} {
		if err := readHeaps(changed(t, name).b); err != nil {
			t.Errorf("%s, unchanged: %v", name, err)
		}
	}
	for _, f := range hostileHeaps(t) {
		if err := readHeaps(f.Content); err == nil || !strings.Contains(err.Error(), f.Want) {
			t.Errorf("%s: got %v, want an error with %s", f.Name, err, f.Want)
		}
	}
}

// Each block fits, and all of them together don't.
func TestTheBlocksOfACompressedHeapHaveOneBudget(t *testing.T) {
	b := changed(t, "small_packed_deep.h5").b
	for bytes, want := range map[int64]string{1 << 20: "", 500_000: "over the budget of 500000 bytes for a heap"} {
		f, err := Open(strings.NewReader(string(b)), int64(len(b)), Limits{Bytes: bytes})
		if err != nil {
			t.Fatal(err)
		}
		root, err := f.Root()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = root.Group("tables"); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("with %d bytes: got %v, want %q", bytes, err, want)
		}
	}
}
