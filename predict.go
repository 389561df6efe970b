package cornu

// This file runs models.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// Predict returns the model's output for the samples in x: one tensor for each
// input, whose first dimension counts the samples. Of several outputs it is the
// first; see PredictAll. A row's result does not depend on the rows beside it.
//
// Numbers stay what they are: a byte is one from 0 to 255, here and in Fit. Bytes
// that were scaled for the training (data.Pixels, mnist) are scaled here too, with
// tensor.FromBytes, or by PredictSource; plain ones are an error then.
//
// Texts, tensors of strings, are for inputs whose DType is tensor.String.
//
// Predict may be called from many goroutines at once.
func (m *Model) Predict(ctx context.Context, x ...*tensor.Tensor) (*tensor.Tensor, error) {
	out, err := m.PredictAll(ctx, x...)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// PredictAll is Predict for all outputs.
func (m *Model) PredictAll(ctx context.Context, x ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	var in []layer.Values
	var shapes []tensor.Shape
	var types []tensor.DType
	ranges := make([]data.Range, len(x))
	rows := 0
	for i, t := range x {
		if t == nil || len(t.Shape()) == 0 {
			return nil, fmt.Errorf("cornu: Predict: input %d must be a tensor whose first dimension counts the samples", i)
		}
		shape := t.Shape()
		if i > 0 && shape[0] != rows {
			return nil, fmt.Errorf("cornu: Predict: input 0 has %d samples, input %d has %d", rows, i, shape[0])
		}
		rows = shape[0]
		shapes, types = append(shapes, shape[1:]), append(types, t.DType())
		if t.DType() == tensor.Uint8 {
			ranges[i] = data.Range{Low: 0, High: 255}
		}
		values, err := layer.ValuesOf(t)
		if err != nil {
			return nil, fmt.Errorf("cornu: Predict: input %d: %w", i, err)
		}
		in = append(in, values)
	}
	step, err := m.inference()
	if err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	if err := m.inputsFit(shapes, types); err != nil {
		return nil, err
	}
	if err := m.sees(ranges); err != nil {
		return nil, err
	}
	// The results of all rows have one shape: where that depends on sizes that aren't known, these are the same for all rows.
	of, one, front := shapes, step, m.net.Front()
	if m.net.Open() && (front == nil || slices.ContainsFunc(samples(m.net.Outputs()), tensor.Shape.HasBatch)) {
		if front != nil {
			if front, err = front.At(shapes, rows, in); err != nil {
				return nil, fmt.Errorf("cornu: Predict: %w", err)
			}
			of = front.Shapes()
		}
		if one, err = step.For(data.Spec{X: of}); err != nil {
			return nil, fmt.Errorf("cornu: Predict: %w", err)
		}
	}
	var out [][]float32
	var result []*tensor.Tensor
	for i, shape := range one.OutputShapes() {
		t, err := tensor.Zeros(tensor.Float32, shape.Concrete(rows)...)
		if err != nil {
			return nil, fmt.Errorf("cornu: Predict: output %q: %w", m.outputNames()[i], err)
		}
		values, err := tensor.Data[float32](t)
		if err != nil {
			return nil, err
		}
		out = append(out, values)
		result = append(result, t)
	}
	if front != nil {
		err = m.predictAhead(ctx, front, one, in, shapes, out, rows)
	} else {
		feeds := data.Batch{X: make([][]float32, len(in)), IntX: make([][]int32, len(in))}
		for i, v := range in {
			feeds.X[i], feeds.IntX[i] = v.Numbers, v.Integers
		}
		err = train.Predict(ctx, one, feeds, out, rows)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// predictAhead fills out with what the model makes of rows samples, of inputs of shapes. What layers do on the host is done for some
// rows at a time: what they make of a text may be large.
func (m *Model) predictAhead(ctx context.Context, front *layer.Front, step *train.Step, in []layer.Values, shapes []tensor.Shape, out [][]float32, rows int) error {
	inputs, nodes := m.net.Inputs(), m.net.Feeds()
	feeds := data.Batch{X: make([][]float32, len(nodes)), IntX: make([][]int32, len(nodes))}
	chunk := 256
	if size := m.net.BatchSize(); size > 0 {
		if chunk = max(chunk/size, 1) * size; rows%size > 0 && len(m.net.States()) > 0 {
			chunk = rows // which is an error before a state changes
		}
	}
	for done := 0; done < rows; done += chunk {
		n := min(chunk, rows-done)
		part, results := make([]layer.Values, len(in)), make([][]float32, len(out))
		for i, v := range in {
			part[i] = v.Rows(done, done+n, shapes[i].Numel())
		}
		for i, y := range out {
			width := len(y) / rows
			results[i] = y[done*width:][:n*width]
		}
		front, err := front.At(shapes, n, part)
		if err != nil {
			return fmt.Errorf("cornu: Predict: %w", err)
		}
		one, err := step.For(data.Spec{X: front.Shapes()})
		if err != nil {
			return fmt.Errorf("cornu: Predict: %w", err)
		}
		for k, x := range nodes {
			if i := slices.Index(inputs, x); i >= 0 && part[i].Integers != nil { // passed on as they are
				feeds.IntX[k] = part[i].Integers
			} else if feeds.X[k], err = resized(feeds.X[k], n, front.Shapes()[k]); err != nil {
				return fmt.Errorf("cornu: Predict: %w", err)
			}
		}
		if err = front.Transform(par.Default(), n, part, feeds.X); err == nil {
			err = train.Predict(ctx, one, feeds, results, n)
		}
		if err != nil {
			return shifted(err, done)
		}
	}
	return nil
}

// shifted adds to the row that an error speaks of.
func shifted(err error, rows int) error {
	var wrong *data.IntegerError
	if errors.As(err, &wrong) {
		wrong.Row += rows
	}
	var row *layer.RowError
	if errors.As(err, &row) {
		row.Row += rows
		return fmt.Errorf("cornu: Predict: %w", err)
	}
	return err
}

// A PredictConfig says how PredictSource goes through the data.
type PredictConfig struct {
	BatchSize int // samples that are read at once; 0 is 32
	Steps     int // batches; 0 is until the data end
}

// PredictSource is Predict for the inputs of a source, in its order: of a set that
// was held back for tests, say. What Fit and Evaluate take, it takes, and sees
// the same numbers. Targets are not looked at and need not be there.
func (m *Model) PredictSource(ctx context.Context, source data.Source, cfg PredictConfig) (*tensor.Tensor, error) {
	out, err := m.PredictSourceAll(ctx, source, cfg)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// PredictSourceAll is PredictSource for all outputs.
func (m *Model) PredictSourceAll(ctx context.Context, source data.Source, cfg PredictConfig) ([]*tensor.Tensor, error) {
	if config.IsNil(source) {
		return nil, errors.New("cornu: PredictSource: the data source is nil")
	}
	batch, err := batchSize("PredictSource", cfg.BatchSize)
	if err != nil {
		return nil, err
	}
	if cfg.Steps < 0 {
		return nil, fmt.Errorf("cornu: PredictSource: there can't be %d steps", cfg.Steps)
	}
	step, err := m.inference()
	if err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	spec, err := data.SpecOf(source)
	if err != nil {
		return nil, fmt.Errorf("cornu: PredictSource: %w", err)
	}
	if err := m.inputsFit(spec.X, spec.Types); err != nil {
		return nil, err
	}
	if err := m.sees(spec.Bytes); err != nil {
		return nil, err
	}
	source = m.ahead(source)
	if spec, err = data.SpecOf(source); err != nil {
		return nil, fmt.Errorf("cornu: PredictSource: %w", err)
	}
	batches, err := data.Epoch(ctx, source, data.EpochConfig{BatchSize: batch})
	if err != nil {
		return nil, fmt.Errorf("cornu: PredictSource: %w", err)
	}
	defer batches.Close()
	var shapes []tensor.Shape // of the outputs
	var integers []bool       // which inputs are
	if b, ok := batches.(data.IntegerBatches); ok {
		integers, _ = b.Integers()
	}
	rows, out := 0, make([][]float32, len(m.net.Outputs()))
	in := data.Batch{X: make([][]float32, len(spec.X)), IntX: make([][]int32, len(spec.X))}
	for i := 0; cfg.Steps == 0 || i < cfg.Steps; i++ {
		n, err := batches.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("cornu: PredictSource: %w", err)
		}
		of := data.ShapesOf(batches, spec)
		one, err := step.For(data.Spec{X: of.X})
		if err != nil {
			return nil, fmt.Errorf("cornu: PredictSource: %w", err)
		}
		if now := one.OutputShapes(); rows == 0 {
			shapes = now
		} else if !slices.EqualFunc(now, shapes, tensor.Shape.Equal) {
			return nil, fmt.Errorf("cornu: PredictSource: the outputs of some samples have the shapes %v, of others %v, which one tensor can't hold: predict the buckets one by one", shapes, now)
		}
		for i, shape := range of.X {
			if i < len(integers) && integers[i] {
				in.IntX[i], err = resized(in.IntX[i], n, shape)
			} else {
				in.X[i], err = resized(in.X[i], n, shape)
			}
			if err != nil {
				return nil, fmt.Errorf("cornu: PredictSource: %w", err)
			}
		}
		if err := batches.Read(&in, nil); err != nil {
			return nil, fmt.Errorf("cornu: PredictSource: %w", err)
		}
		results := make([][]float32, len(out))
		for i, shape := range shapes {
			if results[i], err = resized[float32](nil, n, shape[1:]); err == nil {
				err = mem.Check(rows+n, 4*float64(shape[1:].Numel()), "the output %q for %d samples", m.outputNames()[i], rows+n)
			}
			if err != nil {
				return nil, fmt.Errorf("cornu: PredictSource: %w", err)
			}
		}
		if err := train.Predict(ctx, one, in, results, n); err != nil {
			return nil, shifted(err, rows)
		}
		for i := range out {
			out[i] = append(out[i], results[i]...)
		}
		rows += n
	}
	if rows == 0 {
		return nil, fmt.Errorf("cornu: PredictSource: %w", data.ErrEmpty)
	}
	var result []*tensor.Tensor
	for i, shape := range shapes {
		t, err := tensor.Of(out[i], shape.Concrete(rows)...)
		if err != nil {
			return nil, err
		}
		result = append(result, t)
	}
	return result, nil
}

// resized returns room for n samples of a shape, in buffer if it is there.
func resized[T float32 | int32](buffer []T, n int, shape tensor.Shape) ([]T, error) {
	width := shape.Numel()
	if err := mem.CheckBatch(n, 4*float64(width)*float64(n), 0, "%d samples of shape %v", n, shape); err != nil {
		return nil, err
	}
	if cap(buffer) < n*width {
		return make([]T, n*width), nil
	}
	return buffer[:n*width], nil
}

// PredictInto is Predict for models of one input and one output, into memory of
// the caller's: x holds whole samples one after the other, dst gets their
// outputs. After the first call for so many samples it allocates nothing.
func (m *Model) PredictInto(dst, x []float32) error {
	step, err := m.inference()
	if err != nil {
		return err
	}
	defer m.mu.RUnlock()
	if m.net.Front() != nil {
		return errors.New("cornu: PredictInto: the model takes texts, or works on the host with what it takes: Predict does that")
	}
	if m.net.Open() {
		return errors.New("cornu: PredictInto: the input has axes of any size (None), and numbers alone don't say which: Predict does that")
	}
	if len(m.net.Inputs()) != 1 || len(m.net.Outputs()) != 1 {
		return errors.New("cornu: PredictInto: the model must have one input and one output")
	}
	width := m.net.Inputs()[0].Shape()[1:].Numel()
	outWidth := m.net.Outputs()[0].Shape()[1:].Numel()
	rows := 0
	if width > 0 {
		rows = len(x) / width
	}
	if rows == 0 || len(x) != rows*width || len(dst) != rows*outWidth {
		return fmt.Errorf("cornu: PredictInto: got %d numbers for inputs of %d and room for %d numbers of outputs of %d", len(x), width, len(dst), outWidth)
	}
	return train.PredictInto(step, dst, x, rows)
}

// inference returns the step that runs the network alone. Unless there is an
// error, it has locked m.mu for reading, against being trained meanwhile.
func (m *Model) inference() (*train.Step, error) {
	if !m.mu.TryRLock() {
		return nil, fmt.Errorf("cornu: Predict: %w; wait until that is done", ErrBusy)
	}
	ok := false
	defer func() {
		if !ok { // a layer may have panicked
			m.mu.RUnlock()
		}
	}()
	step, err := m.inferenceStep()
	ok = err == nil
	return step, err
}

func (m *Model) inferenceStep() (*train.Step, error) {
	m.predicts.Lock()
	defer m.predicts.Unlock()
	m.settle()
	if m.predict != nil && m.err == nil {
		return m.predict, nil
	}
	if err := m.ready(); err != nil {
		return nil, err
	}
	var err error
	m.predict, err = m.varying(data.Spec{X: samples(m.net.Feeds())}, func(spec data.Spec) (*train.Step, error) {
		net, err := m.net.At(spec.X)
		if err != nil {
			return nil, err
		}
		return train.NewStep(m.seed, func(s *train.StepBuilder) {
			var inputs []*graph.Node
			for _, in := range net.Feeds() {
				inputs = append(inputs, s.Input(net.Name(in.Layer()), in.Shape()))
			}
			outputs, _ := s.Network(net, false, inputs...)
			for _, out := range outputs {
				s.Output(out)
			}
		})
	})
	return m.predict, err
}
