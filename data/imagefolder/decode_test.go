package imagefolder

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/tensor"
)

// progressiveJPEG is a progressive picture of middle grey: of each block it has the
// one bit that says so, and of the bytes of those bits only the first, if
// there are more than most.
func progressiveJPEG(width, height, components, most int) []byte {
	b := []byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0} // one quantization table
	b = append(b, bytes.Repeat([]byte{1}, 64)...)
	b = append(b, 0xFF, 0xC2, 0, byte(8+3*components), 8, byte(height>>8), byte(height), byte(width>>8), byte(width), byte(components))
	for c := range components {
		b = append(b, byte(c+1), 0x11, 0)
	}
	b = append(b, 0xFF, 0xC4, 0, 20, 0, 1) // one code, of a bit: a difference of 0
	b = append(b, make([]byte, 16)...)
	b = append(b, 0xFF, 0xDA, 0, byte(6+2*components), byte(components))
	for c := range components {
		b = append(b, byte(c+1), 0)
	}
	b = append(b, 0, 0, 0)
	bits := (width + 7) / 8 * ((height + 7) / 8) * components
	b = append(b, make([]byte, min((bits+7)/8, most))...)
	return append(b, 0xFF, 0xD9)
}

// one is a folder of one picture, with that ending.
func one(t testing.TB, file []byte, cfg Config) *Folder {
	t.Helper()
	return open(t, fstest.MapFS{"a/1.png": {Data: file}}, cfg)
}

func TestAProgressivePictureIsRead(t *testing.T) {
	for _, components := range []int{1, 3} {
		f := one(t, progressiveJPEG(100, 80, components, 1<<20), Config{Height: 2, Width: 2, Color: Grayscale})
		if x, _ := samples(t, f, data.EpochConfig{BatchSize: 1}, nil); !slices.Equal(x, []float32{128, 128, 128, 128}) {
			t.Errorf("of %d components: %v", components, x)
		}
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	if progressive(photo.Bytes()) || !progressive(progressiveJPEG(8, 8, 1, 1)) || !progressive(nil) || !progressive([]byte{0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF}) {
		t.Error("the head isn't told apart")
	}
}

func TestASmallFileThatClaimsMuchTakesLittleMemory(t *testing.T) {
	capped.Run(t, 128<<20, func() {
		for _, c := range []struct {
			name, want string
			file       []byte
		}{
			{"a progressive JPEG of 600 bytes", "a jpeg of 7000 × 7000 can't be in a file of 600 bytes", progressiveJPEG(7000, 7000, 3, 600-progressiveJPEGHead)},
			{"a progressive JPEG that has its bits", "a jpeg of 7000 × 7000 takes 7", progressiveJPEG(7000, 7000, 3, 1<<20)},
			{"a PNG of nothing", "a png of 7000 × 7000 can't be in a file of 33 bytes", bomb(7000, 7000)},
			{"a long head", "after 16777216 bytes it isn't known", longHead()},
		} {
			runtime.GC()
			_, err := one(t, c.file, Config{Height: 1, Width: 1}).Load()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	})
}

// longHead is a JPEG file that says nothing of its size before maxHead. It is made in one piece, for whoever has little
// memory.
func longHead() []byte {
	const segment = 4 + 0xFFFD // as long as one can be
	file := make([]byte, 2+(maxHead/segment+1)*segment)
	copy(file, []byte{0xFF, 0xD8})
	for at := 2; at < len(file); at += segment {
		copy(file[at:], []byte{0xFF, 0xE1, 0xFF, 0xFF})
	}
	return file
}

const progressiveJPEGHead = 128 // bytes of one of three components, but for the bits

// manyScans is a progressive JPEG of so many scans, each of which goes through all blocks and is of a few bytes.
func manyScans(width, height, n int) []byte {
	b := progressiveJPEG(width, height, 1, 1<<20)
	b = b[:len(b)-2]
	b = append(b, 0xFF, 0xC4, 0, 20, 0x10, 1) // one code of coefficients, of a bit: 2¹⁴ blocks and more that have none
	b = append(b, make([]byte, 15)...)
	b = append(b, 0xE0)
	runs := ((width+7)/8*((height+7)/8) + 1<<14 - 1) >> 14
	for i := range n {
		low := byte(1 + i%13)
		b = append(b, 0xFF, 0xDA, 0, 8, 1, 1, 0, low, low, 0)
		b = append(b, make([]byte, (15*runs+7)/8)...)
	}
	return append(b, 0xFF, 0xD9)
}

func TestAPictureOfManyScansIsRefused(t *testing.T) {
	if _, err := one(t, manyScans(64, 64, maxScans-1), Config{Height: 1, Width: 1}).Load(); err != nil {
		t.Error(err)
	}
	begin, size := time.Now(), choice.Effort(400, 2000)
	_, err := one(t, manyScans(size, size, 10_000), Config{Height: 1, Width: 1}).Load()
	if err == nil || !strings.Contains(err.Error(), "more than 500 scans") {
		t.Error(err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestPicturesAreDecodedAtOnceAsMemoryPermits(t *testing.T) {
	g := newGate(100)
	var used, most atomic.Int64
	var wait sync.WaitGroup
	for i := range 50 {
		bytes := int64(1 + 37*i%100)
		wait.Go(func() {
			g.enter(bytes)
			if now := used.Add(bytes); now > most.Load() {
				most.Store(now)
			}
			runtime.Gosched()
			used.Add(-bytes)
			g.leave(bytes)
		})
	}
	wait.Wait()
	if most.Load() > 100 || g.free != 100 {
		t.Errorf("%d of 100 bytes were taken, %d are left", most.Load(), g.free)
	}
}

// What a picture takes is no more than was counted.
func TestTheFootprintIsWhatDecodingTakes(t *testing.T) {
	bounds := image.Rect(0, 0, 1000, 900)
	var files [][]byte
	for _, img := range []image.Image{
		image.NewGray(bounds), image.NewGray16(bounds), image.NewNRGBA(bounds), image.NewNRGBA64(bounds), image.NewRGBA64(bounds),
		image.NewPaletted(bounds, color.Palette{color.Black, color.White}),
	} {
		files = append(files, encoded(t, img).Data)
	}
	for _, img := range []image.Image{image.NewGray(bounds), image.NewNRGBA(bounds)} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		files = append(files, b.Bytes())
	}
	files = append(files, progressiveJPEG(1000, 900, 1, 1<<20), progressiveJPEG(1000, 900, 3, 1<<20))
	for i, file := range files {
		cfg, kind, err := image.DecodeConfig(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		memory, least := footprint(kind, cfg, file)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := image.Decode(bytes.NewReader(file)); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		runtime.ReadMemStats(&after)
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > memory || took < memory/4 && memory > 8<<20 {
			t.Errorf("file %d, %s: decoding takes %d bytes, %d were counted", i, kind, took, memory)
		}
		if int64(len(file)) < least {
			t.Errorf("file %d, %s: it has %d bytes, it is said to have at least %d", i, kind, len(file), least)
		}
	}
}

func TestOnePictureIsDecodedAsInTraining(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 5, 7))
	for i := range img.Pix {
		img.Pix[i] = uint8(37*i) | 1<<7
	}
	file := encoded(t, img).Data
	for _, cfg := range []Config{{Height: 3, Width: 4}, {Height: 9, Width: 2, Color: Grayscale, High: 1}, {Height: 2, Width: 2, Color: RGBA}} {
		f := one(t, file, cfg)
		want, _ := samples(t, f, data.EpochConfig{BatchSize: 1}, nil)
		for name, decode := range map[string]func() (*tensor.Tensor, error){
			"the folder's": func() (*tensor.Tensor, error) { return f.Decode(bytes.NewReader(file)) },
			"no folder's":  func() (*tensor.Tensor, error) { return Decode(bytes.NewReader(file), cfg) },
		} {
			x, err := decode()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := tensor.Data[float32](x); !slices.Equal(got, want) || !x.Shape().Equal(append(tensor.Shape{1}, f.Spec().X[0]...)) {
				t.Errorf("%s, %+v: %v %v, want %v", name, cfg, x, got, want)
			}
		}
	}
}

// silent gives nothing for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestWhatIsNoPictureIsAnError(t *testing.T) {
	f := one(t, grey(t, 1).Data, Config{Height: 1, Width: 1, MaxMemory: 4 << 20})
	for name, r := range map[string]io.Reader{
		"no reader": nil, "a nil pointer": (*strings.Reader)(nil), "nothing": strings.NewReader(""), "a text": strings.NewReader("hello"),
		"nothing for ever": silent{}, "a file without end": endless{},
	} {
		if x, err := f.Decode(r); err == nil {
			t.Errorf("%s: %v", name, x)
		}
	}
	if _, err := Decode(strings.NewReader(""), Config{Height: 1 << 30, Width: 1 << 30}); err == nil {
		t.Error("an image of exabytes: no error")
	}
}

// endless gives ones for ever.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 1
	}
	return len(b), nil
}

func TestLabelsThatAreChangedAreAnError(t *testing.T) {
	for _, mode := range []LabelMode{Int, Categorical} {
		for _, label := range []int32{-1, 3, 1 << 30} {
			f := open(t, greys(t), Config{Height: 1, Width: 1, LabelMode: mode})
			b, err := f.Epoch(t.Context(), data.EpochConfig{BatchSize: 4})
			if err != nil {
				t.Fatal(err)
			}
			f.Labels[2] = label
			if _, err := b.Next(); err != nil {
				t.Fatal(err)
			}
			width := f.Spec().Y[0].Numel()
			batch := data.Batch{X: [][]float32{make([]float32, 4*3)}, Y: [][]float32{make([]float32, 4*width)}}
			var wrong *data.LabelError
			errs := []error{b.Read(&batch, nil), third(f.TrainTestSplit(0.5, 1)), third(f.StratifiedSplit(0.5, 1)), second(f.Load()), second(f.Epoch(t.Context(), data.EpochConfig{BatchSize: 1}))}
			for i, err := range errs {
				if !errors.As(err, &wrong) {
					t.Errorf("a label of %d, in way %d: %v", label, i, err)
				}
			}
		}
	}
	f := open(t, greys(t), Config{})
	f.Labels = f.Labels[:2]
	if _, err := f.Load(); err == nil {
		t.Error("fewer labels: no error")
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestAFolderThatOpenDidNotMakeIsAnError(t *testing.T) {
	var none *Folder
	for i, f := range []*Folder{none, {}, {Files: []string{"a"}, Labels: []int32{0}, Classes: []string{"a"}}} {
		f.Spec()
		for j, err := range []error{
			second(f.Load()), second(f.Epoch(t.Context(), data.EpochConfig{BatchSize: 1})), third(f.TrainTestSplit(0.5, 1)),
			third(f.StratifiedSplit(0.5, 1)), second(f.Decode(strings.NewReader("x"))),
		} {
			if err == nil {
				t.Errorf("folder %d, way %d: no error", i, j)
			}
		}
	}
	if _, err := Open(nil, Config{}); err == nil {
		t.Error("no file system: no error")
	}
	if _, err := Open(greys(t), Config{MaxMemory: -1}); err == nil {
		t.Error("negative memory: no error")
	}
	if none.CheckLabels(0, 1) == nil {
		t.Error("the labels of nothing: no error")
	}
}
