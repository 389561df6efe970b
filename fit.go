package cornu

// This file trains and evaluates models.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A History holds what Fit measured at the end of each epoch.
type History = train.History

// A FitConfig says how Fit goes through the data: [train.Config] has its fields.
type FitConfig = train.Config

// A Checkpoint says where Fit keeps the state of a training, and how often.
type Checkpoint = train.Checkpoint

// Fit trains the model: the variables of the layers that aren't frozen when it is
// called. An epoch's loss is the mean over its samples, those of a
// last, smaller batch included; training metrics are the running ones, with
// dropout on. When ctx ends, training ends after the present step: the weights
// are those of that step, the history holds the epochs that were completed, and
// the error is ctx's. With a Checkpoint, Fit goes on where a training of that folder
// stopped, whatever ended it.
func (m *Model) Fit(ctx context.Context, source data.Source, cfg FitConfig) (*History, error) {
	if err := m.hold("Fit"); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.fit(ctx, source, cfg)
}

// Fit trains the model, as Model.Fit does. If the model isn't built it is built
// for the shape of the data first.
func (m *Sequential) Fit(ctx context.Context, source data.Source, cfg FitConfig) (*History, error) {
	if err := m.hold("Fit"); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.net == nil && m.err == nil && !config.IsNil(source) {
		spec, err := data.SpecOf(source)
		if err != nil {
			return nil, fmt.Errorf("cornu: Fit: %w", err)
		}
		if len(spec.X) != 1 {
			return nil, fmt.Errorf("cornu: Fit: the data have %d inputs, a Sequential has one", len(spec.X))
		}
		compiled := m.compiled
		var dtype tensor.DType
		if len(spec.Types) > 0 && spec.Types[0] == tensor.String {
			dtype = tensor.String
		}
		if err := m.buildFor(spec.X[0], dtype); err != nil {
			return nil, err
		}
		if compiled != nil {
			if err := m.compile(*compiled); err != nil {
				return nil, err
			}
		}
	}
	return m.fit(ctx, source, cfg)
}

// ahead is the source of what the model's graph is fed with. What layers do on the host is done for the next batches while
// the network computes.
func (m *Model) ahead(source data.Source) data.Source {
	if source == nil || m.net.Front() == nil {
		return source
	}
	return data.Prefetch(data.Ahead(source, m.net), 2)
}

// fed describes what the model's graph is fed with, of the samples of source.
func (m *Model) fed(source data.Source) (data.Spec, error) {
	return data.SpecOf(data.Ahead(source, m.net))
}

func (m *Model) fit(ctx context.Context, source data.Source, cfg FitConfig) (*History, error) {
	if _, err := batchSize("Fit", cfg.BatchSize); err != nil {
		return nil, err
	}
	if _, err := batchSize("Fit: validation", cfg.ValidationBatchSize); err != nil {
		return nil, err
	}
	training, validation, err := cfg.Sources(source)
	if err != nil {
		return nil, fmt.Errorf("cornu: Fit: %w", err)
	}
	weighted := training // which hides the labels
	if cfg.ClassWeight != nil {
		if weighted, err = data.ClassWeights(training, cfg.ClassWeight); err != nil {
			return nil, fmt.Errorf("cornu: Fit: %w", err)
		}
	}
	step, err := m.step(true, weighted, training)
	if err != nil {
		return nil, err
	}
	spec, err := data.SpecOf(training)
	if err != nil {
		return nil, fmt.Errorf("cornu: Fit: %w", err)
	}
	m.bytes = spec.Bytes
	var evaluate *train.Step
	if validation != nil {
		if evaluate, err = m.step(false, validation, validation); err != nil {
			return nil, fmt.Errorf("cornu: Fit: validation: %w", err)
		}
	}
	cfg.Facts = append(m.facts(cfg.ClassWeight), cfg.Facts...)
	if cfg.Saver == nil {
		cfg.Saver = m.saver
	}
	cfg.ValidationData, cfg.ValidationSplit = m.ahead(validation), 0
	return train.Fit(ctx, step, evaluate, m.ahead(training), cfg)
}

const (
	defaultBatch = 32      // Keras's
	maxBatch     = 1 << 24 // float32 counts so far
)

func batchSize(call string, n int) (int, error) {
	if n < 0 || n > maxBatch {
		return 0, fmt.Errorf("cornu: %s: the batch size is %d, it must be positive and at most %d", call, n, maxBatch)
	}
	if n == 0 {
		n = defaultBatch
	}
	return n, nil
}

// An EvaluateConfig says how Evaluate goes through the data: [train.EvaluateConfig] has its fields.
type EvaluateConfig = train.EvaluateConfig

// A Result holds what Evaluate measured.
type Result struct {
	Loss    float64
	Metrics map[string]float64 // all of them by name, "loss" included

	// Vectors holds all results of each metric that has several, such as a
	// ConfusionMatrix, whose value in Metrics is a summary of them.
	Vectors map[string][]float64
}

// Metric returns the measure of that name, or of what Keras's short name stands
// for: acc, mae, kind_mse. The error of one that isn't there lists those that are,
// where Metrics, a map, has a silent 0.
func (r Result) Metric(name string) (float64, error) {
	found, err := train.Find(name, slices.Sorted(maps.Keys(r.Metrics)))
	if err != nil {
		return 0, fmt.Errorf("cornu: Result: %w", err)
	}
	return r.Metrics[found], nil
}

// Evaluate measures the loss and the metrics over all samples of source.
func (m *Model) Evaluate(ctx context.Context, source data.Source, cfg EvaluateConfig) (Result, error) {
	if config.IsNil(source) {
		return Result{}, errors.New("cornu: Evaluate: the data source is nil")
	}
	if err := m.hold("Evaluate"); err != nil {
		return Result{}, err
	}
	defer m.mu.Unlock()
	if _, err := batchSize("Evaluate", cfg.BatchSize); err != nil {
		return Result{}, err
	}
	step, err := m.step(false, source, source)
	if err != nil {
		return Result{}, err
	}
	values, err := train.Evaluate(ctx, step, m.ahead(source), cfg)
	if err != nil {
		return Result{}, err
	}
	return Result{Loss: values["loss"], Metrics: values, Vectors: step.Vectors()}, nil
}

// TrainOnBatch does one step of training on all samples of source as one batch,
// and returns what it measured.
func (m *Model) TrainOnBatch(source data.Source) (Result, error) {
	return m.onBatch("TrainOnBatch", true, source)
}

// TestOnBatch measures all samples of source as one batch.
func (m *Model) TestOnBatch(source data.Source) (Result, error) {
	return m.onBatch("TestOnBatch", false, source)
}

func (m *Model) onBatch(call string, training bool, source data.Source) (Result, error) {
	if config.IsNil(source) {
		return Result{}, fmt.Errorf("cornu: %s: the data source is nil", call)
	}
	if err := m.hold(call); err != nil {
		return Result{}, err
	}
	defer m.mu.Unlock()
	spec, err := data.SpecOf(source)
	if err != nil {
		return Result{}, fmt.Errorf("cornu: %s: %w", call, err)
	}
	if spec.Len <= 0 || spec.Len > maxBatch {
		return Result{}, fmt.Errorf("cornu: %s: the number of samples must be known, at least 1 and at most %d; it is %d", call, maxBatch, spec.Len)
	}
	if len(spec.Buckets) > 1 {
		return Result{}, fmt.Errorf("cornu: %s: the samples are in %d buckets of several shapes: give it one of the sources that Bucketed was given", call, len(spec.Buckets))
	}
	step, err := m.step(training, source, source)
	if err != nil {
		return Result{}, err
	}
	if training {
		m.bytes = spec.Bytes
	}
	values, err := train.Batch(step, data.Ahead(source, m.net), spec.Len)
	if err != nil {
		return Result{}, err
	}
	return Result{Loss: values["loss"], Metrics: values, Vectors: step.Vectors()}, nil
}

// Plan returns the kernel calls of a training step for batches of n samples such
// as source's, as text: of the first bucket, if it is Bucketed.
func (m *Model) Plan(source data.Source, n int) (string, error) {
	if config.IsNil(source) {
		return "", errors.New("cornu: Plan: the data source is nil")
	}
	n, err := batchSize("Plan", n)
	if err != nil {
		return "", err
	}
	if err := m.hold("Plan"); err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	step, err := m.step(true, source, source)
	if err != nil {
		return "", err
	}
	if m.net.Open() {
		spec, err := m.fed(source)
		if err == nil {
			spec, err = m.known(spec)
		}
		if err == nil {
			step, err = step.For(spec)
		}
		if err != nil {
			return "", fmt.Errorf("cornu: Plan: %w", err)
		}
	}
	return step.Plan(n)
}
