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
)

// A row is a line of the table: a network, and the accuracies, in percent, that the book gives it. Its three numbers are
// what the book calls the units of layers 1 to 3.
type row struct {
	layers            [3]int
	dropout, l2       float64
	optimizer         string
	linear            bool // no ReLU
	bookRun, bookTest float64
}

var rows = []row{
	{[3]int{256, 256, 256}, 0, 0, "sgd", true, 93.65, 92.5},
	{[3]int{256, 256, 256}, 0, 0.001, "sgd", false, 99.35, 98.0},
	{[3]int{256, 256, 256}, 0, 0.01, "sgd", false, 96.90, 96.7},
	{[3]int{256, 256, 256}, 0, 0, "sgd", false, 99.93, 98.0},
	{[3]int{256, 256, 256}, 0.4, 0, "sgd", false, 98.23, 98.1},
	{[3]int{256, 256, 256}, 0.45, 0, "sgd", false, 98.07, 98.1},
	{[3]int{256, 256, 256}, 0.5, 0, "sgd", false, 97.68, 98.1},
	{[3]int{256, 256, 256}, 0.6, 0, "sgd", false, 97.11, 97.9},
	{[3]int{256, 512, 256}, 0.45, 0, "sgd", false, 98.21, 98.2},
	{[3]int{512, 512, 512}, 0.2, 0, "sgd", false, 99.45, 98.3},
	{[3]int{512, 512, 512}, 0.4, 0, "sgd", false, 98.95, 98.3},
	{[3]int{512, 1024, 512}, 0.45, 0, "sgd", false, 98.90, 98.2},
	{[3]int{1024, 1024, 1024}, 0.4, 0, "sgd", false, 99.37, 98.3},
	{[3]int{256, 256, 256}, 0.6, 0, "adam", false, 98.64, 98.2},
	{[3]int{256, 256, 256}, 0.55, 0, "adam", false, 99.02, 98.3},
	{[3]int{256, 256, 256}, 0.45, 0, "adam", false, 99.39, 98.5},
	{[3]int{256, 256, 256}, 0.45, 0, "rmsprop", false, 98.75, 98.1},
	{[3]int{128, 128, 128}, 0.45, 0, "adam", false, 98.70, 97.7},
}

// The readings of a row's three numbers.
const (
	asTable   = "table"   // three hidden layers before the ten outputs
	asListing = "listing" // listing 1.3.2: two hidden layers, the third is the ten outputs
)

// hidden returns the units of the hidden layers.
func (r row) hidden(reading string) []int {
	if reading == asListing {
		return r.layers[:2]
	}
	return r.layers[:]
}

func (r row) units() string {
	return fmt.Sprintf("%d-%d-%d", r.layers[0], r.layers[1], r.layers[2])
}

func (r row) regularizer() string {
	switch {
	case r.dropout > 0:
		return fmt.Sprintf("Dropout(%v)", r.dropout)
	case r.l2 > 0:
		return fmt.Sprintf("L2(%v)", r.l2)
	}
	return "None"
}

func (r row) relu() string {
	if r.linear {
		return "None"
	}
	return "Yes"
}

func (r row) String() string {
	name := fmt.Sprintf("%s %s %s", r.units(), r.regularizer(), r.optimizer)
	if r.linear {
		name += " without ReLU"
	}
	return name
}

// settings returns what `cornu mnist train` needs for the same network.
func (r row) settings(reading string, epochs, limit int, seed uint64) *settings {
	s := &settings{
		hidden: r.hidden(reading), activation: "relu", dropout: r.dropout, l2: r.l2, optimizer: r.optimizer,
		epochs: epochs, batch: 128, seed: seed, limit: limit, quiet: true,
	}
	if r.linear {
		s.activation = "linear"
	}
	return s
}

// work is how many multiplications a digit costs in training, about: the share of a row in the time of a table.
func (r row) work(reading string) int {
	const pixels, classes = 784, 10
	last, all := pixels, 0
	for i, units := range append(slices.Clone(r.hidden(reading)), classes) {
		all += 3 * last * units // the output, the gradient of the weights, that of the input
		if i == 0 {
			all -= last * units // which the first layer doesn't need
		}
		last = units
	}
	return all
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
	f.StringVar(&t.reading, "reading", asTable, "what a row's three numbers are: the hidden layers (table), or all layers but that the\nthird has ten units, as in listing 1.3.2 (listing)")
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
	case t.reading != asTable && t.reading != asListing:
		return misuse("--reading: is %s or %s, got %q", asTable, asListing, t.reading)
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
		for i := range rows {
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
			key := t.key(rows[i], uint64(seed+1))
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
func (t *table) key(r row, seed uint64) key {
	digits := t.limit
	if digits == 0 {
		digits = 60000
	}
	return key{r.units(), r.regularizer(), r.optimizer, r.relu(), t.reading, digits, t.epochs, seed}
}

// print writes the table of what is known.
func (t *table) print(w io.Writer, kept *ledger) error {
	cells := [][]string{{"row", "layers", "regularizer", "optimizer", "ReLU", "book train", "book test", "running train", "train", "test"}}
	for _, i := range t.rows {
		r := rows[i]
		line := []string{
			strconv.Itoa(i + 1), r.units(), r.regularizer(), r.optimizer, r.relu(),
			percent(r.bookRun), strconv.FormatFloat(r.bookTest, 'f', 1, 64),
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
		if err != nil || err2 != nil || from < 1 || to > len(rows) || from > to {
			return fmt.Errorf("want rows of 1 to %d and ranges of them, such as 1-4,16", len(rows))
		}
		for i := from; i <= to; i++ {
			*s = append(*s, i-1)
		}
	}
	slices.Sort(*s)
	*s = slices.Compact(*s)
	return nil
}
