// Command gomlx is GoMLX on the chapter's network, with its backend in pure Go.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"
	"github.com/gomlx/gomlx/pkg/ml/datasets"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/metrics"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/cornu-ml/cornu/bench/peers/contender"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
}

// network is the chapter's, up to its logits.
func network(ctx *context.Context, _ any, inputs []*graph.Node) []*graph.Node {
	x := inputs[0]
	for i := range 2 {
		x = activations.Relu(layers.Dense(ctx.Inf("hidden%d", i), x, true, 256))
		x = layers.DropoutStatic(ctx, x, 0.45)
	}
	return []*graph.Node{layers.Dense(ctx.In("output"), x, true, 10)}
}

func run() error {
	backend, err := simplego.New("parallelism=" + os.Getenv("BENCH_THREADS"))
	if err != nil {
		return err
	}
	ctx := context.New()
	ctx = ctx.WithInitializer(initializers.XavierUniformFn(ctx))
	trainer := train.NewTrainer(backend, ctx, network, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.Adam().LearningRate(1e-3).Epsilon(1e-7).Done(),
		[]metrics.Interface{metrics.NewSparseCategoricalAccuracy("accuracy", "accuracy")},
		[]metrics.Interface{metrics.NewSparseCategoricalAccuracy("accuracy", "accuracy")})
	source := func(name string) (*datasets.InMemoryDataset, contender.Digits, error) {
		d, err := contender.Load(name)
		if err != nil {
			return nil, d, err
		}
		labels := make([]int32, len(d.Labels))
		for i, u := range d.Labels {
			labels[i] = int32(u)
		}
		set, err := datasets.InMemoryFromData(backend, name,
			[]any{tensors.FromFlatDataAndDimensions(d.Pixels, len(labels), 784)},
			[]any{tensors.FromFlatDataAndDimensions(labels, len(labels), 1)})
		return set, d, err
	}
	digits, _, err := source("train")
	if err != nil {
		return err
	}
	digits = digits.BatchSize(128, true).Shuffle()
	test, testDigits, err := source("test")
	if err != nil {
		return err
	}
	step := func(int) error {
		spec, x, y, err := digits.Yield()
		if err == io.EOF {
			digits.Reset()
			spec, x, y, err = digits.Yield()
		}
		if err != nil {
			return err
		}
		_, err = trainer.TrainStep(spec, x, y)
		return err
	}
	if err := step(0); err != nil {
		return err
	}
	predict, err := context.NewExec(backend, ctx.Reuse(), func(ctx *context.Context, x *graph.Node) *graph.Node {
		ctx.SetTraining(x.Graph(), false)
		return graph.Softmax(network(ctx, nil, []*graph.Node{x})[0])
	})
	if err != nil {
		return err
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/gomlx/gomlx" {
				version = m.Version
			}
		}
	}
	return contender.Serve("GoMLX", version, map[string]func(int) (float64, error){
		"epoch": func(int) (float64, error) { return contender.Epoch(469, step) },
		"evaluate": func(batch int) (float64, error) {
			set := test.Copy().BatchSize(batch, false)
			return contender.Timed(func() error {
				set.Reset()
				_, err := trainer.Eval(set)
				return err
			})
		},
		"predict": func(rows int) (float64, error) {
			x := tensors.FromFlatDataAndDimensions(testDigits.Pixels[:rows*784], rows, 784)
			return contender.Timed(func() error {
				y, err := predict.Exec1(x)
				if err != nil {
					return err
				}
				_, err = tensors.CopyFlatData[float32](y)
				y.FinalizeAll()
				return err
			})
		},
	})
}
