package main

// This file turns results into text: the tables of README.md.

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The marks between which the tables go.
const (
	beginMark = "<!-- What follows is written by the program. -->"
	endMark   = "<!-- What is above was written by the program. -->"
)

// writeReport writes the tables into README.md of the folder and the chart beside it, and the short table into the
// README of the whole, if that has marks for it.
func writeReport(folder, readme string, r *Results) error {
	if err := fill(filepath.Join(folder, "README.md"), markdown(r)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "chart.svg"), []byte(chart(r)), 0o644); err != nil {
		return err
	}
	err := fill(readme, summary(r))
	if errors.Is(err, errMarks) {
		return nil
	}
	return err
}

// writePage writes the tables into a page of their own.
func writePage(path string, r *Results) error {
	page := fmt.Sprintf("# Speed, measured on another machine\n\n%s. What was measured, and how, is in [README.md](README.md).\n\n%s\n", r.Processor, strings.TrimSpace(markdown(r)))
	return os.WriteFile(path, []byte(page), 0o644)
}

var errMarks = fmt.Errorf("there are no lines %q and %q to write between", beginMark, endMark)

// fill writes text between the marks of a file.
func fill(path, text string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(content), beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return fmt.Errorf("%s: %w", path, errMarks)
	}
	return os.WriteFile(path, []byte(before+beginMark+"\n\n"+strings.TrimSpace(text)+"\n\n"+endMark+after), 0o644)
}

// summary returns the one table that says the most.
func summary(r *Results) string {
	var w strings.Builder
	lines := [][]string{{"", "an epoch", "20 epochs, start to exit", "first step after", "peak memory", "evaluate 10,000", "one row, 1 thread"}}
	for _, who := range r.who("listing") {
		if who == avx2Name {
			continue
		}
		line := []string{who}
		for _, row := range []*Row{
			r.find("listing", anEpoch, who, 2), r.find("program", twentyEpochs, who, 2), r.find("program", untilFirst, who, 2), r.find("program", memory, who, 2),
			r.find("listing", r.bestEvaluation(who, 2), who, 2), r.find("listing", oneRow, who, 1),
		} {
			switch {
			case row == nil || row.Case == untilFirst && who == scanName:
				line = append(line, "")
			case row.Unit == "MB":
				line = append(line, fmt.Sprintf("%.0f MB", row.Median))
			default:
				line = append(line, seconds(row.Median))
			}
		}
		lines = append(lines, line)
	}
	table(&w, lines)
	fmt.Fprintf(&w, "\n%s, %d cores, %s.%s ", r.Processor, r.Cores, r.age(), missing(r))
	w.WriteString(versions(r))
	return w.String()
}

// versions says of what the figures are.
func versions(r *Results) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		all = append(all, name+" "+r.Versions[name])
	}
	return "Versions: " + strings.Join(all, ", ") + ".\n"
}

// age says of which state of the repository the short table's figures are, suite by suite where they differ.
func (r *Results) age() string {
	listing, program := r.Runs["listing"], r.Runs["program"]
	text := fmt.Sprintf("measured on %s, revision %s", listing.Date, listing.Revision)
	if program.Revision != listing.Revision && program.Date != "" {
		text += fmt.Sprintf(" (20 epochs, first step and memory: %s, revision %s)", program.Date, program.Revision)
	}
	return text
}

// missing says who was not measured, and is empty if everybody was.
func missing(r *Results) string {
	names := slices.DeleteFunc(everybody(), func(name string) bool {
		return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Who == name })
	})
	if len(names) == 0 {
		return ""
	}
	return " Not measured: " + strings.Join(names, ", ") + "."
}

// markdown returns all tables.
func markdown(r *Results) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%s, %d cores, %s, kernels %s. ", r.Processor, r.Cores, r.System, r.Kernels)
	w.WriteString(versions(r))
	if text := missing(r); text != "" {
		fmt.Fprintf(&w, "\n%s\n", text[1:])
	}
	listingTables(&w, r)
	programTable(&w, r)
	gemmTables(&w, r)
	scalingTables(&w, r)
	filesTable(&w, r)
	cnnTables(&w, r)
	convTables(&w, r)
	rnnTables(&w, r)
	sequenceTables(&w, r)
	goalsTable(&w, r)
	return w.String()
}

// when says when and how a suite was measured.
func (r *Results) when(suite string) string {
	run := r.Runs[suite]
	text := fmt.Sprintf("Measured on %s, revision %s, %d rounds, %.0f minutes; load before: %s.", run.Date, run.Revision, run.Rounds, run.Minutes, run.Load)
	if a := run.Apart; a[2] > 0 {
		text += fmt.Sprintf(" From core to core and back it took %.0f ns, in the median %.0f, at most %.0f.", a[0], a[1], a[2])
	}
	return text
}

// who returns the contenders of a suite, in order of appearance.
func (r *Results) who(suite string) []string {
	var names []string
	for _, row := range r.Rows {
		if row.Suite == suite && !slices.Contains(names, row.Who) {
			names = append(names, row.Who)
		}
	}
	return names
}

// cases returns the cases of a suite, in order of appearance.
func (r *Results) cases(suite string) []string {
	var names []string
	for _, row := range r.Rows {
		if row.Suite == suite && !slices.Contains(names, row.Case) {
			names = append(names, row.Case)
		}
	}
	return names
}

// table writes a table. The first line is its head; the first column is text, the others are numbers.
func table(w *strings.Builder, lines [][]string) {
	w.WriteByte('\n')
	for i, line := range lines {
		fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|---%s|\n", strings.Repeat("|--:", len(line)-1))
		}
	}
}

func listingTables(w *strings.Builder, r *Results) {
	if len(r.who("listing")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### The listing\n\nThe chapter's network, 784-256-256-10 with dropout 0.45, batches of 128, Adam. A ratio says how many times Cornu's "+
		"time the peer's is. The share of the peak is that of all the arithmetic in the network. Cornu leaves out what it multiplies by zero, so its share "+
		"can be above 100 %%; \"zeros kept\" is Cornu when it doesn't. %s\n", r.when("listing"))
	for _, threads := range []int{1, 2} {
		if r.find("listing", anEpoch, cornuName, threads) == nil {
			continue
		}
		lines := [][]string{{plural(threads, "thread"), "an epoch", "ratio", "of peak", "evaluate 10,000", "ratio", "of peak", "one row", "ratio", "32 rows", "ratio", "128 rows", "ratio"}}
		for _, who := range r.who("listing") {
			line := []string{who}
			line = append(line, r.cells("listing", anEpoch, who, threads, true)...)
			best := r.bestEvaluation(who, threads)
			line = append(line, r.cells("listing", best, who, threads, true)...)
			if ours := r.bestEvaluation(cornuName, threads); best != "" {
				line[5] = ratio(r.value("listing", best, who, threads) / r.value("listing", ours, cornuName, threads))
			}
			for _, name := range []string{oneRow, rows32, rows128} {
				line = append(line, r.cells("listing", name, who, threads, false)...)
			}
			lines = append(lines, line)
		}
		table(w, lines)
	}
	fmt.Fprint(w, "\nEvaluation is the better of batches of 128 and of one batch of 10,000. Rows are predicted by the fastest call that the peer "+
		"offers, compiled where it compiles; through the model's `predict`, one row takes:\n")
	lines := [][]string{{"one row", "1 thread", "ratio", "2 threads", "ratio"}}
	for _, who := range r.who("listing") {
		if r.find("listing", callOneRow, who, 1) != nil {
			lines = append(lines, slices.Concat([]string{who}, r.cells("listing", callOneRow, who, 1, false), r.cells("listing", callOneRow, who, 2, false)))
		}
	}
	table(w, lines)
}

// bestEvaluation returns the faster of the ways to evaluate.
func (r *Results) bestEvaluation(who string, threads int) string {
	a, b := r.find("listing", evaluate128, who, threads), r.find("listing", evaluateAll, who, threads)
	switch {
	case b != nil && (a == nil || b.Median < a.Median):
		return evaluateAll
	case a != nil:
		return evaluate128
	}
	return ""
}

// cells returns the time, the ratio to Cornu's, and the share of the peak.
func (r *Results) cells(suite, name, who string, threads int, share bool) []string {
	cells := []string{"", ""}
	if share {
		cells = append(cells, "")
	}
	row, ours := r.find(suite, name, who, threads), r.find(suite, name, cornuName, threads)
	if row == nil {
		return cells
	}
	cells[0] = seconds(row.Median)
	if ours != nil {
		cells[1] = ratio(row.Median / ours.Median)
	}
	if share && row.OfPeak > 0 {
		cells[2] = percent(row.OfPeak)
	}
	return cells
}

func programTable(w *strings.Builder, r *Results) {
	if len(r.who("program")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### The whole program\n\n20 epochs and a test, from the start of the process to its exit; for Cornu that is `cornu mnist train --quiet`. %s\n", r.when("program"))
	lines := [][]string{{"2 threads", "start to exit", "ratio", "first step after", "ratio", "peak memory", "ratio"}}
	for _, who := range r.who("program") {
		lines = append(lines, r.programLine("program", twentyEpochs, who))
	}
	table(w, lines)
}

// programLine is the line of a whole program, which has this name.
func (r *Results) programLine(suite, name, who string) []string {
	line := append([]string{who}, r.cells(suite, name, who, 2, false)...)
	line = append(line, r.cells(suite, untilFirst, who, 2, false)...)
	if who == scanName { // an epoch is one call
		line[3], line[4] = "", ""
	}
	if row := r.find(suite, memory, who, 2); row != nil {
		return append(line, fmt.Sprintf("%.0f MB", row.Median), ratio(row.Median/r.value(suite, memory, cornuName, 2)))
	}
	return append(line, "", "")
}

func gemmTables(w *strings.Builder, r *Results) {
	if len(r.who("gemm")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Matrix products\n\nGFLOP/s in float32, C = A·B of M×N×K; N and T say whether A and B are stored as they are or transposed. The ratio is Cornu's rate "+
		"over the better of the libraries'. %s\n", r.when("gemm"))
	for _, threads := range []int{1, 2} {
		if len(r.libraries(threads)) == 0 && r.find("gemm", r.cases("gemm")[0], cornuName, threads) == nil {
			continue
		}
		lines := [][]string{append(append([]string{plural(threads, "thread"), cornuName, "of peak"}, r.libraries(threads)...), "ratio", avx2Name, "of AVX2 peak")}
		for _, s := range shapes() {
			name := s.String()
			ours := r.find("gemm", name, cornuName, threads)
			if ours == nil {
				continue
			}
			line := []string{name, rate(ours), percent(ours.OfPeak)}
			for _, who := range r.libraries(threads) {
				line = append(line, rate(r.find("gemm", name, who, threads)))
			}
			line = append(line, ratio(r.gemmRatio(s, threads)))
			lines = append(lines, r.appendAVX2(line, "gemm", name, threads))
		}
		table(w, lines)
	}
	fmt.Fprint(w, "\nGeometric means of Cornu's rate over theirs:\n")
	lines := [][]string{{"", "1 thread", "2 threads"}}
	for _, who := range append(r.libraries(1), "the better of them") {
		line := []string{who}
		for _, threads := range []int{1, 2} {
			var ratios []float64
			for _, s := range shapes() {
				theirs := r.value("gemm", s.String(), who, threads)
				if who == "the better of them" {
					theirs = r.gemmRatio(s, threads) * r.value("gemm", s.String(), cornuName, threads)
				}
				ratios = append(ratios, theirs/r.value("gemm", s.String(), cornuName, threads))
			}
			line = append(line, ratio(geometricMean(ratios)))
		}
		lines = append(lines, line)
	}
	table(w, lines)
}

// appendAVX2 appends the rate on AVX2 and its share of that peak, blank if it was not measured.
func (r *Results) appendAVX2(line []string, suite, name string, threads int) []string {
	if row := r.find(suite, name, avx2Name, threads); row != nil {
		return append(line, rate(row), percent(row.OfPeak))
	}
	return append(line, "", "")
}

// libraries returns the peers of the matrix products.
func (r *Results) libraries(threads int) []string {
	return slices.DeleteFunc(r.who("gemm"), func(who string) bool { return who == cornuName || who == avx2Name })
}

// gemmRatio returns Cornu's rate over the better library's; NaN without libraries.
func (r *Results) gemmRatio(s shape, threads int) float64 {
	best := math.NaN()
	for _, who := range r.libraries(threads) {
		if theirs := r.value("gemm", s.String(), who, threads); !(theirs >= best) {
			best = theirs
		}
	}
	return best / r.value("gemm", s.String(), cornuName, threads)
}

func scalingTables(w *strings.Builder, r *Results) {
	if len(r.who("scaling")) > 0 {
		fmt.Fprintf(w, "\n### Scaling\n\nA training step. The peers have two threads and the ratio is to Cornu's two; JAX's steps are several in one scan. "+
			"Memory is the process's peak, data included. %s\n", r.when("scaling"))
		for _, axis := range []string{"width", "batch", "depth"} {
			lines := [][]string{{axis, "1 thread", "of peak", "2 threads", "of peak", "speed-up", "memory"}}
			peers := r.who("scaling")[1:]
			for _, who := range peers {
				lines[0] = append(lines[0], who, "ratio")
			}
			for _, s := range sizes() {
				one, two := r.find("scaling", s.String(), cornuName, 1), r.find("scaling", s.String(), cornuName, 2)
				if s.axis != axis || one == nil || two == nil {
					continue
				}
				line := []string{fmt.Sprint(s.at()), seconds(one.Median), percent(one.OfPeak), seconds(two.Median), percent(two.OfPeak), ratio(one.Median / two.Median), ""}
				if row := r.find("scaling memory", s.String(), cornuName, 2); row != nil {
					line[6] = fmt.Sprintf("%.0f MB", row.Median)
				}
				for _, who := range peers {
					line = append(line, r.cells("scaling", s.String(), who, 2, false)...)
				}
				lines = append(lines, line)
			}
			table(w, lines)
		}
	}
	if one, two := r.find("neighbour", alone, cornuName, 1), r.find("neighbour", withNeighbour, cornuName, 2); one != nil && two != nil {
		fmt.Fprintf(w, "\nAn epoch takes %s on one thread alone, and %s on two threads while another process keeps the second core busy. %s\n", seconds(one.Median), seconds(two.Median), r.when("neighbour"))
	}
}

func goalsTable(w *strings.Builder, r *Results) {
	fmt.Fprint(w, "\n### Goals\n\nWhat Cornu means to reach on two cores with AVX-512, measured or not.\n")
	lines := [][]string{{"goal", "is", "should be", ""}}
	for _, g := range goals(r) {
		verdict, bound := "missed", "at most "
		if g.atLeast {
			bound = "at least "
		}
		if g.met() {
			verdict = "met"
		}
		is := g.format(g.is)
		if math.IsNaN(g.is) || math.IsInf(g.is, 0) {
			is, verdict = "", "not measured"
		}
		if g.where != "" {
			is += " (" + g.where + ")"
		}
		lines = append(lines, []string{g.what, is, bound + g.format(g.target), verdict})
	}
	table(w, lines)
}

// seconds formats a time.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return ""
	case s < 1e-3:
		return digits(s*1e6) + " µs"
	case s < 1:
		return digits(s*1e3) + " ms"
	}
	return digits(s) + " s"
}

// digits formats a number with three digits.
func digits(x float64) string {
	switch {
	case math.Abs(x) >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func ratio(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return digits(x)
}

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

func rate(row *Row) string {
	if row == nil {
		return ""
	}
	return digits(row.Flops / row.Median / 1e9)
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// geometricMean returns the geometric mean of the numbers that are there.
func geometricMean(x []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range x {
		if !math.IsNaN(v) {
			sum += math.Log(v)
			n++
		}
	}
	return math.Exp(sum / float64(n))
}
