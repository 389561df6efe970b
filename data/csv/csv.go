// Package csv reads tables of numbers from CSV files as data to train on.
//
//	flowers, err := csv.ReadFile("iris.csv", csv.Config{Label: "species"})
//	train, test, err := flowers.OneHot().TrainTestSplit(0.2, 1)
//
// Each row is a sample. A column is a feature, and so part of the input, or a
// target, or the label, whose values name classes.
package csv

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Config says what the columns are.
type Config struct {
	Comma    rune // between cells; 0 is ','
	NoHeader bool // the first row is a sample; the columns are called 0, 1, 2, …

	Features []string // the columns of the input, in that order; nil: all that are nothing else
	Targets  []string // the columns of numbers to be learned
	Label    string   // the column of classes to be learned
	Ignore   []string // columns that are not read, whatever they hold

	// Classes lists the values that the column Label may have, in the order of the
	// classes. nil: those that occur, by size if all are numbers, and otherwise in
	// alphabetical order.
	Classes []string

	// Missing is the number that a cell stands for that is empty or holds NA, NaN,
	// null or ?. nil: such a cell is an error.
	Missing *float64

	MaxBytes int64 // most bytes of memory for the numbers; 0 is 1 GiB
}

// A Set is a table that was read. It is a source whose inputs have the shape
// (len(Features),). Its targets are the numbers of the columns Targets, or the
// labels, which OneHot changes to vectors, or there are none.
type Set struct {
	Features []string // the columns of the input
	Targets  []string // the columns of the target
	Classes  []string // what the labels mean, nil if there are none

	Values []float32 // of the features, row by row, shared with the source
	Labels []int32   // of the samples

	*data.Arrays // the source
}

// An Error says where a file is not as it should be.
type Error struct {
	Line   int    // from 1
	Column string // "" if it is the whole line
	Msg    string
}

// Error describes what is wrong.
func (e *Error) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("csv: line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("csv: line %d, column %q: %s", e.Line, e.Column, e.Msg)
}

// What a table may be at most, beside its memory.
const (
	maxRow     = 4 << 20 // bytes
	maxColumns = 1 << 16
	maxClasses = 1 << 16
)

// ReadFile reads the table in a file.
func ReadFile(name string, cfg Config) (*Set, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	defer f.Close()
	s, err := Read(f, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// Read reads the table in r, to its end. What is wrong with a row is an *Error.
func Read(r io.Reader, cfg Config) (*Set, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = tensor.DefaultBudget
	}
	if cfg.Label != "" && cfg.Targets != nil {
		return nil, errors.New("csv: there is a Label and there are Targets: one network output has only one of them")
	}
	if cfg.Label == "" && cfg.Classes != nil {
		return nil, errors.New("csv: there are Classes and no Label")
	}
	t := &table{Config: cfg, in: newReader(r, cfg.Comma), codes: map[string]int32{}}
	err := t.header()
	for err == nil {
		err = t.row()
	}
	if err != io.EOF {
		return nil, err
	}
	return t.set()
}

// A table is one in reading.
type table struct {
	Config
	in      *reader
	columns []string
	first   []string // a row that was read for the header's sake

	features, targets []int // columns
	label             int   // -1 if there is none

	x, y   []float32
	labels []int32
	names  []string // of the labels, in the order in which they came
	codes  map[string]int32
	bytes  int64 // of the numbers and the names
}

// header finds the columns.
func (t *table) header() error {
	cells, err := t.in.next()
	if err == io.EOF {
		return fmt.Errorf("csv: %w", data.ErrEmpty)
	}
	if err != nil {
		return err
	}
	if len(cells) > maxColumns {
		return &Error{t.in.line(0), "", fmt.Sprintf("it has %d columns, more than %d", len(cells), maxColumns)}
	}
	seen := map[string]bool{}
	for i, cell := range cells {
		name := strconv.Itoa(i)
		if !t.NoHeader {
			name = strings.TrimSpace(cell)
		}
		if seen[name] {
			return &Error{t.in.line(i), name, "two columns are called that"}
		}
		seen[name] = true
		t.columns = append(t.columns, name)
	}
	if t.NoHeader {
		t.first = cells
	}
	return t.choose()
}

// choose finds out what each column is.
func (t *table) choose() error {
	used := map[int]string{}
	find := func(what, name string) (int, error) {
		i := slices.Index(t.columns, name)
		if i < 0 {
			return 0, fmt.Errorf("csv: %s: %w", what, config.Unknown("column", name, t.columns))
		}
		if other, ok := used[i]; ok {
			return 0, fmt.Errorf("csv: column %q is in %s and in %s", name, other, what)
		}
		used[i] = what
		return i, nil
	}
	list := func(what string, names []string) (columns []int, err error) {
		for _, name := range names {
			i, err := find(what, name)
			if err != nil {
				return nil, err
			}
			columns = append(columns, i)
		}
		return columns, nil
	}
	var err error
	t.label = -1
	if t.Label != "" {
		if t.label, err = find("Label", t.Label); err != nil {
			return err
		}
	}
	if t.targets, err = list("Targets", t.Targets); err != nil {
		return err
	}
	if _, err = list("Ignore", t.Ignore); err != nil {
		return err
	}
	if t.features, err = list("Features", t.Features); err != nil {
		return err
	}
	if t.Features == nil {
		for i, name := range t.columns {
			if _, ok := used[i]; !ok {
				t.features, t.Features = append(t.features, i), append(t.Features, name)
			}
		}
	}
	if len(t.features) == 0 {
		return errors.New("csv: no column is a feature")
	}
	for i, name := range t.Classes {
		if _, ok := t.codes[name]; ok {
			return fmt.Errorf("csv: class %q is listed twice", name)
		}
		t.codes[name] = int32(i)
	}
	return nil
}

// row reads a sample.
func (t *table) row() error {
	cells := t.first
	t.first = nil
	if cells == nil {
		var err error
		if cells, err = t.in.next(); err != nil {
			return err
		}
	}
	if len(cells) != len(t.columns) {
		return &Error{t.in.line(0), "", fmt.Sprintf("it has %d cells, the first row has %d", len(cells), len(t.columns))}
	}
	t.bytes += 4 * int64(len(t.features)+len(t.targets)+1)
	if t.bytes > t.MaxBytes {
		return &Error{t.in.line(0), "", fmt.Sprintf("the numbers take more than %d bytes: see MaxBytes", t.MaxBytes)}
	}
	var err error
	if t.x, err = t.numbers(t.x, cells, t.features); err != nil {
		return err
	}
	if t.y, err = t.numbers(t.y, cells, t.targets); err != nil {
		return err
	}
	if t.label < 0 {
		return nil
	}
	code, err := t.code(strings.TrimSpace(cells[t.label]))
	t.labels = append(t.labels, code)
	return err
}

// numbers appends the numbers of some columns.
func (t *table) numbers(to []float32, cells []string, columns []int) ([]float32, error) {
	for _, i := range columns {
		cell := strings.TrimSpace(cells[i])
		if missing(cell) {
			if t.Missing == nil {
				return nil, &Error{t.in.line(i), t.columns[i], fmt.Sprintf("a number is missing: it says %q; see Missing", cell)}
			}
			to = append(to, float32(*t.Missing))
			continue
		}
		v, err := strconv.ParseFloat(cell, 32)
		if errors.Is(err, strconv.ErrRange) {
			return nil, &Error{t.in.line(i), t.columns[i], fmt.Sprintf("%s is too great for a float32", excerpt(cell))}
		} else if err != nil || math.IsInf(v, 0) {
			return nil, &Error{t.in.line(i), t.columns[i], fmt.Sprintf("%s is no number", excerpt(cell))}
		}
		to = append(to, float32(v))
	}
	return to, nil
}

func missing(cell string) bool {
	switch strings.ToLower(cell) {
	case "", "na", "nan", "null", "?":
		return true
	}
	return false
}

// code returns the number of a class.
func (t *table) code(name string) (int32, error) {
	if code, ok := t.codes[name]; ok {
		return code, nil
	}
	fail := func(format string, args ...any) (int32, error) {
		return 0, &Error{t.in.line(t.label), t.Label, fmt.Sprintf(format, args...)}
	}
	if name == "" {
		return fail("the label is missing")
	}
	if t.Classes != nil {
		return fail("%s is none of the classes %s", excerpt(name), strings.Join(t.Classes, ", "))
	}
	if len(t.names) == maxClasses {
		return fail("there are more than %d classes: is it a number, for Targets?", maxClasses)
	}
	name = strings.Clone(name) // without the rest of its line
	t.bytes += int64(len(name))
	code := int32(len(t.names))
	t.codes[name] = code
	t.names = append(t.names, name)
	return code, nil
}

// excerpt quotes a cell, or its beginning.
func excerpt(cell string) string {
	if len(cell) > 40 {
		return strconv.Quote(cell[:40]) + "…"
	}
	return strconv.Quote(cell)
}

// set makes the source of what was read.
func (t *table) set() (*Set, error) {
	s := &Set{Features: t.Features, Targets: t.Targets, Classes: t.Classes, Values: t.x, Labels: t.labels, Arrays: &data.Arrays{}}
	if t.label >= 0 && t.Classes == nil {
		s.Classes = t.sort()
	}
	x, err := data.Floats(t.x, len(t.features))
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	s.X = []data.Column{x}
	switch {
	case t.label >= 0:
		var y data.Column
		y, err = data.Labels(s.Labels)
		s.Y = []data.Column{y}
	case len(t.targets) > 0:
		var y data.Column
		y, err = data.Floats(t.y, len(t.targets))
		s.Y = []data.Column{y}
	}
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return s, nil
}

// sort puts the classes in order, and changes the labels accordingly.
func (t *table) sort() []string {
	sorted := slices.Clone(t.names)
	numbers := map[string]float64{}
	for _, name := range sorted {
		if v, err := strconv.ParseFloat(name, 64); err == nil {
			numbers[name] = v
		}
	}
	slices.SortFunc(sorted, func(a, b string) int {
		if len(numbers) == len(sorted) {
			return cmp.Or(cmp.Compare(numbers[a], numbers[b]), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	place := make([]int32, len(sorted))
	for i, name := range sorted {
		place[t.codes[name]] = int32(i)
	}
	for i, code := range t.labels {
		t.labels[i] = place[code]
	}
	return sorted
}

// OneHot returns the set with targets of shape (len(Classes),), 1 at the label
// and 0 elsewhere. A set without labels stays as it is.
func (s *Set) OneHot() *Set {
	y, err := data.OneHot(s.Labels, len(s.Classes))
	if err != nil || s.Classes == nil {
		return s
	}
	v := *s
	v.Arrays = &data.Arrays{X: s.X, Y: []data.Column{y}, Weights: s.Weights}
	return &v
}

// A reader gives the rows of a CSV file, none of which is longer than maxRow.
type reader struct {
	*csv.Reader
	source *limited
}

func newReader(r io.Reader, comma rune) *reader {
	source := &limited{r: r}
	in := bufio.NewReader(source)
	if mark, _ := in.Peek(3); string(mark) == "\xEF\xBB\xBF" { // which Excel writes
		in.Discard(3)
	}
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1
	if comma != 0 {
		c.Comma = comma
	}
	return &reader{Reader: c, source: source}
}

// next returns the cells of the next row, or io.EOF.
func (r *reader) next() ([]string, error) {
	r.source.taken = 0
	cells, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		msg := parse.Err.Error()
		if parse.StartLine != parse.Line {
			msg += fmt.Sprintf(", in the row that begins in line %d", parse.StartLine)
		}
		return nil, &Error{parse.Line, "", msg}
	}
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return cells, err
}

// line is that of a cell of the row that was read last.
func (r *reader) line(cell int) int {
	line, _ := r.FieldPos(cell)
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
