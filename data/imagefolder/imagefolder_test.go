package imagefolder

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/hostile"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// encoded is a picture as a PNG file.
func encoded(t testing.TB, img image.Image) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

// grey is a PNG file of one grey pixel.
func grey(t testing.TB, v uint8) *fstest.MapFile {
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	img.Pix[0] = v
	return encoded(t, img)
}

// greys are four pictures of two classes, among what is none.
func greys(t testing.TB) fstest.MapFS {
	return fstest.MapFS{
		"dog/2.png":            grey(t, 40),
		"dog/10.PNG":           grey(t, 30),
		"cat/b.png":            grey(t, 20),
		"cat/a/deeper/1.png":   grey(t, 10),
		"cat/notes.txt":        {Data: []byte("not a picture")},
		"top.png":              {Data: []byte("of no class")},
		".hidden/1.png":        grey(t, 99),
		"empty/nothing/at.all": {},
	}
}

func open(t testing.TB, fsys fs.FS, cfg Config) *Folder {
	t.Helper()
	f, err := Open(fsys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// samples are the inputs and the targets of an epoch.
func samples(t testing.TB, s data.Source, c data.EpochConfig, p *data.Pool) (x, y []float32) {
	t.Helper()
	spec := s.Spec()
	b, err := s.Epoch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for {
		n, err := b.Next()
		if err == io.EOF {
			return x, y
		}
		if err != nil {
			t.Fatal(err)
		}
		batch := data.Batch{
			X: [][]float32{make([]float32, n*spec.X[0].Numel())}, Y: [][]float32{make([]float32, n*spec.Y[0].Numel())},
			W: [][]float32{make([]float32, n)},
		}
		for _, list := range [][]float32{batch.X[0], batch.Y[0], batch.W[0]} {
			for i := range list {
				list[i] = float32(math.NaN()) // whatever was there
			}
		}
		if err := b.Read(&batch, p); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(batch.W[0], func(w float32) bool { return w != 1 }) {
			t.Errorf("the weights are %v", batch.W)
		}
		x, y = append(x, batch.X[0]...), append(y, batch.Y[0]...)
	}
}

func TestClassesAreFoldersInOrder(t *testing.T) {
	pixel := Config{Height: 1, Width: 1, Color: Grayscale}
	turned := pixel
	turned.Classes, turned.LabelMode = []string{"dog", "cat"}, Categorical
	for _, c := range []struct {
		name    string
		cfg     Config
		classes []string
		x, y    []float32
	}{
		{"all", pixel, []string{"cat", "dog", "empty"}, []float32{10, 20, 30, 40}, []float32{0, 0, 1, 1}},
		{"some, in an order, as vectors", turned, []string{"dog", "cat"}, []float32{30, 40, 10, 20}, []float32{1, 0, 1, 0, 0, 1, 0, 1}},
	} {
		f := open(t, greys(t), c.cfg)
		if !slices.Equal(f.Classes, c.classes) {
			t.Errorf("%s: the classes are %v", c.name, f.Classes)
		}
		if x, y := samples(t, f, data.EpochConfig{BatchSize: 3}, nil); !slices.Equal(x, c.x) || !slices.Equal(y, c.y) {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, x, y, c.x, c.y)
		}
		loaded, err := f.Load()
		if err != nil {
			t.Fatal(err)
		}
		if x, y := samples(t, loaded, data.EpochConfig{BatchSize: 3}, nil); !slices.Equal(x, c.x) || !slices.Equal(y, c.y) {
			t.Errorf("%s, loaded: %v, %v; want %v, %v", c.name, x, y, c.x, c.y)
		}
		if f.CheckLabels(0, 2) != nil || f.CheckLabels(0, 1) == nil {
			t.Errorf("%s: the labels are not those of two classes", c.name)
		}
		if spec := f.Spec(); !spec.X[0].Equal(tensor.Shape{1, 1, 1}) || spec.Len != 4 {
			t.Errorf("%s: %+v", c.name, spec)
		}
	}
}

func TestTargetsAreWhatTheLabelModeSays(t *testing.T) {
	// All pictures in alphabetical order: cat's 10 and 20, dog's 30 and 40, and the one of no class.
	all := greys(t)
	all["top.png"] = grey(t, 50)
	pixel := Config{Height: 1, Width: 1, Color: Grayscale}
	with := func(change func(*Config)) Config {
		cfg := pixel
		change(&cfg)
		return cfg
	}
	x := []float32{10, 20, 30, 40, 50}
	for _, c := range []struct {
		name    string
		cfg     Config
		shape   tensor.Shape
		x, y    []float32
		classes int
	}{
		{"binary", with(func(c *Config) { c.LabelMode, c.Classes = Binary, []string{"dog", "cat"} }), tensor.Shape{1}, []float32{30, 40, 10, 20}, []float32{0, 0, 1, 1}, 2},
		{"given labels", with(func(c *Config) { c.Labels = []int32{2, 0, 1, 0, 2} }), tensor.Shape{}, x, []float32{2, 0, 1, 0, 2}, 3},
		{"given labels as vectors", with(func(c *Config) { c.Labels, c.LabelMode = []int32{1, 0, 1, 0, 1}, Categorical }), tensor.Shape{2}, x, []float32{0, 1, 1, 0, 0, 1, 1, 0, 0, 1}, 2},
		{"no labels", with(func(c *Config) { c.LabelMode = Unlabeled }), nil, x, nil, 0},
	} {
		f := open(t, all, c.cfg)
		spec := f.Spec()
		if len(f.Classes) != c.classes || c.shape != nil && !spec.Y[0].Equal(c.shape) || c.shape == nil && len(spec.Y) != 0 {
			t.Errorf("%s: classes %v, targets %v", c.name, f.Classes, spec.Y)
			continue
		}
		loaded, err := f.Load()
		if err != nil {
			t.Fatal(err)
		}
		train, test, err := f.TrainTestSplit(0.25, 1)
		if err != nil || len(train.Files)+len(test.Files) != len(f.Files) {
			t.Errorf("%s: split into %v and %v, %v", c.name, train, test, err)
		}
		for what, s := range map[string]data.Source{"read": f, "loaded": loaded} {
			b, err := data.Epoch(t.Context(), s, data.EpochConfig{BatchSize: 8})
			if err != nil {
				t.Fatal(err)
			}
			n, err := b.Next()
			if err != nil {
				t.Fatal(err)
			}
			batch := data.Batch{X: [][]float32{make([]float32, n)}}
			if c.shape != nil {
				batch.Y = [][]float32{make([]float32, n*c.shape.Numel())}
			}
			if err := b.Read(&batch, nil); err != nil || !slices.Equal(batch.X[0], c.x) || c.shape != nil && !slices.Equal(batch.Y[0], c.y) {
				t.Errorf("%s, %s: %v %v, %v; want %v, %v", c.name, what, batch.X, batch.Y, err, c.x, c.y)
			}
			b.Close()
		}
	}
	for want, cfg := range map[string]Config{
		"LabelMode \"binary\" is for two": with(func(c *Config) { c.LabelMode = Binary }),
		"unknown label mode \"one\"":      with(func(c *Config) { c.LabelMode = "one" }),
		"unknown interpolation \"cubic\"": with(func(c *Config) { c.Interpolation = "cubic" }),
		"there can be no Labels":          with(func(c *Config) { c.Classes, c.Labels = []string{"cat"}, []int32{0} }),
		"so LabelMode can't be":           with(func(c *Config) { c.LabelMode, c.Labels = Unlabeled, []int32{0} }),
		"files has 5 samples":             with(func(c *Config) { c.Labels = []int32{0} }),
		"label":                           with(func(c *Config) { c.Labels = []int32{0, 0, -1, 0, 0} }),
	} {
		if _, err := Open(all, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, _, err := open(t, all, with(func(c *Config) { c.LabelMode = Unlabeled })).StratifiedSplit(0.5, 1); err == nil {
		t.Error("shares of classes that aren't known: no error")
	}
}

// A loss of labels reads them as they are; vectors are numbers.
func TestLabelsAreReadAsIntegers(t *testing.T) {
	for mode, want := range map[LabelMode]string{
		Int: "", Binary: "y[0] is wanted as integers, and can be read as float32 alone", Categorical: "y[0] is wanted as integers, and can be read as float32 alone",
	} {
		f := open(t, greys(t), Config{Height: 1, Width: 1, Color: Grayscale, LabelMode: mode, Classes: []string{"dog", "cat"}})
		b, err := data.Epoch(t.Context(), f, data.EpochConfig{BatchSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
		batch := data.Batch{X: [][]float32{make([]float32, 4)}, IntY: [][]int32{make([]int32, 4*f.Spec().Y[0].Numel())}}
		err = b.Read(&batch, nil)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) || want == "" && (err != nil || !slices.Equal(batch.IntY[0], []int32{0, 0, 1, 1})) {
			t.Errorf("%s: %v, %v; want %q", mode, batch.IntY, err, want)
		}
	}
}

func TestTheShuffleIsThatOfArrays(t *testing.T) {
	f := open(t, greys(t), Config{Height: 1, Width: 1, Color: Grayscale})
	loaded, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	pool := par.New(3)
	defer pool.Close()
	for epoch := range uint64(3) {
		c := data.EpochConfig{BatchSize: 4, Shuffle: true, Seed: 7, Epoch: epoch}
		x, y := samples(t, f, c, pool)
		wantX, wantY := samples(t, loaded, c, nil)
		if !slices.Equal(x, wantX) || !slices.Equal(y, wantY) {
			t.Errorf("epoch %d: %v, %v; want %v, %v", epoch, x, y, wantX, wantY)
		}
	}
}

func TestTrainTestSplitKeepsEveryPictureOnce(t *testing.T) {
	f := open(t, greys(t), Config{})
	train, test, err := f.TrainTestSplit(0.25, 3)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Sorted(slices.Values(slices.Concat(train.Files, test.Files)))
	if len(train.Files) != 3 || !slices.Equal(all, slices.Sorted(slices.Values(f.Files))) {
		t.Errorf("%v and %v", train.Files, test.Files)
	}
	for _, part := range []*Folder{train, test} {
		for i, name := range part.Files {
			if class, _, _ := strings.Cut(name, "/"); f.Classes[part.Labels[i]] != class {
				t.Errorf("%s has the label %d", name, part.Labels[i])
			}
		}
	}
	for _, fraction := range []float64{0, 1, 0.99, math.NaN()} {
		if _, _, err := f.TrainTestSplit(fraction, 1); err == nil {
			t.Errorf("a fraction of %v: no error", fraction)
		}
	}
}

func TestPicturesAreResizedAsKerasDoes(t *testing.T) {
	for _, c := range golden.Load(t, "images").Cases {
		height, width := int(c.Float("height", 0)), int(c.Float("width", 0))
		want := c.Tensors["y"]
		// Of a picture within another, whose bounds don't begin at 0.
		img := image.NewNRGBA(image.Rect(-3, -2, width+1, height+5))
		for y := range height {
			for x := range width {
				img.SetNRGBA(x, y, color.NRGBA{uint8(7*y + 13*x), uint8(50 * x), uint8(90 * y), 255})
			}
		}
		got := make([]float32, len(want.Data))
		part := img.SubImage(image.Rect(0, 0, width, height))
		area, to := part.Bounds(), image.Rect(0, 0, want.Shape[1], want.Shape[0])
		if c.Bool("crop") {
			area = cropped(area, want.Shape[0], want.Shape[1])
		}
		if c.Bool("pad") {
			to = padded(area, want.Shape[0], want.Shape[1])
		}
		resize(got, want.Shape[1], to, part, area, c.String("interpolation"), RGB)
		bound := 1e-4
		switch c.String("interpolation") {
		case "bicubic": // TensorFlow's weights are those of the nearest 1024th of a pixel
			bound = 0.25
		case "area": // whose weights it computes in float32
			bound = 1e-3
		}
		for i, v := range got {
			if !(math.Abs(float64(v-want.Data[i])) <= bound) {
				t.Errorf("%s: value %d is %v, want %v", c.Name, i, v, want.Data[i])
				break
			}
		}
	}
}

func TestAStratifiedSplitKeepsTheSharesOfClasses(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 40 {
		class := "common"
		if i%4 == 0 {
			class = "rare"
		}
		fsys[fmt.Sprintf("%s/%d.png", class, i)] = grey(t, uint8(i))
	}
	train, test, err := open(t, fsys, Config{}).StratifiedSplit(0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	rare := func(f *Folder) (n int) {
		for i, label := range f.Labels {
			if strings.HasPrefix(f.Files[i], "rare/") != (label == 1) {
				t.Errorf("%s has the label %d", f.Files[i], label)
			}
			n += int(label)
		}
		return n
	}
	if len(train.Files) != 32 || len(test.Files) != 8 || rare(train) != 8 || rare(test) != 2 {
		t.Errorf("%d of %d and %d of %d are rare", rare(train), len(train.Files), rare(test), len(test.Files))
	}
}

func TestEveryKindOfPictureIsRead(t *testing.T) {
	bounds := image.Rect(0, 0, 2, 2)
	solid := color.NRGBA{200, 100, 50, 255}
	paint := func(img draw.Image, c color.Color) image.Image {
		draw.Draw(img, bounds, image.NewUniform(c), image.Point{}, draw.Src)
		return img
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, paint(image.NewRGBA(bounds), color.NRGBA{90, 90, 90, 255}), &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	faint := color.NRGBA{200, 100, 50, 51}
	for _, c := range []struct {
		name  string
		file  *fstest.MapFile
		color Color
		want  []float32 // of a pixel
	}{
		{"RGBA", encoded(t, paint(image.NewRGBA(bounds), solid)), RGB, []float32{200, 100, 50}},
		{"RGBA, with opacity", encoded(t, paint(image.NewRGBA(bounds), solid)), RGBA, []float32{200, 100, 50, 255}},
		{"a faint color", encoded(t, paint(image.NewNRGBA(bounds), faint)), RGBA, []float32{200, 100, 50, 51}},
		{"a faint color, opacity forgotten", encoded(t, paint(image.NewNRGBA(bounds), faint)), RGB, []float32{200, 100, 50}},
		{"16 bits", encoded(t, paint(image.NewNRGBA64(bounds), solid)), RGB, []float32{200, 100, 50}},
		{"a palette", encoded(t, paint(image.NewPaletted(bounds, color.Palette{color.Black, solid}), solid)), RGB, []float32{200, 100, 50}},
		{"grey", encoded(t, paint(image.NewGray(bounds), color.Gray{77})), RGB, []float32{77, 77, 77}},
		{"16 bits of grey", encoded(t, paint(image.NewGray16(bounds), color.Gray{77})), Grayscale, []float32{77}},
		{"a color as grey", encoded(t, paint(image.NewNRGBA(bounds), solid)), Grayscale, []float32{124}},
		{"a photo", &fstest.MapFile{Data: photo.Bytes()}, RGB, []float32{90, 90, 90}},
		{"a photo as grey", &fstest.MapFile{Data: photo.Bytes()}, Grayscale, []float32{90}},
	} {
		f := open(t, fstest.MapFS{"a/1.jpeg": c.file}, Config{Height: 3, Width: 1, Color: c.color})
		x, _ := samples(t, f, data.EpochConfig{BatchSize: 1}, nil)
		if want := slices.Repeat(c.want, 3); !slices.Equal(x, want) {
			t.Errorf("%s: %v, want %v", c.name, x, want)
		}
	}
}

func TestHighIsWhatFullBrightnessBecomes(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 256, 1))
	for u := range 256 {
		img.Pix[u] = uint8(u)
	}
	f := open(t, fstest.MapFS{"a/1.png": encoded(t, img)}, Config{Height: 1, Width: 256, Color: Grayscale, High: 1})
	if x, _ := samples(t, f, data.EpochConfig{BatchSize: 1}, nil); !slices.Equal(x, fmath.ByteToUnit[:]) {
		t.Errorf("from 0 to 1: %v", x)
	}
	if got := f.Spec().Bytes; !slices.Equal(got, []data.Range{{Low: 0, High: 1}}) {
		t.Errorf("the spec says %v", got)
	}
}

// bomb is a PNG file of a few bytes that claims to be of a size.
func bomb(width, height uint32) []byte {
	head := []byte("IHDR")
	head = binary.BigEndian.AppendUint32(head, width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
}

// spoilt returns a file with the byte at a place, from the end if it is negative, changed.
func spoilt(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[(at+len(b))%len(b)] ^= 0x55
	return b
}

// hostiles are files that are no pictures, or none that is read with at most a million pixels.
func hostiles(t testing.TB) []hostile.File {
	t.Helper()
	good := grey(t, 1).Data
	photo := progressiveJPEG(20, 30, 3, 1<<10)
	return []hostile.File{
		{"empty.png", nil, "it is no picture that is read, .png or .jpeg, but empty"},
		{"text.png", []byte("hello"), "unknown format"},
		{"page.jpg", []byte("<!DOCTYPE html><html></html>"), "but a page of HTML"},
		{"pointer.jpg", []byte("version https://git-lfs.github.com/spec/v1\n"), "but a pointer of Git LFS"},
		{"gif.png", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), "but a GIF picture"},
		{"script.png", []byte("<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>"), "unknown format"},
		{"signature_alone.png", good[:8], "unexpected EOF"},
		{"cut_off.png", good[:len(good)-20], "unexpected EOF"},
		{"head_alone.png", good[:33], "unexpected EOF"},
		{"flipped_head.png", spoilt(good, 20), "checksum"},
		{"flipped_end.png", spoilt(good, -1), "checksum"},
		{"no_pixels.png", bomb(0, 5), "non-positive dimension"},
		{"larger_than_any_memory.png", bomb(1<<31-1, 1<<31-1), "dimension overflow"},
		{"larger_than_allowed.png", bomb(60_000, 60_000), "a png of 60000 × 60000 has more than 1000000 pixels: see MaxPixels"},
		{"pixels_of_nothing.png", bomb(1000, 1000), "a png of 1000 × 1000 can't be in a file of 33 bytes"},
		{"start_alone.jpg", photo[:2], "unexpected EOF"},
		{"no_size.jpg", append(photo[:2:2], 0xFF, 0xD9), "missing SOS marker"},
		{"cut_off.jpg", photo[:len(photo)-12], "unexpected EOF"},
		{"segment_beyond.jpg", []byte{0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, 1, 2, 3}, "unexpected EOF"},
		{"larger_than_allowed.jpg", progressiveJPEG(65_500, 65_500, 3, 64), "a jpeg of 65500 × 65500 has more than 1000000 pixels"},
		{"pixels_of_nothing.jpg", progressiveJPEG(1000, 1000, 3, 64), "a jpeg of 1000 × 1000 can't be in a file of"},
		{"many_scans.jpg", manyScans(64, 64, maxScans), "more than 500 scans"},
	}
}

func TestAPictureThatCannotBeReadIsAnErrorThatNamesIt(t *testing.T) {
	hostile.Check(t, "testdata/hostile", hostiles(t), func(b []byte) error {
		f := open(t, fstest.MapFS{"a/0.png": grey(t, 1), "a/1.png": {Data: b}}, Config{Height: 1, Width: 1, MaxPixels: 1_000_000})
		_, err := f.Load()
		if err != nil && !strings.Contains(err.Error(), "a/1.png: ") {
			t.Errorf("it isn't said which picture it is: %v", err)
		}
		return err
	})
	files := greys(t)
	f := open(t, files, Config{})
	delete(files, "dog/2.png")
	if _, err := f.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a picture that went away: %v", err)
	}
}

func TestAFolderThatDoesNotFitIsAnError(t *testing.T) {
	for _, c := range []struct {
		name string
		fsys fs.FS
		cfg  Config
		want string
	}{
		{"no pictures", fstest.MapFS{"a/b.txt": {}}, Config{}, "no folder holds a .png, .jpg or .jpeg"},
		{"no folder", os.DirFS("no/such/folder"), Config{}, "the folder of the classes"},
		{"no such class", greys(t), Config{Classes: []string{"cow"}}, `class "cow": open cow`},
		{"a class outside", greys(t), Config{Classes: []string{"../cat"}}, `class "../cat"`},
		{"a class twice", greys(t), Config{Classes: []string{"cat", "cat"}}, `class "cat" is listed twice`},
		{"too many", greys(t), Config{MaxFiles: 3}, "more than 3 pictures"},
		{"no such color", greys(t), Config{Color: "cmyk"}, `unknown color "cmyk": the known ones are grayscale, rgb, rgba`},
		{"a negative size", greys(t), Config{Height: -1}, "images of -1 × 256 can't be"},
		{"no brightness", greys(t), Config{High: math.NaN()}, "High is NaN"},
	} {
		if _, err := Open(c.fsys, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	f := open(t, greys(t), Config{MaxBytes: 4 * 256 * 256 * 3})
	if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), "4 images of shape (256, 256, 3) take more than 786432 bytes") {
		t.Errorf("more than the memory: %v", err)
	}
	if _, err := f.Epoch(t.Context(), data.EpochConfig{}); err == nil {
		t.Error("batches of nothing: no error")
	}
	b, err := f.Epoch(t.Context(), data.EpochConfig{BatchSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []data.Batch{{}, {X: [][]float32{make([]float32, 3)}}, {X: [][]float32{make([]float32, 256*256*3)}, Y: [][]float32{make([]float32, 2)}}} {
		if b.Read(&batch, nil) == nil {
			t.Error("a batch that has no room: no error")
		}
	}
}

func TestAClassMayBeALinkToAFolder(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "1.png"), grey(t, 5).Data, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "linked")); err != nil {
		t.Skip(err)
	}
	f := open(t, os.DirFS(dir), Config{Height: 1, Width: 1, Color: Grayscale})
	if x, _ := samples(t, f, data.EpochConfig{BatchSize: 1}, nil); !slices.Equal(x, []float32{5}) {
		t.Errorf("%v", x)
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(grey(f, 7).Data)
	f.Add(bomb(100, 100))
	f.Add(progressiveJPEG(20, 30, 3, 1<<10))
	f.Add(progressiveJPEG(60, 60, 1, 3))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 3, 5)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(photo.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		for color, n := range channels {
			folder := open(t, fstest.MapFS{"a/1.png": {Data: file}}, Config{Height: 2, Width: 3, Color: color, MaxPixels: 10_000})
			dst := make([]float32, 2*3*n)
			if folder.picture(dst, "a/1.png") != nil {
				continue
			}
			for _, v := range dst {
				if !(v >= 0 && v <= 255) {
					t.Fatalf("a pixel is %v", v)
				}
			}
		}
	})
}

func TestReadingEndsWithItsContext(t *testing.T) {
	f := open(t, greys(t), Config{Height: 2, Width: 2})
	ctx, cancel := context.WithCancel(t.Context())
	b, err := f.Epoch(ctx, data.EpochConfig{BatchSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n, err := b.Next()
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	spec := f.Spec()
	batch := data.Batch{X: [][]float32{make([]float32, n*spec.X[0].Numel())}}
	if err := b.Read(&batch, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context a batch is read: %v", err)
	}
}

func TestWhateverAPictureHoldsReadingItEndsInLittleMemory(t *testing.T) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 30, 50)), nil); err != nil {
		t.Fatal(err)
	}
	seeds := [][]byte{grey(t, 7).Data, bomb(100, 100), bomb(60_000, 60_000), progressiveJPEG(20, 30, 3, 1<<10), progressiveJPEG(60, 60, 1, 3), photo.Bytes()}
	for _, h := range hostiles(t) {
		seeds = append(seeds, h.Content)
	}
	hostile.Try(t, seeds, func(b []byte) {
		folder, err := Open(fstest.MapFS{"a/1.png": {Data: b}}, Config{Height: 2, Width: 3, Color: Grayscale, MaxPixels: 1 << 20})
		if err == nil {
			folder.picture(make([]float32, 2*3), "a/1.png")
		}
	})
}
