package metric

// This file has intersection over union of classes, of images above all.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// IoU is the mean over the target classes of intersection over union, TP / (TP + FP +
// FN). A class that occurs neither in targets nor in outputs doesn't count, and a
// number that is no class counts nowhere.
//
// Keras cuts the weights of samples down to integers unless dtype is said; here they
// are what they are.
type IoU struct {
	NumClasses     int
	TargetClassIDs []int `keras:"target_class_ids"`
	IgnoreClass    *int  // targets of this class don't count; nil: none
	DenseYTrue     bool  `keras:"sparse_y_true,not"` // targets are one-hot along Axis, not classes
	DenseYPred     bool  `keras:"sparse_y_pred,not"` // outputs are probabilities along Axis, not classes
	Axis           int   `zero:"-1"`                 // of the classes, where there is one; 0: the last
}

// Name returns "io_u".
func (IoU) Name() string { return "io_u" }

// Direction returns Up.
func (IoU) Direction() Direction { return Up }

// Update emits the matrix of the batch: how often each class, the row, is taken for
// each, the column.
func (m IoU) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	m.TargetClassIDs = said(m.TargetClassIDs)
	return m.update("io_u", yTrue, yPred, weight)
}

// said makes an empty list of nil: update refuses the one and takes the other for all
// classes.
func said(ids []int) []int {
	if ids == nil {
		return []int{}
	}
	return ids
}

// update emits the matrix of IoU and its kin. A list of target classes that is nil is
// all of them.
func (m IoU) update(name string, yTrue, yPred, weight *graph.Node) []*graph.Node {
	g := yPred.Graph()
	if m.NumClasses < 1 {
		return []*graph.Node{g.Fail("metric %s: NumClasses is %d: it must be said", name, m.NumClasses)}
	}
	if m.TargetClassIDs != nil && len(m.TargetClassIDs) == 0 {
		return []*graph.Node{g.Fail("metric %s: no TargetClassIDs: say the classes that it is the mean of, or use MeanIoU or OneHotMeanIoU", name)}
	}
	for _, id := range m.TargetClassIDs {
		if id < 0 || id >= m.NumClasses {
			return []*graph.Node{g.Fail("metric %s: the target class %d is none of 0 … %d", name, id, m.NumClasses-1)}
		}
	}
	axis := config.Resolve(m).Axis
	class := func(y *graph.Node, dense bool) *graph.Node {
		if dense {
			return y.ArgMax(axis)
		}
		return y.Abs().Floor().Mul(y.Sign()) // as Keras cuts to integers
	}
	yTrue, yPred = align(class(yTrue, m.DenseYTrue), class(yPred, m.DenseYPred))
	if !yTrue.Valid() || !yPred.Valid() {
		return []*graph.Node{yPred}
	}
	if !yTrue.Shape().Equal(yPred.Shape()) {
		return []*graph.Node{g.Fail("metric %s: targets %v and outputs %v are not as many: classes are expected, "+
			"or, along one axis more, one-hot targets with DenseYTrue and probabilities with DenseYPred", name, yTrue.Shape(), yPred.Shape())}
	}
	if m.IgnoreClass != nil {
		yTrue = graph.Select(yTrue.Equal(g.Scalar(float64(*m.IgnoreClass))), g.Scalar(-1), yTrue)
	}
	return confusion(yTrue, yPred, weight, m.NumClasses)
}

// Results returns the ratio of each target class, NaN for a class that doesn't occur.
func (m IoU) Results(totals [][]float64) []float64 {
	n := m.NumClasses
	ratio := func(k int) float64 {
		common := totals[0][k*n+k]
		union := -common
		for j := range n {
			union += totals[0][k*n+j] + totals[0][j*n+k]
		}
		if union > 1e-9 {
			return common / (union + epsilon)
		}
		return math.NaN()
	}
	var out []float64
	for _, k := range m.TargetClassIDs {
		out = append(out, ratio(k))
	}
	if m.TargetClassIDs == nil { // all, as MeanIoU has it
		for k := range n {
			out = append(out, ratio(k))
		}
	}
	return out
}

// Result returns the mean over the target classes that occur.
func (m IoU) Result(totals [][]float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range m.Results(totals) {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / (n + epsilon)
}

// BinaryIoU is IoU of the classes 0 and 1, or of one of them. Outputs are of class 1
// where they reach Threshold.
type BinaryIoU struct {
	TargetClassIDs []int    `keras:"target_class_ids,ours"` // nil: 0 and 1, which Keras doesn't call None
	Threshold      *float64 `default:"0.5"`
}

// Name returns "binary_io_u".
func (BinaryIoU) Name() string { return "binary_io_u" }

// Direction returns Up.
func (BinaryIoU) Direction() Direction { return Up }

func (m BinaryIoU) iou() IoU {
	if m.TargetClassIDs == nil {
		return IoU{NumClasses: 2, TargetClassIDs: []int{0, 1}}
	}
	return IoU{NumClasses: 2, TargetClassIDs: m.TargetClassIDs}
}

// Update emits the matrix of the batch.
func (m BinaryIoU) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	above := yPred.GreaterEqual(yPred.Graph().Scalar(*config.Resolve(m).Threshold))
	return m.iou().update("binary_io_u", yTrue, above, weight)
}

// Results returns the ratio of each target class, NaN for a class that doesn't occur.
func (m BinaryIoU) Results(totals [][]float64) []float64 { return m.iou().Results(totals) }

// Result returns the mean over the target classes that occur.
func (m BinaryIoU) Result(totals [][]float64) float64 { return m.iou().Result(totals) }

// MeanIoU is IoU of all classes.
type MeanIoU struct {
	NumClasses  int
	IgnoreClass *int // targets of this class don't count; nil: none
	DenseYTrue  bool `keras:"sparse_y_true,not"` // targets are one-hot along Axis, not classes
	DenseYPred  bool `keras:"sparse_y_pred,not"` // outputs are probabilities along Axis, not classes
	Axis        int  `zero:"-1"`                 // of the classes, where there is one; 0: the last
}

// Name returns "mean_io_u".
func (MeanIoU) Name() string { return "mean_io_u" }

// Direction returns Up.
func (MeanIoU) Direction() Direction { return Up }

func (m MeanIoU) iou() IoU {
	return IoU{m.NumClasses, nil, m.IgnoreClass, m.DenseYTrue, m.DenseYPred, m.Axis}
}

// Update emits the matrix of the batch.
func (m MeanIoU) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return m.iou().update("mean_io_u", yTrue, yPred, weight)
}

// Results returns the ratio of each class, NaN for a class that doesn't occur.
func (m MeanIoU) Results(totals [][]float64) []float64 { return m.iou().Results(totals) }

// Result returns the mean over the classes that occur.
func (m MeanIoU) Result(totals [][]float64) float64 { return m.iou().Result(totals) }

// OneHotIoU is IoU of one-hot targets and probabilities.
type OneHotIoU struct {
	NumClasses     int
	TargetClassIDs []int `keras:"target_class_ids"`
	IgnoreClass    *int  // targets of this class don't count; nil: none
	SparseYPred    bool  `keras:"sparse_y_pred"` // outputs are classes
	Axis           int   `zero:"-1"`             // of the classes; 0: the last
}

// Name returns "one_hot_io_u".
func (OneHotIoU) Name() string { return "one_hot_io_u" }

// Direction returns Up.
func (OneHotIoU) Direction() Direction { return Up }

func (m OneHotIoU) iou() IoU {
	return IoU{m.NumClasses, m.TargetClassIDs, m.IgnoreClass, true, !m.SparseYPred, m.Axis}
}

// Update emits the matrix of the batch.
func (m OneHotIoU) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	iou := m.iou()
	iou.TargetClassIDs = said(iou.TargetClassIDs)
	return iou.update("one_hot_io_u", yTrue, yPred, weight)
}

// Results returns the ratio of each target class, NaN for a class that doesn't occur.
func (m OneHotIoU) Results(totals [][]float64) []float64 { return m.iou().Results(totals) }

// Result returns the mean over the target classes that occur.
func (m OneHotIoU) Result(totals [][]float64) float64 { return m.iou().Result(totals) }

// OneHotMeanIoU is MeanIoU of one-hot targets and probabilities.
type OneHotMeanIoU struct {
	NumClasses  int
	IgnoreClass *int // targets of this class don't count; nil: none
	SparseYPred bool `keras:"sparse_y_pred"` // outputs are classes
	Axis        int  `zero:"-1"`             // of the classes; 0: the last
}

// Name returns "one_hot_mean_io_u".
func (OneHotMeanIoU) Name() string { return "one_hot_mean_io_u" }

// Direction returns Up.
func (OneHotMeanIoU) Direction() Direction { return Up }

func (m OneHotMeanIoU) iou() IoU {
	return MeanIoU{m.NumClasses, m.IgnoreClass, true, !m.SparseYPred, m.Axis}.iou()
}

// Update emits the matrix of the batch.
func (m OneHotMeanIoU) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return m.iou().update("one_hot_mean_io_u", yTrue, yPred, weight)
}

// Results returns the ratio of each class, NaN for a class that doesn't occur.
func (m OneHotMeanIoU) Results(totals [][]float64) []float64 { return m.iou().Results(totals) }

// Result returns the mean over the classes that occur.
func (m OneHotMeanIoU) Result(totals [][]float64) float64 { return m.iou().Result(totals) }
