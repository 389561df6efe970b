// Package imagefolder reads pictures from a folder that has a folder for each
// class:
//
//	flowers/daisy/001.jpg
//	flowers/daisy/002.jpg
//	flowers/rose/001.png
//
//	flowers, err := imagefolder.Open(os.DirFS("flowers"), imagefolder.Config{Height: 64, Width: 64})
//	train, test, err := flowers.TrainTestSplit(0.2, 1)
//	model.Fit(ctx, data.Prefetch(train, 2), …)
//
// Pictures are read and resized when a batch needs them, so that they need not
// fit in memory; Load keeps them there. With data.Prefetch they are read ahead on
// all cores, and data.Map changes them on the way. The choices are those of Keras's
// image_dataset_from_directory; TrainTestSplit returns both subsets of its
// validation_split.
package imagefolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// A Color says what a pixel is made of.
type Color string

// The kinds of pixels.
const (
	RGB       Color = "rgb"
	RGBA      Color = "rgba"
	Grayscale Color = "grayscale"
)

// channels are the numbers of a pixel.
var channels = map[Color]int{Grayscale: 1, RGB: 3, RGBA: 4}

// A LabelMode says what the targets are.
type LabelMode string

// The kinds of targets.
const (
	Int         LabelMode = "int"         // the label, of shape ()
	Categorical LabelMode = "categorical" // a vector, 1 at the class and 0 elsewhere
	Binary      LabelMode = "binary"      // of shape (1): 0 for the first class and 1 for the second, and there are no others
	Unlabeled   LabelMode = "none"        // there are none, and pictures may be in any folder
)

// A Config says what the samples are.
type Config struct {
	Height    int       `zero:"256"` // of all images: pictures of another size are resized, without regard to their proportions
	Width     int       `zero:"256"` // 0: 256
	Color     Color     `default:"rgb"`
	High      float64   `zero:"255"` // what full brightness becomes; 0 is dark. Keras's is 255
	LabelMode LabelMode `default:"int"`

	Interpolation     string `default:"bilinear"` // or "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"
	CropToAspectRatio bool   // before a picture is resized, what is beyond the proportions is cut off, as much on either side
	PadToAspectRatio  bool   // or as a whole it is resized to what fits in, and put in the middle of black

	// Classes lists the folders to read, in the order of the classes. nil: all, in
	// alphabetical order, without those whose names begin with a dot.
	Classes []string
	// Labels are those of the pictures, which may be in any folder, in alphabetical order of
	// their paths; the classes are called 0, 1, …. nil: those of the folders.
	Labels []int32

	MaxFiles  int   `zero:"10000000"` // most pictures
	MaxPixels int   `zero:"50000000"` // most pixels of a picture, before it is resized
	MaxBytes  int64 // most bytes that Load takes for the images; 0 is 1 GiB
	MaxMemory int64 // most bytes that decoding takes, of all pictures that are decoded at once; 0 is 512 MiB
}

// interpolations are those of Keras's image_dataset_from_directory.
var interpolations = []string{"area", "bicubic", "bilinear", "gaussian", "lanczos3", "lanczos5", "mitchellcubic", "nearest"}

// resolved returns the configuration with its defaults, or an error if no image is
// like that.
func (cfg Config) resolved() (Config, error) {
	cfg = config.Resolve(cfg)
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = tensor.DefaultBudget
	}
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = 512 << 20
	}
	size := tensor.Shape{cfg.Height, cfg.Width, channels[cfg.Color]}
	switch {
	case channels[cfg.Color] == 0:
		return cfg, fmt.Errorf("imagefolder: %w", config.Unknown("color", string(cfg.Color), []string{"grayscale", "rgb", "rgba"}))
	case cfg.Height < 1 || cfg.Width < 1 || size.Check() != nil:
		return cfg, fmt.Errorf("imagefolder: images of %d × %d can't be: Height and Width must be at least 1, and their product no more than an int", cfg.Height, cfg.Width)
	case !slices.Contains([]LabelMode{Int, Categorical, Binary, Unlabeled}, cfg.LabelMode):
		return cfg, fmt.Errorf("imagefolder: %w", config.Unknown("label mode", string(cfg.LabelMode), []string{"binary", "categorical", "int", "none"}))
	case !slices.Contains(interpolations, cfg.Interpolation):
		return cfg, fmt.Errorf("imagefolder: %w", config.Unknown("interpolation", cfg.Interpolation, interpolations))
	case cfg.CropToAspectRatio && cfg.PadToAspectRatio:
		return cfg, errors.New("imagefolder: CropToAspectRatio and PadToAspectRatio can't both be true")
	case cfg.Classes != nil && (cfg.Labels != nil || cfg.LabelMode == Unlabeled):
		return cfg, errors.New("imagefolder: Classes says by their folders what the pictures are, so there can be no Labels, and LabelMode can't be \"none\"")
	case cfg.Labels != nil && cfg.LabelMode == Unlabeled:
		return cfg, errors.New("imagefolder: there are Labels, so LabelMode can't be \"none\"")
	case math.IsNaN(cfg.High) || math.IsInf(cfg.High, 0):
		return cfg, fmt.Errorf("imagefolder: High is %v, it must be finite", cfg.High)
	case cfg.MaxFiles < 0 || cfg.MaxPixels < 0 || cfg.MaxBytes < 0 || cfg.MaxMemory < 0:
		return cfg, errors.New("imagefolder: MaxFiles, MaxPixels, MaxBytes and MaxMemory can't be negative")
	}
	return cfg, mem.Check(1, 4*float64(cfg.Height)*float64(cfg.Width)*float64(channels[cfg.Color]), "imagefolder: an image of shape %v", size)
}

// A Folder is a source of pictures, whose inputs have the shape (Height, Width,
// channels), and whose targets are labels or vectors. Its order is that of the
// classes and then that of the file names.
type Folder struct {
	Classes []string
	Files   []string // paths in the file system
	Labels  []int32  // of the files; nil if they have none

	fsys fs.FS
	cfg  Config
	gate *gate // of the pictures that are decoded at once, the same of all parts
}

var errNotOpen = errors.New("imagefolder: a Folder that Open didn't make")

// check returns an error unless the files have labels that are classes.
func (f *Folder) check() error {
	switch {
	case f == nil || f.gate == nil:
		return errNotOpen
	case len(f.Files) == 0:
		return fmt.Errorf("imagefolder: %w", data.ErrEmpty)
	case f.cfg.LabelMode == Unlabeled:
		return nil
	case len(f.Labels) != len(f.Files):
		return &data.LengthError{A: "files", B: "labels", LenA: len(f.Files), LenB: len(f.Labels)}
	}
	return f.CheckLabels(0, len(f.Classes))
}

// Open lists the pictures in a file system: the files ending in .png, .jpg or
// .jpeg in the folders of the classes and in the folders in those. They are not
// read yet.
func Open(fsys fs.FS, cfg Config) (*Folder, error) {
	cfg, err := cfg.resolved()
	if err != nil {
		return nil, err
	}
	if config.IsNil(fsys) {
		return nil, errors.New("imagefolder: there is no file system")
	}
	f := &Folder{Classes: cfg.Classes, fsys: fsys, cfg: cfg, gate: newGate(cfg.MaxMemory)}
	if cfg.LabelMode == Unlabeled || cfg.Labels != nil {
		return f, f.listAll()
	}
	if f.Classes == nil {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			return nil, fmt.Errorf("imagefolder: the folder of the classes: %w", err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") && isDir(fsys, e) {
				f.Classes = append(f.Classes, e.Name())
			}
		}
	}
	for label, class := range f.Classes {
		if slices.Index(f.Classes, class) != label {
			return nil, fmt.Errorf("imagefolder: class %q is listed twice", class)
		}
		if err := f.list(class, int32(label)); err != nil {
			return nil, fmt.Errorf("imagefolder: class %q: %w", class, err)
		}
	}
	if len(f.Files) == 0 {
		return nil, fmt.Errorf("imagefolder: %w: no folder holds a .png, .jpg or .jpeg", data.ErrEmpty)
	}
	return f, f.suits()
}

// suits returns an error unless there are as many classes as the targets can tell.
func (f *Folder) suits() error {
	if f.cfg.LabelMode == Binary && len(f.Classes) != 2 {
		return fmt.Errorf("imagefolder: there are %d classes, LabelMode \"binary\" is for two", len(f.Classes))
	}
	return nil
}

// listAll lists the pictures of all folders, and gives them the labels of the configuration.
func (f *Folder) listAll() error {
	err := f.list(".", 0)
	switch {
	case err != nil:
		return fmt.Errorf("imagefolder: %w", err)
	case len(f.Files) == 0:
		return fmt.Errorf("imagefolder: %w: no folder holds a .png, .jpg or .jpeg", data.ErrEmpty)
	case f.cfg.LabelMode == Unlabeled:
		f.Labels = nil
		return nil
	case len(f.cfg.Labels) != len(f.Files):
		return &data.LengthError{A: "files", B: "labels", LenA: len(f.Files), LenB: len(f.cfg.Labels)}
	}
	f.Labels = slices.Clone(f.cfg.Labels)
	for row, label := range f.Labels {
		if label < 0 || int(label) >= len(f.Files) {
			return fmt.Errorf("imagefolder: %w", &data.LabelError{Row: row, Label: float64(label), Classes: len(f.Files)})
		}
		for len(f.Classes) <= int(label) {
			f.Classes = append(f.Classes, strconv.Itoa(len(f.Classes)))
		}
	}
	return f.suits()
}

// isDir reports whether an entry is a folder, or a link to one.
func isDir(fsys fs.FS, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := fs.Stat(fsys, e.Name())
		return err == nil && info.IsDir()
	}
	return e.IsDir()
}

// list adds the pictures of a class.
func (f *Folder) list(class string, label int32) error {
	return fs.WalkDir(f.fsys, class, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isPicture(name) {
			if e != nil && e.IsDir() && class == "." && name != "." && strings.HasPrefix(e.Name(), ".") {
				return fs.SkipDir // as no hidden folder is a class
			}
			return err
		}
		if len(f.Files) == f.cfg.MaxFiles {
			return fmt.Errorf("there are more than %d pictures: see MaxFiles", f.cfg.MaxFiles)
		}
		f.Files, f.Labels = append(f.Files, name), append(f.Labels, label)
		return nil
	})
}

func isPicture(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}

// Spec describes the samples.
func (f *Folder) Spec() data.Spec {
	if f == nil {
		return data.Spec{}
	}
	var targets []tensor.Shape
	switch f.cfg.LabelMode {
	case Categorical:
		targets = []tensor.Shape{{len(f.Classes)}}
	case Binary:
		targets = []tensor.Shape{{1}}
	case Unlabeled:
	default:
		targets = []tensor.Shape{{}}
	}
	return data.Spec{
		X:   []tensor.Shape{{f.cfg.Height, f.cfg.Width, channels[f.cfg.Color]}},
		Y:   targets,
		Len: len(f.Files),

		Bytes: []data.Range{{Low: 0, High: f.cfg.High}},
	}
}

// CheckLabels returns a *data.LabelError if there are more classes than that.
func (f *Folder) CheckLabels(_, classes int) error {
	if f == nil {
		return errNotOpen
	}
	for row, label := range f.Labels {
		if label < 0 || int(label) >= classes {
			return &data.LabelError{Row: row, Label: float64(label), Classes: classes}
		}
	}
	return nil
}

// TrainTestSplit shuffles the pictures and returns them without the last fraction
// of them, and that fraction. Both parts must have pictures.
func (f *Folder) TrainTestSplit(fraction float64, seed uint64) (train, test *Folder, err error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	first, last, ok := rng.Split(len(f.Files), fraction, seed)
	return f.parts(first, last, ok, fraction)
}

// StratifiedSplit is TrainTestSplit, but both parts have the same share of the
// pictures of each class, as nearly as whole pictures permit.
func (f *Folder) StratifiedSplit(fraction float64, seed uint64) (train, test *Folder, err error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	if f.cfg.LabelMode == Unlabeled {
		return nil, nil, errors.New("imagefolder: StratifiedSplit goes by labels, and the pictures have none: TrainTestSplit splits them")
	}
	first, last, ok := rng.StratifiedSplit(f.Labels, fraction, seed)
	return f.parts(first, last, ok, fraction)
}

func (f *Folder) parts(first, last []int32, ok bool, fraction float64) (train, test *Folder, err error) {
	if !ok {
		return nil, nil, fmt.Errorf("imagefolder: a fraction of %v of %d pictures can't be split off: it must be between 0 and 1, and both parts have pictures", fraction, len(f.Files))
	}
	return f.part(first), f.part(last), nil
}

// part returns some of the pictures.
func (f *Folder) part(rows []int32) *Folder {
	p := *f
	p.Files, p.Labels = make([]string, len(rows)), nil
	for i, row := range rows {
		p.Files[i] = f.Files[row]
		if f.Labels != nil {
			p.Labels = append(p.Labels, f.Labels[row])
		}
	}
	return &p
}

// Load reads all pictures into memory.
func (f *Folder) Load() (*data.Arrays, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	shape := f.Spec().X[0]
	width := shape.Numel()
	if int64(len(f.Files)) > f.cfg.MaxBytes/4/int64(width) {
		return nil, fmt.Errorf("imagefolder: %d images of shape %v take more than %d bytes: see MaxBytes", len(f.Files), shape, f.cfg.MaxBytes)
	}
	rows := make([]int32, len(f.Files))
	for i := range rows {
		rows[i] = int32(i)
	}
	values := mem.Make[float32](len(rows) * width)
	if err := f.read(context.Background(), values, rows, par.Default()); err != nil {
		return nil, err
	}
	x, err := data.Floats(values, shape...)
	if err != nil {
		return nil, err
	}
	var y data.Column
	switch f.cfg.LabelMode {
	case Unlabeled:
		return &data.Arrays{X: []data.Column{x}}, nil
	case Categorical:
		y, err = data.OneHot(f.Labels, len(f.Classes))
	case Binary:
		numbers := make([]float32, len(f.Labels))
		for i, label := range f.Labels {
			numbers[i] = float32(label)
		}
		y, err = data.Floats(numbers, 1)
	default:
		y, err = data.Labels(f.Labels)
	}
	return &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, err
}

// Epoch starts an epoch. The shuffle is a function of seed and epoch.
func (f *Folder) Epoch(ctx context.Context, c data.EpochConfig) (data.Batches, error) {
	if c.BatchSize < 1 {
		return nil, fmt.Errorf("imagefolder: the batch size is %d, it must be at least 1", c.BatchSize)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	now := *f
	b := &batches{ctx: ctx, folder: &now, size: c.BatchSize, order: make([]int32, len(f.Files))}
	if c.Shuffle {
		rng.Perm(b.order, c.Seed, c.Epoch)
	} else {
		for i := range b.order {
			b.order[i] = int32(i)
		}
	}
	return b, nil
}

// batches go through the files in some order.
type batches struct {
	ctx    context.Context
	folder *Folder
	size   int
	order  []int32 // of what is left, the present batch included
	n      int     // pictures of the present batch
}

func (b *batches) Close() {}

// Integers reports that labels can be read as integers. Vectors and what a BinaryCrossentropy takes are numbers, as in Keras.
func (b *batches) Integers() (x, y []bool) { return nil, []bool{b.folder.cfg.LabelMode == Int} }

func (b *batches) Next() (int, error) {
	b.order = b.order[b.n:]
	b.n = min(b.size, len(b.order))
	if b.n == 0 {
		return 0, io.EOF
	}
	return b.n, nil
}

func (b *batches) Read(batch *data.Batch, p *data.Pool) error {
	f, rows := b.folder, b.order[:b.n]
	spec := f.Spec()
	if len(batch.X) != 1 || len(batch.X[0]) != b.n*spec.X[0].Numel() {
		return fmt.Errorf("imagefolder: a batch of %d images of shape %v has no room for them", b.n, spec.X[0])
	}
	for _, w := range batch.W {
		for i := range w {
			w[i] = 1
		}
	}
	var err error
	switch {
	case len(spec.Y) == 0:
	case len(batch.IntY) > 0 && batch.IntY[0] != nil:
		err = targets(f, batch.IntY[0], rows)
	case len(batch.Y) > 0:
		err = targets(f, batch.Y[0], rows)
	}
	if err != nil {
		return err
	}
	return f.read(b.ctx, batch.X[0], rows, p)
}

// targets writes the targets of pictures to y.
func targets[T float32 | int32](f *Folder, y []T, rows []int32) error {
	shape := f.Spec().Y[0]
	width := shape.Numel()
	if len(y) != len(rows)*width {
		return fmt.Errorf("imagefolder: a batch of %d targets of shape %v has no room for them", len(rows), shape)
	}
	clear(y)
	for i, row := range rows {
		label := f.Labels[row]
		if label < 0 || int(label) >= len(f.Classes) { // changed since the epoch began
			return &data.LabelError{Row: int(row), Label: float64(label), Classes: len(f.Classes)}
		}
		if f.cfg.LabelMode == Categorical {
			y[i*width+int(label)] = 1
		} else {
			y[i] = T(label)
		}
	}
	return nil
}

// read reads pictures, side by side on the pool.
func (f *Folder) read(ctx context.Context, dst []float32, rows []int32, p *data.Pool) error {
	job := &reading{ctx: ctx, folder: f, dst: dst, rows: rows, errs: make([]error, len(rows))}
	p.Run(job, len(rows))
	for i, err := range job.errs {
		if err != nil {
			return fmt.Errorf("imagefolder: %s: %w", f.Files[rows[i]], err)
		}
	}
	return nil
}

// A reading reads a picture for each index.
type reading struct {
	ctx    context.Context
	folder *Folder
	dst    []float32
	rows   []int32
	errs   []error
}

func (r *reading) Do(_, i int) {
	if r.errs[i] = r.ctx.Err(); r.errs[i] != nil {
		return
	}
	width := len(r.dst) / len(r.rows)
	r.errs[i] = r.folder.picture(r.dst[i*width:][:width], r.folder.Files[r.rows[i]])
}

// picture reads a file and puts its pixels into dst.
func (f *Folder) picture(dst []float32, name string) error {
	// A pipe would be waited for, and a device may never end.
	info, err := fs.Stat(f.fsys, name)
	if err == nil {
		err = file.Regular(name, info)
	}
	if err != nil {
		return err
	}
	picture, err := f.fsys.Open(name)
	if err != nil {
		return err
	}
	defer picture.Close()
	return f.decode(dst, file.Steady(picture), info.Size())
}
