package main

// This file measures the chapter's second network, of convolutions.

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// cnnDigits are those of an epoch of the second network that is timed, 100 steps; the epoch is reckoned from them.
const cnnDigits = 12800

// The cases of the second network that the first has not.
const (
	tenEpochs = "10 epochs, from start to exit"
	images32  = "32 images"
	oneImage  = "one image"
	stepArena = "memory of a step"
)

// cnnForward is the arithmetic of a prediction of one image: of the first convolution, and of all that follows.
func cnnForward() (first, rest float64) {
	return 2 * 26 * 26 * 9 * 64, 2 * (11*11*9*64*64 + 3*3*9*64*64 + 576*10)
}

// cnn measures the second network.
func cnn(ctx context.Context, b *bench) error {
	first, rest := cnnForward()
	forward, epoch := first+rest, 60000*(2*first+3*rest)
	questions := []question{
		{"epoch", anEpoch, epoch},
		{"evaluate 128", evaluate128, 10000 * forward},
		{"predict 1", oneImage, forward},
		{"predict 32", images32, 32 * forward},
	}
	if b.quick {
		questions = slices.DeleteFunc(questions, func(q question) bool { return q.words == "evaluate 128" })
	}
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "cnn", b.of("cnn"), threads, min(b.rounds, 3), questions); err != nil {
			return err
		}
	}
	if err := b.stepMemory(ctx); err != nil {
		return err
	}
	// The whole program of those alone who need less than minutes.
	whole := slices.DeleteFunc(b.of("cnn"), func(c *contender) bool { return c.name != "Keras on TensorFlow" && c.name != "PyTorch" })
	return b.programs(ctx, "cnn", tenEpochs, []string{"--model", "cnn"}, whole)
}

// stepMemory asks Cornu what a step takes.
func (b *bench) stepMemory(ctx context.Context) error {
	t, err := b.peers[0].start(ctx, b, 1)
	if err != nil {
		return err
	}
	defer t.stop()
	a, err := t.ask("memory 128")
	if err != nil {
		return err
	}
	b.results.row("cnn", stepArena, cornuName, 1, "MB").add(a.Bytes/1e6, 0)
	progress("%-22s %.1f MB", stepArena, a.Bytes/1e6)
	return nil
}

// fastest returns the shortest time of a case by any peer; NaN without peers.
func (r *Results) fastest(suite, name string, threads int) float64 {
	best := math.NaN()
	for _, who := range r.who(suite) {
		if strings.HasPrefix(who, cornuName) {
			continue
		}
		if theirs := r.value(suite, name, who, threads); !(theirs >= best) {
			best = theirs
		}
	}
	return best
}

func cnnTables(w *strings.Builder, r *Results) {
	if len(r.who("cnn")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Convolutions trained\n\nThe chapter's second network: three convolutions of 64 filters of 3×3 with relu, behind the first two a pool of 2×2, dropout 0.2, 10 classes; "+
		"batches of 128, Adam. An epoch is reckoned from 100 steps. The share of the peak is that of all the arithmetic in the network, and above what is done: Cornu leaves out what it "+
		"multiplies by zero, of which pools and relu make the most in the gradients; \"zeros kept\" is Cornu when it doesn't. %s\n", r.when("cnn"))
	for _, threads := range []int{1, 2} {
		if r.find("cnn", anEpoch, cornuName, threads) == nil {
			continue
		}
		lines := [][]string{{plural(threads, "thread"), "an epoch", "ratio", "of peak", "evaluate 10,000", "ratio", "of peak", "one image", "ratio", "32 images", "ratio"}}
		for _, who := range r.who("cnn") {
			lines = append(lines, slices.Concat([]string{who},
				r.cells("cnn", anEpoch, who, threads, true), r.cells("cnn", evaluate128, who, threads, true),
				r.cells("cnn", oneImage, who, threads, false), r.cells("cnn", images32, who, threads, false)))
		}
		table(w, lines)
	}
	if row := r.find("cnn", stepArena, cornuName, 1); row != nil {
		fmt.Fprintf(w, "\nA step of Cornu's takes %.1f MB beside the weights and the optimizer's slots: the batch, what layers compute, and the gradients. What the pools are computed from isn't stored; its gradient is, and is most of it.\n", row.Median)
	}
	if r.find("cnn", tenEpochs, cornuName, 2) == nil {
		return
	}
	fmt.Fprintf(w, "\nThe whole program, for Cornu `cornu mnist train --model cnn --quiet`:\n")
	lines := [][]string{{"2 threads", "10 epochs, start to exit", "ratio", "first step after", "ratio", "peak memory", "ratio"}}
	for _, who := range r.who("cnn") {
		if r.find("cnn", tenEpochs, who, 2) == nil {
			continue
		}
		lines = append(lines, r.programLine("cnn", tenEpochs, who))
	}
	table(w, lines)
}

// cnnGoals are those of the two suites of convolutions.
func cnnGoals(r *Results, atLeast, atMost func(what string, is, target float64, format func(float64) string, where string), times, megabytes func(float64) string) {
	share := func(who string) float64 {
		if row := r.find("cnn", anEpoch, who, 2); row != nil {
			return row.OfPeak
		}
		return math.NaN()
	}
	atLeast("convolutions, Fit, two threads: share of the peak", share(cornuName), 1, percent, "")
	atLeast("convolutions, Fit, two threads, zeros kept: share of the peak", share(keptName), 0.75, percent, "")
	atLeast("convolutions, Fit, two threads: faster than the fastest peer", r.fastest("cnn", anEpoch, 2)/r.value("cnn", anEpoch, cornuName, 2), 4, times, "")
	atMost("convolutions, whole program", r.value("cnn", tenEpochs, cornuName, 2), 40, seconds, "")
	atMost("convolutions, whole program: peak memory", r.value("cnn", memory, cornuName, 2), 300, megabytes, "")
	atLeast("convolutions, one image, one thread: faster than ONNX Runtime", r.value("cnn", oneImage, onnxName, 1)/r.value("cnn", oneImage, cornuName, 1), 1, times, "")
	for _, threads := range []int{1, 2} {
		least, where := math.Inf(1), ""
		for _, name := range r.cases("conv") {
			if x := r.convRatio(name, threads); x < least {
				least, where = x, name
			}
		}
		ratios, _ := r.convMeans("all", threads)
		atLeast("single convolutions, "+plural(threads, "thread")+": least ratio to the best library", least, 0.85, times, where)
		atLeast("single convolutions, "+plural(threads, "thread")+": geometric mean of the ratios", geometricMean(ratios), 1, times, "")
	}
}
