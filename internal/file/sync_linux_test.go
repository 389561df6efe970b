package file

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// The kernel is asked by a queue where it gives one, and the queue is there for the next.
func TestAQueueSyncsFiles(t *testing.T) {
	for len(idle) > 0 {
		(<-idle).destroy()
	}
	q := newQueue()
	if q == nil {
		t.Skip("the kernel gives no queue")
	}
	q.destroy()
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 3 {
		if _, err := f.WriteString("after"); err != nil {
			t.Fatal(err)
		}
		if err := syncFile(f); err != nil {
			t.Fatal(err)
		}
		if len(idle) != 1 {
			t.Errorf("%d queues are idle", len(idle))
		}
	}
}

func TestFilesAreSyncedSideBySide(t *testing.T) {
	folder := t.TempDir()
	var all sync.WaitGroup
	for range 3 * cap(idle) {
		all.Go(func() {
			f, err := os.CreateTemp(folder, "")
			if err == nil {
				_, err = f.WriteString("after")
				err = errors.Join(err, syncFile(f), syncFolder(folder), f.Close())
			}
			if err != nil {
				t.Error(err)
			}
			if err := syncFile(f); !errors.Is(err, os.ErrClosed) {
				t.Errorf("of a file that is closed: %v", err)
			}
		})
	}
	all.Wait()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := syncFile(w); err == nil {
		t.Error("a pipe is on the disk")
	}
}
