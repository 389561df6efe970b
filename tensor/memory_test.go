package tensor_test

// This file tests how much memory reading takes.

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/tensor"
)

// zeros gives zeros for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// silent gives nothing for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// program is what a test takes besides what it reads.
const program = 96 << 20

func TestReadingTakesNoMoreThanTheBudget(t *testing.T) {
	budget := uint64(choice.Effort(16, 128)) << 20
	size := func(n int) int { return n * int(budget) / (128 << 20) }
	for _, c := range []struct {
		name, header string
		reads        bool
	}{
		{"all of it", fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,)}", size(33554432)), true},
		{"growing", fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,)}", size(12500000)), true},
		{"turned", fmt.Sprintf("{'descr': '|u1', 'fortran_order': True, 'shape': (100, %d)}", size(650000)), true},
		{"beyond", fmt.Sprintf("{'descr': '|u1', 'fortran_order': True, 'shape': (100, %d)}", size(700000)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			capped.Run(t, budget+program, func() {
				x, err := tensor.ReadNpy(io.MultiReader(strings.NewReader(npy(c.header, 0)), zeros{}), int64(budget))
				if (err == nil) != c.reads {
					t.Errorf("%v, %v", x, err)
				}
			})
		})
	}
}

func TestAReaderThatGivesNothingIsGivenUp(t *testing.T) {
	header := npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (100000,)}`, 0)
	for _, begun := range []string{"", header[:9], header, header + "1234"} {
		if _, err := tensor.ReadNpy(io.MultiReader(strings.NewReader(begun), silent{}), 0); err == nil {
			t.Errorf("after %d bytes: no error", len(begun))
		}
	}
}

// overlapping is an archive whose entries are all the same bytes of the file.
func overlapping(t testing.TB, content string, entries int) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	f, err := w.Create("0.npy")
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	offset, err := r.File[0].DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	size := r.File[0].CompressedSize64
	out := append([]byte(nil), packed.Bytes()[:offset+int64(size)]...)
	start := len(out)
	le := binary.LittleEndian
	for i := range entries {
		name := fmt.Sprintf("%d.npy", i)
		d := le.AppendUint32(nil, 0x02014b50)
		d = le.AppendUint16(d, 20)
		d = le.AppendUint16(d, 20)
		d = le.AppendUint16(d, 0)
		d = le.AppendUint16(d, zip.Deflate)
		d = le.AppendUint32(d, 0)
		d = le.AppendUint32(d, crc32.ChecksumIEEE([]byte(content)))
		d = le.AppendUint32(d, uint32(size))
		d = le.AppendUint32(d, uint32(len(content)))
		d = le.AppendUint16(d, uint16(len(name)))
		d = append(d, make([]byte, 12)...) // no extra, no comment, disk 0, attributes
		d = le.AppendUint32(d, 0)          // the one local header
		out = append(append(out, d...), name...)
	}
	size32 := uint32(len(out) - start)
	end := le.AppendUint32(nil, 0x06054b50)
	end = append(end, 0, 0, 0, 0)
	end = le.AppendUint16(end, uint16(entries))
	end = le.AppendUint16(end, uint16(entries))
	end = le.AppendUint32(end, size32)
	end = le.AppendUint32(end, uint32(start))
	end = append(end, 0, 0)
	return append(out, end...)
}

func TestEntriesThatOverlapAreRefused(t *testing.T) {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }"
	content := npy(header+strings.Repeat(" ", 9000), 0)
	for _, entries := range []int{2, choice.Effort(5_000, 60_000)} {
		file := overlapping(t, content, entries)
		_, err := tensor.ReadNpz(bytes.NewReader(file), int64(len(file)), 0)
		if err == nil || !strings.Contains(err.Error(), "overlap") {
			t.Errorf("%d entries of the same bytes, a file of %d: %v", entries, len(file), err)
		}
	}
	one := overlapping(t, content, 1)
	if _, err := tensor.ReadNpz(bytes.NewReader(one), int64(len(one)), 0); err != nil {
		t.Errorf("one entry: %v", err)
	}
}

func TestReadNpzOfNothingIsAnError(t *testing.T) {
	for name, err := range map[string]error{
		"no reader":       second(tensor.ReadNpz(nil, 100, 0)),
		"a negative size": second(tensor.ReadNpz(strings.NewReader(""), -1, 0)),
		"no npy":          second(tensor.ReadNpy(nil, 0)),
		"a nil pointer":   second(tensor.ReadNpy((*strings.Reader)(nil), 0)),
		"and of an npz":   second(tensor.ReadNpz((*strings.Reader)(nil), 100, 0)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
