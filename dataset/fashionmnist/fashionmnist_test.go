package fashionmnist

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/download"
)

// write makes the four files in a folder: two images to train on, one to test
// with.
func write(t *testing.T, dir string, compressed bool) {
	t.Helper()
	image := func(grey uint8) string { return strings.Repeat(string(rune(grey)), Rows*Columns) }
	for name, content := range map[string]string{
		"train-images-idx3-ubyte": "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x1C\x00\x00\x00\x1C" + image(1) + image(2),
		"train-labels-idx1-ubyte": "\x00\x00\x08\x01\x00\x00\x00\x02\x09\x00",
		"t10k-images-idx3-ubyte":  "\x00\x00\x08\x03\x00\x00\x00\x01\x00\x00\x00\x1C\x00\x00\x00\x1C" + image(3),
		"t10k-labels-idx1-ubyte":  "\x00\x00\x08\x01\x00\x00\x00\x01\x05",
	} {
		if compressed {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write([]byte(content))
			z.Close()
			name, content = name+".gz", b.String()
		}
		put(t, dir, name, content)
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestLoadReadsTheFourFiles(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		dir := t.TempDir()
		write(t, dir, compressed)
		train, test, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(train.Labels, []uint8{9, 0}) || !slices.Equal(test.Labels, []uint8{5}) {
			t.Errorf("the labels are %v and %v", train.Labels, test.Labels)
		}
		if got := train.Image(1); len(got) != 784 || got[783] != 2 {
			t.Errorf("image 1 is %v", got)
		}
		if Names[train.Labels[0]] != "Ankle boot" {
			t.Errorf("label 9 is %s", Names[train.Labels[0]])
		}
	}
}

func TestFilesThatAreNotTheDataSet(t *testing.T) {
	for _, c := range []struct {
		name, file, content, want string
	}{
		{"no such class", "train-labels-idx1-ubyte", "\x00\x00\x08\x01\x00\x00\x00\x02\x09\x0A", "the label of row 1 is 10"},
		{"fewer labels", "train-labels-idx1-ubyte", "\x00\x00\x08\x01\x00\x00\x00\x01\x09", "1 labels and 1568 pixels"},
		{"another size", "t10k-images-idx3-ubyte", "\x00\x00\x08\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01x", "t10k-images-idx3-ubyte holds uint8(1, 1, 1), want bytes of shape (None, 28, 28)"},
		{"labels for images", "t10k-images-idx3-ubyte", "\x00\x00\x08\x01\x00\x00\x00\x01x", "holds uint8(1,)"},
		{"numbers for labels", "t10k-labels-idx1-ubyte", "\x00\x00\x0C\x01\x00\x00\x00\x01\x00\x00\x00\x05", "holds int32(1,)"},
		{"no IDX file", "t10k-labels-idx1-ubyte", "hello", "not an IDX file"},
		{"a great file", "t10k-images-idx3-ubyte", "\x00\x00\x08\x03\x7F\xFF\xFF\xFF\x00\x00\x00\x1C\x00\x00\x00\x1C", "over the budget"},
	} {
		dir := t.TempDir()
		write(t, dir, false)
		put(t, dir, c.file, c.content)
		if _, _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	_, _, err := Load(t.TempDir())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "Download fetches it") {
		t.Errorf("no files: %v", err)
	}
}

func TestALabelErrorCanBeToldApart(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, false)
	put(t, dir, "train-labels-idx1-ubyte", "\x00\x00\x08\x01\x00\x00\x00\x02\xFF\x00")
	var label *data.LabelError
	if _, _, err := Load(dir); !errors.As(err, &label) {
		t.Errorf("the error is %v", err)
	}
}

func TestDownloadTakesNoOtherFiles(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Write([]byte("not the images"))
	}))
	defer server.Close()
	dir := t.TempDir()
	if err := fetch(t.Context(), dir, server.URL+"/"); !errors.Is(err, download.ErrHash) {
		t.Errorf("the error is %v", err)
	}
	if !slices.Equal(asked, []string{"/train-images-idx3-ubyte.gz"}) {
		t.Errorf("it asks for %v", asked)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("there are %v", entries)
	}
}
