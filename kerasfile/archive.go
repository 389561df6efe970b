package kerasfile

// This file reads and writes .keras archives: a zip of metadata.json, config.json,
// model.weights.h5 and assets.

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/internal/par"
)

const (
	metadataName = "metadata.json"
	configName   = "config.json"
	weightsName  = "model.weights.h5"
	assetsFolder = "assets/"
)

// kerasVersion is the version of Keras whose files are written.
const kerasVersion = "3.15.1"

// Open reads a file of a whole model, .keras or .h5, of size bytes: its configuration, and
// where its weights are.
func Open(r io.ReaderAt, size int64, limits Limits) (*Model, *Weights, error) {
	return open(r, size, limits, true)
}

// OpenNetwork is Open without what the model was compiled with.
func OpenNetwork(r io.ReaderAt, size int64, limits Limits) (*Model, *Weights, error) {
	return open(r, size, limits, false)
}

func open(r io.ReaderAt, size int64, limits Limits, compiled bool) (*Model, *Weights, error) {
	limits = limits.OrDefaults()
	switch f := format(r, size); f {
	case zipFile:
	case hdf5File:
		return openH5(r, size, limits, compiled)
	default:
		return nil, nil, fmt.Errorf("it is no model of Keras's, .keras or .h5: it is %s", f)
	}
	members, err := list(r, size)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{metadataName, configName, weightsName} {
		if members[name] == nil {
			return nil, nil, fmt.Errorf("it is no .keras file: it has no %s", name)
		}
	}
	if n := members[configName].UncompressedSize64; n > maxConfig {
		return nil, nil, fmt.Errorf("%s: it has %d bytes, a configuration has at most %d", configName, n, maxConfig)
	}
	old, err := ofKeras2(members[metadataName])
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", metadataName, err)
	}
	text, err := content(members[configName], limits.Bytes)
	var model *Model
	if err == nil {
		model, err = readConfig(text, limits, old, compiled)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", configName, err)
	}
	w, err := openMember(r, size, members[weightsName], limits)
	if err == nil {
		w.second.is = old
		err = newFinder(members, w, limits).restore(model.Network, model.Sequential, "")
	}
	return model, w, err
}

// maxConfig bounds a configuration: those of networks with thousands of layers have a few megabytes.
const maxConfig = 256 << 20

// list returns the members of an archive. An archive with anything that a .keras file
// can't have is refused.
func list(r io.ReaderAt, size int64) (map[string]*zip.File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it is an archive that is cut off or damaged: %w", err)
	}
	if err := file.Apart(z.File); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	members := map[string]*zip.File{}
	for _, f := range z.File {
		folder := strings.HasSuffix(f.Name, "/")
		switch {
		case members[f.Name] != nil:
			return nil, fmt.Errorf("it has two members of the name %q", f.Name)
		case strings.Contains(f.Name, "\\") || path.IsAbs(f.Name) || path.Clean(f.Name) != strings.TrimSuffix(f.Name, "/") || strings.HasPrefix(f.Name, ".."):
			return nil, fmt.Errorf("it has a member %q, which leads out of the archive", f.Name)
		case !folder && f.Mode()&^fs.ModePerm != 0:
			return nil, fmt.Errorf("its member %q is no file", f.Name)
		case f.Name != metadataName && f.Name != configName && f.Name != weightsName && !strings.HasPrefix(f.Name, assetsFolder):
			return nil, fmt.Errorf("it has a member %q, which no .keras file has", f.Name)
		}
		members[f.Name] = f
	}
	return members, nil
}

// content reads a member whole.
func content(f *zip.File, budget int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(budget) {
		return nil, fmt.Errorf("it has %d bytes, the budget is %d: see Limits.Bytes", f.UncompressedSize64, budget)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// The size is the archive's word, so the memory grows with what comes.
	var b bytes.Buffer
	b.Grow(int(min(f.UncompressedSize64, 2*f.CompressedSize64+1024)))
	if _, err := io.Copy(&b, r); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// openMember opens the weights: where they are, if they are stored as they are.
func openMember(r io.ReaderAt, size int64, f *zip.File, limits Limits) (_ *Weights, err error) {
	if f.Method != zip.Store {
		b, err := content(f, limits.Bytes)
		var w *Weights
		if err == nil {
			w, err = OpenWeights(bytes.NewReader(b), int64(len(b)), limits)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return w, nil
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	n := int64(f.UncompressedSize64)
	switch {
	case f.CompressedSize64 != f.UncompressedSize64:
		return nil, fmt.Errorf("%s: it is stored as it is, in %d bytes, and has %d", f.Name, f.CompressedSize64, f.UncompressedSize64)
	case n < 0 || n > size-at:
		return nil, fmt.Errorf("%s: it has %d bytes at %d, the archive has %d: it is cut off or damaged", f.Name, f.UncompressedSize64, at, size)
	}
	in := &file.Summed{R: io.NewSectionReader(r, at, n), Name: f.Name, Size: n, CRC: f.CRC32, Threads: par.Default().Workers()}
	w, err := OpenWeights(in, n, limits)
	if err != nil {
		if damaged := in.Verify(); damaged != nil {
			return nil, damaged
		}
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	w.member = in
	return w, nil
}

// Write writes a .keras file. The same model gives the same bytes: there are no times in it.
func Write(w io.Writer, m *Model, state *State) error {
	config, err := m.Config()
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	type part struct {
		name  string
		write func(io.Writer) error
	}
	parts := []part{
		{metadataName, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, `{"keras_version": %q, "date_saved": "1980-01-01@00:00:00"}`, kerasVersion)
			return err
		}},
		{configName, func(w io.Writer) error { _, err := w.Write(config); return err }},
		{weightsName, func(w io.Writer) error { return WriteWeights(w, state) }},
	}
	kept(m.Network, m.Sequential, "", func(path string, content []byte) {
		parts = append(parts, part{assetsFolder + path, func(w io.Writer) error { _, err := w.Write(content); return err }})
	})
	for _, m := range parts {
		to, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Store})
		if err == nil {
			err = m.write(to)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return z.Close()
}

// Weigh opens the weights of a .keras or a .weights.h5 file, whichever it is.
func Weigh(r io.ReaderAt, size int64, limits Limits) (*Weights, error) {
	limits = limits.OrDefaults()
	switch f := format(r, size); f {
	case zipFile:
		members, err := list(r, size)
		if err != nil {
			return nil, err
		}
		if members[weightsName] == nil {
			return nil, fmt.Errorf("it is no .keras file: it has no %s", weightsName)
		}
		return openMember(r, size, members[weightsName], limits)
	default:
		w, err := OpenWeights(r, size, limits)
		if errors.Is(err, hdf5.ErrFormat) {
			return nil, fmt.Errorf("it is no file of weights, .weights.h5, .keras, .h5, .safetensors or .npz: it is %s", f)
		}
		return w, err
	}
}

const (
	zipFile  = "a zip archive"
	hdf5File = "an HDF5 file"
)

// format tells what a file is by its beginning.
func format(r io.ReaderAt, size int64) string {
	if r == nil || size < 0 {
		return "nothing that can be read"
	}
	return file.Describe(r, size)
}
