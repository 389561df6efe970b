// Package csv reads tables from CSV files and makes data to train on of them.
//
//	table, err := csv.ReadFile("houses.csv", csv.Config{})
//	train, test, err := table.TrainTestSplit(0.2, 1)
//	prep, err := csv.Fit(train, csv.Schema{
//		Inputs: []csv.Column{
//			{Name: "area", Missing: csv.Median, Scale: csv.Standard},
//			{Name: "district", Kind: csv.Category},
//		},
//		Targets: []csv.Column{{Name: "price", Scale: csv.Standard}},
//	})
//	source, err := prep.Source(train)
//
// A [Table] holds the cells as they stand in the file. A [Schema] says by name what
// the columns are. [Fit] learns of one part of a table what a column needs, such
// as its mean or its categories; the [Preparation] that it returns makes the same
// numbers of the same cells ever after, in other files and in single rows, and
// brings predictions back to the units and the names of the table.
package csv

// This file reads tables and takes them apart.

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// A Config says how a file is written.
type Config struct {
	Comma    rune     // between cells; 0 is ','
	NoHeader bool     // the first row is a row like the others; the columns are called 0, 1, 2, …
	Columns  []string // what the columns of a file without a header are called

	MaxBytes int64 // most bytes of memory for the table; 0 is 1 GiB
}

// A Table holds rows of cells, of text, under the names of the columns. It is not
// changed; its parts share its cells.
type Table struct {
	columns []string
	rows    []row
}

// A row is one of a file or of a program's own, whose line is 0.
type row struct {
	cells []string
	line  int
}

// An Error says where a table is not as it should be.
type Error struct {
	Line   int    // of the file, from 1; 0 if the row is of no file
	Row    int    // of the table, from 0; -1 if it is of none
	Column string // "" if it is the whole row
	Msg    string
}

// Error describes what is wrong.
func (e *Error) Error() string {
	place := fmt.Sprintf("line %d", e.Line)
	if e.Line == 0 {
		place = fmt.Sprintf("row %d", e.Row)
	}
	if e.Column != "" {
		place += fmt.Sprintf(", column %q", e.Column)
	}
	return fmt.Sprintf("csv: %s: %s", place, e.Msg)
}

// What a table may be at most, beside its memory.
const (
	maxRow     = 4 << 20 // bytes
	maxColumns = 1 << 16

	blockRows = 1 << 10 // that are read together
)

// New returns the table of a program's own rows, which it copies: of those to
// predict, say.
func New(columns []string, rows ...[]string) (*Table, error) {
	t := &Table{}
	if err := t.name(columns); err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	for i, cells := range rows {
		if len(cells) != len(columns) {
			return nil, &Error{0, i, "", fmt.Sprintf("it has %d cells, there are %d columns", len(cells), len(columns))}
		}
		t.rows = append(t.rows, row{cells: trimmed(slices.Clone(cells))})
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("csv: %w", data.ErrEmpty)
	}
	return t, nil
}

// ReadFile reads the table in a file.
func ReadFile(name string, cfg Config) (*Table, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	defer f.Close()
	t, err := Read(f, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// Read reads the table in r, to its end. What is wrong with a row is an *Error.
// Spaces around a cell are no part of it.
func Read(r io.Reader, cfg Config) (*Table, error) {
	if config.IsNil(r) {
		return nil, errors.New("csv: there is no reader")
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = tensor.DefaultBudget
	}
	t, in, used, count := &Table{}, newReader(r, cfg.Comma), int64(0), 0
	var blocks [][]row // a list that grew would be copied again and again
	for {
		cells, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line := in.line()
		if used += footprint(cells); used > cfg.MaxBytes {
			return nil, &Error{line, count, "", fmt.Sprintf("the table takes more than %d bytes: see MaxBytes", cfg.MaxBytes)}
		}
		cells = trimmed(cells)
		if t.columns == nil {
			names := cells
			if cfg.Columns != nil {
				names = cfg.Columns
			} else if cfg.NoHeader {
				names = numbered(len(cells))
			}
			if err := t.name(names); err != nil {
				return nil, &Error{line, -1, "", err.Error()}
			}
			if !cfg.NoHeader && cfg.Columns == nil {
				continue
			}
		}
		if len(cells) != len(t.columns) {
			return nil, &Error{line, count, "", fmt.Sprintf("it has %d cells, there are %d columns", len(cells), len(t.columns))}
		}
		if count%blockRows == 0 {
			blocks = append(blocks, make([]row, 0, blockRows))
		}
		last := &blocks[len(blocks)-1]
		*last = append(*last, row{cells, line})
		count++
	}
	t.rows = slices.Concat(blocks...)
	if len(t.rows) == 0 {
		return nil, fmt.Errorf("csv: %w", data.ErrEmpty)
	}
	return t, nil
}

// footprint is how many bytes of memory a row takes: its text, the cells, and the
// row itself in two lists.
func footprint(cells []string) int64 {
	n := 80 + 16*len(cells)
	for _, cell := range cells {
		n += len(cell)
	}
	return int64(n) / 8 * 9 // the allocator rounds up
}

func trimmed(cells []string) []string {
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	return cells
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// name names the columns.
func (t *Table) name(columns []string) error {
	if len(columns) > maxColumns {
		return fmt.Errorf("there are %d columns, more than %d", len(columns), maxColumns)
	}
	if len(columns) == 0 {
		return errors.New("there are no columns")
	}
	seen := map[string]bool{}
	for _, name := range columns {
		if seen[name] {
			return fmt.Errorf("two columns are called %q", name)
		}
		seen[name] = true
	}
	t.columns = slices.Clone(columns)
	return nil
}

// Len returns the number of rows.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.rows)
}

// Columns returns the names of the columns.
func (t *Table) Columns() []string {
	if t == nil {
		return nil
	}
	return slices.Clone(t.columns)
}

// Column returns the cells of a column.
func (t *Table) Column(name string) ([]string, error) {
	at, err := t.find(name)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	cells := make([]string, len(t.rows))
	for i, row := range t.rows {
		cells[i] = row.cells[at]
	}
	return cells, nil
}

// find returns the place of a column.
func (t *Table) find(name string) (int, error) {
	if t == nil {
		return 0, errors.New("the table is nil")
	}
	at := slices.Index(t.columns, name)
	if at < 0 {
		err := config.Unknown("column", name, t.columns)
		if len(t.columns) == 1 && strings.ContainsAny(t.columns[0], ",;\t|") {
			err = fmt.Errorf("%w; all of the table is one column: Config.Comma says what stands between cells", err)
		}
		return 0, err
	}
	return at, nil
}

// A Row is one row of a table.
type Row struct {
	table *Table
	at    int
}

// Cell returns the row's cell of a column, "" if there is no such column.
func (r Row) Cell(column string) string {
	if at, err := r.table.find(column); err == nil && r.at < r.table.Len() {
		return r.table.rows[r.at].cells[at]
	}
	return ""
}

// Filter returns the rows for which keep returns true:
//
//	sold := table.Filter(func(r csv.Row) bool { return r.Cell("price") != "" })
func (t *Table) Filter(keep func(Row) bool) *Table {
	if t == nil || keep == nil {
		return t
	}
	f := &Table{columns: t.columns}
	for i, row := range t.rows {
		if keep(Row{t, i}) {
			f.rows = append(f.rows, row)
		}
	}
	return f
}

// Rows returns the rows begin ≤ i < end.
func (t *Table) Rows(begin, end int) (*Table, error) {
	if begin < 0 || begin > end || end > t.Len() {
		return nil, fmt.Errorf("csv: rows %d:%d are not within 0:%d", begin, end, t.Len())
	}
	if t == nil {
		return nil, nil
	}
	return &Table{t.columns, t.rows[begin:end:end]}, nil
}

// TrainTestSplit shuffles the rows and returns them without the last fraction of
// them, and that fraction. Both parts must have rows.
func (t *Table) TrainTestSplit(fraction float64, seed uint64) (train, test *Table, err error) {
	first, last, ok := rng.Split(t.Len(), fraction, seed)
	return t.parts(first, last, ok, fraction)
}

// StratifiedSplit is TrainTestSplit, but both parts have the same share of rows of
// each word in a column, as nearly as whole rows permit.
func (t *Table) StratifiedSplit(column string, fraction float64, seed uint64) (train, test *Table, err error) {
	words, err := t.Column(column)
	if err != nil {
		return nil, nil, err
	}
	classes, codes := make([]int32, len(words)), map[string]int32{}
	for i, word := range words {
		if _, ok := codes[word]; !ok {
			codes[word] = int32(len(codes))
		}
		classes[i] = codes[word]
	}
	first, last, ok := rng.StratifiedSplit(classes, fraction, seed)
	return t.parts(first, last, ok, fraction)
}

func (t *Table) parts(first, last []int32, ok bool, fraction float64) (train, test *Table, err error) {
	if !ok {
		return nil, nil, fmt.Errorf("csv: a fraction of %v of %d rows can't be split off: it must be between 0 and 1, and both parts have rows", fraction, t.Len())
	}
	part := func(order []int32) *Table {
		p := &Table{t.columns, make([]row, len(order))}
		for i, j := range order {
			p.rows[i] = t.rows[j]
		}
		return p
	}
	return part(first), part(last), nil
}

// fail is an error in a row.
func (t *Table) fail(i int, column, format string, args ...any) error {
	return &Error{t.rows[i].line, i, column, fmt.Sprintf(format, args...)}
}

// excerpt quotes a cell, or its beginning.
func excerpt(cell string) string {
	if len(cell) > 40 {
		return strconv.Quote(cell[:40]) + "…"
	}
	return strconv.Quote(cell)
}

// A reader gives the rows of a CSV file, none of which is longer than maxRow.
type reader struct {
	*csv.Reader
	source  *limited
	foreign error // why nothing is read
}

func newReader(r io.Reader, comma rune) *reader {
	source := &limited{r: r}
	in := bufio.NewReader(source)
	var err error
	switch mark, _ := in.Peek(3); {
	case string(mark) == "\xEF\xBB\xBF": // which Excel writes
		in.Discard(3)
	case strings.HasPrefix(string(mark), "\xFF\xFE"), strings.HasPrefix(string(mark), "\xFE\xFF"):
		err = errors.New("its text is UTF-16, and UTF-8 is read: save it as CSV UTF-8")
	}
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1
	if comma != 0 {
		c.Comma = comma
	}
	return &reader{Reader: c, source: source, foreign: err}
}

// next returns the cells of the next row, or io.EOF.
func (r *reader) next() ([]string, error) {
	if r.foreign != nil {
		return nil, fmt.Errorf("csv: %w", r.foreign)
	}
	r.source.taken = 0
	cells, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		msg := parse.Err.Error()
		if parse.StartLine != parse.Line {
			msg += fmt.Sprintf(", in the row that begins in line %d", parse.StartLine)
		}
		return nil, &Error{parse.Line, -1, "", msg}
	}
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return cells, err
}

// line is that in which the row begins that was read last.
func (r *reader) line() int {
	line, _ := r.FieldPos(0)
	return line
}

// limited is a reader that fails when a row takes too much.
type limited struct {
	r     io.Reader
	taken int // since the row began
}

func (l *limited) Read(b []byte) (int, error) {
	if l.taken > maxRow {
		return 0, fmt.Errorf("a row is longer than %d bytes: is a quote left open?", maxRow)
	}
	n, err := l.r.Read(b)
	l.taken += n
	return n, err
}
