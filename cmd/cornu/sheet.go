package main

// This file writes results: as a table that is read by people, as CSV, and as JSON.

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"

	"github.com/cornu-ml/cornu/internal/file"
)

// A sheet is rows of cells: texts, whole numbers, and numbers.
type sheet struct {
	header []string
	rows   [][]any
}

// checkResults returns an error if results surely can't be written to a file, which may be of these endings.
func checkResults(path string, endings ...string) error {
	if path == "" {
		return nil
	}
	wanted := ""
	for i, e := range endings {
		if ending(path) == e {
			if err := file.Check(path); err != nil {
				return misuse("--output: %w", err)
			}
			return nil
		}
		switch {
		case i > 0 && i == len(endings)-1:
			wanted += " or "
		case i > 0:
			wanted += ", "
		}
		wanted += "." + e
	}
	return misuse("--output: results are written to a file of %s, got %s", wanted, path)
}

// write writes the results in a format: csv, json, or any other for people.
func (r *sheet) write(w io.Writer, format string) error {
	switch format {
	case "csv":
		return r.csv(w)
	case "json":
		return r.json(w)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(n int, cell func(int) string) {
		for i := range n {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, cell(i))
		}
		fmt.Fprintln(table)
	}
	line(len(r.header), func(i int) string { return printable(r.header[i]) })
	for _, row := range r.rows {
		line(len(row), func(i int) string {
			if v, ok := row[i].(float64); ok {
				return strconv.FormatFloat(v, 'g', 5, 32)
			}
			return printable(text(row[i]))
		})
	}
	return table.Flush()
}

// text is a cell in full: the shortest number that is the float32.
func text(cell any) string {
	if v, ok := cell.(float64); ok {
		return number(v)
	}
	return fmt.Sprint(cell)
}

// number is the shortest text that is this number, as float32 if it is one.
func number(v float64) string {
	if v == float64(float32(v)) {
		return strconv.FormatFloat(v, 'g', -1, 32)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (r *sheet) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write(r.header)
	for _, row := range r.rows {
		var cells []string
		for _, cell := range row {
			cells = append(cells, text(cell))
		}
		out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

// json writes an array of objects, whose names are in the order of the columns. What is no finite number is null.
func (r *sheet) json(w io.Writer) error {
	out := bufio.NewWriter(w)
	out.WriteString("[")
	for i, row := range r.rows {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n  {")
		for k, cell := range row {
			if k > 0 {
				out.WriteString(", ")
			}
			name, err := json.Marshal(r.header[k])
			if err != nil {
				return err
			}
			value := []byte("null")
			switch v := cell.(type) {
			case float64:
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					value = []byte(number(v))
				}
			default:
				if value, err = json.Marshal(v); err != nil {
					return err
				}
			}
			fmt.Fprintf(out, "%s: %s", name, value)
		}
		out.WriteString("}")
	}
	out.WriteString("\n]\n")
	return out.Flush()
}
