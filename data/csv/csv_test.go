package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/hostile"
)

const iris = `sepal,petal,species,place
5.1,1.4,setosa,field
7.0,4.7,versicolor,wood

6.3,6.0,virginica,field
"4.9", 1.4,setosa,"a wood, by a ""brook"""
`

// read fails the test unless the table can be read.
func read(t testing.TB, text string, cfg Config) *Table {
	t.Helper()
	table, err := Read(iotest.OneByteReader(strings.NewReader(text)), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// column fails the test unless there is such a column.
func column(t testing.TB, table *Table, name string) []string {
	t.Helper()
	cells, err := table.Column(name)
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

func TestATableHoldsTheCellsOfTheFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		cfg        Config
		columns    []string
		last       []string // row
	}{
		{"a header", iris, Config{}, []string{"sepal", "petal", "species", "place"}, []string{"4.9", "1.4", "setosa", `a wood, by a "brook"`}},
		{"no header", "1,2\n3,4\n", Config{NoHeader: true}, []string{"0", "1"}, []string{"3", "4"}},
		{"names for a file without a header", "1,2\n3,4\n", Config{Columns: []string{"a", "b"}}, []string{"a", "b"}, []string{"3", "4"}},
		{
			"another separator, ends of lines as on Windows, a mark of Excel, spaces", "\xEF\xBB\xBFa; b\r\n 1 ;2\r\n3; 4e2",
			Config{Comma: ';'},
			[]string{"a", "b"},
			[]string{"3", "4e2"},
		},
	} {
		table := read(t, c.text, c.cfg)
		if !slices.Equal(table.Columns(), c.columns) {
			t.Errorf("%s: the columns are %q", c.name, table.Columns())
		}
		for i, name := range c.columns {
			cells := column(t, table, name)
			if len(cells) != table.Len() || cells[len(cells)-1] != c.last[i] {
				t.Errorf("%s: column %q is %q", c.name, name, cells)
			}
		}
	}
	if n := read(t, iris, Config{}).Len(); n != 4 {
		t.Errorf("there are %d rows", n)
	}
}

func TestATableInUTF16IsCalledSo(t *testing.T) {
	for _, mark := range []string{"\xFF\xFEa\x00,\x00b\x00\n\x00", "\xFE\xFF\x00a\x00,\x00b\x00\n"} {
		if _, err := Read(strings.NewReader(mark), Config{}); err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Error(err)
		}
	}
}

func TestATableIsTakenApart(t *testing.T) {
	table := read(t, iris, Config{})
	fields := table.Filter(func(r Row) bool { return r.Cell("place") == "field" && r.Cell("none") == "" })
	if got := column(t, fields, "sepal"); !slices.Equal(got, []string{"5.1", "6.3"}) {
		t.Errorf("in fields there are %q", got)
	}
	some, err := table.Rows(1, 3)
	if err != nil || !slices.Equal(column(t, some, "sepal"), []string{"7.0", "6.3"}) {
		t.Errorf("rows: %v, %v", some, err)
	}
	train, test, err := table.TrainTestSplit(0.25, 1)
	if err != nil || train.Len() != 3 || test.Len() != 1 {
		t.Fatalf("split: %v", err)
	}
	all := append(column(t, train, "sepal"), column(t, test, "sepal")...)
	slices.Sort(all)
	if !slices.Equal(all, []string{"4.9", "5.1", "6.3", "7.0"}) {
		t.Errorf("the parts hold %q", all)
	}
	again, _, err := table.TrainTestSplit(0.25, 1)
	if err != nil || !slices.Equal(column(t, again, "sepal"), column(t, train, "sepal")) {
		t.Errorf("the same seed splits otherwise: %v", err)
	}
}

func TestAStratifiedSplitKeepsTheSharesOfWords(t *testing.T) {
	var rows [][]string
	for i := range 100 {
		rows = append(rows, []string{map[bool]string{true: "yes", false: "no"}[i < 10], fmt.Sprint(i)})
	}
	table, err := New([]string{"sold", "id"}, rows...)
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := table.StratifiedSplit("sold", 0.3, 7)
	if err != nil {
		t.Fatal(err)
	}
	count := func(table *Table) (n int) {
		for _, cell := range column(t, table, "sold") {
			if cell == "yes" {
				n++
			}
		}
		return n
	}
	if train.Len() != 70 || test.Len() != 30 || count(train) != 7 || count(test) != 3 {
		t.Errorf("%d of %d and %d of %d are sold", count(train), train.Len(), count(test), test.Len())
	}
	ids := append(column(t, train, "id"), column(t, test, "id")...)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 100 {
		t.Error("a row is in both parts, or in none")
	}
}

func TestAnErrorSaysTheLineAndTheColumn(t *testing.T) {
	for _, c := range []struct {
		name, text string
		cfg        Config
		want       Error
	}{
		{"a cell too few", "a,b\n1,2\n3\n", Config{}, Error{3, 1, "", "it has 1 cells, there are 2 columns"}},
		{"a cell too many", "1,2\n1,2,3\n", Config{NoHeader: true}, Error{2, 1, "", "it has 3 cells, there are 2 columns"}},
		{"more names than cells", "1,2\n", Config{Columns: []string{"a", "b", "c"}}, Error{1, 0, "", "it has 2 cells, there are 3 columns"}},
		{"an open quote", "a,b\n1,2\n\"3,4\n5,6\n", Config{}, Error{4, -1, "", `extraneous or missing " in quoted-field, in the row that begins in line 3`}},
		{"a bare quote", "a,b\n1\",2\n", Config{}, Error{2, -1, "", `bare " in non-quoted-field`}},
		{"two columns of a name", "a,b, a\n", Config{}, Error{1, -1, "", `two columns are called "a"`}},
		{"too much", "a,b\n1,2\n3,4\n5,6\n", Config{MaxBytes: 400}, Error{4, 2, "", "the table takes more than 400 bytes: see MaxBytes"}},
	} {
		_, err := Read(strings.NewReader(c.text), c.cfg)
		var e *Error
		if !errors.As(err, &e) || *e != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, &c.want)
		}
	}
	if _, err := Read(strings.NewReader("a\n1\n"), Config{Comma: '\n'}); err == nil {
		t.Error("a separator that is none: no error")
	}
	for _, text := range []string{"", "\n\n", "a,b\n"} {
		if _, err := Read(strings.NewReader(text), Config{}); !errors.Is(err, data.ErrEmpty) {
			t.Errorf("%q: %v, want that it is empty", text, err)
		}
	}
}

func TestWhatIsNoTableIsAnError(t *testing.T) {
	table := read(t, iris, Config{})
	var none *Table
	for name, err := range map[string]error{
		"no columns":             second(New(nil, []string{})),
		"no rows":                second(New([]string{"a"})),
		"two columns of a name":  second(New([]string{"a", "a"}, []string{"1", "2"})),
		"a cell too few":         second(New([]string{"a", "b"}, []string{"1", "2"}, []string{"1"})),
		"no reader":              second(Read(nil, Config{})),
		"a nil pointer":          second(Read((*strings.Reader)(nil), Config{})),
		"no such column":         second(table.Column("leaf")),
		"a column of nothing":    second(none.Column("a")),
		"rows beyond the end":    second(table.Rows(1, 5)),
		"a split of nothing":     third(none.TrainTestSplit(0.5, 1)),
		"an empty part":          third(table.TrainTestSplit(0.99, 1)),
		"a fraction that is NaN": third(table.TrainTestSplit(nan, 1)),
		"a split by no column":   third(table.StratifiedSplit("leaf", 0.5, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if none.Len() != 0 || none.Columns() != nil || none.Filter(nil) != nil {
		t.Error("no table has something")
	}
	if (Row{}).Cell("a") != "" {
		t.Error("no row has a cell")
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestReadFileNamesTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "table.csv")
	if _, err := ReadFile(name, Config{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(name, []byte("a\n1,2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(name, Config{}); err == nil || err.Error() != name+`: csv: line 2: it has 2 cells, there are 1 columns` {
		t.Errorf("a cell too many: %v", err)
	}
	if err := os.WriteFile(name, []byte("a\n1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if table, err := ReadFile(name, Config{}); err != nil || table.Len() != 1 {
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

// silent gives nothing for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestAFileWithoutEndIsGivenUp(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"a header":         endless('a'),
		"columns":          endless(','),
		"an open quote":    io.MultiReader(strings.NewReader("a\n\""), endless('\n')),
		"a row":            io.MultiReader(strings.NewReader("a\n1\n"), endless('1')),
		"a broken file":    io.MultiReader(strings.NewReader("a\n1\n"), iotest.ErrReader(errors.New("broken"))),
		"rows and no more": io.MultiReader(strings.NewReader("a\n"), &repeated{text: "12\n"}),
		"empty lines":      io.MultiReader(strings.NewReader("a\n"), endless('\n')),
		"nothing at all":   silent{},
		"nothing more":     io.MultiReader(strings.NewReader("a\n1\n"), silent{}),
	} {
		if _, err := Read(r, Config{MaxBytes: 1 << 16}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadingTakesNoMoreThanTheBudget(t *testing.T) {
	const program = 96 << 20
	budget := choice.Effort(4, 64) << 20
	for name, row := range map[string]string{"short": "1,2\n", "long": strings.Repeat("1.25,", 200) + "1\n", "words": strings.Repeat("word ", 100) + ",\n", "one": "1\n"} {
		t.Run(name, func(t *testing.T) {
			capped.Run(t, uint64(budget+program), func() {
				_, err := Read(&repeated{text: row}, Config{NoHeader: true, MaxBytes: int64(budget)})
				if err == nil || !strings.Contains(err.Error(), "see MaxBytes") {
					t.Error(err)
				}
			})
		})
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

// hostiles are files of which no numbers are made.
func hostiles() []hostile.File {
	const none = "there are no samples"
	return []hostile.File{
		{"empty.csv", nil, none},
		{"names_alone.csv", []byte("a,b\n"), none},
		{"ends_of_lines_alone.csv", bytes.Repeat([]byte("\r\n"), 1000), none},
		{"ends_of_lines_of_old.csv", []byte("a,b\r1,2\r3,4\r"), none},
		{"cell_too_few.csv", []byte("a,b\n1,2\n3\n"), "line 3: it has 1 cells, there are 2 columns"},
		{"cell_too_many.csv", []byte("a,b\n1,2\n3,4,5\n"), "line 3: it has 3 cells, there are 2 columns"},
		{"open_quote.csv", []byte("a,b\n1,2\n\"3,4\n5,6\n"), `extraneous or missing " in quoted-field, in the row that begins in line 3`},
		{"bare_quote.csv", []byte("a,b\n1\",2\n"), `line 2: bare " in non-quoted-field`},
		{"name_twice.csv", []byte("a,b,a\n1,2,3\n"), `two columns are called "a"`},
		{"nothing_but_commas.csv", bytes.Repeat([]byte(","), 40), `two columns are called ""`},
		{"over_the_budget.csv", append([]byte("a\n"), bytes.Repeat([]byte("1\n"), 1000)...), "the table takes more than 65536 bytes: see MaxBytes"},
		{"page.csv", []byte("<!DOCTYPE html>\n<html><head><title>Sign in, please</title></head></html>\n"), "line 2: it has 2 cells, there are 1 columns"},
		{"of_16_bits.csv", []byte("\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00"), "its text is UTF-16"},
		{"archive.csv", []byte("PK\x03\x04\x14\x00\x00\x00"), none},
		{"missing.csv", []byte("a,b\n1,\n"), `line 2, column "b": a number is missing`},
		{"word.csv", []byte("a,b\n1,two\n"), `line 2, column "b": "two" is no number`},
		{"infinite.csv", []byte("a\n1\n1e999\n"), `line 3, column "a": "1e999" is too great`},
		{"infinity.csv", []byte("a\n1\n-Inf\n"), `line 3, column "a": "-Inf" is no number`},
		{"long_number.csv", append([]byte("a\n"), bytes.Repeat([]byte("9"), 5000)...), `line 2, column "a": "9999999999999999999999999999999999999999"… is too great`},
	}
}

// fitted reads a table and makes numbers of all its columns.
func fitted(b []byte) error {
	table, err := Read(bytes.NewReader(b), Config{MaxBytes: 1 << 16})
	if err != nil {
		return err
	}
	schema := Schema{MaxBytes: 1 << 20}
	for _, name := range table.Columns() {
		schema.Inputs = append(schema.Inputs, Column{Name: name})
	}
	_, err = Fit(table, schema)
	return err
}

func TestFilesThatAreNoTablesOfNumbersAreRefused(t *testing.T) {
	hostile.Check(t, "testdata/hostile", hostiles(), fitted)
}

func TestWhateverAFileHoldsReadingItEndsInLittleMemory(t *testing.T) {
	seeds := [][]byte{[]byte(houses), []byte("\xef\xbb\xbfa;b\n1;2\n"), []byte("a,b\n\"1\n2\",3\r\n"), []byte("a,species\n,\n?,b\n1e400,c"), bytes.Repeat([]byte(","), 4000)}
	for _, h := range hostiles() {
		seeds = append(seeds, h.Content)
	}
	hostile.Try(t, seeds, func(b []byte) {
		fitted(b)
		table, err := Read(bytes.NewReader(b), Config{MaxBytes: 1 << 16})
		if err != nil {
			return
		}
		schema := Schema{MaxBytes: 1 << 20}
		for _, name := range table.Columns() {
			schema.Inputs = append(schema.Inputs, Column{Name: name, Kind: Category, Unknown: OOV, Missing: MostFrequent})
		}
		Fit(table, schema)
	})
}
