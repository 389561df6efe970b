//go:build unix

package imagefolder

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNobodyWaitsForAPipe(t *testing.T) {
	for _, create := range []func(path string) error{
		func(path string) error { return syscall.Mkfifo(path, 0o600) },
		func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "a"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := create(filepath.Join(dir, "a", "1.png")); err != nil {
			t.Skip(err)
		}
		f := open(t, os.DirFS(dir), Config{})
		done := load(f)
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "a/1.png is no regular file") {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it is waited for")
		}
	}
}

// load loads a folder on a goroutine of its own.
func load(f *Folder) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := f.Load()
		done <- err
	}()
	return done
}
