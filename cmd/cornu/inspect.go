package main

// This file defines `cornu inspect`: what is in a file of a model or of arrays.

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
)

func newInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a file: .keras, .h5, .safetensors, .npz, .npy",
		Long:  "Inspect prints the tree of a file: groups, arrays with their types, shapes and bytes, attributes. Nothing in the file\nis run, and no array is read.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			f, err := file.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			if err := inspect(c.OutOrStdout(), f, info.Size()); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
}

// oneFile wants the name of a file.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return misuse("%s takes one file, got %d arguments", c.CommandPath(), len(args))
	}
	return nil
}

func inspect(out io.Writer, r io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 9))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	switch {
	case strings.HasPrefix(string(head), "PK"):
		return inspectZip(out, r, size)
	case strings.HasPrefix(string(head), "\x93NUMPY"):
		return inspectNpy(out, io.NewSectionReader(r, 0, size))
	case file.BeginsSafetensors(head):
		return inspectSafetensors(out, r, size)
	}
	f, err := hdf5.Open(r, size, hdf5.Limits{})
	if errors.Is(err, hdf5.ErrFormat) {
		return fmt.Errorf("it is neither .keras, .h5, .safetensors, .npz nor .npy: it is %s", file.Describe(r, size))
	} else if err != nil {
		return err
	}
	root, err := f.Root()
	if err != nil {
		return err
	}
	return inspectHDF5(out, root)
}

// inspectZip lists an archive: a .keras file, whose weights are a tree, or an .npz file.
func inspectZip(out io.Writer, r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	for _, f := range z.File {
		fmt.Fprintf(out, "%q, %d bytes\n", f.Name, f.UncompressedSize64)
		if err := inspectEntry(indented{out}, r, f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func inspectEntry(out io.Writer, r io.ReaderAt, f *zip.File) error {
	switch {
	case strings.HasSuffix(f.Name, ".npy"):
		entry, err := f.Open()
		if err != nil {
			return err
		}
		defer entry.Close()
		return inspectNpy(out, entry)
	case strings.HasSuffix(f.Name, ".h5") && f.Method == zip.Store:
		at, err := f.DataOffset()
		if err != nil {
			return err
		}
		return inspect(out, io.NewSectionReader(r, at, int64(f.CompressedSize64)), int64(f.CompressedSize64))
	}
	return nil
}

// inspectNpy prints what the header of an .npy file says, which need not be of a type that Cornu reads.
func inspectNpy(out io.Writer, r io.Reader) error {
	h, err := file.ReadNpyHeader(r)
	if err != nil {
		return err
	}
	kind, shape := printable(h.Type), tensor.Shape(h.Shape)
	if shape.Check() != nil || h.Bytes == 0 {
		fmt.Fprintf(out, "array  %s %v\n", kind, shape)
		return nil
	}
	line(out, 0, "array", kind, shape, int64(shape.Numel())*int64(h.Bytes))
	return nil
}

func inspectSafetensors(out io.Writer, r io.ReaderAt, size int64) error {
	f, err := safetensors.Read(r, size, safetensors.Limits{})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Metadata)) {
		fmt.Fprintf(out, "@%s  %s\n", printable(name), shortened(fmt.Sprintf("%q", f.Metadata[name])))
	}
	for _, a := range f.Arrays() {
		line(out, 0, printable(a.Name()), a.Type(), a.Shape(), a.Bytes())
	}
	return nil
}

// indented moves lines to the right. Each write is a line.
type indented struct{ io.Writer }

func (w indented) Write(p []byte) (int, error) {
	n, err := io.WriteString(w.Writer, "  "+string(p))
	return max(n-2, 0), err
}

// line prints an array.
func line(out io.Writer, depth int, name, kind string, shape tensor.Shape, bytes int64) {
	fmt.Fprintf(out, "%s%s  %s %v  %d bytes\n", strings.Repeat("  ", depth), name, kind, shape, bytes)
}

func inspectHDF5(out io.Writer, root *hdf5.Group) error {
	return root.Walk(func(path string, object any, err error) error {
		depth := strings.Count(strings.TrimSuffix(path, "/"), "/")
		name := path[strings.LastIndex(path, "/")+1:]
		if err != nil {
			fmt.Fprintf(out, "%s%s  can't be read: %v\n", strings.Repeat("  ", depth), printable(name), err)
			return nil
		}
		var attributes func() ([]*hdf5.Attribute, error)
		switch o := object.(type) {
		case *hdf5.Group:
			fmt.Fprintf(out, "%s%s/\n", strings.Repeat("  ", depth), printable(name))
			attributes = o.Attributes
		case *hdf5.Dataset:
			line(out, depth, printable(name), o.Kind().String(), o.Shape(), int64(o.Len())*int64(o.Type().Size))
			attributes = o.Attributes
		case *hdf5.NamedType:
			fmt.Fprintf(out, "%s%s  the type %v\n", strings.Repeat("  ", depth), printable(name), o.Type())
			attributes = o.Attributes
		}
		list, err := attributes()
		if err != nil {
			return err
		}
		for _, a := range list {
			fmt.Fprintf(out, "%s@%s  %s\n", strings.Repeat("  ", depth+1), printable(a.Name), valueOf(a))
		}
		return nil
	})
}

// printable shows a name from a file without what would steer a terminal.
func printable(name string) string {
	if q := fmt.Sprintf("%q", name); q != `"`+name+`"` {
		return q
	}
	return name
}

// valueOf shows an attribute: its beginning, if it is long.
func valueOf(a *hdf5.Attribute) string {
	var text string
	if s, err := a.Strings(); err == nil {
		text = fmt.Sprintf("%q", s[:min(len(s), 8)])
	} else if v, err := a.Int64s(); err == nil {
		text = fmt.Sprint(v[:min(len(v), 16)])
	} else if v, err := a.Float32s(); err == nil {
		text = fmt.Sprint(v[:min(len(v), 16)])
	} else {
		text = a.Type().String()
	}
	text = shortened(text)
	if n := a.Len(); n != 1 {
		text = fmt.Sprintf("%d × %s", n, text)
	}
	return text
}

// shortened is the beginning of a text that is long.
func shortened(text string) string {
	if r := []rune(text); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return text
}
