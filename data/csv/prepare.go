package csv

// This file learns what columns need, and makes numbers of cells.

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/tensor"
)

// A Preparation makes numbers of the cells of tables. It is all that is to be
// known of the table it was fitted to, so a program that predicts keeps it beside
// the weights: encoding/json writes and reads it. It is not changed, and may be
// used by many goroutines at once.
type Preparation struct {
	Inputs  []Fitted `json:"inputs"`
	Targets []Fitted `json:"targets,omitempty"`

	NA       []string `json:"na"`
	MaxBytes int64    `json:"max_bytes,omitempty"`
}

// A Fitted is a column with what was learnt of it: Fill and Categories, and how
// its numbers are scaled.
type Fitted struct {
	Column

	// Each of the column's numbers is brought to (number − Offset)/Divisor. nil: they
	// stay what they are.
	Offset  []float64 `json:"offset,omitempty"`
	Divisor []float64 `json:"divisor,omitempty"`
}

// What is made of a table may have at most.
const (
	maxCategories = 1 << 16
	maxWidth      = 1 << 18 // numbers of a row
)

// Fit learns what the columns of a schema need. Give it the part of the table that
// is trained on alone: what it learnt of other rows would leak into the training.
func Fit(t *Table, s Schema) (*Preparation, error) {
	if t.Len() == 0 {
		return nil, fmt.Errorf("csv: %w", data.ErrEmpty)
	}
	inputs, targets, err := s.resolve(t)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	p := &Preparation{NA: slices.Clone(s.NA), MaxBytes: s.MaxBytes}
	if s.NA == nil {
		p.NA = slices.Clone(absent)
	}
	for _, c := range inputs {
		f, err := t.fit(c, p.NA)
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, f)
	}
	for _, c := range targets {
		f, err := t.fit(c, p.NA)
		if err != nil {
			return nil, err
		}
		p.Targets = append(p.Targets, f)
	}
	_, _, err = p.encoders()
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return p, nil
}

// fit learns of one column.
func (t *Table) fit(c Column, na []string) (Fitted, error) {
	at, err := t.find(c.Name)
	if err != nil {
		return Fitted{}, err
	}
	f := Fitted{Column: c}
	if c.Kind == Category {
		err = t.fitCategory(&f, at, na)
	} else {
		err = t.fitNumber(&f, at, na)
	}
	return f, err
}

// fitCategory learns the categories of a column, and what stands in for a missing
// one.
func (t *Table) fitCategory(f *Fitted, at int, na []string) error {
	counts := map[string]int{}
	for i, row := range t.rows {
		cell := row.cells[at]
		switch {
		case !missing(cell, na):
			if counts[cell]++; len(counts) > maxCategories {
				return t.fail(i, f.Name, "there are more than %d categories: is it a csv.Number, or csv.Text?", maxCategories)
			}
		case f.Missing == "":
			return t.fail(i, f.Name, "%s", absence("category", cell))
		}
	}
	if f.Missing == MostFrequent {
		for category, n := range counts {
			if n > counts[f.Fill] || n == counts[f.Fill] && category < f.Fill {
				f.Fill = category
			}
		}
		if len(counts) == 0 {
			return fmt.Errorf("csv: column %q: no cell has a category, so none is the most frequent", f.Name)
		}
	}
	if f.Categories != nil {
		return nil
	}
	f.Categories = []string{}
	for category := range counts {
		f.Categories = append(f.Categories, strings.Clone(category)) // without the rest of its row
	}
	if _, ok := counts[f.Fill]; f.Missing == Constant && !ok {
		f.Categories = append(f.Categories, f.Fill)
	}
	sortCategories(f.Categories)
	return nil
}

// sortCategories puts categories in order: by size if all are numbers, otherwise
// by the alphabet.
func sortCategories(categories []string) {
	numbers := map[string]float64{}
	for _, name := range categories {
		if v, err := strconv.ParseFloat(name, 64); err == nil {
			numbers[name] = v
		}
	}
	slices.SortFunc(categories, func(a, b string) int {
		if len(numbers) == len(categories) {
			return cmp.Or(cmp.Compare(numbers[a], numbers[b]), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
}

// fitNumber learns what stands in for a missing number, and how numbers are
// scaled.
func (t *Table) fitNumber(f *Fitted, at int, na []string) error {
	var there []float64
	gaps := 0
	for i, row := range t.rows {
		cell := row.cells[at]
		switch {
		case !missing(cell, na):
			v, err := f.parse(cell)
			if err != nil {
				return t.fail(i, f.Name, "%v", err)
			}
			there = append(there, v)
		case f.Missing == "":
			return t.fail(i, f.Name, "%s", absence(string(f.Kind), cell))
		default:
			gaps++
		}
	}
	if f.Missing != "" && f.Missing != Constant {
		if len(there) == 0 {
			return fmt.Errorf("csv: column %q: every cell is missing, so there is no %s", f.Name, f.Missing)
		}
		f.Fill = f.format(middle(there, f.Missing))
	}
	if f.Scale == "" {
		return nil
	}
	if gaps > 0 {
		fill, err := f.parse(f.Fill)
		if err != nil {
			return fmt.Errorf("csv: column %q: Fill: %w", f.Name, err)
		}
		there = append(there, slices.Repeat([]float64{fill}, gaps)...)
	}
	// The order of rows must not reach the bits of a sum, nor must the place of gaps.
	slices.Sort(there)
	for k := range f.numbers() {
		values := make([]float64, len(there))
		for i, v := range there {
			values[i] = f.number(k, v)
		}
		offset, divisor := spread(values, f.Scale)
		if math.IsInf(offset, 0) || math.IsInf(divisor, 0) || math.IsNaN(divisor) {
			return fmt.Errorf("csv: column %q: its numbers are too great to be scaled", f.Name)
		}
		f.Offset, f.Divisor = append(f.Offset, offset), append(f.Divisor, divisor)
	}
	return nil
}

func absence(what, cell string) string {
	return fmt.Sprintf("a %s is missing: it says %q; Column.Missing says what stands in for it", what, cell)
}

// middle returns what stands in for missing numbers, which there is at least one
// of.
func middle(values []float64, rule Missing) float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	n := len(values)
	switch rule {
	case Mean:
		return mean(values)
	case Median:
		return float64(values[(n-1)/2]/2) + float64(values[n/2]/2)
	}
	best, most := values[0], 0
	for i := 0; i < n; {
		j := i
		for j < n && values[j] == values[i] {
			j++
		}
		if j-i > most {
			best, most = values[i], j-i
		}
		i = j
	}
	return best
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// spread returns what numbers are scaled by. Numbers that are all equal become 0.
func spread(values []float64, s Scale) (offset, divisor float64) {
	if s == MinMax {
		offset = slices.Min(values)
		divisor = slices.Max(values) - offset
	} else {
		offset = mean(values)
		squares := 0.0
		for _, v := range values {
			squares += float64((v - offset) * (v - offset))
		}
		divisor = math.Sqrt(squares / float64(len(values)))
	}
	if divisor == 0 {
		divisor = 1
	}
	return offset, divisor
}

// parse returns the number in a cell: for a date, the days since 1970.
func (c *Column) parse(cell string) (float64, error) {
	if c.Kind == Date {
		at, err := time.Parse(c.Layout, cell)
		if err != nil {
			return 0, fmt.Errorf("%s is no date such as %s", excerpt(cell), c.Layout)
		}
		return float64(at.Unix())/secondsOfDay + float64(at.Nanosecond())/(secondsOfDay*1e9), nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s is too great", excerpt(cell))
	}
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("%s is no number: is the column a csv.Category, or csv.Text?", excerpt(cell))
	}
	return v, nil
}

const secondsOfDay = 24 * 60 * 60

// format is the cell that parse makes a number of.
func (c *Column) format(v float64) string {
	if c.Kind == Date {
		return date(v).Format(c.Layout)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func date(days float64) time.Time {
	whole := math.Floor(days)
	return time.Unix(int64(whole)*secondsOfDay, int64((days-whole)*(secondsOfDay*1e9))).UTC()
}

// numbers counts the numbers that are made of a cell that is no category.
func (c *Column) numbers() int {
	if c.Kind == Date {
		return len(c.Parts)
	}
	return 1
}

// number is number k of what parse returned.
func (c *Column) number(k int, v float64) float64 {
	if c.Kind != Date || c.Parts[k] == Days {
		return v
	}
	at := date(v)
	switch c.Parts[k] {
	case Year:
		return float64(at.Year())
	case Month:
		return float64(at.Month())
	case Day:
		return float64(at.Day())
	case Weekday:
		return float64((at.Weekday() + 6) % 7)
	}
	return float64(at.Sub(at.Truncate(24*time.Hour))) / float64(time.Hour)
}

// An encoder makes the numbers of a column's cells.
type encoder struct {
	*Fitted
	na    []string
	codes map[string]int // of the categories
	width int
}

// encoders returns those of the inputs and targets, or an error if the
// preparation is none that Fit returns.
func (p *Preparation) encoders() (inputs, targets []encoder, err error) {
	if p == nil || len(p.Inputs) == 0 {
		return nil, nil, errors.New("a Preparation without inputs: Fit makes one")
	}
	width, seen := 0, map[string]bool{}
	list := func(columns []Fitted) (out []encoder, err error) {
		for i := range columns {
			e, err := columns[i].encoder(p.NA)
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", columns[i].Name, err)
			}
			if seen[e.Name] {
				return nil, fmt.Errorf("column %q is prepared twice", e.Name)
			}
			seen[e.Name] = true
			if width += e.width; width > maxWidth {
				return nil, fmt.Errorf("column %q: with it, a row is more than %d numbers: is it a category of too many?", e.Name, maxWidth)
			}
			out = append(out, e)
		}
		return out, nil
	}
	if inputs, err = list(p.Inputs); err != nil {
		return nil, nil, err
	}
	if targets, err = list(p.Targets); err != nil {
		return nil, nil, err
	}
	var columns []Column
	for _, f := range p.Targets {
		columns = append(columns, f.Column)
	}
	return inputs, targets, checkTargets(columns)
}

func (f *Fitted) encoder(na []string) (encoder, error) {
	c, err := f.Column.resolved()
	if err != nil {
		return encoder{}, err
	}
	e := encoder{Fitted: &Fitted{c, f.Offset, f.Divisor}, na: na}
	if c.Kind == Text {
		return e, errors.New("no number is made of a text")
	}
	if e.width = c.numbers(); c.Kind == Category {
		if len(c.Categories) == 0 || len(c.Categories) > maxCategories {
			return e, fmt.Errorf("there are %d categories: at least one is wanted, and at most %d", len(c.Categories), maxCategories)
		}
		e.codes = make(map[string]int, len(c.Categories))
		for i, category := range c.Categories {
			e.codes[category] = i + e.before()
		}
		if !c.Index {
			e.width = len(c.Categories) + e.before()
		}
	}
	if n := len(f.Offset); len(f.Divisor) != n || n > 0 && (c.Kind == Category || n != c.numbers()) {
		return e, fmt.Errorf("there are %d offsets and %d divisors, which don't fit", len(f.Offset), len(f.Divisor))
	}
	for k, d := range f.Divisor {
		if !(math.Abs(d) > 0) || math.IsInf(d, 0) || math.IsInf(f.Offset[k], 0) || math.IsNaN(f.Offset[k]) {
			return e, fmt.Errorf("an offset of %v and a divisor of %v scale no number", f.Offset[k], d)
		}
	}
	if c.Missing != "" {
		if err := e.put(make([]float32, e.width), c.Fill); err != nil {
			return e, fmt.Errorf("its Fill: %w", err)
		}
	}
	if c.Indicator {
		e.width++
	}
	return e, nil
}

// before is 1 if unknown categories have a place before all others.
func (c *Column) before() int {
	if c.Unknown == OOV {
		return 1
	}
	return 0
}

// names says what each number is.
func (e *encoder) names() (names []string) {
	switch {
	case e.Kind == Category && !e.Index:
		if e.before() == 1 {
			names = append(names, e.Name+"=?")
		}
		for _, category := range e.Categories {
			names = append(names, e.Name+"="+category)
		}
	case e.Kind == Date && len(e.Parts) > 1:
		for _, p := range e.Parts {
			names = append(names, e.Name+" "+string(p))
		}
	default:
		names = append(names, e.Name)
	}
	if e.Indicator {
		names = append(names, e.Name+" missing")
	}
	return names
}

// encode makes the numbers of a cell. They are zeros before.
func (e *encoder) encode(dst []float32, cell string) error {
	if !missing(cell, e.na) {
		return e.put(dst, cell)
	}
	if e.Missing == "" {
		return errors.New(absence(string(e.Kind), cell))
	}
	if e.Indicator {
		dst[e.width-1] = 1
	}
	return e.put(dst, e.Fill)
}

// put makes the numbers of a cell that isn't missing.
func (e *encoder) put(dst []float32, cell string) error {
	if e.Kind == Category {
		code, err := e.code(cell)
		switch {
		case err != nil:
			return err
		case e.Index:
			dst[0] = float32(code)
		case code >= 0:
			dst[code] = 1
		}
		return nil
	}
	v, err := e.parse(cell)
	if err != nil {
		return err
	}
	for k := range e.numbers() {
		x := e.number(k, v)
		if len(e.Divisor) > 0 {
			x = (x - e.Offset[k]) / e.Divisor[k]
		}
		if dst[k] = float32(x); math.IsInf(float64(dst[k]), 0) {
			return fmt.Errorf("%s is too great for a float32", excerpt(cell))
		}
	}
	return nil
}

// code is the index of a category, -1 if it is unknown and has none.
func (e *encoder) code(cell string) (int, error) {
	if code, ok := e.codes[cell]; ok {
		return code, nil
	}
	switch e.Unknown {
	case OOV:
		return 0, nil
	case Ignore:
		return -1, nil
	}
	some, more := e.Categories, ""
	if len(some) > 10 {
		some, more = some[:10], ", …"
	}
	return 0, fmt.Errorf("%s is none of the %d categories that are known: %s%s; Column.Unknown says what becomes of others",
		excerpt(cell), len(e.Categories), strings.Join(some, ", "), more)
}

// Names says what each number of the input is: a column, a category of it
// ("district=Mitte"), a part of a date ("sold month"), or whether a cell was
// missing ("area missing").
func (p *Preparation) Names() ([]string, error) {
	inputs, _, err := p.encoders()
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	var names []string
	for _, e := range inputs {
		names = append(names, e.names()...)
	}
	return names, nil
}

// Input returns the input of a network for the rows of a table, which need not
// have the targets: float32 of shape (t.Len(), len(Names())). What is wrong with a
// row is an *Error.
func (p *Preparation) Input(t *Table) (*tensor.Tensor, error) {
	inputs, _, err := p.encoders()
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	values, width, err := t.numbers(inputs, p.budget())
	if err != nil {
		return nil, err
	}
	return tensor.Of(values, t.Len(), width)
}

// Source returns the rows of a table as a source to train on or to evaluate. Its
// input is that of Input; its target holds the numbers of all targets, or is the
// vector or the index of a category. There is none if the schema has no target.
func (p *Preparation) Source(t *Table) (*data.Arrays, error) {
	inputs, targets, err := p.encoders()
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	a := &data.Arrays{}
	values, width, err := t.numbers(inputs, p.budget())
	if err != nil {
		return nil, err
	}
	x, err := data.Floats(values, width)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	a.X = []data.Column{x}
	if len(targets) == 0 {
		return a, a.Check()
	}
	var y data.Column
	if one := targets[0]; one.Kind == Category {
		labels, err := t.labels(&one)
		if err != nil {
			return nil, err
		}
		if one.Index {
			y, err = data.Labels(labels)
		} else {
			y, err = data.OneHot(labels, len(one.Categories))
		}
		if err != nil {
			return nil, fmt.Errorf("csv: %w", err)
		}
	} else {
		values, width, err := t.numbers(targets, p.budget())
		if err != nil {
			return nil, err
		}
		if y, err = data.Floats(values, width); err != nil {
			return nil, fmt.Errorf("csv: %w", err)
		}
	}
	a.Y = []data.Column{y}
	return a, a.Check()
}

func (p *Preparation) budget() int64 {
	if p.MaxBytes == 0 {
		return tensor.DefaultBudget
	}
	return p.MaxBytes
}

// numbers makes the numbers of columns, row by row.
func (t *Table) numbers(columns []encoder, budget int64) (values []float32, width int, err error) {
	at, err := t.places(columns)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range columns {
		width += e.width
	}
	if int64(t.Len()) > budget/4/int64(width) {
		return nil, 0, fmt.Errorf("csv: %d rows of %d numbers take more than %d bytes: see MaxBytes", t.Len(), width, budget)
	}
	values = mem.Make[float32](t.Len() * width)
	for i, row := range t.rows {
		dst := values[i*width : (i+1)*width]
		for k := range columns {
			e := &columns[k]
			if err := e.encode(dst[:e.width], row.cells[at[k]]); err != nil {
				return nil, 0, t.fail(i, e.Name, "%v", err)
			}
			dst = dst[e.width:]
		}
	}
	return values, width, nil
}

// labels are the indices of a target's categories.
func (t *Table) labels(target *encoder) ([]int32, error) {
	at, err := t.places([]encoder{*target})
	if err != nil {
		return nil, err
	}
	labels := make([]int32, t.Len())
	for i, row := range t.rows {
		cell := row.cells[at[0]]
		if missing(cell, target.na) {
			return nil, t.fail(i, target.Name, "the category is missing: it says %q; leave out such rows, as Filter does", cell)
		}
		code, err := target.code(cell)
		if err != nil {
			return nil, t.fail(i, target.Name, "%v", err)
		}
		labels[i] = int32(code)
	}
	return labels, nil
}

// places finds columns in the table, wherever they stand there.
func (t *Table) places(columns []encoder) (at []int, err error) {
	if t.Len() == 0 {
		return nil, fmt.Errorf("csv: %w", data.ErrEmpty)
	}
	for _, e := range columns {
		i, err := t.find(e.Name)
		if err != nil {
			return nil, fmt.Errorf("csv: a column is missing: %w", err)
		}
		at = append(at, i)
	}
	return at, nil
}
