// Package file writes whole files, and reads what it is given with care.
package file

// This file puts a new content in the place of an old one.

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Write writes a file that is complete or not there: if anything fails, what was there before is left as it was. It
// follows symbolic links to the file that they mean, keeps the permissions of a file that is there, and writes into what
// is no regular file: a pipe, a terminal, a device. Its errors name the path.
func Write(path string, content []byte) error {
	return WriteFunc(path, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// WriteFunc is Write of what a function writes. It is on the disk when WriteFunc returns.
func WriteFunc(path string, content func(io.Writer) error) error {
	if err := write(path, content); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, bare(err))
	}
	return nil
}

// bare returns an error without the name of the temporary file.
func bare(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

func write(path string, content func(io.Writer) error) error {
	// Opening it tells whether it may be written, which replacing it would not ask.
	file, err := OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		target, err := follow(path)
		if err != nil {
			return err
		}
		return replace(target, content, 0)
	} else if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return errors.Join(content(file), file.Close())
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return replace(target, content, info.Mode().Perm())
}

// follow returns what a link to a file that isn't there means, and any other path as it is.
func follow(path string) (string, error) {
	for range 40 {
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}

// replace writes beside a path and renames. Without permissions the file gets those of a new one.
func replace(path string, content func(io.Writer) error, permissions fs.FileMode) error {
	removeStale(path)
	file, err := beside(path)
	if err != nil {
		return err
	}
	TryLock(file.file) // against removeStale, where there are locks
	err = content(&early{file: file})
	if err == nil {
		err = file.Sync()
	}
	if permissions != 0 && err == nil {
		err = file.Chmod(permissions)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = Rename(file.Name(), path)
	}
	if err == nil {
		return nil
	}
	if left := Remove(file.Name()); left != nil && !errors.Is(left, fs.ErrNotExist) {
		return fmt.Errorf("%w, and %s, what there is of it, can't be removed", bare(err), file.Name())
	}
	return err
}

// An early writer has the disk begin with what was written while the rest is made, so that the sync at the end has less to wait for.
type early struct {
	file           *File
	written, begun int64
}

// atOnce is how many bytes the disk is given at once.
const atOnce = 8 << 20

func (e *early) Write(p []byte) (int, error) {
	n, err := e.file.Write(p)
	if e.written += int64(n); e.written-e.begun >= atOnce {
		begin(e.file.file, e.begun, e.written-e.begun)
		e.begun = e.written
	}
	return n, err
}

// beside makes a temporary file in the folder of a path, with the permissions that a new file gets.
func beside(path string) (*File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x", filepath.Base(path), rand.Uint32()))
		file, err := OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// abandoned is how long ago a temporary file was written whose writer, if it is closed, is surely not about to rename it.
const abandoned = 10 * time.Second

// removeStale removes the temporary files of a path whose writers were killed. Those of writers that live are locked.
func removeStale(path string) {
	if !locks {
		return
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return
	}
	before := "." + filepath.Base(path) + "."
	for _, name := range names {
		number, ok := strings.CutPrefix(name, before)
		if _, err := strconv.ParseUint(number, 16, 32); !ok || err != nil || len(number) != 8 {
			continue
		}
		name = filepath.Join(folder.Name(), name)
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		info, err := file.Stat()
		free, lockErr := TryLock(file)
		file.Close()
		if err == nil && lockErr == nil && free && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
			os.Remove(name)
		}
	}
}

// Check returns an error if Write surely can't write a file of that path. It leaves nothing behind, and doesn't wait for
// a reader of a pipe.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		return nil
	}
	target := path
	if err == nil {
		file, err := OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, bare(err))
		}
		target, err = filepath.EvalSymlinks(path)
		if err != nil {
			return err
		}
	} else if target, err = follow(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	folder := filepath.Dir(target)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s", folder)
	}
	probe, err := beside(target)
	if err != nil {
		return fmt.Errorf("nothing can be written to the folder %s: %w", folder, bare(err))
	}
	if err := cmp.Or(probe.Close(), Remove(probe.Name())); err != nil {
		return fmt.Errorf("files in the folder %s can't be made and removed: %w", folder, err)
	}
	return nil
}
