package cornu

// This file makes models of files, with their weights and the state of their optimizers.

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/train"
)

// A LoadConfig bounds what Load takes, and says where it tells what it reads in another
// way than Keras.
type LoadConfig struct {
	Context context.Context  // ends it early; nil is never
	Limits  kerasfile.Limits // what the file may make Load take; zeros are the defaults
	Log     io.Writer        // nil is os.Stderr, io.Discard is nowhere

	// Weights is what weights of two or more dimensions are kept as in memory: graph.BFloat16 or graph.Float16 take half
	// of what float32 does, the default. The rest, such as biases and statistics, stays float32. Numbers that the file
	// has in more bits are rounded to the nearest; one that is too large is an error. Everything is computed in float32 of what the weights then
	// are: to the same bits as with those weights as float32. Such a model predicts and evaluates, and can't be trained.
	Weights graph.DType

	// Uncompiled leaves what the model was compiled with in the file, and the optimizer's state: a loss, a metric or an optimizer of
	// somebody's own need not be known then. Compile says them anew.
	Uncompiled bool
}

// Load reads a model from a .keras file, written by Save or by Keras 3, or from the .h5
// file of a whole model of Keras 2 or 3: it predicts, evaluates, and goes on training where
// it stopped. The file is data: nothing in it is
// run, and no other file is opened. A layer that isn't known is an error that names all
// of them; see layer.Register.
func Load(path string) (*Model, error) { return LoadWith(path, LoadConfig{}) }

// LoadWith is Load with a configuration.
func LoadWith(path string, cfg LoadConfig) (*Model, error) {
	// Opening a pipe would wait for somebody to write into it.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cornu: Load: %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cornu: Load: %w", err)
	}
	defer f.Close()
	return loadFile(f, path, cfg)
}

// LoadFS is Load for a file of a file system, such as one that is embedded in the program.
func LoadFS(fsys fs.FS, name string) (*Model, error) { return LoadFSWith(fsys, name, LoadConfig{}) }

// LoadFSWith is LoadFS with a configuration.
func LoadFSWith(fsys fs.FS, name string, cfg LoadConfig) (*Model, error) {
	if config.IsNil(fsys) {
		return nil, errors.New("cornu: Load: the file system is nil")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cornu: Load: %w", err)
	}
	defer f.Close()
	return loadFile(f, name, cfg)
}

// LoadFrom is Load for size bytes that r reads. name stands for them in errors.
func LoadFrom(r io.ReaderAt, size int64, name string, cfg LoadConfig) (*Model, error) {
	m, err := load(r, size, cfg)
	if err != nil {
		return nil, fmt.Errorf("cornu: Load: %s: %w", name, err)
	}
	return m, nil
}

func loadFile(f fs.File, name string, cfg LoadConfig) (*Model, error) {
	r, size, err := readerAt(f, cfg)
	if err != nil {
		return nil, fmt.Errorf("cornu: Load: %s: %w", name, err)
	}
	return LoadFrom(r, size, name, cfg)
}

// readerAt returns a file that can be read anywhere: the file itself, or its content.
func readerAt(f fs.File, cfg LoadConfig) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is no regular file")
	}
	if r, ok := f.(io.ReaderAt); ok {
		return r, info.Size(), nil
	}
	most := cfg.Limits.OrDefaults().Bytes
	b, err := io.ReadAll(io.LimitReader(file.Steady(stream{orBackground(cfg.Context), f}), most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it has more than %d bytes, the budget: see Limits.Bytes", most)
	}
	return bytes.NewReader(b), int64(len(b)), err
}

// within returns an error if the network has more parameters than the limits allow.
func within(net *layer.Network, limits kerasfile.Limits) error {
	var sum int64
	for _, v := range net.Variables() {
		n := int64(v.Shape.Numel())
		if n > limits.Parameters-sum {
			return fmt.Errorf("variable %s of shape %v: with it the model has %.0f parameters, the limit is %d: see Limits.Parameters",
				v.Path, v.Shape, float64(sum)+float64(n), limits.Parameters)
		}
		if sum += n; sum > limits.Bytes/4 {
			return fmt.Errorf("variable %s of shape %v: with it the weights take %.0f bytes, the limit is %d: see Limits.Bytes",
				v.Path, v.Shape, 4*float64(sum), limits.Bytes)
		}
	}
	return nil
}

func load(r io.ReaderAt, size int64, cfg LoadConfig) (*Model, error) {
	if config.IsNil(r) || size < 0 {
		return nil, fmt.Errorf("there is nothing to read, or %d bytes of it", size)
	}
	from := newReading(cfg.Context, r)
	limits := cfg.Limits.OrDefaults()
	open := kerasfile.Open
	if cfg.Uncompiled {
		open = kerasfile.OpenNetwork
	}
	f, weights, err := open(from, size, limits)
	if foreign := (*kerasfile.CompileError)(nil); errors.As(err, &foreign) {
		err = fmt.Errorf("%w; LoadConfig.Uncompiled reads the model without it", err)
	}
	if err != nil {
		return nil, cmp.Or(from.ctx.Err(), err)
	}
	m, notes, err := from.model(f, weights, limits, cfg.Weights)
	if damaged := weights.Verify(); damaged != nil {
		return nil, damaged
	}
	if err = cmp.Or(err, from.ctx.Err()); err != nil {
		return nil, err
	}
	say(cfg.Log, "Load", notes)
	return m, nil
}

// model returns the model of a file, whose weights are kept as dtype, and what people should know of it.
func (r *reading) model(f *kerasfile.Model, weights *kerasfile.Weights, limits kerasfile.Limits, dtype graph.DType) (m *Model, notes []string, err error) {
	m = &Model{Name: f.Name, sequential: f.Sequential, seed: f.Seed}
	notes = f.Notes
	if m.net, err = f.Network.Network(); err != nil {
		return nil, nil, err
	}
	if err := within(m.net, limits); err != nil {
		return nil, nil, err
	}
	matched, err := m.match(&kerasWeights{weights, true}, LoadWeightsConfig{})
	if err != nil {
		return nil, nil, err
	}
	if !dtype.Weights() {
		return nil, nil, fmt.Errorf("LoadConfig.Weights is %v, it must be graph.Float32, BFloat16 or Float16", dtype)
	}
	for _, v := range m.net.Variables() {
		if v.Trainable && len(v.Shape) > 1 {
			slab.Keep(v, number.Kind(dtype.String()))
		}
	}
	if err := slab.Store(m.net.Variables()...); err != nil {
		return nil, nil, err
	}
	if err := matched.fill(); err != nil {
		return nil, nil, err
	}
	if err := r.ctx.Err(); err != nil {
		return nil, nil, err
	}
	if f.Compile != nil {
		if err := m.Compile(compileConfig(f.Compile)); err != nil {
			return nil, nil, err
		}
		if weights.HasOptimizer() && m.untrainable() == nil {
			o, err := m.restored(weights, limits)
			switch {
			case err == nil:
				m.optimizer = o
			case weights.Old():
				notes = append(notes, fmt.Sprintf("training goes on with a fresh optimizer, as the state of Keras 2's can't be read: %v", err))
			default:
				return nil, nil, fmt.Errorf("the optimizer's state: %w", err)
			}
		}
	}
	m.bytes = f.Bytes
	return m, append(notes, matched.types()...), nil
}

// fill reads the arrays into the variables' memory: large ones one after the other, each on all cores, and then the others, of which each
// core reads its own.
func (m *matching) fill() error {
	for _, large := range []bool{true, false} {
		var variables []*layer.Variable
		var arrays []array
		for _, p := range m.pairs {
			if (4*p.to.Shape.Numel() > file.Piece) == large {
				variables, arrays = append(variables, p.to), append(arrays, p.from)
			}
		}
		threads := Threads()
		if large {
			threads = 1
		}
		if err := slab.Fill(variables, threads, func(i int, dst []float32) error { return arrays[i].read(dst) }); err != nil {
			return err
		}
	}
	return nil
}

// compileConfig returns what a file says of compiling.
func compileConfig(c *kerasfile.Compile) CompileConfig {
	cfg := CompileConfig{
		Optimizer: c.Optimizer, Losses: c.Losses, LossWeights: c.LossWeights,
		OutputMetrics: c.Metrics, OutputWeightedMetrics: c.WeightedMetrics,
	}
	if len(c.Losses) == 1 {
		cfg.Loss, cfg.Losses = c.Losses[0], nil
	}
	return cfg
}

// restored returns an optimizer with the file's state.
func (m *Model) restored(w *kerasfile.Weights, limits kerasfile.Limits) (*train.Optimizer, error) {
	rule := m.compiled.Optimizer
	o := train.NewOptimizer(rule)
	saved, err := w.Optimizer(rule, len(m.net.TrainableVariables()))
	if err != nil {
		return nil, err
	}
	if saved.Rate != nil {
		var rate [1]float32
		if err := saved.Rate.Read(rate[:]); err != nil {
			return nil, err
		}
		if rate[0] != float32(o.LearningRate()) {
			o.SetLearningRate(float64(rate[0]))
		}
	}
	if len(saved.Slots) == 0 && saved.Iterations == 0 { // it was saved before its first step
		return o, nil
	}
	var bytes int64
	for _, a := range saved.Slots {
		n := int64(a.Shape().Numel())
		if n > (limits.Bytes-bytes)/4 {
			return nil, fmt.Errorf("array %s of shape %v: with it the state takes %.0f bytes, the limit is %d: see Limits.Bytes",
				a.Path, a.Shape(), float64(bytes)+float64(4*float64(n)), limits.Bytes)
		}
		bytes += 4 * n
	}
	slots, err := m.slots(o, m.net)
	if err != nil {
		return nil, err
	}
	if len(saved.Slots) != len(slots) {
		return nil, fmt.Errorf("%s has %d slots for the weights that are trained, the file has %d", rule.Name(), len(slots), len(saved.Slots))
	}
	for i, s := range slots {
		want := kerasfile.SlotShape(rule, s.Name, s.Variable.Shape)
		if got := saved.Slots[i].Shape(); !got.Equal(want) {
			return nil, fmt.Errorf("%s of %s has shape %v, the file's %s has %v", s.Name, s.Variable.Path, want, saved.Slots[i].Path, got)
		}
		if err := slab.SpanOfSlot(s).Part(0, want.Numel()).Fill(saved.Slots[i].Read); err != nil {
			return nil, err
		}
	}
	o.SetIterations(saved.Iterations)
	if saved.Scale != nil {
		o.SetDynamicScale(saved.Scale.Value, saved.Scale.Steps)
	}
	return o, nil
}
