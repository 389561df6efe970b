package main

// This file measures the chapter's third network, of recurrence.

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// rnnUnits is how many the recurrent layer has.
const rnnUnits = 256

// The cases of the third network that the others have not.
const (
	oneSequence = "one row of 28 steps"
	sequences32 = "32 rows of 28 steps"
)

// recurrent returns the chapter's third network, compiled as there.
func recurrent() (*cornu.Sequential, error) {
	return compiledWith(cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{mnist.Rows, mnist.Columns}},
		&layer.SimpleRNN{Units: rnnUnits, Dropout: 0.2},
		&layer.Dense{Units: mnist.Classes}, &layer.Activation{Func: activation.Softmax{}},
	), optimizer.SGD{})
}

// rnnFlops is the arithmetic of a prediction of one row, and of its part of a training step: forward and weight gradients, and the
// gradients of all states.
func rnnFlops() (forward, step float64) {
	input, state, dense := float64(mnist.Rows*mnist.Columns*rnnUnits), float64(mnist.Rows*rnnUnits*rnnUnits), float64(rnnUnits*mnist.Classes)
	return 2 * (input + state + dense), 2 * (2*input + 3*state + 3*dense)
}

// rnn measures the third network.
func rnn(ctx context.Context, b *bench) error {
	forward, step := rnnFlops()
	questions := []question{
		{"epoch", anEpoch, 60000 * step},
		{"evaluate 128", evaluate128, 10000 * forward},
		{"predict 1", oneSequence, forward},
		{"predict 32", sequences32, 32 * forward},
	}
	if b.quick {
		questions = slices.DeleteFunc(questions, func(q question) bool { return q.words == "evaluate 128" })
	}
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "rnn", b.of("rnn"), threads, min(b.rounds, 3), questions); err != nil {
			return err
		}
	}
	whole := slices.DeleteFunc(b.of("rnn"), func(c *contender) bool { return c.name != "Keras on JAX" && c.name != "PyTorch" })
	return b.programs(ctx, "rnn", twentyEpochs, []string{"--model", "rnn"}, whole)
}

func rnnTables(w *strings.Builder, r *Results) {
	if len(r.who("rnn")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Recurrence trained\n\nThe chapter's third network: SimpleRNN of %d units over the 28 rows of an image, dropout 0.2, 10 classes; batches of 128, SGD. %s\n", rnnUnits, r.when("rnn"))
	for _, threads := range []int{1, 2} {
		if r.find("rnn", anEpoch, cornuName, threads) == nil {
			continue
		}
		lines := [][]string{{plural(threads, "thread"), "an epoch", "ratio", "of peak", "evaluate 10,000", "ratio", "of peak", "one row", "ratio", "32 rows", "ratio"}}
		for _, who := range r.who("rnn") {
			lines = append(lines, slices.Concat([]string{who},
				r.cells("rnn", anEpoch, who, threads, true), r.cells("rnn", evaluate128, who, threads, true),
				r.cells("rnn", oneSequence, who, threads, false), r.cells("rnn", sequences32, who, threads, false)))
		}
		table(w, lines)
	}
	if r.find("rnn", twentyEpochs, cornuName, 2) == nil {
		return
	}
	fmt.Fprintf(w, "\nThe whole program, for Cornu `cornu mnist train --model rnn --quiet`:\n")
	lines := [][]string{{"2 threads", "20 epochs, start to exit", "ratio", "first step after", "ratio", "peak memory", "ratio"}}
	for _, who := range r.who("rnn") {
		if r.find("rnn", twentyEpochs, who, 2) != nil {
			lines = append(lines, r.programLine("rnn", twentyEpochs, who))
		}
	}
	table(w, lines)
}

func rnnGoals(r *Results, atLeast func(what string, is, target float64, format func(float64) string, where string), times func(float64) string) {
	share := func(who string) float64 {
		if row := r.find("rnn", anEpoch, who, 2); row != nil {
			return row.OfPeak
		}
		return math.NaN()
	}
	atLeast("recurrence, Fit, two threads: share of the peak", share(cornuName), 0.75, percent, "")
	atLeast("recurrence, AVX2, Fit, two threads: share of its peak", share(avx2Name), 0.70, percent, "")
	atLeast("recurrence, Fit, two threads: faster than the fastest peer", r.fastest("rnn", anEpoch, 2)/r.value("rnn", anEpoch, cornuName, 2), 2, times, "")
	atLeast("recurrence, one row, one thread: faster than ONNX Runtime", r.value("rnn", oneSequence, onnxName, 1)/r.value("rnn", oneSequence, cornuName, 1), 1, times, "")
}
