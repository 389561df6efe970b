package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

const iris = `sepal,petal,species,place
5.1,1.4,setosa,field
7.0,4.7,versicolor,wood

6.3,6.0,virginica,field
"4.9",1.4,setosa,"a wood, by a ""brook"""
`

// read fails the test unless the table can be read.
func read(t *testing.T, text string, cfg Config) *Set {
	t.Helper()
	s, err := Read(iotest.OneByteReader(strings.NewReader(text)), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// samples are the inputs and the targets that a source gives.
func samples(t *testing.T, s data.Source) (x, y []float32) {
	t.Helper()
	spec := s.Spec()
	b, err := s.Epoch(t.Context(), data.EpochConfig{BatchSize: spec.Len})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n, err := b.Next()
	if err != nil {
		t.Fatal(err)
	}
	x = make([]float32, n*spec.X[0].Numel())
	batch := data.Batch{X: [][]float32{x}}
	if len(spec.Y) > 0 {
		y = make([]float32, n*spec.Y[0].Numel())
		batch.Y = [][]float32{y}
	}
	if err := b.Read(&batch, nil); err != nil {
		t.Fatal(err)
	}
	return x, y
}

func TestColumnsAreWhatTheConfigSays(t *testing.T) {
	for _, c := range []struct {
		name    string
		text    string
		cfg     Config
		x, y    []float32
		shape   tensor.Shape // of a target, nil if there is none
		classes []string
	}{
		{
			"a label", iris,
			Config{Label: "species", Ignore: []string{"place"}},
			[]float32{5.1, 1.4, 7, 4.7, 6.3, 6, 4.9, 1.4},
			[]float32{0, 1, 2, 0},
			tensor.Shape{},
			[]string{"setosa", "versicolor", "virginica"},
		},
		{
			"classes in an order", iris,
			Config{Label: "species", Features: []string{"petal"}, Classes: []string{"virginica", "setosa", "versicolor", "none"}},
			[]float32{1.4, 4.7, 6, 1.4},
			[]float32{1, 2, 0, 1},
			tensor.Shape{},
			[]string{"virginica", "setosa", "versicolor", "none"},
		},
		{
			"targets", iris,
			Config{Targets: []string{"sepal"}, Ignore: []string{"place", "species"}},
			[]float32{1.4, 4.7, 6, 1.4},
			[]float32{5.1, 7, 6.3, 4.9},
			tensor.Shape{1},
			nil,
		},
		{
			"features turned round, and no target", iris,
			Config{Features: []string{"petal", "sepal"}},
			[]float32{1.4, 5.1, 4.7, 7, 6, 6.3, 1.4, 4.9},
			nil, nil, nil,
		},
		{
			"labels that are numbers", "y,x\n10,1\n9,2\n10,3\n-1,4\n",
			Config{Label: "y"},
			[]float32{1, 2, 3, 4},
			[]float32{2, 1, 2, 0},
			tensor.Shape{},
			[]string{"-1", "9", "10"},
		},
		{
			"no header", "1,2\n3,4\n",
			Config{NoHeader: true, Targets: []string{"1"}},
			[]float32{1, 3},
			[]float32{2, 4},
			tensor.Shape{1},
			nil,
		},
		{
			"another separator, ends of lines as on Windows, a mark of Excel, spaces", "\xEF\xBB\xBFa; b\r\n 1 ;2\r\n3; 4e2",
			Config{Comma: ';'},
			[]float32{1, 2, 3, 400},
			nil, nil, nil,
		},
		{
			"missing numbers", "a,b\n,NA\n?,NaN\nnull,2\n",
			Config{Missing: new(-1.0)},
			[]float32{-1, -1, -1, -1, -1, 2},
			nil, nil, nil,
		},
	} {
		s := read(t, c.text, c.cfg)
		x, y := samples(t, s)
		spec := s.Spec()
		if !slices.Equal(x, c.x) || !slices.Equal(y, c.y) || !slices.Equal(s.Classes, c.classes) || !slices.Equal(s.Values, x) {
			t.Errorf("%s: %v, %v, classes %v", c.name, x, y, s.Classes)
		}
		if !spec.X[0].Equal(tensor.Shape{len(s.Features)}) || len(spec.Y) > 0 != (c.shape != nil) || c.shape != nil && !spec.Y[0].Equal(c.shape) {
			t.Errorf("%s: %+v", c.name, spec)
		}
	}
}

func TestOneHotMakesVectorsOfLabels(t *testing.T) {
	s := read(t, iris, Config{Label: "species", Ignore: []string{"place"}}).OneHot()
	if _, y := samples(t, s); !slices.Equal(y, []float32{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0}) {
		t.Errorf("the targets are %v", y)
	}
	train, test, err := s.TrainTestSplit(0.5, 1)
	if err != nil || train.Len() != 2 || test.Len() != 2 {
		t.Errorf("split: %v", err)
	}
	if s := read(t, "a\n1\n", Config{}).OneHot(); s.Y != nil {
		t.Error("there are targets where there are no labels")
	}
}

func TestAnErrorSaysTheLineAndTheColumn(t *testing.T) {
	for _, c := range []struct {
		name, text string
		cfg        Config
		want       Error
	}{
		{"no number", "a,b\n1,2\n\n3,x\n", Config{}, Error{4, "b", `"x" is no number`}},
		{"a row of two lines before it", "a,b\n\"1\",\"2\n\"\n3,x\n", Config{}, Error{4, "b", `"x" is no number`}},
		{"a long cell", "a\n" + strings.Repeat("x", 1000), Config{}, Error{2, "a", `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… is no number`}},
		{"infinite", "a\ninf\n", Config{}, Error{2, "a", `"inf" is no number`}},
		{"too great", "a\n1e39\n", Config{}, Error{2, "a", `"1e39" is too great for a float32`}},
		{"missing", "a,b\n1,\n", Config{}, Error{2, "b", `a number is missing: it says ""; see Missing`}},
		{"a cell too few", "a,b\n1,2\n3\n", Config{}, Error{3, "", "it has 1 cells, the first row has 2"}},
		{"a cell too many", "1,2\n1,2,3\n", Config{NoHeader: true}, Error{2, "", "it has 3 cells, the first row has 2"}},
		{"an open quote", "a,b\n1,2\n\"3,4\n5,6\n", Config{}, Error{4, "", `extraneous or missing " in quoted-field, in the row that begins in line 3`}},
		{"a bare quote", "a,b\n1\",2\n", Config{}, Error{2, "", `bare " in non-quoted-field`}},
		{"two columns of a name", "a,b, a\n", Config{}, Error{1, "a", "two columns are called that"}},
		{"an unknown class", iris, Config{Label: "species", Ignore: []string{"place"}, Classes: []string{"setosa", "virginica"}}, Error{3, "species", `"versicolor" is none of the classes setosa, virginica`}},
		{"no label", "a,b\n1,\n", Config{Label: "b"}, Error{2, "b", "the label is missing"}},
		{"too much", "a,b\n1,2\n3,4\n5,6\n", Config{MaxBytes: 24}, Error{4, "", "the numbers take more than 24 bytes: see MaxBytes"}},
	} {
		_, err := Read(strings.NewReader(c.text), c.cfg)
		var e *Error
		if !errors.As(err, &e) || *e != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, &c.want)
		}
	}
}

func TestAConfigThatDoesNotFitIsAnError(t *testing.T) {
	for _, c := range []struct {
		name, text string
		cfg        Config
		want       string
	}{
		{"an unknown label", iris, Config{Label: "kind"}, `Label: unknown column "kind": the known ones are sepal, petal, species, place`},
		{"an unknown feature", iris, Config{Features: []string{"leaf"}}, `Features: unknown column "leaf"`},
		{"an unknown column to ignore", iris, Config{Ignore: []string{"leaf"}}, `Ignore: unknown column "leaf"`},
		{"two uses of a column", iris, Config{Label: "species", Features: []string{"species"}}, `column "species" is in Label and in Features`},
		{"a label and targets", iris, Config{Label: "species", Targets: []string{"petal"}}, "there is a Label and there are Targets"},
		{"classes of nothing", iris, Config{Classes: []string{"a"}}, "there are Classes and no Label"},
		{"a class twice", iris, Config{Label: "species", Classes: []string{"a", "a"}}, `class "a" is listed twice`},
		{"no feature", "a\n1\n", Config{Label: "a"}, "no column is a feature"},
		{"no feature asked for", "a\n1\n", Config{Features: []string{}}, "no column is a feature"},
		{"a separator that is none", "a\n1\n", Config{Comma: '\n'}, "invalid field or comment delimiter"},
	} {
		if _, err := Read(strings.NewReader(c.text), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, text := range []string{"", "\n\n", "a,b\n"} {
		if _, err := Read(strings.NewReader(text), Config{}); !errors.Is(err, data.ErrEmpty) {
			t.Errorf("%q: %v, want that it is empty", text, err)
		}
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "table.csv")
	if _, err := ReadFile(name, Config{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(name, []byte("a\nx\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(name, Config{}); err == nil || err.Error() != name+`: csv: line 2, column "a": "x" is no number` {
		t.Errorf("no number: %v", err)
	}
	if err := os.WriteFile(name, []byte("a\n1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadFile(name, Config{}); err != nil || s.Len() != 1 {
		t.Errorf("a file: %v", err)
	}
}

// endless gives a byte for ever.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

func TestAFileWithoutEndIsGivenUp(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"a header":         endless('a'),
		"columns":          endless(','),
		"an open quote":    io.MultiReader(strings.NewReader("a\n\""), endless('\n')),
		"a row":            io.MultiReader(strings.NewReader("a\n1\n"), endless('1')),
		"a broken file":    io.MultiReader(strings.NewReader("a\n1\n"), iotest.ErrReader(errors.New("broken"))),
		"rows and no more": io.MultiReader(strings.NewReader("a\n"), &repeated{text: "12\n"}),
	} {
		if _, err := Read(r, Config{MaxBytes: 1 << 20}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	many := &counted{}
	if _, err := Read(io.MultiReader(strings.NewReader("a,b\n"), many), Config{Label: "b"}); err == nil || !strings.Contains(err.Error(), "more than 65536 classes") {
		t.Errorf("endless classes: %v", err)
	}
}

// repeated gives a text for ever.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(b), nil
}

// counted gives rows with numbers that rise for ever.
type counted struct {
	n    int
	rest []byte
}

func (c *counted) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		c.n++
		c.rest = fmt.Appendf(nil, "1,class %d\n", c.n)
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(iris), true, false)
	f.Add([]byte("1,2\n3,4\n"), false, true)
	f.Add([]byte("\xEF\xBB\xBFa,a\n\"\n"), true, true)
	f.Add([]byte("a,species\n,\n?,b\n1e400,c"), true, true)
	f.Fuzz(func(t *testing.T, text []byte, label, fill bool) {
		cfg := Config{MaxBytes: 1 << 16}
		if label {
			cfg.Label = "species"
		}
		if fill {
			cfg.Missing = new(math.NaN())
		}
		s, err := Read(bytes.NewReader(text), cfg)
		if err != nil {
			return
		}
		x, y := samples(t, s)
		if len(x) != s.Len()*len(s.Features) || label && len(y) != s.Len() {
			t.Fatalf("%d numbers and %d labels for %d samples of %d features", len(x), len(y), s.Len(), len(s.Features))
		}
		if label {
			if err := s.CheckLabels(0, len(s.Classes)); err != nil {
				t.Error(err)
			}
		}
		if got := s.OneHot().Spec(); label && !got.Y[0].Equal(tensor.Shape{len(s.Classes)}) {
			t.Errorf("%d classes, the targets are %v", len(s.Classes), got.Y)
		}
	})
}
