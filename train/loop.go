package train

// This file is the loop: epochs of batches, each one step, with callbacks and
// validation between them.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
)

// A Config says how Fit goes through the data.
type Config struct {
	Epochs          int         // train until this epoch, counted from 0; 0 is one epoch after InitialEpoch
	InitialEpoch    int         // where to begin, to go on with a training
	BatchSize       int         // samples of a step; 0 is 32
	StepsPerEpoch   int         // batches of an epoch, which goes on where the last one ended; 0 is until the data end
	NoShuffle       bool        // keep the order of the data
	ValidationData  data.Source // evaluated after each epoch
	ValidationSplit float64     // the share of the data, taken from their end before shuffling, that is kept for validation
	ValidationEvery int         // epochs from one validation to the next; 0 is 1

	ValidationBatchSize int // samples of a step of validation; 0 is BatchSize
	ValidationSteps     int // batches of a validation, always the first ones; 0 is until the data end

	ClassWeight map[int]float64 // the weight of the samples of each class; those not named weigh 1
	Callbacks   []Callback

	// AllowNonFinite goes on, as Keras does, when a loss or a gradient is not a
	// finite number. Without it Fit ends with a *NonFiniteError and the
	// weights of the last finite step.
	AllowNonFinite bool

	Checkpoint Checkpoint // where the state of the training is kept, to go on from it
	// Facts says what else must be the same in a training that goes on from a
	// checkpoint: the version of the data, say. The Fit of a model adds its network, data and configuration.
	Facts []Fact

	// Saver returns what writes the model that is trained, or its weights alone, to a file, for
	// callbacks; nil is the model's own. Without a model there is none.
	Saver func(path string, weightsOnly bool) (func() error, error)

	Quiet bool      // write no progress
	Log   io.Writer // where progress goes; nil is os.Stdout
}

// defaultBatch is Keras's.
const defaultBatch = 32

// logTo returns where progress is written, nil for nowhere.
func logTo(quiet bool, w io.Writer) io.Writer {
	switch {
	case quiet:
		return nil
	case w == nil:
		return os.Stdout
	}
	return w
}

// Sources returns the data that Fit trains on and the data that it evaluates after each
// epoch, nil if there are none. With ValidationSplit both are parts of source.
func (c *Config) Sources(source data.Source) (training, validation data.Source, err error) {
	switch {
	case config.IsNil(source):
		return nil, nil, errors.New("the data source is nil")
	case c.ValidationData != nil && config.IsNil(c.ValidationData):
		return nil, nil, errors.New("the validation data source is nil")
	case c.ValidationSplit == 0:
		return source, c.ValidationData, nil
	case c.ValidationData != nil:
		return nil, nil, errors.New("give ValidationData or ValidationSplit, not both")
	}
	splitter, ok := source.(data.Splitter)
	if !ok {
		return nil, nil, errors.New("ValidationSplit needs arrays; give ValidationData for other sources")
	}
	return splitter.Split(c.ValidationSplit)
}

// filled returns c with the defaults of fields that are 0, for the source after the split.
func (c Config) filled(source data.Source) (Config, data.Source, error) {
	source, validation, err := c.Sources(source)
	if err == nil && c.ClassWeight != nil {
		source, err = data.ClassWeights(source, c.ClassWeight)
	}
	if c.Epochs == 0 {
		c.Epochs = c.InitialEpoch + 1
	}
	c.BatchSize = cmp.Or(c.BatchSize, defaultBatch)
	c.ValidationBatchSize = cmp.Or(c.ValidationBatchSize, c.BatchSize)
	c.ValidationEvery = cmp.Or(c.ValidationEvery, 1)
	c.ValidationData, c.ValidationSplit, c.ClassWeight = validation, 0, nil
	return c, source, err
}

// check returns an error if there is something that cannot be.
func (c *Config) check() error {
	switch {
	case c.Epochs < c.InitialEpoch || c.InitialEpoch < 0:
		return fmt.Errorf("cannot train from epoch %d to epoch %d", c.InitialEpoch, c.Epochs)
	case c.BatchSize < 1 || c.StepsPerEpoch < 0 || c.ValidationEvery < 0 || c.ValidationBatchSize < 0 || c.ValidationSteps < 0:
		return fmt.Errorf("the batch size is %d, steps per epoch %d, epochs from one validation to the next %d, validation's batch size %d and steps %d: none may be negative",
			c.BatchSize, c.StepsPerEpoch, c.ValidationEvery, c.ValidationBatchSize, c.ValidationSteps)
	case slices.ContainsFunc(c.Callbacks, func(c Callback) bool { return config.IsNil(c) }):
		return errors.New("a callback is nil")
	}
	return nil
}

// Fit trains: it runs step on every batch of source, epoch by epoch, and evaluate
// on the validation data after each. When ctx ends, or a callback returns
// ErrStop, training ends after the present step; what was measured until then is
// in the history, and an error that wraps ctx's is returned. Shuffles are keyed
// by the step's seed and the epoch. evaluate is nil if there are no validation
// data. With checkpoints a training goes on where an earlier one stopped.
func Fit(ctx context.Context, step, evaluate *Step, source data.Source, cfg Config) (history *History, err error) {
	ctx = orBackground(ctx)
	if !step.made() {
		return nil, errors.New("train: Fit needs a step")
	}
	cfg, source, err = cfg.filled(source)
	if err = cmp.Or(err, cfg.check()); err != nil {
		return nil, fmt.Errorf("train: Fit: %w", err)
	}
	names := step.names("")
	if cfg.ValidationData != nil {
		if !evaluate.made() {
			return nil, errors.New("train: Fit: there are validation data, but no step to evaluate them with")
		}
		names = append(names, evaluate.names("val_")...)
		if err := evaluate.forAll(cfg.ValidationData); err != nil {
			return nil, fmt.Errorf("train: Fit: validation: %w", err)
		}
	}
	if err := step.forAll(source); err != nil {
		return nil, fmt.Errorf("train: Fit: %w", err)
	}
	if w := logTo(cfg.Quiet, cfg.Log); w != nil {
		cfg.Callbacks = append(slices.Clip(cfg.Callbacks), &Progress{Log: w})
	}
	l := &loop{
		Config: cfg, ctx: ctx, step: step, hooks: hooksOf(cfg.Callbacks),
		state: State{
			Epochs: cfg.Epochs, Step: step.Iterations(), History: &History{Values: map[string][]float64{}},
			ctx: ctx, step: step, saver: cfg.Saver, logs: newLogs(names),
		},
	}
	l.state.logs.measure = step.log
	if l.keeper, err = newKeeper(l, source); err != nil {
		return nil, err
	}
	l.keeper.restore()
	defer func() {
		if !errors.Is(err, ErrStop) {
			l.state.Err = err
		}
		if err = worse(err, call(l.hooks.trainEnd, &l.state)); errors.Is(err, ErrStop) {
			err = nil
		}
		err = l.keeper.close(err)
	}()
	history = l.state.History
	if err := call(l.hooks.trainBegin, &l.state); err != nil {
		return history, err
	}
	err = l.keeper.end(l.epochs(source, evaluate))
	if err == nil || errors.Is(err, ErrStop) {
		step.finish()
	}
	return history, err
}

// orBackground stands in for a context that is nil.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// A loop is one run of Fit.
type loop struct {
	Config
	ctx    context.Context
	step   *Step
	hooks  *hooks
	state  State
	keeper *keeper // nil: there are no checkpoints

	ended   bool // the epoch of state is done
	stopped bool // by a callback
	failed  bool // a callback returned an error
}

// call calls the callbacks of one moment.
func (l *loop) call(hooks []func(*State) error) error {
	err := call(hooks, &l.state)
	if err != nil && !errors.Is(err, ErrStop) {
		l.failed = true
	}
	l.stopped = l.stopped || errors.Is(err, ErrStop)
	return err
}

// epochs trains from the first epoch, or from where a checkpoint was made, to the last.
func (l *loop) epochs(source data.Source, evaluate *Step) error {
	epoch := l.InitialEpoch
	if l.state.Resumed {
		epoch = l.state.Epoch
		if l.ended {
			epoch++
		}
		if l.ended || epoch >= l.Epochs { // else the epoch begins, and then the state is that of the checkpoint
			if err := l.keeper.resume(); err != nil {
				return err
			}
		}
	}
	l.keeper.begin()
	for ; epoch < l.Epochs && !(l.ended && l.stopped); epoch++ {
		if err := l.epoch(epoch, source, evaluate); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) epoch(epoch int, source data.Source, evaluate *Step) error {
	s := &l.state
	if !l.keeper.resumes() {
		s.Batch = 0
	}
	s.Epoch, l.ended = epoch, false
	pass, skip, batches := l.part(source, epoch)
	s.Batches = batches
	s.logs.forget()
	l.step.Reset()
	if err := l.call(l.hooks.epochBegin); err != nil {
		return err
	}
	if err := l.keeper.resume(); err != nil {
		return err
	}
	stop := l.batches(source, pass, skip)
	if stop != nil && (s.Batch == 0 || !errors.Is(stop, ErrStop)) {
		return stop
	}
	if l.ValidationData != nil && (epoch+1)%l.ValidationEvery == 0 {
		if stop = worse(stop, l.validate(evaluate)); stop != nil && !errors.Is(stop, ErrStop) {
			return stop
		}
	}
	s.History.add(epoch, s.logs)
	err := l.call(l.hooks.epochEnd)
	if l.failed {
		return err
	}
	l.ended = true
	l.keeper.epochEnded()
	return cmp.Or(err, stop)
}

// validate measures on the validation data.
func (l *loop) validate(evaluate *Step) (err error) {
	s := &l.state
	defer func() { err = worse(err, l.call(l.hooks.testEnd)) }()
	stop := l.call(l.hooks.testBegin)
	if stop != nil && !errors.Is(stop, ErrStop) {
		return stop
	}
	logs, err := Evaluate(l.ctx, evaluate, l.ValidationData, EvaluateConfig{
		BatchSize: l.ValidationBatchSize, Steps: l.ValidationSteps, Quiet: true,
	})
	if err != nil {
		return l.interrupted(err)
	}
	s.logs.settle()
	for name, value := range logs {
		s.logs.set("val_"+name, value)
	}
	return stop
}

// part says which batches an epoch has: those after skip of one pass over the
// source. As in Keras, a pass takes several epochs if it has more batches than
// StepsPerEpoch, the last of which may be shorter. batches is 0 if that is not
// known.
func (c *Config) part(source data.Source, epoch int) (pass, skip, batches int) {
	all := batchesOf(source, c.BatchSize)
	switch steps := c.StepsPerEpoch; {
	case steps == 0:
		return epoch, 0, all
	case all == 0:
		return epoch, 0, steps
	default:
		parts := (all-1)/steps + 1
		skip = epoch % parts * steps
		return epoch / parts, skip, min(steps, all-skip)
	}
}

// batches trains on the batches of one epoch that are not done yet.
func (l *loop) batches(source data.Source, pass, skip int) error {
	s := &l.state
	if l.stopped {
		return ErrStop
	}
	batches, err := data.Epoch(l.ctx, source, data.EpochConfig{
		BatchSize: l.BatchSize, Shuffle: !l.NoShuffle, Seed: l.step.seed, Epoch: uint64(pass),
	})
	if err != nil {
		return l.interrupted(err)
	}
	defer batches.Close()
	fill := from(batches)
	for range skip + s.Batch {
		if _, err := batches.Next(); err == io.EOF && s.Batch > 0 {
			return fmt.Errorf("epoch %d: the checkpoint was made after %d batches, and the source has fewer now", s.Epoch+1, s.Batch)
		} else if err != nil {
			return l.interrupted(err)
		}
	}
	for l.StepsPerEpoch == 0 || s.Batch < s.Batches {
		if err := l.ctx.Err(); err != nil {
			return l.interrupted(err)
		}
		n, err := batches.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return l.interrupted(err)
		}
		if err := l.call(l.hooks.batchBegin); err != nil {
			return err
		}
		step, err := l.step.forBatch(batches)
		if err == nil {
			err = step.run(n, mode{allowNonFinite: l.AllowNonFinite}, fill, nil)
		}
		if err != nil {
			return l.interrupted(err)
		}
		s.Step = l.step.Iterations()
		s.logs.stale = true
		err = l.call(l.hooks.batchEnd)
		s.Batch++
		if !l.failed {
			l.keeper.stepped()
		}
		if err != nil {
			return err
		}
	}
	if s.Batch == 0 {
		return fmt.Errorf("epoch %d: the data source gave no batch", s.Epoch+1)
	}
	return nil
}

// interrupted says what a training that ctx has ended has come to.
func (l *loop) interrupted(err error) error {
	if l.ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("epoch %d, after %d of its batches: %w; the weights are those after step %d",
		l.state.Epoch+1, l.state.Batch, err, l.step.Iterations())
}

// batchesOf returns how many batches a source has, 0 if that is not known.
func batchesOf(source data.Source, batchSize int) int {
	spec, err := data.SpecOf(source)
	if err != nil {
		return 0
	}
	return spec.Batches(batchSize)
}

// names lists what the step measures.
func (s *Step) names(prefix string) []string {
	var names []string
	for _, m := range s.meters {
		names = append(names, prefix+m.name)
	}
	return names
}

// Vectors returns, by name, all results so far of the metrics that have several: a
// confusion matrix, or a precision for each of some thresholds. It is nil if there
// are none.
func (s *Step) Vectors() map[string][]float64 {
	var vectors map[string][]float64
	for _, m := range s.meters {
		if m.vector == nil {
			continue
		}
		if vectors == nil {
			vectors = map[string][]float64{}
		}
		vectors[m.name] = slices.Clone(m.vector(m.state))
	}
	return vectors
}

// log writes the measures so far.
func (s *Step) log(l *logs) {
	for _, m := range s.meters {
		l.set(m.name, m.result(m.state))
	}
}

// An EvaluateConfig says how Evaluate goes through the data.
type EvaluateConfig struct {
	BatchSize int       // 0 is 32
	Steps     int       // batches; 0 is until the data end
	Quiet     bool      // write no progress
	Log       io.Writer // where progress goes; nil is os.Stdout
}

// Evaluate runs step on every batch of source and returns what it measures. A
// result that is not finite is reported as it is.
func Evaluate(ctx context.Context, step *Step, source data.Source, cfg EvaluateConfig) (map[string]float64, error) {
	ctx = orBackground(ctx)
	switch {
	case !step.made() || config.IsNil(source):
		return nil, errors.New("train: Evaluate needs a step and a source")
	case cfg.Steps < 0:
		return nil, fmt.Errorf("train: Evaluate: there can't be %d steps", cfg.Steps)
	}
	cfg.BatchSize = cmp.Or(cfg.BatchSize, defaultBatch)
	batches, err := data.Epoch(ctx, source, data.EpochConfig{BatchSize: cfg.BatchSize})
	if err != nil {
		return nil, err
	}
	defer batches.Close()
	fill := from(batches)
	step.Reset()
	p := newProgress(logTo(cfg.Quiet, cfg.Log))
	l := newLogs(step.names(""))
	l.measure = step.log
	total := batchesOf(source, cfg.BatchSize)
	if cfg.Steps > 0 && (total == 0 || cfg.Steps < total) {
		total = cfg.Steps
	}
	p.begin("", total)
	defer p.abandon()
	done := 0
	for ; cfg.Steps == 0 || done < cfg.Steps; done++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := batches.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		one, err := step.forBatch(batches)
		if err == nil {
			err = one.run(n, mode{allowNonFinite: true}, fill, nil)
		}
		if err != nil {
			return nil, err
		}
		l.stale = true
		p.step(done+1, l)
	}
	if done == 0 {
		return nil, errors.New("the data source gave no batch")
	}
	l.settle()
	p.end(done, l)
	result := map[string]float64{}
	for i, name := range l.names {
		result[name] = l.values[i]
	}
	return result, nil
}
