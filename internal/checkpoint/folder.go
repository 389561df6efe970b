package checkpoint

// This file keeps the newest files of one training in a folder. They are numbered in the order in which they were written.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/internal/file"
)

// A Folder holds the checkpoints of one training.
type Folder struct {
	path    string
	last    int   // the highest number that was used
	numbers []int // of the files in the folder, rising
	damaged []int // those of damaged files
	lock    *os.File
}

// lockName is the file that a process locks as long as it uses the folder.
const lockName = ".lock"

// Open opens a folder, which it makes if it isn't there, and removes what a process that was killed has left half
// written in it. Until it is closed nobody else can open it. It is an error if nothing can be written to it.
func Open(path string) (*Folder, error) {
	if err := file.MkdirAll(path); err != nil {
		return nil, err
	}
	f := &Folder{path: path}
	if err := f.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close lets others open the folder.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

func (f *Folder) open() error {
	lock, err := file.OpenFile(filepath.Join(f.path, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	f.lock = lock.File()
	if own, err := file.TryLock(f.lock); err != nil {
		return fmt.Errorf("%s cannot be locked: %w", f.lock.Name(), err)
	} else if !own {
		return fmt.Errorf("another training is keeping its checkpoints in %s at this moment", f.path)
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if unfinished.MatchString(e.Name()) {
			if err := file.Remove(filepath.Join(f.path, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		} else if m := named.FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.Atoi(m[1])
			if err == nil && f.name(n) == e.Name() {
				f.numbers = append(f.numbers, n)
			}
		}
	}
	slices.Sort(f.numbers)
	if n := len(f.numbers); n > 0 {
		f.last = f.numbers[n-1]
	}
	return file.Check(f.Path(f.last + 1))
}

var (
	named      = regexp.MustCompile(`^checkpoint-([0-9]{6,15})\.safetensors$`)
	unfinished = regexp.MustCompile(`^\.checkpoint-[0-9]{6,15}\.safetensors\.[0-9a-f]{8}$`)
)

func (f *Folder) name(n int) string { return fmt.Sprintf("checkpoint-%06d.safetensors", n) }

// Path returns the path of a file in the folder.
func (f *Folder) Path(n int) string { return filepath.Join(f.path, f.name(n)) }

// Last returns the path of the file that was written last.
func (f *Folder) Last() string { return f.Path(f.last) }

// Newest returns the content and the path of the newest file that is not damaged, nil if there are no files. It calls tell
// for each damaged file that is newer; these are removed once a new file is written. It is an error if all files are
// damaged, or if the newest undamaged one is of another version or has more than limit bytes.
func (f *Folder) Newest(limit int64, tell func(error)) (c *Content, path string, err error) {
	var all []string
	for _, n := range slices.Backward(f.numbers) {
		path := f.Path(n)
		b, err := read(path, limit)
		if err == nil {
			if c, err = Parse(b); err == nil {
				return c, path, nil
			}
			if !errors.Is(err, errVersion) {
				f.damaged = append(f.damaged, n)
			}
		}
		err = fmt.Errorf("%s cannot be used: %w", path, trim(err))
		if errors.Is(err, errVersion) || errors.Is(err, errLimit) {
			return nil, "", err
		}
		tell(err)
		all = append(all, err.Error())
	}
	if len(all) > 0 {
		return nil, "", fmt.Errorf("no checkpoint in %s is whole (%s): remove them to begin anew", f.path, strings.Join(all, "; "))
	}
	return nil, "", nil
}

// trim returns an error without the path, which the message around it has.
func trim(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// read returns the bytes of a file, or errLimit if there are more than limit.
func read(path string, limit int64) ([]byte, error) {
	in, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%w: it has %d bytes, the limit on memory is %d", errLimit, info.Size(), limit)
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(in, b)
	return b, err
}

// Write writes a content to a new file, and then removes older files so that keep are left. Whatever fails, the newest
// undamaged file stays.
func (f *Folder) Write(c *Content, keep int) error {
	f.last++
	path := f.Path(f.last)
	err := file.WriteFunc(path, func(w io.Writer) error { return Write(w, c) })
	if _, missing := os.Lstat(path); missing == nil {
		f.numbers = append(f.numbers, f.last) // if there is an error, its name may not be on the disk yet
	}
	if err != nil {
		return err
	}
	return f.leave(max(keep, 1), 0)
}

// Trim removes older files so that keep are left: a training that was killed between writing a file and removing the oldest
// has left one more. Damaged files stay.
func (f *Folder) Trim(keep int) error { return f.leave(max(keep, 1), len(f.damaged)) }

// leave removes all files but the newest: keep undamaged ones, and as many damaged ones as damaged says.
func (f *Folder) leave(keep, damaged int) error {
	var all error
	var kept []int
	for _, n := range slices.Backward(f.numbers) {
		left := &keep
		if slices.Contains(f.damaged, n) {
			left = &damaged
		}
		if *left > 0 {
			*left--
			kept = append(kept, n)
		} else if err := file.Remove(f.Path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, fmt.Errorf("cannot remove %s: %w", f.Path(n), trim(err)))
			kept = append(kept, n)
		}
	}
	slices.Reverse(kept)
	f.numbers = kept
	return all
}

// Remove removes all checkpoints, and the folder if nothing else is in it. Nothing may be done with it after that but
// Close.
func (f *Folder) Remove() error {
	if err := f.leave(0, 0); err != nil {
		return err
	}
	if err := f.Close(); err != nil { // for systems that remove no files that are open
		return err
	}
	f.lock = nil
	if err := file.Remove(filepath.Join(f.path, lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if entries, err := os.ReadDir(f.path); err != nil || len(entries) > 0 {
		return nil
	}
	return file.Remove(f.path)
}
