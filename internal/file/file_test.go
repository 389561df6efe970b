package file

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAFileIsReplacedAndKeepsItsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	write1(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the permissions became %v, %v", info.Mode(), err)
	}
	alone(t, filepath.Dir(path), 1)
}

func TestANewFileGetsThePermissionsThatOthersGet(t *testing.T) {
	folder := t.TempDir()
	write1(t, filepath.Join(folder, "a"))
	if err := os.WriteFile(filepath.Join(folder, "b"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Stat(filepath.Join(folder, "a"))
	b, _ := os.Stat(filepath.Join(folder, "b"))
	if a.Mode() != b.Mode() {
		t.Errorf("they are %v, those of another file %v", a.Mode(), b.Mode())
	}
}

func TestALinkStaysAndWhatItMeansIsWritten(t *testing.T) {
	for _, there := range []bool{true, false} {
		folder, other := t.TempDir(), t.TempDir()
		target := filepath.Join(other, "target")
		if there {
			if err := os.WriteFile(target, []byte("before"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		link, far := filepath.Join(folder, "link"), filepath.Join(folder, "far")
		if err := os.Symlink(target, link); err != nil {
			t.Skip(err)
		}
		if err := os.Symlink("link", far); err != nil {
			t.Fatal(err)
		}
		write1(t, far)
		for _, l := range []string{link, far} {
			if info, err := os.Lstat(l); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link became %v, %v", info.Mode(), err)
			}
		}
		if content, _ := os.ReadFile(target); string(content) != "after" {
			t.Errorf("what it means holds %q", content)
		}
		alone(t, folder, 2)
		alone(t, other, 1)
	}
}

func TestLinksInACircleAreAnError(t *testing.T) {
	a := filepath.Join(t.TempDir(), "a")
	if err := os.Symlink("a", a); err != nil {
		t.Skip(err)
	}
	if err := Write(a, nil); err == nil || Check(a) == nil {
		t.Error("no error")
	}
}

func TestWhatMayNotBeWrittenIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("before"), 0o444); err != nil {
		t.Fatal(err)
	}
	if file, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		file.Close()
		t.Skip("this user may write everything")
	}
	if err := Write(path, nil); err == nil || Check(path) == nil {
		t.Error("no error")
	}
}

func TestWhatIsInTheWayIsNamed(t *testing.T) {
	folder := t.TempDir()
	for path, want := range map[string]string{
		folder:                             "is a folder",
		filepath.Join(folder, "none", "a"): "no folder " + filepath.Join(folder, "none"),
	} {
		if err := Check(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: %v, want %q", err, want)
		}
		if err := Write(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Write: %v, want the name %s", err, path)
		}
	}
	alone(t, folder, 0)
}

func TestWhatKilledWritersLeftIsRemoved(t *testing.T) {
	if !locks {
		t.Skip("no locks tell who lives")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	long := time.Now().Add(-2 * abandoned)
	leave := func(name string, at time.Time) *os.File {
		t.Helper()
		f, err := os.Create(filepath.Join(folder, name))
		if err == nil {
			err = os.Chtimes(f.Name(), at, at)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	leave(".a.0123abcd", long).Close()
	leave(".a.89abcdef", time.Now()).Close() // whose writer is about to rename it
	living := leave(".a.00000000", long)
	defer living.Close()
	if _, err := TryLock(living); err != nil {
		t.Fatal(err)
	}
	leave(".a.backup", long).Close() // nobody's
	leave(".b.0123abcd", long).Close()
	if err := os.Mkdir(filepath.Join(folder, ".a.11111111"), 0o777); err != nil {
		t.Fatal(err)
	}
	write1(t, path)
	var names []string
	left, _ := os.ReadDir(folder)
	for _, e := range left {
		names = append(names, e.Name())
	}
	if want := []string{".a.00000000", ".a.11111111", ".a.89abcdef", ".a.backup", ".b.0123abcd", "a"}; !slices.Equal(names, want) {
		t.Errorf("there are %v, want %v", names, want)
	}
}

// write1 checks and writes a file.
func write1(t *testing.T, path string) {
	t.Helper()
	if err := Check(path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "after" {
		t.Fatalf("it holds %q, %v", content, err)
	}
}

// alone checks that a folder holds so many files.
func alone(t *testing.T, folder string, want int) {
	t.Helper()
	if left, _ := os.ReadDir(folder); len(left) != want {
		t.Errorf("%v are there, want %d", left, want)
	}
}

// What is longer than the disk is given at once is whole.
func TestALongFileIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	part := make([]byte, atOnce/3+1)
	for i := range part {
		part[i] = byte(i * i >> 5)
	}
	err := WriteFunc(path, func(w io.Writer) error {
		for range 10 {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	content, readErr := os.ReadFile(path)
	if err != nil || readErr != nil || !bytes.Equal(content, bytes.Repeat(part, 10)) {
		t.Errorf("%v, %v, and %d bytes", err, readErr, len(content))
	}
}
