package main

// This file measures networks over sequences of several lengths, trained and for predictions.

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// What an encoder is made of. The peers know it, as what else is said of networks here, by bench/peers/contender.py.
const (
	encoderLayers = 4
	encoderWidth  = 256
	encoderHeads  = 4
	encoderInner  = 1024 // of the two dense layers
)

// A sequenceKind is a network over sequences: what it is told apart by in questions is its place in the list.
type sequenceKind struct {
	name     string
	lengths  []int
	batch    int
	features int // of a step
	words    int // how many there are, of sequences of words, which a network looks up; 0: a step has its features
	network  func(x *cornu.Node) *cornu.Node
	step     float64 // the arithmetic of a prediction, by row and step
	pair     float64 // by row and pair of steps
}

func lstm128(x *cornu.Node) *cornu.Node { return cornu.Apply(&layer.LSTM{Units: 128}, x) }

var sequenceKinds = []sequenceKind{
	{
		name: "LSTM 128", lengths: []int{100}, batch: 64, features: 64, network: lstm128,
		step: 2 * 4 * 128 * (64 + 128),
	},
	{
		name: "GRU 512", lengths: []int{100}, batch: 64, features: 64,
		network: func(x *cornu.Node) *cornu.Node { return cornu.Apply(&layer.GRU{Units: 512}, x) },
		step:    2 * 3 * 512 * (64 + 512),
	},
	{
		name: "LSTM 128 in both directions", lengths: []int{16, 64, 256, 1024}, batch: 64, features: 64,
		network: func(x *cornu.Node) *cornu.Node {
			return cornu.Apply(&layer.Bidirectional{Layer: &layer.LSTM{Units: 128}}, x)
		},
		step: 2 * 2 * 4 * 128 * (64 + 128),
	},
	{
		name: "20,000 words × 128, LSTM 128", lengths: []int{100}, batch: 64, features: 128, words: 20000,
		network: func(x *cornu.Node) *cornu.Node {
			return lstm128(cornu.Apply(&layer.Embedding{InputDim: 20000, OutputDim: 128}, x))
		},
		step: 2 * 4 * 128 * (128 + 128),
	},
	{
		name: "encoder", lengths: []int{16, 64, 256, 1024, 2048}, batch: 4, features: encoderWidth, network: encoder,
		step: encoderLayers * 2 * (4*encoderWidth*encoderWidth + 2*encoderWidth*encoderInner), pair: encoderLayers * 2 * 2 * encoderWidth,
	},
}

// encoder is that of a transformer (Vaswani et al. 2017), and the mean of its steps.
func encoder(x *cornu.Node) *cornu.Node {
	add := func(x, y *cornu.Node) *cornu.Node {
		return cornu.Apply(&layer.LayerNormalization{}, cornu.Apply(&layer.Add{}, x, y))
	}
	for range encoderLayers {
		x = add(x, cornu.Apply(&layer.MultiHeadAttention{NumHeads: encoderHeads, KeyDim: encoderWidth / encoderHeads}, x, x))
		y := cornu.Apply(&layer.Dense{Units: encoderInner, Activation: activation.ReLU{}}, x)
		x = add(x, cornu.Apply(&layer.Dense{Units: encoderWidth}, y))
	}
	return cornu.Apply(&layer.GlobalAveragePooling1D{}, x)
}

// A sequenceCase is one that is measured.
type sequenceCase struct {
	name, words string
	kind, steps int
	training    bool
	flops       float64
}

// sequenceCases returns them in the order in which they are measured. Predictions of the encoder, which is the last kind, come first, the
// short ones before the long ones: see sequences.
func sequenceCases() []sequenceCase {
	var all []sequenceCase
	for i, k := range slices.Backward(sequenceKinds) {
		for _, training := range []bool{false, true} {
			for _, steps := range k.lengths {
				c := sequenceCase{kind: i, steps: steps, training: training, flops: float64(k.batch*steps) * (k.step + k.pair*float64(steps))}
				c.name = fmt.Sprintf("%s, %d steps, predicted", k.name, steps)
				c.words = fmt.Sprintf("sequence %d %d 0", i, steps)
				if training {
					c.name, c.words, c.flops = strings.Replace(c.name, "predicted", "trained", 1), fmt.Sprintf("sequence %d %d 1", i, steps), 3*c.flops
				}
				all = append(all, c)
			}
		}
	}
	return all
}

// sequenceMemory is a suite's name for rows of memory.
const sequenceMemory = "sequence memory"

// sequences measures a step of training, and a prediction, of batches of sequences. What takes long is measured on all threads alone.
func sequences(ctx context.Context, b *bench) error {
	for _, threads := range b.threads {
		limit := math.Inf(1)
		switch {
		case b.quick:
			limit = 1e10
		case threads < slices.Max(b.threads):
			limit = 4e10
		}
		if err := b.sequences(ctx, threads, limit); err != nil {
			return err
		}
	}
	return nil
}

// sequences measures those of at most so much arithmetic. How much memory a process takes is read after each prediction of the encoder:
// nothing that takes more has come before.
func (b *bench) sequences(ctx context.Context, threads int, limit float64) error {
	all, stop := b.meet(ctx, b.of("sequence"), threads)
	defer stop()
	before := map[*conversation]int64{}
	for _, t := range all {
		before[t] = highWater(t.process.Process.Pid)
	}
	var rest []question
	for _, c := range sequenceCases() {
		q := question{c.words, c.name, c.flops}
		switch {
		case c.flops > limit:
			continue
		case c.training || sequenceKinds[c.kind].pair == 0:
			rest = append(rest, q)
			continue
		}
		if err := b.turns(ctx, "sequence", all, min(b.rounds, 3), []question{q}); err != nil {
			return err
		}
		for _, t := range all {
			who := t.contender.name
			if peak := highWater(t.process.Process.Pid); peak > 0 && b.results.find("sequence", c.name, who, threads) != nil {
				b.results.row(sequenceMemory, c.name, who, threads, "MB").add(float64(peak-before[t])/1e6, 0)
			}
		}
	}
	return b.turns(ctx, "sequence", all, min(b.rounds, 3), rest)
}

// shape is that of one sequence.
func (k sequenceKind) shape(steps int) tensor.Shape {
	if k.words > 0 {
		return tensor.Shape{steps}
	}
	return tensor.Shape{steps, k.features}
}

// model returns the network, with a number as its output.
func (k sequenceKind) model(steps int) *cornu.Model {
	in := cornu.Input(k.shape(steps)...)
	return cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, k.network(in))})
}

// sequenceAnswer returns the seconds of a step of training or of a prediction.
func sequenceAnswer(kind, steps int, training bool) (Answer, error) {
	k := sequenceKinds[kind]
	model, sample := k.model(steps), k.shape(steps)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
		return Answer{}, err
	}
	batches := 1
	if training {
		batches = 4
		if steps > 256 {
			batches = 2
		}
	}
	x, y := make([]float32, batches*k.batch*sample.Numel()), make([]float32, batches*k.batch)
	for i := range x {
		if k.words > 0 {
			x[i] = float32(i * 7919 % k.words)
		} else {
			x[i] = float32(i*7919%1000)/1000 - 0.5
		}
	}
	if !training {
		return timed(func() error { return model.PredictInto(y, x) })
	}
	column, err := data.Floats(x, sample...)
	if err != nil {
		return Answer{}, err
	}
	target, err := data.Floats(y, 1)
	if err != nil {
		return Answer{}, err
	}
	source := &data.Arrays{X: []data.Column{column}, Y: []data.Column{target}}
	epoch := 0
	a, err := timed(func() error {
		epoch++
		_, err := model.Fit(context.Background(), source, cornu.FitConfig{InitialEpoch: epoch - 1, Epochs: epoch, BatchSize: k.batch, Quiet: true})
		return err
	})
	a.Seconds /= float64(batches)
	return a, err
}

func sequenceTables(w *strings.Builder, r *Results) {
	if len(r.who("sequence")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Sequences\n\nA step of training with Adam, and a prediction, of a batch of sequences: of LSTM and GRU 64 of 64 features, or of words that an Embedding looks "+
		"up; of the encoder %d of %d features. The encoder is a transformer's, of %d layers with %d heads and %d units inside. What takes long is measured on all threads alone. %s\n",
		sequenceKinds[len(sequenceKinds)-1].batch, encoderWidth, encoderLayers, encoderHeads, encoderInner, r.when("sequence"))
	for _, threads := range []int{1, 2} {
		lines := [][]string{{plural(threads, "thread")}}
		for _, who := range r.who("sequence") {
			lines[0] = append(lines[0], who, "ratio")
		}
		for _, c := range sequenceCases() {
			if r.find("sequence", c.name, cornuName, threads) == nil {
				continue
			}
			line := []string{c.name}
			for _, who := range r.who("sequence") {
				line = append(line, r.cells("sequence", c.name, who, threads, false)...)
			}
			lines = append(lines, line)
		}
		if len(lines) > 1 {
			table(w, lines)
		}
	}
	fmt.Fprint(w, "\nAgainst the length, on two threads: Cornu's time by row and step, its share of the peak, and what memory the predictions take, at most, beyond what the process "+
		"had before the first:\n")
	lines := [][]string{{"", "by row and step", "of peak"}}
	lines[0] = append(lines[0], r.who(sequenceMemory)...)
	for _, c := range sequenceCases() {
		k, row := sequenceKinds[c.kind], r.find("sequence", c.name, cornuName, 2)
		if len(k.lengths) == 1 || row == nil {
			continue
		}
		line := []string{c.name, seconds(row.Median / float64(k.batch*c.steps)), percent(row.OfPeak)}
		for _, who := range r.who(sequenceMemory) {
			cell := ""
			if row := r.find(sequenceMemory, c.name, who, 2); row != nil {
				cell = fmt.Sprintf("%.0f MB", row.Median)
			}
			line = append(line, cell)
		}
		lines = append(lines, line)
	}
	table(w, lines)
}

func sequenceGoals(r *Results, atLeast, atMost func(what string, is, target float64, format func(float64) string, where string), times func(float64) string) {
	least, where := math.Inf(1), ""
	for _, threads := range []int{1, 2} {
		for _, c := range sequenceCases() {
			if x := r.fastest("sequence", c.name, threads) / r.value("sequence", c.name, cornuName, threads); x < least {
				least, where = x, c.name
			}
		}
	}
	atLeast("sequences: faster than the fastest peer", least, 1, times, where)
	var longer, memory []point
	for i, k := range sequenceKinds {
		for _, training := range []bool{false, true} {
			longer = longer[:0]
			for _, c := range sequenceCases() {
				if c.kind != i || c.training != training {
					continue
				}
				if row := r.find("sequence", c.name, cornuName, 2); row != nil {
					longer = append(longer, point{c.flops, row.Median, c.name})
				}
				if row := r.find(sequenceMemory, c.name, cornuName, 2); row != nil && c.steps >= 256 { // of less most is what every process needs
					memory = append(memory, point{float64(c.steps), row.Median, c.name})
				}
			}
			if len(k.lengths) > 1 {
				what := map[bool]string{false: "predicted", true: "trained"}[training]
				worst, where := bend(longer)
				atMost(k.name+", "+what+", time against arithmetic, two threads: farthest from a straight line", worst, 0.20, percent, where)
			}
		}
	}
	worst, where := bend(memory)
	atMost("encoder, predicted, memory against length from 256 steps: farthest from a straight line", worst, 0.20, percent, where)
}
