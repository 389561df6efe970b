package main

// This file reads DATA that are tables.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/csv"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/tensor"
)

// table reads a table, whose columns are what the flags say.
func (r *reader) table(in io.Reader) (*sampling, error) {
	if len(r.inputs) != 1 || len(r.outputs) != 1 {
		return nil, fmt.Errorf("a table is for a model of one input and one output, this one has %s and %s: give it arrays", many(len(r.inputs), "input"), many(len(r.outputs), "output"))
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	cfg := csv.Config{NoHeader: r.noHeader, MaxBytes: budget}
	line, _ := buffered.Peek(64 << 10)
	line, _, _ = bytes.Cut(line, []byte("\n"))
	for _, comma := range ",\t;" {
		if bytes.ContainsRune(line, comma) {
			cfg.Comma = comma
			break
		}
	}
	names := strings.Split(string(line), string(cfg.Comma))
	if !r.noHeader && nameless(names) {
		return nil, fmt.Errorf("its first line holds numbers, not the names of the columns: say --no-header, and the columns are called 0 to %d", len(names)-1)
	}
	t, err := csv.Read(buffered, cfg)
	if err != nil {
		return nil, err
	}
	p, err := r.preparation(t)
	if err != nil {
		return nil, err
	}
	return r.prepare(p, t)
}

// nameless reports whether a table's first line holds numbers, as no names are: one that isn't whole, or all of them,
// unless they count the columns.
func nameless(names []string) bool {
	all, counted := true, true
	for i, name := range names {
		name = strings.TrimSpace(name)
		_, err := strconv.ParseFloat(name, 64)
		_, notWhole := strconv.ParseUint(name, 10, 64)
		if err == nil && notWhole != nil {
			return true
		}
		all, counted = all && err == nil, counted && name == strconv.Itoa(i)
	}
	return all && !counted
}

// preparation returns what becomes of the cells: what was learnt, if --prepared says so, and otherwise what is learnt of
// this table.
func (r *reader) preparation(t *csv.Table) (*csv.Preparation, error) {
	learn := r.use == toTrain && r.schema != ""
	if r.prepared != "" && !learn {
		p := &csv.Preparation{}
		err := readJSON("--prepared", r.prepared, p)
		if r.use != toTrain || !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	schema := csv.Schema{MaxBytes: budget}
	if r.schema != "" {
		if err := readJSON("--schema", r.schema, &schema); err != nil {
			return nil, err
		}
		for i := range schema.Targets {
			c := &schema.Targets[i]
			c.Index = c.Kind == csv.Category // which the loss may want as one-hot rows
		}
		if r.use != toTrain && learns(schema) {
			return nil, errors.New("--schema: what it learns of the columns is that of the training: have fit write it with --prepared FILE, and give that here")
		}
	} else if err := r.plain(t, &schema); err != nil {
		return nil, err
	}
	if r.use == toPredict { // there need not be any
		schema.Targets = nil
	}
	p, err := csv.Fit(t, schema)
	if cell := (*csv.Error)(nil); errors.As(err, &cell) && r.schema == "" {
		return nil, fmt.Errorf("%w (--columns says which are the input, --schema what is made of those that are no numbers)", err)
	} else if err != nil {
		return nil, err
	}
	if r.prepared != "" && r.use == toTrain {
		text, err := json.MarshalIndent(p, "", "\t")
		if err == nil {
			err = file.Write(r.prepared, append(text, '\n'))
		}
		if err != nil {
			return nil, fmt.Errorf("--prepared: %w", err)
		}
	}
	return p, nil
}

// learns reports whether a schema makes other numbers of other tables.
func learns(s csv.Schema) bool {
	columns := slices.Concat(s.Inputs, s.Targets)
	if s.Rest != nil {
		columns = append(columns, *s.Rest)
	}
	return slices.ContainsFunc(columns, func(c csv.Column) bool {
		return c.Scale != "" || c.Missing != "" && c.Missing != csv.Constant || c.Kind == csv.Category && c.Categories == nil
	})
}

// readJSON reads a file of one of the flags.
func readJSON(flag, path string, to any) error {
	f, err := file.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, 64<<20))
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%s: %s: %w", flag, path, err)
	}
	return nil
}

// plain is the schema of a table of numbers, whose labels are numbers or words.
func (r *reader) plain(t *csv.Table, s *csv.Schema) error {
	columns := t.Columns()
	labels := r.labels
	switch {
	case len(labels) == 0 && r.use != toPredict:
		return fmt.Errorf("say with --label which column is to be learned: there are %s", some(columns))
	case r.use == toPredict: // a table with labels may be predicted too
		labels = slices.DeleteFunc(slices.Clone(labels), func(name string) bool { return !slices.Contains(columns, name) })
	}
	for _, name := range labels {
		cells, err := t.Column(name)
		if err != nil {
			return fmt.Errorf("--label: %w", err)
		}
		target := csv.Column{Name: name}
		if inWords(cells) && r.outputs[0].classes > 0 && len(labels) == 1 {
			target.Kind, target.Index = csv.Category, true
		}
		s.Targets = append(s.Targets, target)
	}
	inputs := r.columns
	if inputs == nil {
		inputs = slices.DeleteFunc(columns, func(name string) bool { return slices.Contains(labels, name) })
	}
	if n := r.inputs[0].shape.Numel(); len(inputs) != n {
		return fmt.Errorf("it has %d columns for the input (%s), the model's input %q takes %v: --columns says which they are", len(inputs), some(inputs), r.inputs[0].name, r.inputs[0].shape)
	}
	for _, name := range inputs {
		s.Inputs = append(s.Inputs, csv.Column{Name: name})
	}
	return nil
}

// inWords reports whether one of the cells is no number.
func inWords(cells []string) bool {
	return slices.ContainsFunc(cells, func(cell string) bool {
		_, err := strconv.ParseFloat(cell, 64)
		return err != nil
	})
}

// prepare makes numbers of a table.
func (r *reader) prepare(p *csv.Preparation, t *csv.Table) (*sampling, error) {
	s := &sampling{classes: p.Classes()}
	for _, c := range p.Targets {
		s.targets = append(s.targets, c.Name)
	}
	if s.targets == nil {
		s.targets = r.labels
	}
	out := r.outputs[0]
	if n := len(s.classes); n > 0 && n != out.classes {
		return nil, fmt.Errorf("column %q has %d classes (%s), the model's output %q tells %d apart; a schema with all Categories says which one is which", p.Targets[0].Name, n, some(s.classes), out.name, out.classes)
	}
	if len(p.Targets) > 0 && s.classes == nil {
		s.back = p.Values
	}
	x, err := p.Input(t)
	if err != nil {
		return nil, err
	}
	inputs, err := r.input(r.inputs[0], x)
	if err != nil {
		names, _ := p.Names()
		return nil, fmt.Errorf("%w; the columns make the numbers %s", err, some(names))
	}
	a := &data.Arrays{X: []data.Column{inputs}}
	if r.use != toPredict {
		all, err := p.Source(t)
		if err != nil {
			return nil, err
		}
		if len(all.Y) == 0 {
			return nil, errors.New("nothing says which column is to be learned: the schema has no targets")
		}
		c := all.Y[0]
		y, err := tensor.Of(numbersOf(c), append(tensor.Shape{c.Len()}, c.Shape()...)...)
		if err != nil {
			return nil, err
		}
		target, err := r.target(out, y)
		if err != nil {
			return nil, fmt.Errorf("the labels %s: %w", some(s.targets), err)
		}
		a.Y = []data.Column{target}
	}
	s.Source = a
	return s, nil
}
