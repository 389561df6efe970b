package csv

// This file says what columns can be.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/internal/config"
)

// A Schema says what becomes of the columns of a table.
type Schema struct {
	// Inputs are the columns of the network's input, in that order.
	Inputs []Column

	// Rest says what those columns are that are named nowhere; its Name is "". nil:
	// they are left alone, unless Inputs is nil: then they are numbers.
	Rest *Column

	// Targets are the columns to be learned: numbers, or one category.
	Targets []Column

	// NA lists the cells that say that something is missing, in whatever case.
	// nil: an empty cell, NA, N/A, NaN, null and ?.
	NA []string

	MaxBytes int64 // most bytes of memory for the numbers of a source; 0 is 1 GiB
}

// A Column says what one column is, and what becomes of its cells.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"` // "": Number

	// Missing says what stands in for a missing cell. "": it is an error.
	Missing Missing `json:"missing,omitempty"`
	// Fill is the cell that stands in for a missing one if Missing is Constant. In a
	// Preparation it is the one that was learnt.
	Fill string `json:"fill,omitempty"`
	// Indicator adds a number that is 1 where the cell is missing and 0 elsewhere.
	Indicator bool `json:"indicator,omitempty"`

	// Scale says to which range numbers are brought. "": they stay what they are.
	Scale Scale `json:"scale,omitempty"`

	// Index makes of a category its index, rather than a vector that is 1 at the
	// index and 0 elsewhere.
	Index bool `json:"index,omitempty"`
	// Categories lists the categories in order. nil: those that occur, by size if
	// all are numbers, and otherwise in alphabetical order.
	Categories []string `json:"categories,omitempty"`
	// Unknown says what becomes of a category that isn't listed. "": it is an error.
	Unknown Unknown `json:"unknown,omitempty"`

	// Layout is how a date is written, as package time has it. "": 2006-01-02.
	Layout string `json:"layout,omitempty"`
	// Parts are the numbers that are made of a date. None: Days.
	Parts []Part `json:"parts,omitempty"`
}

// A Kind is a kind of column.
type Kind string

// The kinds of columns.
const (
	Number   Kind = "number"
	Category Kind = "category" // one of a number of words
	Date     Kind = "date"     // a day, with the time of day or without it
	Text     Kind = "text"     // what no number is made of: it is left alone
)

// Missing says what stands in for a missing cell.
type Missing string

// What stands in for a missing cell. What is learnt is that of the cells which are
// there. Mean and Median are for numbers and dates.
const (
	Mean         Missing = "mean"
	Median       Missing = "median"
	MostFrequent Missing = "most_frequent" // of several the smallest, or the first in the alphabet
	Constant     Missing = "constant"      // Column.Fill
)

// Scale says to which range numbers are brought.
type Scale string

// The ranges. What is learnt is that of all cells, with missing ones filled in.
const (
	Standard Scale = "standard" // a mean of 0 and a standard deviation of 1, as Keras's Normalization layer has it
	MinMax   Scale = "minmax"   // from 0 to 1
)

// Unknown says what becomes of a category that isn't listed.
type Unknown string

// What becomes of a category that isn't listed.
const (
	OOV    Unknown = "oov"    // a category of its own, before all others, as in Keras's StringLookup
	Ignore Unknown = "ignore" // a vector of zeros
)

// A Part is a number that is made of a date.
type Part string

// The parts of a date.
const (
	Days    Part = "days" // since 1970-01-01 in UTC; the time of day is a fraction
	Year    Part = "year"
	Month   Part = "month"   // 1 … 12
	Day     Part = "day"     // of the month, 1 … 31
	Weekday Part = "weekday" // Monday is 0, as in pandas
	Hour    Part = "hour"    // with minutes and seconds as a fraction
)

var (
	kinds    = []Kind{Number, Category, Date, Text}
	rules    = []Missing{"", Mean, Median, MostFrequent, Constant}
	scales   = []Scale{"", Standard, MinMax}
	unknowns = []Unknown{"", OOV, Ignore}
	parts    = []Part{Days, Year, Month, Day, Weekday, Hour}

	absent = []string{"", "NA", "N/A", "NaN", "null", "?"}
)

// resolved returns the column with its defaults, or an error if it can't be.
func (c Column) resolved() (Column, error) {
	if c.Kind == "" {
		c.Kind = Number
	}
	if c.Kind == Date && c.Layout == "" {
		c.Layout = time.DateOnly
	}
	if c.Kind == Date && len(c.Parts) == 0 {
		c.Parts = []Part{Days}
	}
	for _, err := range []error{
		one("kind", c.Kind, kinds), one("Missing", c.Missing, rules), one("Scale", c.Scale, scales), one("Unknown", c.Unknown, unknowns),
	} {
		if err != nil {
			return c, err
		}
	}
	for i, p := range c.Parts {
		if err := one("part", p, parts); err != nil {
			return c, err
		}
		if slices.Index(c.Parts, p) != i {
			return c, fmt.Errorf("part %q is listed twice", p)
		}
	}
	listed := make(map[string]bool, len(c.Categories))
	for _, category := range c.Categories {
		if listed[category] {
			return c, fmt.Errorf("category %q is listed twice", category)
		}
		listed[category] = true
	}
	category, date, text := c.Kind == Category, c.Kind == Date, c.Kind == Text
	switch { // what has no meaning for the kind would have no effect
	case text && (c.Missing != "" || c.Indicator):
		return c, errors.New("a text is left alone, so nothing stands in for a missing one")
	case category && (c.Missing == Mean || c.Missing == Median):
		return c, fmt.Errorf("categories have no %s", c.Missing)
	case (category || text) && c.Scale != "":
		return c, fmt.Errorf("a %s has no Scale", c.Kind)
	case !category && (c.Index || c.Categories != nil || c.Unknown != ""):
		return c, fmt.Errorf("the fields Index, Categories and Unknown are for categories, this is a %s", c.Kind)
	case !date && (c.Layout != "" || len(c.Parts) > 0):
		return c, fmt.Errorf("the fields Layout and Parts are for dates, this is a %s", c.Kind)
	case c.Index && c.Unknown == Ignore:
		return c, errors.New("an Index can't be a vector of zeros: Unknown is OOV, or nothing")
	case c.Missing == "" && c.Indicator:
		return c, errors.New("there is an Indicator, and Missing doesn't say what stands in for a missing cell")
	}
	return c, nil
}

func one[T ~string](what string, name T, all []T) error {
	if slices.Contains(all, name) {
		return nil
	}
	var names []string
	for _, n := range all {
		if n != "" {
			names = append(names, string(n))
		}
	}
	return config.Unknown(what, string(name), names)
}

// resolve returns the columns of the inputs and the targets of a table.
func (s Schema) resolve(t *Table) (inputs, targets []Column, err error) {
	used := map[string]string{}
	add := func(what string, list []Column) (out []Column, err error) {
		for _, c := range list {
			if _, err = t.find(c.Name); err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			if other := used[c.Name]; other != "" {
				return nil, fmt.Errorf("column %q is in %s and in %s", c.Name, other, what)
			}
			used[c.Name] = what
			if c.Fill != "" && c.Missing != Constant {
				return nil, fmt.Errorf("column %q: there is a Fill, and Missing isn't Constant", c.Name)
			}
			if c, err = c.resolved(); err != nil {
				return nil, fmt.Errorf("column %q: %w", c.Name, err)
			}
			if c.Kind != Text {
				out = append(out, c)
			}
		}
		return out, nil
	}
	if targets, err = add("Targets", s.Targets); err != nil {
		return nil, nil, err
	}
	if inputs, err = add("Inputs", s.Inputs); err != nil {
		return nil, nil, err
	}
	rest := s.Rest
	if rest == nil && s.Inputs == nil {
		rest = &Column{}
	}
	if rest != nil {
		if rest.Name != "" {
			return nil, nil, fmt.Errorf("the column of Rest has the name %q, but it is all columns that are named nowhere", rest.Name)
		}
		var others []Column
		for _, name := range t.columns {
			if used[name] == "" {
				c := *rest
				c.Name = name
				others = append(others, c)
			}
		}
		if others, err = add("Rest", others); err != nil {
			return nil, nil, err
		}
		inputs = append(inputs, others...)
	}
	if len(inputs) == 0 {
		return nil, nil, errors.New("no column is an input")
	}
	return inputs, targets, checkTargets(targets)
}

// checkTargets returns an error unless a network can learn the columns together.
func checkTargets(targets []Column) error {
	for _, c := range targets {
		switch {
		case c.Kind != Number && c.Kind != Category:
			return fmt.Errorf("column %q: a %s can't be learned: targets are numbers, or a category", c.Name, c.Kind)
		case c.Kind == Category && len(targets) > 1:
			return fmt.Errorf("column %q: a category is the only target: one output of a network has only one of them", c.Name)
		case c.Missing != "" || c.Unknown != "":
			return fmt.Errorf("column %q: a target can't be made up: leave out the rows without one, as Filter does", c.Name)
		}
	}
	return nil
}

// missing reports whether a cell is one of those that say so.
func missing(cell string, na []string) bool {
	return slices.ContainsFunc(na, func(s string) bool { return strings.EqualFold(s, cell) })
}
