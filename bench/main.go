// Command bench measures Cornu and its peers in turn on one machine: the chapter's networks, the whole programs, matrix
// products, convolutions, and steps of many sizes. Beside each time stand the ratio to Cornu's and the share of the FMA peak that was
// measured in the same minute. Run it from the root of the repository:
//
//	go run ./bench                                 # Cornu, and the peers that are found
//	go run ./bench -venv ~/venv-jax -venv ~/venv-torch
//	go run ./bench -suites listing,gemm -rounds 9
//	go run ./bench -quick                          # does everything work? a minute, figures of no worth
//
// Peers are optional: one that is not installed is said and left out. The measurements are written to bench/results as
// JSON and CSV, and from them the tables of bench/README.md and the chart; -report writes those again without measuring.
package main

// This file reads the command line and goes through the suites.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 && len(roles[os.Args[1]]) > 0 {
		exit(answer(os.Args[1]))
	}
	exit(run(ctx, os.Args[1:]))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A bench is one run: what was asked for and what was measured.
type bench struct {
	rounds  int
	quick   bool
	whole   bool // programs are measured from start to exit
	threads []int
	peers   []contender
	work    string // a temporary directory: the digits, what is compiled
	suite   string // that is measured now
	results *Results

	looked time.Time // when rest last measured the distance of the cores
	apart  []float64 // what it measured in this suite
}

// A suite is a kind of measures.
type suite struct {
	name string
	run  func(context.Context, *bench) error
}

// suites lists what can be measured, in order.
var suites = []suite{
	{"listing", listing},
	{"program", program},
	{"gemm", gemm},
	{"scaling", scaling},
	{"neighbour", neighbour},
	{"files", files},
	{"cnn", cnn},
	{"conv", conv},
	{"rnn", rnn},
	{"sequence", sequences},
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var venvs list
	flags.Var(&venvs, "venv", "a Python virtual environment to look for peers in; may be repeated")
	openblas := flags.String("openblas", "", "the shared library of OpenBLAS; by default it is looked for")
	onednn := flags.String("onednn", "", "the shared library of oneDNN; by default it is looked for")
	onnx := flags.String("onnxruntime", "", "the shared library of ONNX Runtime; by default it is looked for")
	names := flags.String("suites", "listing,program,gemm,scaling,neighbour,files,cnn,conv,rnn,sequence", "what to measure")
	rounds := flags.Int("rounds", 5, "how often everyone has a turn")
	whole := flags.Bool("whole", true, "measure whole programs too, 10 or 20 epochs each, in the suites that have them")
	quick := flags.Bool("quick", false, "one round of small sizes, to see that all works")
	only := flags.String("only", "", "measure only these, by name; Cornu is always measured")
	out := flags.String("out", "bench", "the directory of README.md, chart.svg and results/")
	readme := flags.String("readme", "README.md", "the file for the short table, if it has marks for one")
	as := flags.String("as", "", "keep what is measured under this name, beside what was measured on another machine: in results/NAME and NAME.md alone")
	report := flags.Bool("report", false, "measure nothing; write the tables and the chart from what was measured last")
	if err := flags.Parse(args); err != nil {
		return err
	}
	stored := filepath.Join(*out, "results", "latest")
	write := func(r *Results) error { return writeReport(*out, *readme, r) }
	if *as != "" {
		stored = filepath.Join(*out, "results", *as)
		write = func(r *Results) error { return writePage(filepath.Join(*out, *as+".md"), r) }
	}
	if *report {
		results, err := readResults(stored + ".json")
		if err != nil {
			return err
		}
		return write(results)
	}
	if _, err := os.Stat("bench/peers"); err != nil {
		return errors.New("run it from the root of the repository: go run ./bench")
	}

	work, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{rounds: *rounds, quick: *quick, whole: *whole, threads: []int{1, 2}, work: work, results: newResults()}
	if b.quick {
		b.rounds = 1
	}
	if err := writeDigits(work); err != nil {
		return err
	}
	if err := writeONNX(work); err != nil {
		return err
	}
	wanted := strings.Split(*names, ",")
	measured := func(name string, suites []string) bool {
		return (*only == "" || slices.Contains(strings.Split(*only, ","), name)) &&
			slices.ContainsFunc(suites, func(suite string) bool { return slices.Contains(wanted, suite) })
	}
	b.peers = findPeers(ctx, b, measured, venvs, *openblas, *onednn, *onnx)

	for _, name := range wanted {
		if !slices.ContainsFunc(suites, func(s suite) bool { return s.name == name }) {
			return fmt.Errorf("there is no suite %q", name)
		}
	}
	before, commit := load(), revision(ctx)
	var busy float64
	if fmt.Sscan(before, &busy); busy > 0.5 {
		progress("the machine is busy (load %s): the figures will be of little worth", before)
	}
	for _, s := range suites {
		if !slices.Contains(wanted, s.name) {
			continue
		}
		progress("== %s", s.name)
		start := time.Now()
		b.results.drop(s.name)
		b.suite = s.name
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.results.Runs[s.name] = Run{
			Date: start.UTC().Format("2006-01-02 15:04 UTC"), Minutes: math.Round(10*time.Since(start).Minutes()) / 10,
			Rounds: b.rounds, Load: before, Revision: commit, Apart: b.distance(),
		}
		if b.quick {
			continue
		}
		// What is measured is safe, whatever becomes of the next suite.
		if old, err := readResults(stored + ".json"); err == nil {
			b.results.keep(old)
		}
		if err := b.results.write(stored); err != nil {
			return err
		}
	}
	fmt.Println(markdown(b.results))
	if b.quick {
		return nil
	}
	return write(b.results)
}

// A list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// progress tells the person who waits what happens.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
