package checkpoint

// This file holds files to their format, and a folder to losing nothing.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/faulty"
	"github.com/cornu-ml/cornu/internal/number"
)

// state returns a content that is different for each n.
func state(n int) *Content {
	single := []float32{float32(n), float32(math.Inf(-1)), 0.1}
	double := []float64{math.Pi, float64(n)}
	return &Content{
		State: fmt.Sprintf(`{"n": %d, "text": "<é\u0000>"}`, n),
		Arrays: []Array{
			{"a", Int64, []int{1}, number.Append(nil, []int64{int64(-n)})},
			{"b", Float64, []int{2, 1}, number.Append(nil, double)},
			{"c", Float32, []int{3}, number.Append(nil, single)},
			{"none", Float32, []int{0, 4}, []byte{}},
			{"one", Byte, []int{}, []byte{7}},
		},
	}
}

func encoded(t testing.TB, c *Content) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAContentComesBack(t *testing.T) {
	want := state(3)
	got, err := Parse(encoded(t, want))
	if err != nil || got.State != want.State || !reflect.DeepEqual(got.Arrays, want.Arrays) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, a := range got.Arrays {
		if i := bytes.Index(encoded(t, want), a.Data); a.Type == Float64 && i%8 != 0 {
			t.Errorf("%s lies at %d", a.Name, i)
		}
	}
	b, err := got.Find("b", Float64)
	numbers := make([]float64, 2)
	if number.Copy(numbers, b.Data); err != nil || numbers[0] != math.Pi || numbers[1] != 3 {
		t.Errorf("b is %v, %v", numbers, err)
	}
	if _, err := got.Find("b", Float32); err == nil {
		t.Error("an array is of any type")
	}
	if _, err := got.Find("z", Float32); err == nil {
		t.Error("there is an array that isn't")
	}
}

func TestAFileThatIsCutOffOrFlippedAnywhereIsDamaged(t *testing.T) {
	whole := encoded(t, state(1))
	for n := range whole {
		if _, err := Parse(whole[:n]); err == nil || errors.Is(err, errVersion) {
			t.Errorf("cut off at %d: %v", n, err)
		}
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[n] ^= 1 << bit
			if _, err := Parse(flipped); err == nil || errors.Is(err, errVersion) {
				t.Errorf("bit %d of byte %d flipped: %v", bit, n, err)
			}
		}
	}
	if _, err := Parse(append(slices.Clip(whole), 0)); err == nil {
		t.Error("a byte more is no error")
	}
}

// resum gives bytes the checksum that they should have.
func resum(b []byte) []byte {
	if len(b) < 4 {
		return b
	}
	b = slices.Clone(b[:len(b)-4])
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// What has a right checksum and is not what Write writes is refused, not read in another way.
func TestAHeaderThatLiesIsAnError(t *testing.T) {
	whole := string(encoded(t, state(1)))
	for _, change := range []struct{ old, new string }{
		{`"F32"`, `"F16"`},
		{`"F32"`, `"F64"`},
		{`[2,1]`, `[1,2,1,1,0]`},
		{`[2,1]`, `[-2,-1]`},
		{`[0,8]`, `[1,8]`},
		{`[0,8]`, `[0,9]`},
		{`[8,24]`, `[8,18446744073709551615]`},
		{`"a":`, `"b":`},
		{`"__metadata__":`, `"__metadata":`},
		{`"cornu checkpoint"`, `"cornu"`},
		{`"crc32c":`, `"crc":`},
		{`{"__metadata__"`, `["__metadata__"`},
	} {
		b := []byte(strings.Replace(whole, change.old, change.new, 1))
		b[0] += byte(len(change.new) - len(change.old))
		if len(b) == len(whole) && string(b) == whole {
			t.Fatalf("%q isn't there", change.old)
		}
		if c, err := Parse(resum(b)); err == nil {
			t.Errorf("with %q for %q: %v", change.new, change.old, c)
		}
	}
	b := []byte(strings.Replace(whole, `"version":"1"`, `"version":"2"`, 1))
	if _, err := Parse(resum(b)); !errors.Is(err, errVersion) {
		t.Errorf("another version: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encoded(f, state(1)))
	f.Add(encoded(f, &Content{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(resum(b)) // a fuzzer doesn't find checksums
		if err != nil {
			return
		}
		again, err := Parse(encoded(t, c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%v became %v, %v", c, again, err)
		}
	})
}

// newest returns the number of the newest content in a folder.
func newest(t testing.TB, path string) (n int) {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, _, err := f.Newest(1<<20, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if c != nil {
		fmt.Sscanf(c.State, `{"n": %d`, &n)
	}
	return n
}

func TestAFolderKeepsTheNewest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	if n := newest(t, path); n != 0 {
		t.Errorf("a new folder has %d", n)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 12; n++ {
		if err := f.Write(state(n), 3); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another training") {
			t.Errorf("two have the folder: %v", err)
		}
		f.Close()
		got := newest(t, path)
		if f, err = Open(path); err != nil {
			t.Fatal(err)
		}
		if got != n {
			t.Errorf("after %d the newest is %d", n, got)
		}
	}
	files, err := filepath.Glob(filepath.Join(path, "checkpoint-*"))
	if err != nil || len(files) != 3 || files[2] != f.Last() || filepath.Base(files[0]) != "checkpoint-000010.safetensors" {
		t.Errorf("%v are left, %v", files, err)
	}
	if err := f.Trim(2); err != nil {
		t.Fatal(err)
	}
	if files, err = filepath.Glob(filepath.Join(path, "checkpoint-*")); err != nil || len(files) != 2 || files[1] != f.Last() {
		t.Errorf("%v are left of two, %v", files, err)
	}
	f.Close()
	// What isn't ours stays, and what a process that was killed has left goes.
	mine, left := filepath.Join(path, "checkpoint-mine.safetensors"), filepath.Join(path, ".checkpoint-000013.safetensors.0123abcd")
	for _, name := range []string{mine, left} {
		if err := os.WriteFile(name, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if n := newest(t, path); n != 12 {
		t.Errorf("the newest is %d", n)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a part of a file is left")
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if entries, _ := os.ReadDir(path); len(entries) != 1 {
		t.Errorf("after Remove there are %v", entries)
	}
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	err = f.Remove()
	if _, missing := os.Stat(path); err != nil || missing == nil {
		t.Errorf("after Remove the folder is there, %v", err)
	}
}

// A file that is damaged goes when there is a new one, and the whole one before it stays.
func TestADamagedFileTakesNoPlaceOfOneThatIsWhole(t *testing.T) {
	path := t.TempDir()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if err := f.Write(state(n), 2); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	if err := os.Truncate(f.Last(), 100); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var told []string
	c, from, err := f.Newest(1<<20, func(err error) { told = append(told, err.Error()) })
	if err != nil || c.State != state(1).State || from != f.Path(1) || len(told) != 1 || !strings.Contains(told[0], f.Path(2)) {
		t.Errorf("%v of %s is used, %v, and %q told", c, from, err, told)
	}
	if err := f.Write(state(3), 2); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(path, "checkpoint-*"))
	if err != nil || !slices.Equal(files, []string{f.Path(1), f.Path(3)}) {
		t.Errorf("%v are left, %v", files, err)
	}
	// What is too large isn't damaged: it is an error, and stays.
	if _, _, err := f.Newest(10, func(err error) { t.Error(err) }); err == nil || !strings.Contains(err.Error(), "the limit on memory is 10") {
		t.Errorf("the error is %v", err)
	}
}

// Whatever operation fails, the newest content that was written whole is there afterwards, the error names the file, and
// nothing else is left.
func TestNothingIsLostWhateverOperationFails(t *testing.T) {
	master := t.TempDir()
	f, err := Open(master)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if err := f.Write(state(n), 2); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	before := faulty.Content(t, master)
	faulty.Each(t, func(fault *faulty.Fault) {
		faulty.Restore(t, master, before)
		f, err := Open(master)
		if err == nil {
			err = f.Write(state(3), 2)
			f.Close()
		}
		failed := fault.Failed()
		if (err == nil) != (len(failed) == 0) {
			t.Fatalf("%v failed, and the error is %v", failed, err)
		}
		if err != nil && (!errors.Is(err, faulty.ErrDisk) || !strings.Contains(err.Error(), master)) {
			t.Errorf("when %v failed the error is %v", failed, err)
		}
		fault.Heal()
		if n := newest(t, master); n != 2 && n != 3 || n == 2 && err == nil {
			t.Errorf("when %v failed the newest is %d", failed, n)
		}
		if left := faulty.Content(t, master); len(left) > 4 { // an old one may stay until the next is written
			t.Errorf("when %v failed %d files are left", failed, len(left))
		}
		if f, err = Open(master); err == nil {
			err = f.Write(state(4), 2)
			f.Close()
		}
		if left := faulty.Content(t, master); err != nil || len(left) != 3 { // with the lock
			t.Errorf("after %v failed and the next was written there are %d files, %v", failed, len(left), err)
		}
	})
}
