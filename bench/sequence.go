package main

// This file measures networks over sequences of several lengths, trained and for predictions.

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// What all networks over sequences share. The peers know it by bench/peers/contender.py.
const (
	sequenceBatch    = 64
	sequenceFeatures = 64
)

// A sequenceKind is a network over sequences: what it is told apart by in questions is its place in the list.
type sequenceKind struct {
	name  string
	steps []int
	layer func() layer.Layer
	flops float64 // of a prediction, by row and step
}

var sequenceKinds = []sequenceKind{
	{"LSTM 128", []int{100}, func() layer.Layer { return &layer.LSTM{Units: 128} }, 2 * 4 * 128 * (sequenceFeatures + 128)},
	{"GRU 512", []int{100}, func() layer.Layer { return &layer.GRU{Units: 512} }, 2 * 3 * 512 * (sequenceFeatures + 512)},
	{"LSTM 128 in both directions", []int{16, 64, 256, 1024}, func() layer.Layer {
		return &layer.Bidirectional{Layer: &layer.LSTM{Units: 128}}
	}, 2 * 2 * 4 * 128 * (sequenceFeatures + 128)},
}

// sequenceCases calls f with the name of each case and what asks for it.
func sequenceCases(f func(name, words string, flops float64)) {
	for i, kind := range sequenceKinds {
		for _, steps := range kind.steps {
			flops := kind.flops * float64(sequenceBatch*steps)
			f(fmt.Sprintf("%s, %d steps, trained", kind.name, steps), fmt.Sprintf("sequence %d %d 1", i, steps), 3*flops)
			f(fmt.Sprintf("%s, %d steps, predicted", kind.name, steps), fmt.Sprintf("sequence %d %d 0", i, steps), flops)
		}
	}
}

// sequences measures a step of training, and a prediction, of batches of sequences.
func sequences(ctx context.Context, b *bench) error {
	var questions []question
	sequenceCases(func(name, words string, flops float64) {
		if !b.quick || flops < 1e10 {
			questions = append(questions, question{words, name, flops})
		}
	})
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "sequence", b.of("sequence"), threads, min(b.rounds, 3), questions); err != nil {
			return err
		}
	}
	return nil
}

// sequenceAnswer returns the seconds of a step of training or of a prediction.
func sequenceAnswer(kind, steps int, training bool) (Answer, error) {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{steps, sequenceFeatures}}, sequenceKinds[kind].layer(), &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
		return Answer{}, err
	}
	const batches = 4
	x := make([]float32, batches*sequenceBatch*steps*sequenceFeatures)
	for i := range x {
		x[i] = float32(i*7919%1000)/1000 - 0.5
	}
	if !training {
		x, y := x[:len(x)/batches], make([]float32, sequenceBatch)
		return timed(func() error { return model.PredictInto(y, x) })
	}
	in, err := data.Floats(x, steps, sequenceFeatures)
	if err != nil {
		return Answer{}, err
	}
	target, err := data.Floats(make([]float32, batches*sequenceBatch), 1)
	if err != nil {
		return Answer{}, err
	}
	source := &data.Arrays{X: []data.Column{in}, Y: []data.Column{target}}
	epoch := 0
	a, err := timed(func() error {
		epoch++
		_, err := model.Fit(context.Background(), source, cornu.FitConfig{InitialEpoch: epoch - 1, Epochs: epoch, BatchSize: sequenceBatch, Quiet: true})
		return err
	})
	a.Seconds /= batches
	return a, err
}

func sequenceTables(w *strings.Builder, r *Results) {
	if len(r.who("sequence")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Sequences\n\nA step of training with Adam, and a prediction, of a batch of %d sequences of %d features. %s\n", sequenceBatch, sequenceFeatures, r.when("sequence"))
	for _, threads := range []int{1, 2} {
		lines := [][]string{{plural(threads, "thread")}}
		for _, who := range r.who("sequence") {
			lines[0] = append(lines[0], who, "ratio")
		}
		sequenceCases(func(name, _ string, _ float64) {
			line := []string{name}
			for _, who := range r.who("sequence") {
				line = append(line, r.cells("sequence", name, who, threads, false)...)
			}
			lines = append(lines, line)
		})
		table(w, lines)
	}
}

func sequenceGoals(r *Results, atLeast func(what string, is, target float64, format func(float64) string, where string), times func(float64) string) {
	least, where := math.Inf(1), ""
	for _, threads := range []int{1, 2} {
		sequenceCases(func(name, _ string, _ float64) {
			if x := r.fastest("sequence", name, threads) / r.value("sequence", name, cornuName, threads); x < least {
				least, where = x, name
			}
		})
	}
	atLeast("sequences: faster than the fastest peer", least, 1, times, where)
}
