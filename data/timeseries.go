package data

// This file makes samples of series and of sequences: keras.utils.timeseries_dataset_from_array and pad_sequences.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/tensor"
)

// A TimeseriesConfig says which windows of a series are samples.
type TimeseriesConfig struct {
	SequenceLength int // steps of a window
	SequenceStride int `zero:"1"` // steps of the series from the first step of a window to that of the next window
	SamplingRate   int `zero:"1"` // steps of the series from one step of a window to the next
	StartIndex     int // the first step of the series that is used
	EndIndex       int `zero:"none"` // the step after the last one that is used; 0: the length of the series
}

// TimeseriesWindows returns the windows of a series as samples of shape (SequenceLength, …), in the order of time. The first
// dimension of series counts its steps. As in Keras, the target of a window that begins at step i is row i of targets: to
// predict the step after a window of n steps, give targets that begin n steps later. targets is nil if there are none.
//
// The windows share the memory of the series, which is copied once unless it is Float32, and are copied batch by batch. Fit
// shuffles them, unless its configuration says NoShuffle; what it splits off for validation is the last of them.
func TimeseriesWindows(series, targets *tensor.Tensor, cfg TimeseriesConfig) (*Arrays, error) {
	if series == nil || len(series.Shape()) == 0 {
		return nil, fmt.Errorf("data: TimeseriesWindows: %v has no dimension that counts steps", series)
	}
	steps := series.Dim(0)
	cfg = config.Resolve(cfg)
	stride, rate, end := cfg.SequenceStride, cfg.SamplingRate, cmp.Or(cfg.EndIndex, steps)
	switch {
	case cfg.SequenceLength < 1:
		return nil, fmt.Errorf("data: TimeseriesWindows: SequenceLength is %d, it must be at least 1", cfg.SequenceLength)
	case stride < 1 || rate < 1:
		return nil, fmt.Errorf("data: TimeseriesWindows: SequenceStride is %d and SamplingRate %d, neither can be negative", stride, rate)
	case cfg.StartIndex < 0 || end > steps || cfg.StartIndex >= end:
		return nil, fmt.Errorf("data: TimeseriesWindows: StartIndex is %d and EndIndex %d, they must be in order and within the %d steps of the series", cfg.StartIndex, end, steps)
	}
	// The steps of a window must fit in the series; written so that nothing overflows.
	span := end - cfg.StartIndex - 1
	if cfg.SequenceLength-1 > span/rate {
		return nil, fmt.Errorf("data: TimeseriesWindows: %d steps are fewer than a window of %d, each %d after the one before, needs", end-cfg.StartIndex, cfg.SequenceLength, rate)
	}
	starts := span - (cfg.SequenceLength-1)*rate + 1
	if targets != nil {
		if len(targets.Shape()) == 0 {
			return nil, errors.New("data: TimeseriesWindows: the targets have no dimension that counts steps")
		}
		starts = min(starts, targets.Dim(0)-cfg.StartIndex)
	}
	if starts < 1 {
		return nil, fmt.Errorf("data: TimeseriesWindows: the targets of %d steps end before StartIndex %d", targets.Dim(0), cfg.StartIndex)
	}
	w := windows{count: (starts-1)/stride + 1, first: cfg.StartIndex, stride: stride, rate: rate, length: cfg.SequenceLength}
	x, err := w.of(series, true)
	if err != nil {
		return nil, fmt.Errorf("data: TimeseriesWindows: %w", err)
	}
	a := &Arrays{X: []Column{x}}
	if targets != nil {
		y, err := w.of(targets, false)
		if err != nil {
			return nil, fmt.Errorf("data: TimeseriesWindows: targets: %w", err)
		}
		a.Y = []Column{y}
	}
	return a, a.Check()
}

// windows are those of a series.
type windows struct {
	count, first, stride, rate, length int
	values                             []float32
	width                              int // of a step
	shape                              tensor.Shape
}

// of returns the windows of a series, or the first step of each.
func (w windows) of(series *tensor.Tensor, whole bool) (*windows, error) {
	values, err := float32s(series)
	if err != nil {
		return nil, err
	}
	step := series.Shape()[1:]
	w.values, w.width, w.shape = values, step.Numel(), step
	if whole {
		w.shape = append(tensor.Shape{w.length}, step...)
	} else {
		w.length = 1
	}
	_, err = widthOf(0, w.shape)
	return &w, err
}

func (w *windows) Len() int            { return w.count }
func (w *windows) Shape() tensor.Shape { return w.shape }
func (w *windows) Kernel(dst []float32, rows []int32) Kernel {
	return &gatherWindows{w, dst, rows}
}

type gatherWindows struct {
	*windows
	dst  []float32
	rows []int32
}

func (k *gatherWindows) Run(p *Pool) { p.Run(k, len(k.rows)) }

// Do copies window number i.
func (k *gatherWindows) Do(_, i int) {
	size := k.length * k.width
	dst, at := k.dst[i*size:][:size], (k.first+int(k.rows[i])*k.stride)*k.width
	if k.rate == 1 {
		copy(dst, k.values[at:at+size])
		return
	}
	for t := range k.length {
		copy(dst[t*k.width:][:k.width], k.values[at:])
		at += k.rate * k.width
	}
}

// A PadConfig says how sequences of several lengths become one array.
type PadConfig struct {
	MaxLen   int  `zero:"none"` // the length of the sequences in the array; 0: that of the longest
	After    bool // pad at the end: Keras's padding="post"
	CutAfter bool // cut off at the end: Keras's truncating="post"
}

// PadSequences returns sequences as an array of shape (len(sequences), MaxLen). Shorter ones are padded with value (0 in Keras)
// at the beginning, and longer ones are cut off at the beginning, unless cfg says that it be done at the end.
func PadSequences[T tensor.Element](sequences [][]T, value T, cfg PadConfig) (*tensor.Tensor, error) {
	if len(sequences) == 0 {
		return nil, fmt.Errorf("data: PadSequences: %w", ErrEmpty)
	}
	n := cfg.MaxLen
	if n < 0 {
		return nil, fmt.Errorf("data: PadSequences: MaxLen is %d, it can't be negative", n)
	}
	if n == 0 {
		for _, s := range sequences {
			n = max(n, len(s))
		}
	}
	if err := mem.Check(len(sequences), float64(tensor.DTypeOf[T]().Size())*float64(n), "data: PadSequences: %d sequences of %d", len(sequences), n); err != nil {
		return nil, err
	}
	padded := slices.Repeat([]T{value}, len(sequences)*n)
	for i, s := range sequences {
		row := padded[i*n:][:n]
		switch {
		case len(s) > n && cfg.CutAfter:
			s = s[:n]
		case len(s) > n:
			s = s[len(s)-n:]
		}
		if cfg.After {
			copy(row, s)
		} else {
			copy(row[n-len(s):], s)
		}
	}
	return tensor.Of(padded, len(sequences), n)
}

// A Bucket holds sequences of similar lengths.
type Bucket struct {
	Bound int   // the length that they are to be padded to
	Rows  []int // which of all sequences they are, in order
}

// Buckets sorts sequences into buckets by their lengths: each sequence goes into the bucket with the least bound that is not
// less than its length. Bounds must increase. A sequence that is longer than the last bound goes into the last bucket, for
// PadSequences to cut it off. Empty buckets are left out.
//
// If all sequences are padded to the longest, a network computes mostly on padding. BucketBySequenceLength, or Bucketed, trains one on
// batches of each bucket.
func Buckets[T tensor.Element](sequences [][]T, bounds ...int) ([]Bucket, error) {
	if len(sequences) == 0 {
		return nil, fmt.Errorf("data: Buckets: %w", ErrEmpty)
	}
	for i, b := range bounds {
		if b < 1 || i > 0 && b <= bounds[i-1] {
			return nil, fmt.Errorf("data: Buckets: the bounds %v must be positive and in increasing order", bounds)
		}
	}
	if len(bounds) == 0 {
		return nil, errors.New("data: Buckets: there are no bounds")
	}
	all := make([]Bucket, len(bounds))
	for row, s := range sequences {
		i, _ := slices.BinarySearch(bounds, len(s))
		i = min(i, len(bounds)-1)
		all[i].Rows = append(all[i].Rows, row)
	}
	for i, b := range bounds {
		all[i].Bound = b
	}
	return slices.DeleteFunc(all, func(b Bucket) bool { return len(b.Rows) == 0 }), nil
}
