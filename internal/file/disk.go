package file

// This file holds the operations by which files are written. All that the module writes goes through them, so that a
// test can let any of them fail.

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
)

// An Operation is about to be done.
type Operation struct {
	Name  string // open, write, truncate, sync, chmod, close, rename, remove, mkdir
	Path  string // of the file or folder; a rename's is the new one
	Bytes int    // how many a write writes
}

var intercept atomic.Pointer[func(Operation) error]

// Intercept asks f before each operation, until the function that it returns is called. An operation for which f
// returns an error isn't done and returns that error, but a write, which is done by half, and a close, which closes. It
// is for tests; internal/faulty has one that suits most.
func Intercept(f func(Operation) error) (end func()) {
	before := intercept.Swap(&f)
	return func() { intercept.Store(before) }
}

// ask returns the error that a test has for an operation.
func ask(name, path string, bytes int) error {
	f := intercept.Load()
	if f == nil {
		return nil
	}
	if err := (*f)(Operation{name, path, bytes}); err != nil {
		return &fs.PathError{Op: name, Path: path, Err: err}
	}
	return nil
}

// A File is open for writing.
type File struct{ file *os.File }

// OpenFile is os.OpenFile for a file that is written.
func OpenFile(path string, flag int, permissions fs.FileMode) (*File, error) {
	if err := ask("open", path, 0); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag, permissions)
	if err != nil {
		return nil, err
	}
	return &File{f}, nil
}

func (f *File) Name() string               { return f.file.Name() }
func (f *File) Stat() (fs.FileInfo, error) { return f.file.Stat() }

// File returns what the operating system knows, for locks and reading.
func (f *File) File() *os.File { return f.file }

func (f *File) Write(p []byte) (int, error) {
	if err := ask("write", f.Name(), len(p)); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f *File) WriteAt(p []byte, at int64) (int, error) {
	if err := ask("write", f.Name(), len(p)); err != nil {
		n, _ := f.file.WriteAt(p[:len(p)/2], at)
		return n, err
	}
	return f.file.WriteAt(p, at)
}

func (f *File) Seek(offset int64, whence int) (int64, error) { return f.file.Seek(offset, whence) }
func (f *File) Read(p []byte) (int, error)                   { return f.file.Read(p) }
func (f *File) ReadAt(p []byte, at int64) (int, error)       { return f.file.ReadAt(p, at) }

func (f *File) Truncate(size int64) error {
	if err := ask("truncate", f.Name(), 0); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f *File) Chmod(permissions fs.FileMode) error {
	if err := ask("chmod", f.Name(), 0); err != nil {
		return err
	}
	return f.file.Chmod(permissions)
}

// Sync waits until what was written is on the disk.
func (f *File) Sync() error {
	if err := ask("sync", f.Name(), 0); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *File) Close() error {
	err := ask("close", f.Name(), 0)
	return errors.Join(f.file.Close(), err)
}

// Rename gives a file a new name, in the place of what has that name. The new name is on the disk when it returns, where
// the system can say so.
func Rename(from, to string) error {
	if err := ask("rename", to, 0); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// Remove is os.Remove.
func Remove(path string) error {
	if err := ask("remove", path, 0); err != nil {
		return err
	}
	return os.Remove(path)
}

// MkdirAll is os.MkdirAll.
func MkdirAll(path string) error {
	if err := ask("mkdir", path, 0); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o777)
}

// syncFolder waits until the names of a folder are on the disk.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" || runtime.GOOS == "wasip1" || runtime.GOOS == "plan9" {
		return nil // a folder is no file there
	}
	if err := ask("sync", path, 0); err != nil {
		return err
	}
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil // it may be written to and not be read
	} else if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err // those that are not said are of file systems that know no such thing
	}
	return nil
}

var _ io.WriterAt = (*File)(nil)
