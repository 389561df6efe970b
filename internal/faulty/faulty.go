// Package faulty lets tests see what becomes of files when the disk fails.
package faulty

// This file makes the k-th operation on files fail, for every k, and looks at what is left.

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/file"
)

// ErrDisk is what an operation that fails returns.
var ErrDisk = errors.New("the disk fails")

// A Fault is what fails while something is tried: the operation number K, counted from 0, and those after it if Rest.
type Fault struct {
	K    int
	Rest bool

	mu     sync.Mutex
	done   int // operations that were begun, with those that failed
	failed []file.Operation
	healed bool
}

// Heal lets nothing fail from now on: for looking at what is left.
func (f *Fault) Heal() { f.mu.Lock(); defer f.mu.Unlock(); f.healed = true }

// Failed returns the operations that failed, the first one first.
func (f *Fault) Failed() []file.Operation { f.mu.Lock(); defer f.mu.Unlock(); return f.failed }

func (f *Fault) ask(o file.Operation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.healed {
		return nil
	}
	k := f.done
	f.done++
	if k == f.K || f.Rest && k > f.K {
		f.failed = append(f.failed, o)
		return ErrDisk
	}
	return nil
}

// Each calls try with the first operation on files failing, then with the second, and so on until none fails, by turns alone and with
// those after it; and again the other way round, where tests are thorough. The operations are those of the whole program, so
// tests that call it don't run side by side with others that write files.
func Each(t testing.TB, try func(*Fault)) {
	t.Helper()
	for pass := range choice.Effort(1, 2) {
		for k := 0; ; k++ {
			f := &Fault{K: k, Rest: (k+pass)%2 > 0}
			func() {
				defer file.Intercept(f.ask)()
				try(f)
			}()
			if len(f.Failed()) == 0 || t.Failed() {
				break
			}
			if k > 10_000 {
				t.Fatal("it does more than 10,000 operations: give it less to write")
			}
		}
	}
}

// Replaces checks that write, which writes files of a folder by internal/file, writes them whole or leaves them as they
// are, whatever fails: that it returns an error then, which says so and names a file that it writes or the folder, and that
// no temporary file is left unless it couldn't be removed, which the error says. write must write the same at each time.
func Replaces(t *testing.T, folder string, write func() error) {
	t.Helper()
	before := Content(t, folder)
	if err := write(); err != nil {
		t.Fatalf("with nothing failing: %v", err)
	}
	after := Content(t, folder)
	Restore(t, folder, before)
	Each(t, func(f *Fault) {
		err := write()
		left := Content(t, folder)
		Restore(t, folder, before)
		failed := f.Failed()
		if len(failed) == 0 {
			if err != nil || !maps.EqualFunc(left, after, bytes.Equal) {
				t.Errorf("with nothing failing: %v, and %v is left", err, names(left))
			}
			return
		}
		at := failed[0]
		if err == nil || !errors.Is(err, ErrDisk) {
			t.Errorf("when %s of %s fails the error is %v", at.Name, at.Path, err)
			return
		}
		named := func(path string) bool { return strings.Contains(err.Error(), filepath.Base(path)) }
		if !strings.Contains(err.Error(), "folder "+folder) && !slices.ContainsFunc(names(after), named) {
			t.Errorf("when %s of %s fails nothing is named: %v", at.Name, at.Path, err)
		}
		for name, content := range before {
			if got, ok := left[name]; !ok || !bytes.Equal(got, content) && !bytes.Equal(got, after[name]) {
				t.Errorf("when %s of %s fails %s is lost: it was %d bytes, it is %d", at.Name, at.Path, name, len(content), len(got))
			}
		}
		for name, content := range left {
			if _, old := before[name]; old || bytes.Equal(after[name], content) && after[name] != nil {
				continue
			}
			kept := slices.ContainsFunc(failed, func(o file.Operation) bool { return o.Name == "remove" && filepath.Base(o.Path) == filepath.Base(name) })
			if !kept || !named(name) {
				t.Errorf("when %s of %s fails %s is left, and the error is %v", at.Name, at.Path, name, err)
			}
		}
	})
}

// Content returns what the files of a folder hold, and of the folders in it, by their names in it.
func Content(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		all[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Restore makes a folder hold these files and no others.
func Restore(t testing.TB, folder string, content map[string][]byte) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(folder, e.Name())))
	}
	for name, b := range content {
		path := filepath.Join(folder, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func names(content map[string][]byte) []string { return slices.Sorted(maps.Keys(content)) }
