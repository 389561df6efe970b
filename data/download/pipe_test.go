//go:build unix

package download

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestNobodyWaitsForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{path, "/dev/zero"} {
		done := make(chan error, 1)
		go func() { done <- File(t.Context(), path, Config{URL: "http://localhost", SHA256: hash}) }()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: no error", path)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is waited for", path)
		}
	}
}
