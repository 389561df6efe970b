// Package hostile is for tests that read what nobody honest writes.
package hostile

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/internal/capped"
)

// A File is one that a reader must refuse.
type File = struct {
	Name    string
	Content []byte
	Want    string // is in the error
}

// Check has a reader read each file, and wants the errors that they say. The files are kept in
// the folder, where other programs find them too: CORNU_HOSTILE=write writes them.
func Check(t *testing.T, folder string, files []File, read func([]byte) error) {
	t.Helper()
	write := os.Getenv("CORNU_HOSTILE") == "write"
	if write {
		os.RemoveAll(folder)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		path := filepath.Join(folder, f.Name)
		if write {
			if err := os.WriteFile(path, f.Content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, f.Content) {
			t.Errorf("%s isn't what this test makes of it (%v): CORNU_HOSTILE=write writes it again", path, err)
		}
		if err := read(f.Content); err == nil || !strings.Contains(err.Error(), f.Want) {
			t.Errorf("%s: got %v, want an error with %s", f.Name, err, f.Want)
		}
	}
	if kept, err := os.ReadDir(folder); err != nil || len(kept) != len(files) {
		t.Errorf("%s has %d files, %v; this test makes %d: CORNU_HOSTILE=write writes them again", folder, len(kept), err, len(files))
	}
}

// memory is what a reader may take while it reads files of at most a megabyte, with budgets of a
// few: the test's own too.
const memory = 256 << 20

// slow is how long reading one file may take. It is generous: machines are busy.
const slow = 20 * time.Second

// Try has a reader read files that are changed at random, in a process that has little memory.
// It may answer with an error or without; it may not panic, hang or take more. A few hundred
// changes are tried, or, if CORNU_CI is set, as many as a few seconds allow; FUZZTIME=10m sets
// the time.
func Try(t *testing.T, seeds [][]byte, read func([]byte)) {
	t.Helper()
	capped.Run(t, memory, func() {
		// What is garbage is collected before the limit is reached.
		debug.SetMemoryLimit(memory / 2)
		var duration time.Duration
		if os.Getenv("CORNU_CI") != "" {
			duration = 8 * time.Second
		}
		if text := os.Getenv("FUZZTIME"); text != "" {
			var err error
			if duration, err = time.ParseDuration(text); err != nil {
				t.Fatal(err)
			}
		}
		m := &mutator{seeds: seeds, state: 1}
		one := func(number int, b []byte) {
			timer := time.AfterFunc(slow, func() {
				path := keep(b)
				panic("reading input " + strconv.Itoa(number) + " doesn't end: " + path)
			})
			defer timer.Stop()
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("input %d, kept as %s: %v\n%s", number, keep(b), r, debug.Stack())
				}
			}()
			read(b)
		}
		for i, b := range seeds {
			one(-1-i, b)
		}
		for i, begin := 0, time.Now(); i < 300 || time.Since(begin) < duration; i++ {
			one(i, m.next())
		}
	})
}

func keep(b []byte) string {
	f, err := os.CreateTemp("", "hostile-*")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	f.Write(b)
	return f.Name()
}

// A mutator changes files. It is the same sequence each time.
type mutator struct {
	seeds [][]byte
	state uint64
}

// below draws a number below n, by SplitMix64.
func (m *mutator) below(n int) int {
	m.state += 0x9e3779b97f4a7c15
	z := m.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1 % uint64(max(n, 1)))
}

// numbers are what fields of sizes and counts break at.
var numbers = []uint64{0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}

func (m *mutator) next() []byte {
	b := bytes.Clone(m.seeds[m.below(len(m.seeds))])
	for range 1 + m.below(4) {
		if len(b) == 0 {
			return b
		}
		at := m.below(len(b))
		switch m.below(8) {
		case 0: // a bit
			b[at] ^= 1 << m.below(8)
		case 1, 2: // a byte
			b[at] = byte(m.below(256))
		case 3, 4: // a number, little-endian
			v := numbers[m.below(len(numbers))]
			for i := range min(1<<m.below(4), len(b)-at) {
				b[at+i] = byte(v >> (8 * i))
			}
		case 5: // a run of it elsewhere
			n := m.below(min(64, len(b)-at) + 1)
			copy(b[m.below(len(b)):], bytes.Clone(b[at:at+n]))
		case 6: // the end is missing
			if m.below(4) == 0 {
				b = b[:at]
			}
		case 7: // a piece is twice, or missing
			n := m.below(min(32, len(b)-at) + 1)
			if m.below(2) == 0 {
				b = append(b[:at:at], b[at+n:]...)
			} else {
				b = append(b[:at+n:at+n], b[at:]...)
			}
		}
	}
	return b
}
