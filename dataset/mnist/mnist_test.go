package mnist

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/idx"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/tensor"
)

func loaded(t *testing.T) (train, test *Set) {
	t.Helper()
	train, test, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return train, test
}

func TestTheFilesAreTheOriginals(t *testing.T) {
	for _, f := range []struct{ name, file, md5 string }{
		{"train images", trainImages, "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
		{"train labels", trainLabels, "d53e105ee54ea40749a09fcbcd1e9432"},
		{"test images", testImages, "9fb629c4189551a2d022fa330f9573f3"},
		{"test labels", testLabels, "ec29112dd5afa0611ce80d1b7f02629c"},
	} {
		if got := fmt.Sprintf("%x", md5.Sum([]byte(f.file))); got != f.md5 {
			t.Errorf("%s: MD5 %s, want %s", f.name, got, f.md5)
		}
	}
}

func TestLoadAgreesWithTheReaderOfIDXFiles(t *testing.T) {
	train, test := loaded(t)
	for _, f := range []struct {
		name, file string
		got        []uint8
		shape      tensor.Shape
	}{
		{"train images", trainImages, train.Images, tensor.Shape{60_000, 28, 28}},
		{"train labels", trainLabels, train.Labels, tensor.Shape{60_000}},
		{"test images", testImages, test.Images, tensor.Shape{10_000, 28, 28}},
		{"test labels", testLabels, test.Labels, tensor.Shape{10_000}},
	} {
		if f.name == "train images" && !choice.Thorough() {
			continue // they are inflated as the others are, and their check sum is looked at
		}
		x, err := idx.Read(strings.NewReader(f.file), 0)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		want, err := tensor.Data[uint8](x)
		if err != nil || !x.Shape().Equal(f.shape) || !slices.Equal(f.got, want) {
			t.Errorf("%s: the reader has %v (%v)", f.name, x, err)
		}
	}
}

// The counts that the chapter prints.
func TestCountsAreTheChapters(t *testing.T) {
	train, test := loaded(t)
	if got, want := train.Counts(), []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}; !slices.Equal(got, want) {
		t.Errorf("train: %v, want %v", got, want)
	}
	if got, want := test.Counts(), []int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}; !slices.Equal(got, want) {
		t.Errorf("test: %v, want %v", got, want)
	}
}

func TestViews(t *testing.T) {
	train, _ := loaded(t)
	for _, c := range []struct {
		name string
		set  *Set
		x, y tensor.Shape
		len  int
	}{
		{"images and labels", train, tensor.Shape{28, 28}, tensor.Shape{}, 60_000},
		{"flat", train.Flat(), tensor.Shape{784}, tensor.Shape{}, 60_000},
		{"one-hot", train.OneHot(), tensor.Shape{28, 28}, tensor.Shape{10}, 60_000},
		{"all at once", train.Limit(10).OneHot().Flat(), tensor.Shape{784}, tensor.Shape{10}, 10},
		{"in another order", train.Flat().OneHot().Limit(10), tensor.Shape{784}, tensor.Shape{10}, 10},
		{"a high limit", train.Limit(70_000), tensor.Shape{28, 28}, tensor.Shape{}, 60_000},
		{"no digits", train.Limit(-1), tensor.Shape{28, 28}, tensor.Shape{}, 0},
	} {
		s := c.set.Spec()
		if !s.X[0].Equal(c.x) || !s.Y[0].Equal(c.y) || s.Len != c.len || c.set.Len() != c.len {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	if _, err := train.Limit(0).Epoch(t.Context(), data.EpochConfig{BatchSize: 1}); !errors.Is(err, data.ErrEmpty) {
		t.Errorf("an epoch of no digits: %v", err)
	}
}

func TestAnEpochHasTheDigits(t *testing.T) {
	train, _ := loaded(t)
	b, err := train.Limit(100).Flat().OneHot().Epoch(t.Context(), data.EpochConfig{BatchSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	i := 0
	for {
		n, err := b.Next()
		if err == io.EOF {
			break
		}
		batch := data.Batch{X: [][]float32{make([]float32, n*784)}, Y: [][]float32{make([]float32, n*10)}}
		if err := b.Read(&batch, nil); err != nil {
			t.Fatal(err)
		}
		for r := range n {
			for p, u := range train.Image(i) {
				if got, want := batch.X[0][r*784+p], float32(u)/255; got != want {
					t.Fatalf("pixel %d of digit %d is %v, want %v", p, i, got, want)
				}
			}
			for class, y := range batch.Y[0][r*10 : (r+1)*10] {
				if (y == 1) != (class == int(train.Labels[i])) || y != 0 && y != 1 {
					t.Fatalf("digit %d, a %d, has target %v", i, train.Labels[i], batch.Y[0][r*10:(r+1)*10])
				}
			}
			i++
		}
	}
	if i != 100 {
		t.Errorf("%d digits, want 100", i)
	}
}

func TestDamageIsFound(t *testing.T) {
	const header = "\x00\x00\x08\x01\x00\x00\x27\x10"
	good := testLabels
	for name, c := range map[string]struct {
		file, header string
		size         int
	}{
		"cut":             {good[:len(good)-100], header, testLen},
		"wrong checksum":  {good[:len(good)-8] + "abcd" + good[len(good)-4:], header, testLen},
		"another header":  {good, "\x00\x00\x08\x01\x00\x00\x27\x11", testLen},
		"too few":         {good, header, testLen + 1},
		"too many":        {good, header, testLen - 1},
		"not compressed":  {"hello, world", header, testLen},
		"nothing at all":  {"", header, testLen},
		"only the header": {good[:30], header, testLen},
	} {
		if _, err := inflate(c.file, c.header, c.size); err == nil {
			t.Errorf("%s: inflated", name)
		}
	}
	if _, err := inflate(good, header, testLen); err != nil {
		t.Error(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := inflate(trainImages, "\x00\x00\x08\x03\x00\x00\xEA\x60\x00\x00\x00\x1C\x00\x00\x00\x1C", trainLen*Rows*Columns); err != nil {
			b.Fatal(err)
		}
	}
}
