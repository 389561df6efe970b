package main

// This file holds the suites: what is asked, of whom, and how often.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// A question is something to ask of every contender.
type question struct {
	words string
	name  string // of the case in the results
	flops float64
}

// budget is how much time a contender may take for one question of a suite, over all rounds. The slow have fewer turns.
var budget = map[string]time.Duration{"listing": 6 * time.Second, "program": 15 * time.Second, "gemm": 3 * time.Second, "scaling": 10 * time.Second, "cnn": 20 * time.Second, "conv": 2 * time.Second, "rnn": 20 * time.Second, "sequence": 5 * time.Second}

// interleave starts contenders and lets them answer in turn, round by round. One that can't start, or can't answer a
// question, is left out there.
func (b *bench) interleave(ctx context.Context, suite string, contenders []*contender, threads, rounds int, questions []question) error {
	all, stop := b.meet(ctx, contenders, threads)
	defer stop()
	return b.turns(ctx, suite, all, rounds, questions)
}

// meet starts contenders, those that can, and returns what ends them.
func (b *bench) meet(ctx context.Context, contenders []*contender, threads int) (all []*conversation, stop func()) {
	for _, c := range contenders {
		t, err := c.start(ctx, b, threads)
		if err != nil {
			progress("left out: %s (%v)", c.name, err)
			continue
		}
		all = append(all, t)
	}
	return all, func() {
		for _, t := range all {
			t.stop()
		}
	}
}

// turns lets those who have met answer in turn, round by round. One that can't answer a question is left out there.
func (b *bench) turns(ctx context.Context, suite string, all []*conversation, rounds int, questions []question) error {
	refused, spent := map[string]bool{}, map[string]time.Duration{}
	for round := range rounds {
		for _, q := range questions {
			for _, t := range all {
				who := t.contender.name
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if refused[who+q.words] || t.gone || spent[who+q.words] > budget[suite] {
					continue
				}
				b.rest()
				peak, start := isa.PeakFMA(t.threads), time.Now()
				a, err := t.ask(q.words)
				spent[who+q.words] += time.Since(start)
				if err != nil {
					refused[who+q.words] = true
					if err.Error() != "not measured" {
						progress("%s, %s: %v", who, q.words, err)
					}
					continue
				}
				if a.Peak > 0 {
					peak = a.Peak // on the kernels that it uses
				}
				row := b.results.row(suite, q.name, who, t.threads, "s")
				row.Flops = q.flops
				if q.words == "epoch" {
					a.Seconds *= 60000 / float64(b.digits())
				}
				row.add(a.Seconds, peak)
				if round == rounds-1 || spent[who+q.words] > budget[suite] {
					progress("%-22s %d thread(s)  %-24s %s", who, t.threads, q.name, seconds(row.Median))
				}
			}
		}
	}
	return nil
}

// The cases of the listing.
const (
	anEpoch     = "an epoch"
	evaluate128 = "evaluate 10,000 rows, batches of 128"
	evaluateAll = "evaluate 10,000 rows, one batch"
	oneRow      = "one row"
	rows32      = "32 rows"
	rows128     = "128 rows"
	callOneRow  = "one row through predict"
)

// listing measures the chapter's network.
func listing(ctx context.Context, b *bench) error {
	questions := []question{
		{"epoch", anEpoch, stepFlops(256, 2, 60000)},
		{"evaluate 128", evaluate128, forwardFlops(256, 2, 10000)},
		{"evaluate 10000", evaluateAll, forwardFlops(256, 2, 10000)},
		{"predict 1", oneRow, forwardFlops(256, 2, 1)},
		{"predict 32", rows32, forwardFlops(256, 2, 32)},
		{"predict 128", rows128, forwardFlops(256, 2, 128)},
		{"call 1", callOneRow, forwardFlops(256, 2, 1)},
	}
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "listing", b.of("listing"), threads, b.rounds, questions); err != nil {
			return err
		}
	}
	t, err := b.of("listing")[0].start(ctx, b, 1)
	if err != nil {
		return err
	}
	defer t.stop()
	a, err := t.ask("allocs")
	if err != nil {
		return err
	}
	b.results.row("listing", "allocations of a prediction", cornuName, 1, "1").add(a.Allocs, 0)
	return nil
}

// The cases of the whole program.
const (
	twentyEpochs = "20 epochs, from start to exit"
	untilFirst   = "until the first step is done"
	memory       = "peak memory"
)

func program(ctx context.Context, b *bench) error {
	return b.programs(ctx, "program", twentyEpochs, nil, b.all())
}

// programs measures processes from their start to their exit: the command line for Cornu, all epochs with a callback for
// its peers, and for the time of the first step. It does nothing if whole programs aren't wanted.
func (b *bench) programs(ctx context.Context, suite, name string, flags []string, peers []*contender) error {
	if !b.whole {
		return nil
	}
	binary := filepath.Join(b.work, "cornu")
	if said, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/cornu").CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/cornu: %s", said)
	}
	threads := b.threads[len(b.threads)-1]
	type task struct {
		*contender
		command      []string
		total, first bool // what it is measured for
		spent        time.Duration
	}
	self := b.peers[0]
	tasks := []task{
		{contender: &self, command: append([]string{binary, "mnist", "train", "--quiet", "--epochs", strconv.Itoa(b.epochs())}, flags...), total: true},
		{contender: &self, command: []string{self.command[0], "program"}, first: true},
	}
	for _, c := range peers {
		if c.program != nil {
			tasks = append(tasks, task{contender: c, command: c.program, total: true, first: true})
		}
	}
	for range b.rounds {
		for i := range tasks {
			t := &tasks[i]
			if t.spent > budget[suite] {
				continue
			}
			b.rest()
			command := exec.CommandContext(ctx, t.command[0], t.command[1:]...)
			command.Env = t.environment(b, threads)
			said := &tail{}
			command.Stderr = said
			start := time.Now()
			out, resident, err := outputAndPeak(command)
			total := time.Since(start)
			t.spent += total
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				progress("left out: %s (%v: %s)", t.name, err, said)
				continue
			}
			if t.total {
				b.results.row(suite, name, t.name, threads, "s").add(total.Seconds(), 0)
				if resident > 0 {
					b.results.row(suite, memory, t.name, threads, "MB").add(float64(resident)/1e6, 0)
				}
				progress("%-22s %s  %d MB", t.name, seconds(total.Seconds()), resident/1e6)
			}
			var a Answer
			if t.first && json.Unmarshal(out, &a) == nil && a.First > 0 {
				b.results.row(suite, untilFirst, t.name, threads, "s").add(a.First-float64(start.UnixNano())/1e9, 0)
			}
		}
	}
	return nil
}

// A shape is that of a matrix product.
type shape struct {
	m, n, k        int
	transA, transB bool
}

func (s shape) String() string {
	kind := map[bool]string{false: "N", true: "T"}
	return fmt.Sprintf("%d×%d×%d %s", s.m, s.n, s.k, kind[s.transA]+kind[s.transB])
}

func (s shape) flops() float64 { return 2 * float64(s.m) * float64(s.n) * float64(s.k) }

// outputs is how many numbers the product has.
func (s shape) outputs() int { return s.m * s.n }

// square is the edge of a square product, 0 if it isn't one.
func (s shape) square() int {
	if s.m == s.n && s.n == s.k {
		return s.m
	}
	return 0
}

// shapes lists the products: squares in all three forms, those of the listing, and skinny ones.
func shapes() []shape {
	var all []shape
	for n := 16; n <= 4096; n *= 2 {
		all = append(all, shape{n, n, n, false, false}, shape{n, n, n, true, false}, shape{n, n, n, false, true})
	}
	return append(all,
		shape{128, 256, 784, false, false}, shape{784, 256, 128, true, false}, // the first layer, and its weights' gradient
		shape{128, 256, 256, false, false}, shape{256, 256, 128, true, false}, shape{128, 256, 256, false, true}, // the second
		shape{128, 10, 256, false, false}, shape{256, 10, 128, true, false}, shape{128, 256, 10, false, true}, // the third
		shape{10000, 256, 784, false, false},
		shape{1, 256, 784, false, false}, shape{32, 256, 784, false, false},
		shape{1, 4096, 4096, false, false}, shape{4096, 1, 4096, false, false},
		shape{4096, 16, 4096, false, false}, shape{16, 4096, 4096, false, false}, shape{4096, 4096, 16, false, false},
		shape{64, 64, 8192, true, false}, shape{100, 100, 100, false, false}, shape{333, 333, 333, false, false},
	)
}

// gemm measures matrix products.
func gemm(ctx context.Context, b *bench) error {
	var questions []question
	for _, s := range shapes() {
		if b.quick && s.flops() > 1e9 {
			continue
		}
		flag := map[bool]int{true: 1}
		questions = append(questions, question{fmt.Sprintf("gemm %d %d %d %d %d", s.m, s.n, s.k, flag[s.transA], flag[s.transB]), s.String(), s.flops()})
	}
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "gemm", b.of("gemm"), threads, min(b.rounds, 3), questions); err != nil {
			return err
		}
	}
	return nil
}

// A size is that of a network and its batches. Along axis it differs from its neighbours.
type size struct {
	axis                string
	width, depth, batch int
}

func (s size) String() string {
	return fmt.Sprintf("%s: width %d, depth %d, batch %d", s.axis, s.width, s.depth, s.batch)
}

// at returns the size's place on its axis.
func (s size) at() int {
	return map[string]int{"width": s.width, "depth": s.depth, "batch": s.batch}[s.axis]
}

// sizes lists the networks of the scaling suite.
func sizes() []size {
	var all []size
	for width := 64; width <= 4096; width *= 2 {
		all = append(all, size{"width", width, 2, 128})
	}
	for batch := 1; batch <= 8192; batch *= 2 {
		all = append(all, size{"batch", 256, 2, batch})
	}
	for depth := 1; depth <= 32; depth *= 2 {
		all = append(all, size{"depth", 256, depth, 128})
	}
	return all
}

// scaling measures a training step of networks of many sizes. Every measure of Cornu's has a process of its own, so that
// its memory is known.
func scaling(ctx context.Context, b *bench) error {
	rounds := min(b.rounds, 3)
	for _, s := range sizes() {
		if b.quick && stepFlops(s.width, s.depth, s.batch) > 1e9 {
			continue
		}
		for range rounds {
			for _, threads := range b.threads {
				t, err := b.peers[0].start(ctx, b, threads)
				if err != nil {
					return err
				}
				a, err := t.ask(fmt.Sprintf("scale %d %d %d", s.width, s.depth, s.batch))
				resident := t.stop()
				if err != nil {
					return fmt.Errorf("%v: %w", s, err)
				}
				row := b.results.row("scaling", s.String(), cornuName, threads, "s")
				row.Flops = stepFlops(s.width, s.depth, s.batch)
				row.add(a.Seconds, a.Peak)
				if resident > 0 {
					b.results.row("scaling memory", s.String(), cornuName, threads, "MB").add(float64(resident)/1e6, 0)
				}
			}
		}
		progress("%-42s %s, %s", s, seconds(b.results.value("scaling", s.String(), cornuName, 1)), seconds(b.results.value("scaling", s.String(), cornuName, 2)))
	}
	var questions []question
	for _, s := range sizes() {
		if b.quick && stepFlops(s.width, s.depth, s.batch) > 1e8 {
			continue
		}
		questions = append(questions, question{fmt.Sprintf("scale %d %d %d", s.width, s.depth, s.batch), s.String(), stepFlops(s.width, s.depth, s.batch)})
	}
	return b.interleave(ctx, "scaling", b.of("scaling")[1:], b.threads[len(b.threads)-1], 1, questions)
}

// The cases of the neighbour.
const (
	alone         = "an epoch on one thread, alone"
	withNeighbour = "an epoch on two threads, another process busy on the second core"
)

// neighbour measures what a process that keeps one of two processors busy costs.
func neighbour(ctx context.Context, b *bench) error {
	self := b.peers[0]
	one, err := self.start(ctx, b, 1)
	if err != nil {
		return err
	}
	defer one.stop()
	two, err := self.start(ctx, b, 2)
	if err != nil {
		return err
	}
	defer two.stop()
	for range b.rounds {
		a, err := one.ask("epoch")
		if err != nil {
			return err
		}
		row := b.results.row("neighbour", alone, cornuName, 1, "s")
		row.Flops = stepFlops(256, 2, 60000)
		row.add(a.Seconds, a.Peak)

		hog := exec.CommandContext(ctx, self.command[0], "hog")
		if path, err := exec.LookPath("taskset"); err == nil {
			hog = exec.CommandContext(ctx, path, "-c", "1", self.command[0], "hog")
		}
		in, err := hog.StdinPipe()
		if err != nil {
			return err
		}
		out, err := hog.StdoutPipe()
		if err != nil {
			return err
		}
		if err := hog.Start(); err != nil {
			return err
		}
		out.Read(make([]byte, 1)) // it is busy now
		a, err = two.ask("epoch")
		in.Close()
		io.Copy(io.Discard, out)
		hog.Wait()
		if err != nil {
			return err
		}
		b.results.row("neighbour", withNeighbour, cornuName, 2, "s").add(a.Seconds, 0)
	}
	progress("alone %s, with a neighbour %s", seconds(b.results.value("neighbour", alone, cornuName, 1)), seconds(b.results.value("neighbour", withNeighbour, cornuName, 2)))
	return nil
}
