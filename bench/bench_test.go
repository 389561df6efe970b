package main

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
)

// sample returns results with the listing, the program and products in them.
func sample() *Results {
	r := &Results{Processor: "a <fast> one", Cores: 2, Versions: map[string]string{"Go": "1.26"}, Runs: map[string]Run{}}
	for _, suite := range []string{"listing", "program", "gemm"} {
		r.Runs[suite] = Run{Date: "today", Rounds: 3}
	}
	for who, times := range map[string]float64{cornuName: 1, "Keras on JAX": 3, "GoMLX (pure Go)": 1000} {
		for _, threads := range []int{1, 2} {
			row := r.row("listing", anEpoch, who, threads, "s")
			row.Flops = 1e9
			for _, seconds := range []float64{0.3, 0.1, 0.2} {
				row.add(seconds*times, 10)
			}
		}
		r.row("program", twentyEpochs, who, 2, "s").add(4*times, 0)
	}
	for _, s := range shapes() {
		for who, times := range map[string]float64{cornuName: 1, "OpenBLAS": 2, "oneDNN": 0.5} {
			row := r.row("gemm", s.String(), who, 1, "s")
			row.Flops = s.flops()
			row.add(times*s.flops()/1e11, 200)
		}
	}
	return r
}

func TestARowHoldsMediansOfItsRounds(t *testing.T) {
	row := sample().find("listing", anEpoch, cornuName, 1)
	if row.Median != 0.2 || row.Min != 0.1 || row.Max != 0.3 || row.Rounds != 3 {
		t.Errorf("of 0.3, 0.1, 0.2 the row holds %+v", *row)
	}
	if math.Abs(row.OfPeak-0.5) > 1e-12 {
		t.Errorf("1 GFLOP in 0.2 s is half of 10 GFLOP/s, not %v", row.OfPeak)
	}
}

func TestAProductIsComparedToTheBetterLibrary(t *testing.T) {
	if got := sample().gemmRatio(shapes()[0], 1); got != 0.5 {
		t.Errorf("a library that takes half of Cornu's time gives the ratio %v", got)
	}
}

func TestPointsOnALineDoNotBend(t *testing.T) {
	line := []point{{1, 3, "a"}, {2, 5, "b"}, {100, 201, "c"}}
	if worst, _ := bend(line); worst > 1e-9 {
		t.Errorf("1 + 2x bends by %v", worst)
	}
	line[1].y = 10
	if worst, name := bend(line); worst < 0.25 || name == "" {
		t.Errorf("a point at twice its height bends the line by %v", worst)
	}
}

func TestAGoalThatWasNotMeasuredIsSaid(t *testing.T) {
	text := markdown(sample())
	for _, want := range []string{"| Keras on JAX | 600 ms | 3.00 |", "| one row, one thread |  | at most 8.00 µs | not measured |", "faster than Keras on JAX | 3.00 × | at least 2.50 × | met |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q", want)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("the tables show numbers that are none")
	}
}

func TestTheShortTableSaysHowOldItIs(t *testing.T) {
	r := sample()
	r.Runs["listing"] = Run{Date: "today", Revision: "abc"}
	r.Runs["program"] = Run{Date: "yesterday", Revision: "def"}
	for _, want := range []string{"measured on today, revision abc (", "yesterday, revision def)", "Not measured: ", "PyTorch compiled"} {
		if text := summary(r); !strings.Contains(text, want) {
			t.Errorf("the short table lacks %q:\n%s", want, text)
		}
	}
}

func TestSuitesThatWereNotMeasuredNowAreKept(t *testing.T) {
	old := sample()
	now := &Results{Processor: old.Processor, Cores: 2, Versions: map[string]string{}, Runs: map[string]Run{"gemm": {Date: "now"}}}
	now.keep(old)
	if now.find("gemm", shapes()[0].String(), cornuName, 1) != nil || now.Runs["gemm"].Date != "now" {
		t.Error("old products stand among the new")
	}
	if now.find("listing", anEpoch, cornuName, 2) == nil || now.Runs["listing"].Date != "today" {
		t.Error("the listing is lost")
	}
	other := &Results{Processor: "another", Runs: map[string]Run{}}
	if other.keep(old); len(other.Rows) > 0 {
		t.Error("results of two machines are mixed")
	}
}

func TestTheChartIsWellFormed(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(chart(sample())))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if chart(&Results{}) == "" {
		t.Error("a run without results has no chart")
	}
}

func TestTheArithmeticOfNetworksOverSequencesIsThatOfTheirKernels(t *testing.T) {
	for _, k := range sequenceKinds {
		in := cornu.Input(k.shape(3)...)
		net, err := layer.NewNetwork([]*cornu.Node{in}, []*cornu.Node{k.network(in)})
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		sum := 0
		for _, v := range net.Variables() {
			if strings.HasSuffix(v.Name, "kernel") {
				sum += v.Shape.Numel()
			}
		}
		if got := 2 * float64(sum); got != k.step {
			t.Errorf("%s: a step is multiplied by kernels in %v operations, not %v", k.name, got, k.step)
		}
	}
}

func TestSequencesAreHeldAgainstALine(t *testing.T) {
	r := sample()
	r.Runs["sequence"] = Run{Date: "today"}
	for _, c := range sequenceCases() {
		for i, who := range []string{cornuName, "PyTorch"} {
			times := float64(i + 1)
			row := r.row("sequence", c.name, who, 2, "s")
			row.Flops = c.flops
			row.add(times*c.flops/1e11, 200)
			if !c.training && sequenceKinds[c.kind].pair > 0 {
				r.row(sequenceMemory, c.name, who, 2, "MB").add(10+times*float64(c.steps)*float64(c.steps), 0)
			}
		}
	}
	text := markdown(r)
	for _, want := range []string{
		"| sequences: faster than the fastest peer | 2.00 × ", "| encoder, trained, time against arithmetic, two threads: farthest from a straight line | 0 % ",
		"| encoder, predicted, memory against length from 256 steps: farthest from a straight line | 48 % (encoder, 2048 steps, predicted) | at most 20 % | missed |", "| encoder, 16 steps, predicted | 63.6 µs | 50 % | 266 MB | 522 MB |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q", want)
		}
	}
	if strings.Contains(text, "NaN") {
		t.Error("the tables show numbers that are none")
	}
}

func TestAStepOfTheSecondNetworkTakesAboutWhatItsPoolsDo(t *testing.T) {
	t.Setenv("BENCH_MODEL", "cnn")
	a, err := arena(128)
	if err != nil {
		t.Fatal(err)
	}
	batch, pools := 4*128*28*28.0, 4*128*64*(13*13+5*5+3*3.0)
	if a.Bytes < batch+pools || a.Bytes > 8*(batch+pools) {
		t.Errorf("%.0f bytes, where the batch has %.0f and what the pools give %.0f", a.Bytes, batch, pools)
	}
}
