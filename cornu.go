// Package cornu is Keras for Go: define a network in a few lines, train it fast
// on a CPU, get the same bits on every machine, ship it as one static binary.
//
//	train, test, err := mnist.Load()
//	model := cornu.NewSequential(
//		&layer.Input{Shape: tensor.Shape{784}},
//		&layer.Dense{Units: 256, Activation: activation.ReLU{}},
//		&layer.Dropout{Rate: 0.45},
//		&layer.Dense{Units: 10, Activation: activation.Softmax{}},
//	)
//	err = model.Compile(cornu.CompileConfig{
//		Loss:      loss.CategoricalCrossentropy{},
//		Optimizer: optimizer.Adam{},
//		Metrics:   []metric.Metric{metric.Accuracy{}},
//	})
//	history, err := model.Fit(ctx, train.Flat().OneHot(), cornu.FitConfig{Epochs: 20, BatchSize: 128})
//	result, err := model.Evaluate(ctx, test.Flat().OneHot(), cornu.EvaluateConfig{})
//
// Layers, losses, optimizers and the rest live in packages of those names.
// Branched networks, shared layers and several inputs or outputs are built with
// Input, Apply and NewModel.
//
// One seed gives one set of weights, whatever the number of threads, the
// instruction set and the operating system: see Model.Seed.
package cornu

// This file holds what concerns the whole process.

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
)

// Version is the version of the library.
const Version = "0.1.0"

// SetThreads sets how many threads the library computes on; 0 is GOMAXPROCS,
// the default. The results don't depend on it. Work under way goes on as it is.
func SetThreads(n int) { par.SetDefault(n) }

// Threads returns how many threads the library computes on.
func Threads() int { return par.Default().Workers() }

// SetMemoryLimit sets how many bytes one thing may take: what a model needs in training,
// a tensor, a batch. What would take more is an error that says how much, before anything
// is allocated. 0, the default, is what the environment variable CORNU_MEMORY says (8GiB,
// say, or off), or else seven eighths of the machine's memory, or of what a control group,
// a limit of the process or GOMEMLIMIT leaves it.
//
// The limit is not on the sum: what is held already doesn't count.
func SetMemoryLimit(bytes int64) { mem.SetLimit(bytes) }

// MemoryLimit returns how many bytes one thing may take.
func MemoryLimit() int64 { return mem.Limit() }

// A MemoryError says that something would take more memory than the limit, which
// SetMemoryLimit sets. Its fields are What would take it (string), how many Bytes,
// at least (float64), and the Limit (int64); if it is a batch, how many bytes each
// Sample takes (float64), and about how many samples would fit (Batch, int).
type MemoryError = mem.Error

// Tier returns the name of the kernels in use: "avx512", "avx2", "neon" or
// "generic". The environment variable CORNU_CPU forces one, and CORNU_CACHE=48K,2M,32M sets the
// sizes of the caches that products are cut by. The results don't depend on either. The
// error says that the forced tier is unknown or not to be had on this machine, or that
// the sizes can't be read.
func Tier() (string, error) { return isa.Active().String(), isa.Err() }
