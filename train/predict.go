package train

// This file runs steps forward: for predictions, and one batch at a time.

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// predictBatch is how many rows Predict runs at once at most: enough for the
// products to run at full speed, few enough for the rows to stay in the cache.
const predictBatch = 256

// Predict fills out, one array for each output, with what the step makes of rows samples: in has the inputs, as numbers or
// as integers. It may run many times at once.
func Predict(ctx context.Context, s *Step, in data.Batch, out [][]float32, rows int) error {
	if !s.made() {
		return errors.New("train: Predict needs a step")
	}
	if err := s.holds(&in, out, rows); err != nil {
		return err
	}
	if s.rows > 0 && rows%s.rows > 0 {
		_, err := s.bind(rows % s.rows)
		return err
	}
	ctx = orBackground(ctx)
	for done, chunk := 0, uint64(0); done < rows; chunk++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(rows-done, predictBatch)
		planned := planRows(n)
		if s.rows > 0 {
			n, planned = s.rows, s.rows
		}
		err := s.run(planned, mode{forward: true, key: chunk}, func(b *bound, _ *par.Pool) error {
			for i := range s.inputs {
				f := &s.feeds[i]
				width := f.node.Shape()[1:].Numel()
				numbers, integers := f.given(&in)
				if integers != nil {
					integers = integers[done*width:][:n*width]
				} else {
					numbers = numbers[done*width:][:n*width]
				}
				if err := f.put(b, numbers, integers); err != nil {
					return err
				}
			}
			return nil
		}, func(outputs [][]float32) {
			for i, y := range outputs {
				width := len(y) / planned
				copy(out[i][done*width:][:n*width], y)
			}
		})
		if err != nil {
			var wrong *data.IntegerError
			if errors.As(err, &wrong) {
				wrong.Row += done
			}
			return err
		}
		done += n
	}
	return nil
}

// holds returns an error unless there are rows samples of each input, and room for as many of each output.
func (s *Step) holds(in *data.Batch, out [][]float32, rows int) error {
	if got := max(len(in.X), len(in.IntX)); got != len(s.inputs) || rows < 0 {
		return fmt.Errorf("train: Predict: the step has %d inputs, got arrays for %d, of %d samples", len(s.inputs), got, rows)
	}
	if len(out) != len(s.outputs) {
		return fmt.Errorf("train: Predict: the step has %d outputs, got arrays for %d, of %d samples", len(s.outputs), len(out), rows)
	}
	for i, n := range s.inputs {
		numbers, integers := s.feeds[i].given(in)
		if len(numbers) > 0 && len(integers) > 0 {
			return fmt.Errorf("train: Predict: input %q is given as numbers and as integers, it must be either", n.Attr().Name)
		}
		if err := holds("inputs", n, len(numbers)+len(integers), rows); err != nil {
			return err
		}
	}
	for i, n := range s.outputs {
		if err := holds("outputs", n, len(out[i]), rows); err != nil {
			return err
		}
	}
	return nil
}

// holds returns an error unless an array of that length has room for rows samples of the node.
func holds(what string, n *graph.Node, length, rows int) error {
	shape := n.Shape()
	if len(shape) == 0 || shape[0] != tensor.Batch {
		return fmt.Errorf("train: Predict: one of the %s has shape %v: its first dimension must be that of the batch", what, shape)
	}
	if width := shape[1:].Numel(); width > 0 && (length%width != 0 || length/width != rows) || width == 0 && length > 0 {
		return fmt.Errorf("train: Predict: one of the %s has shape %v, its array has %d elements for %d samples", what, shape, length, rows)
	}
	return nil
}

// PredictInto is Predict for one input and one output.
func PredictInto(s *Step, dst, x []float32, rows int) error {
	switch {
	case !s.made() || len(s.inputs) != 1 || len(s.outputs) != 1:
		return errors.New("train: PredictInto needs a step with one input and one output")
	case rows < 1:
		return fmt.Errorf("train: PredictInto: %d samples are none", rows)
	}
	in, out := [1][]float32{x}, [1][]float32{dst}
	return Predict(context.Background(), s, data.Batch{X: in[:]}, out[:], rows)
}

// planRows rounds a number of rows up to one of a few, so that few plans serve
// all. The rows that are too many cost time and change nothing.
func planRows(n int) int {
	if n <= 4 {
		return n
	}
	step := 1 << (bits.Len(uint(n-1)) - 3)
	return (n + step - 1) / step * step
}

// Batch runs the step once on all n samples of source and returns what it
// measures.
func Batch(s *Step, source data.Source, n int) (map[string]float64, error) {
	if !s.made() {
		return nil, errors.New("train: Batch needs a step")
	}
	batches, err := data.Epoch(context.Background(), source, data.EpochConfig{BatchSize: n})
	if err != nil {
		return nil, err
	}
	defer batches.Close()
	s.Reset()
	read, err := batches.Next()
	if err != nil {
		return nil, err
	}
	one, err := s.forBatch(batches)
	if err == nil {
		err = one.run(read, mode{}, from(batches), nil)
	}
	if err != nil {
		return nil, err
	}
	result := map[string]float64{}
	for _, m := range s.meters {
		result[m.name] = m.result(m.state)
	}
	return result, nil
}
