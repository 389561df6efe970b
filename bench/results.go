package main

// This file keeps what was measured.

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// Results is what the last run of every suite gave on one machine.
type Results struct {
	Processor string            `json:"processor"`
	Cores     int               `json:"cores"`
	System    string            `json:"system"`
	Kernels   string            `json:"kernels"`
	Versions  map[string]string `json:"versions"`
	Runs      map[string]Run    `json:"runs"` // by suite
	Rows      []Row             `json:"rows"`
}

// A Run says when and how a suite was measured.
type Run struct {
	Date     string  `json:"date"`
	Minutes  float64 `json:"minutes"` // that it took
	Rounds   int     `json:"rounds"`
	Load     string  `json:"load"` // of the machine before
	Revision string  `json:"revision"`
	// Apart is how many nanoseconds a line of the cache took from one core to another and back: the shortest, the median
	// and the longest of what was seen. A virtual machine's cores may be moved apart, to caches of their own.
	Apart [3]float64 `json:"apart"`
}

// A Row is one measure of one contender, over all rounds.
type Row struct {
	Suite   string  `json:"suite"`
	Case    string  `json:"case"`
	Who     string  `json:"who"`
	Threads int     `json:"threads"`
	Unit    string  `json:"unit"` // s, MB or 1
	Median  float64 `json:"median"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Rounds  int     `json:"rounds"`
	Flops   float64 `json:"flops,omitempty"`  // the arithmetic of it
	Peak    float64 `json:"peak,omitempty"`   // of the FMA rate, the median of the same rounds, in GFLOP/s
	OfPeak  float64 `json:"ofPeak,omitempty"` // the median of the rounds' shares of it
	samples []float64
	peaks   []float64
}

func newResults() *Results {
	return &Results{
		Processor: processor(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Kernels: isa.Active().String(),
		Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}, Runs: map[string]Run{},
	}
}

// keep takes over what an earlier run on the same machine gave for suites that were not measured now.
func (r *Results) keep(old *Results) {
	if old.Processor != r.Processor || old.Cores != r.Cores || old.Kernels != r.Kernels {
		return
	}
	for name, run := range old.Runs {
		if _, measured := r.Runs[name]; measured {
			continue
		}
		r.Runs[name] = run
		for _, row := range old.Rows {
			if suiteOf(row.Suite) == name {
				r.Rows = append(r.Rows, row)
			}
		}
		for name, version := range old.Versions {
			if r.Versions[name] == "" {
				r.Versions[name] = version
			}
		}
	}
}

// drop forgets what an earlier run gave for a suite.
func (r *Results) drop(suite string) {
	r.Rows = slices.DeleteFunc(r.Rows, func(row Row) bool { return suiteOf(row.Suite) == suite })
	delete(r.Runs, suite)
}

// suiteOf returns the suite that measures rows of this kind.
func suiteOf(rows string) string {
	suite, _, _ := strings.Cut(rows, " ")
	return suite
}

// revision returns what is measured, as git calls it. What this program writes makes no difference.
func revision(ctx context.Context) string {
	said, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	name := strings.TrimSpace(string(said))
	if exec.CommandContext(ctx, "git", "diff", "--quiet", "HEAD", "--", ".", ":!bench/results", ":!*.md", ":!*.svg").Run() != nil {
		name += " and changes"
	}
	return name
}

// processor returns the processor's name, and which of its makers' designs it is where the name doesn't say.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	about := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan() && lines.Text() != ""; {
		key, value, _ := strings.Cut(lines.Text(), ":")
		about[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if about["model name"] == "" {
		return runtime.GOARCH
	}
	return fmt.Sprintf("%s (family %s, model %s)", about["model name"], about["cpu family"], about["model"])
}

// load returns the machine's load averages.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(content))[:3], " ")
}

// row returns the row of a measure, a new one if need be.
func (r *Results) row(suite, name, who string, threads int, unit string) *Row {
	if found := r.find(suite, name, who, threads); found != nil {
		return found
	}
	r.Rows = append(r.Rows, Row{Suite: suite, Case: name, Who: who, Threads: threads, Unit: unit})
	return &r.Rows[len(r.Rows)-1]
}

// find returns the row of a measure, or nil.
func (r *Results) find(suite, name, who string, threads int) *Row {
	i := slices.IndexFunc(r.Rows, func(row Row) bool {
		return row.Suite == suite && row.Case == name && row.Who == who && row.Threads == threads
	})
	if i < 0 {
		return nil
	}
	return &r.Rows[i]
}

// value returns the median of a measure, NaN if there is none.
func (r *Results) value(suite, name, who string, threads int) float64 {
	if row := r.find(suite, name, who, threads); row != nil {
		return row.Median
	}
	return math.NaN()
}

// add adds what one round gave.
func (r *Row) add(value, peak float64) {
	r.samples = append(r.samples, value)
	if peak > 0 {
		r.peaks = append(r.peaks, peak)
	}
	r.Median, r.Min, r.Max, r.Rounds = median(r.samples), slices.Min(r.samples), slices.Max(r.samples), len(r.samples)
	if r.Flops == 0 || len(r.peaks) < len(r.samples) {
		return
	}
	var shares []float64
	for i, seconds := range r.samples {
		shares = append(shares, r.Flops/seconds/1e9/r.peaks[i])
	}
	r.Peak, r.OfPeak = median(r.peaks), median(shares)
}

// write writes the results as JSON and CSV.
func (r *Results) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", append(content, '\n'), 0o644); err != nil {
		return err
	}
	file, err := os.Create(path + ".csv")
	if err != nil {
		return err
	}
	defer file.Close()
	table := csv.NewWriter(file)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	table.Write([]string{"date", "processor", "suite", "case", "who", "threads", "unit", "median", "min", "max", "rounds", "gflop", "peak_gflops", "of_peak"})
	for _, row := range r.Rows {
		table.Write([]string{
			r.Runs[suiteOf(row.Suite)].Date, r.Processor, row.Suite, row.Case, row.Who, strconv.Itoa(row.Threads), row.Unit, number(row.Median),
			number(row.Min), number(row.Max), strconv.Itoa(row.Rounds), number(row.Flops / 1e9), number(row.Peak), number(row.OfPeak),
		})
	}
	table.Flush()
	return table.Error()
}

func readResults(path string) (*Results, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Results{}
	return r, json.Unmarshal(content, r)
}
