package main

// This file defines `cornu mnist table`: the networks of the book's table 1.3.2, trained and measured.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
)

// settingsOf returns what `cornu mnist train` needs for the network of a row.
func settingsOf(r book.Row, reading string, epochs, limit int, seed uint64) *settings {
	s := &settings{
		hidden: r.Hidden(reading), activation: "relu", dropout: r.Dropout, l2: r.L2, optimizer: r.Optimizer,
		epochs: epochs, batch: 128, seed: seed, limit: limit, quiet: true,
	}
	if r.Linear {
		s.activation = "linear"
	}
	return s
}

// A table is what one call of the command is asked for.
type table struct {
	rows     selection
	seeds    int
	epochs   int
	limit    int
	reading  string
	threads  int
	file     string
	markdown bool
}

func newTable() *cobra.Command {
	var t table
	c := &cobra.Command{
		Use:   "table",
		Short: "Train and measure the networks of the book's table 1.3.2",
		Long: "Table trains the 18 networks of the book's table 1.3.2 on the 60,000 digits, from one or several seeds, and prints\n" +
			"their accuracies beside the book's: of the last epoch while it was trained, with dropout on (what the book gives\n" +
			"as train accuracy), on the training digits afterwards, and on the test digits. With several seeds they are means;\n" +
			"the test accuracy has the standard deviation over seeds beside it.\n\n" +
			"The book trained for about 200 epochs; after 20 the rows with SGD are two to three points lower. One seed of all\n" +
			"rows costs about 4 minutes of processor time for 20 epochs with AVX-512, and ten times that for 200. With --csv FILE\n" +
			"every training that is done is added to FILE, and those that FILE holds already are not done again: a table that\n" +
			"was interrupted goes on where it was.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return t.run(c) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.IntVar(&t.epochs, "epochs", 20, "how often to go through the digits; 200 is the book's table")
	f.IntVar(&t.seeds, "seeds", 1, "train each network from the seeds 1 to `N`")
	f.Var(&t.rows, "rows", "which rows, such as 1-4,16; all if not given")
	f.StringVar(&t.file, "csv", "", "keep the results in `FILE`, and take from it what it holds")
	f.BoolVar(&t.markdown, "markdown", false, "print the table as Markdown")
	f.StringVar(&t.reading, "reading", book.AsTable, "what a row's three numbers are: the hidden layers (table), or all layers but that the\nthird has ten units, as in listing 1.3.2 (listing)")
	f.IntVar(&t.limit, "limit", 0, "train on the first `N` digits alone; 0 is all")
	f.IntVar(&t.threads, "threads", 0, "threads to compute on; 0 is all cores")
	return c
}

// mostSeeds is more than anybody can wait for, and few enough to be listed.
const mostSeeds = 10000

func (t *table) check() error {
	switch {
	case t.epochs < 1:
		return misuse("--epochs: must be at least 1, got %d", t.epochs)
	case t.seeds < 1 || t.seeds > mostSeeds:
		return misuse("--seeds: must be at least 1 and at most %d, got %d", mostSeeds, t.seeds)
	case t.reading != book.AsTable && t.reading != book.AsListing:
		return misuse("--reading: is %s or %s, got %q", book.AsTable, book.AsListing, t.reading)
	case t.limit < 0:
		return misuse("--limit: must not be negative, got %d", t.limit)
	case t.threads < 0:
		return misuse("--threads: must not be negative, got %d", t.threads)
	}
	return nil
}

func (t *table) run(c *cobra.Command) error {
	if err := t.check(); err != nil {
		return err
	}
	if len(t.rows) == 0 {
		for i := range book.Rows {
			t.rows = append(t.rows, i)
		}
	}
	var kept ledger
	if t.file != "" {
		var err error
		if kept, err = openLedger(t.file); err != nil {
			return err
		}
	}
	var todo []training
	found := 0
	for _, i := range t.rows {
		for seed := range t.seeds {
			key := t.key(book.Rows[i], uint64(seed+1))
			if _, ok := kept.find(key); ok {
				found++
			} else {
				todo = append(todo, training{row: i, key: key})
			}
		}
	}
	errs := c.ErrOrStderr()
	if kept.torn {
		fmt.Fprintf(errs, "the last line of %s is not whole and is left out\n", t.file)
	}
	if found > 0 {
		fmt.Fprintf(errs, "%s holds %d of %d trainings\n", t.file, found, found+len(todo))
	}
	if t.file != "" && len(todo) > 0 {
		// Better now than after the first training.
		if err := kept.append(); err != nil {
			return err
		}
	}
	start := time.Now()
	err := t.train(c, &kept, todo)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if printErr := t.print(c.OutOrStdout(), &kept); printErr != nil {
		return printErr
	}
	if err == nil {
		fmt.Fprintf(errs, "%s in %s\n", trainings(len(todo)), clock(time.Since(start)))
		return nil
	}
	rest := "shown above; with --csv FILE they would be kept"
	if t.file != "" {
		rest = "kept in " + t.file + "; the same command goes on from there"
	}
	return &interruption{fmt.Sprintf("after %s of %d, %s", trainings(len(kept.fresh)), len(todo), rest)}
}

func trainings(n int) string {
	if n == 1 {
		return "1 training"
	}
	return fmt.Sprintf("%d trainings", n)
}

// key tells which training this is, in the file of --csv.
func (t *table) key(r book.Row, seed uint64) key {
	digits := t.limit
	if digits == 0 {
		digits = 60000
	}
	return key{r.Units(), r.Regularizer(), r.Optimizer, r.ReLU(), t.reading, digits, t.epochs, seed}
}

// print writes the table of what is known.
func (t *table) print(w io.Writer, kept *ledger) error {
	cells := [][]string{{"row", "layers", "regularizer", "optimizer", "ReLU", "book train", "book test", "running train", "train", "test"}}
	for _, i := range t.rows {
		r := book.Rows[i]
		line := []string{
			strconv.Itoa(i + 1), r.Units(), r.Regularizer(), r.Optimizer, r.ReLU(),
			percent(r.Running), strconv.FormatFloat(r.Test, 'f', 1, 64),
		}
		var running, train, test []float64
		for seed := range t.seeds {
			if found, ok := kept.find(t.key(r, uint64(seed+1))); ok {
				running, train, test = append(running, found.running), append(train, found.train), append(test, found.test)
			}
		}
		if len(test) == 0 {
			line = append(line, "–", "–", "–")
		} else {
			line = append(line, percent(mean(running)), percent(mean(train)), percent(mean(test)))
		}
		if len(test) > 1 {
			line[len(line)-1] += " ± " + percent(deviation(test))
		}
		cells = append(cells, line)
	}
	var text string
	if t.markdown {
		text = markdown(cells)
	} else {
		text = columns(cells)
	}
	_, err := io.WriteString(w, text)
	return err
}

func percent(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// deviation is the standard deviation of a sample.
func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

// words is how many columns of the table, after the number of the row, are words and not numbers.
const words = 4

// columns lays cells out in columns: numbers at the right, words at the left.
func columns(cells [][]string) string {
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, line := range cells {
		var text string
		for i, cell := range line {
			room := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if 1 <= i && i <= words {
				text += cell + room + "  "
			} else {
				text += room + cell + "  "
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}

func markdown(cells [][]string) string {
	var b strings.Builder
	for n, line := range cells {
		b.WriteString("| " + strings.Join(line, " | ") + " |\n")
		if n == 0 {
			b.WriteString("|--:" + strings.Repeat("|:--", words) + strings.Repeat("|--:", len(line)-words-1) + "|\n")
		}
	}
	return b.String()
}

// clock writes a time as people say it: 42s, 3m05s, 1h02m.
func clock(d time.Duration) string {
	s := int(d.Seconds() + 0.5)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
}

// selection is the value of a flag that takes rows: "1-4,16". They are kept counted from 0, in the table's order.
type selection []int

func (s *selection) String() string {
	var parts []string
	for _, i := range *s {
		parts = append(parts, strconv.Itoa(i+1))
	}
	return strings.Join(parts, ",")
}

func (s *selection) Type() string { return "rows" }

func (s *selection) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < 1 || to > len(book.Rows) || from > to {
			return fmt.Errorf("want rows of 1 to %d and ranges of them, such as 1-4,16", len(book.Rows))
		}
		for i := from; i <= to; i++ {
			*s = append(*s, i-1)
		}
	}
	slices.Sort(*s)
	*s = slices.Compact(*s)
	return nil
}
