//go:build unix

package file

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAPipeIsWrittenInto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	read := make(chan string)
	go func() {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		content, _ := io.ReadAll(file)
		read <- string(content)
	}()
	if err := Check(path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "after" {
		t.Errorf("its reader got %q", got)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("it became %v, %v", info.Mode(), err)
	}
}

func TestWhatADeviceRefusesIsAnError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	if err := Write("/dev/full", []byte("after")); err == nil {
		t.Error("no error")
	}
}

func TestNobodyWaitsForAPipeToRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("it was opened")
	}
	if _, err := Open("/dev/zero"); err == nil {
		t.Error("a device was opened")
	}
}
