package metric

// This file has the metrics that count what lies above thresholds, rightly or
// not.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// A counts is the confusion matrix at each threshold. An output is positive if
// it is greater than the threshold, and a target if it isn't 0.
type counts struct{ tp, fp, tn, fn []float64 }

// countsOf reads what tally has emitted.
func countsOf(totals [][]float64) counts { return counts{totals[0], totals[1], totals[2], totals[3]} }

// each makes a list of f of every threshold's counts.
func (c counts) each(f func(tp, fp, tn, fn float64) float64) []float64 {
	out := make([]float64, len(c.tp))
	for i := range out {
		out[i] = f(c.tp[i], c.fp[i], c.tn[i], c.fn[i])
	}
	return out
}

func precision(tp, fp, _, _ float64) float64   { return ratio(tp, tp+fp) }
func recall(tp, _, _, fn float64) float64      { return ratio(tp, tp+fn) }
func specificity(_, fp, tn, _ float64) float64 { return ratio(tn, tn+fp) }
func falseRate(_, fp, tn, _ float64) float64   { return ratio(fp, fp+tn) }

// tally emits the counts at each threshold. Each is summed by itself: a difference
// of sums in float32 is seldom 0 where nothing was missed.
func tally(yTrue, yPred, weight *graph.Node, thresholds []float64) []*graph.Node {
	g := yPred.Graph()
	yTrue, yPred = align(yTrue, yPred)
	one := g.Scalar(1)
	positive := yTrue.NotEqual(g.Scalar(0))
	negative := one.Sub(positive)
	if weight != nil {
		weight = expand(weight, positive)
		positive, negative = positive.Mul(weight), negative.Mul(weight)
	}
	limits := make([]float32, len(thresholds))
	for i, t := range thresholds {
		limits[i] = float32(t)
	}
	above := column(yPred).Greater(g.Const(limits, len(limits)))
	below := one.Sub(above)
	// A product that contracts all axes but the last counts at every threshold.
	count := func(of, where *graph.Node) *graph.Node {
		return column(of).MatMulT(where, true, false).Reshape(len(limits))
	}
	return []*graph.Node{count(positive, above), count(negative, above), count(negative, below), count(positive, below)}
}

// column gives x a last axis of 1.
func column(x *graph.Node) *graph.Node {
	return x.Reshape(append(x.Shape().Clone(), 1)...)
}

// A choice says which outputs count, and at which thresholds.
type choice struct {
	thresholds []float64
	evenly     int // how many thresholds in place of them, if not 0
	topK       int
	classID    *int
}

func (c choice) tally(yTrue, yPred, weight *graph.Node) []*graph.Node {
	if c.topK < 0 {
		return []*graph.Node{yPred.Graph().Fail("TopK is %d: it can't be negative", c.topK)}
	}
	thresholds := c.thresholds
	switch {
	case c.evenly != 0:
		if fail := evenFails(c.evenly); fail != "" {
			return []*graph.Node{yPred.Graph().Fail("%s", fail)}
		}
		thresholds = even(c.evenly)
	case len(thresholds) == 0 && c.topK > 0:
		thresholds = []float64{nowhere}
	case len(thresholds) == 0:
		thresholds = []float64{0.5}
	}
	if c.topK > 0 {
		yPred = onlyTopK(yPred, c.topK)
	}
	if c.classID != nil {
		yTrue = yTrue.SliceAxis(-1, *c.classID, *c.classID+1)
		yPred = yPred.SliceAxis(-1, *c.classID, *c.classID+1)
	}
	return tally(yTrue, yPred, weight, thresholds)
}

// nowhere is less than any output: Keras's NEG_INF.
const nowhere = -1e10

// onlyTopK leaves the k greatest outputs of each sample, and of equal ones the
// first, and makes the others nowhere.
func onlyTopK(yPred *graph.Node, k int) *graph.Node {
	g := yPred.Graph()
	n := last(yPred.Shape())
	if n < 1 {
		return g.Fail("the greatest outputs were asked for, of outputs of shape %v", yPred.Shape())
	}
	if k >= n {
		return yPred
	}
	rest, chosen := yPred, g.Scalar(0)
	for range k {
		best := rest.ArgMax(-1).OneHot(n)
		chosen = chosen.Max(best)
		rest = graph.Select(best, g.Scalar(math.Inf(-1)), rest)
	}
	return graph.Select(chosen, yPred, g.Scalar(nowhere))
}

// TruePositives is the number of positive targets that are found.
type TruePositives struct {
	Thresholds []float64 // nil: 0.5
}

// Name returns "true_positives".
func (TruePositives) Name() string { return "true_positives" }

// Update emits the counts of the batch.
func (m TruePositives) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds}.tally(yTrue, yPred, weight)
}

// Results returns the number at each threshold.
func (TruePositives) Results(totals [][]float64) []float64 { return countsOf(totals).tp }

// Result returns the number, or the mean over the thresholds.
func (m TruePositives) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// TrueNegatives is the number of negative targets that are left alone.
type TrueNegatives struct {
	Thresholds []float64 // nil: 0.5
}

// Name returns "true_negatives".
func (TrueNegatives) Name() string { return "true_negatives" }

// Update emits the counts of the batch.
func (m TrueNegatives) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds}.tally(yTrue, yPred, weight)
}

// Results returns the number at each threshold.
func (TrueNegatives) Results(totals [][]float64) []float64 { return countsOf(totals).tn }

// Result returns the number, or the mean over the thresholds.
func (m TrueNegatives) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// FalsePositives is the number of negative targets that are taken for positive.
type FalsePositives struct {
	Thresholds []float64 // nil: 0.5
}

// Name returns "false_positives".
func (FalsePositives) Name() string { return "false_positives" }

// Update emits the counts of the batch.
func (m FalsePositives) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds}.tally(yTrue, yPred, weight)
}

// Results returns the number at each threshold.
func (FalsePositives) Results(totals [][]float64) []float64 { return countsOf(totals).fp }

// Result returns the number, or the mean over the thresholds.
func (m FalsePositives) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// FalseNegatives is the number of positive targets that are missed.
type FalseNegatives struct {
	Thresholds []float64 // nil: 0.5
}

// Name returns "false_negatives".
func (FalseNegatives) Name() string { return "false_negatives" }

// Update emits the counts of the batch.
func (m FalseNegatives) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds}.tally(yTrue, yPred, weight)
}

// Results returns the number at each threshold.
func (FalseNegatives) Results(totals [][]float64) []float64 { return countsOf(totals).fn }

// Result returns the number, or the mean over the thresholds.
func (m FalseNegatives) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// Precision is the share of what is found that is positive, TP / (TP + FP).
type Precision struct {
	Thresholds []float64 // nil: 0.5, or none if there is a TopK
	TopK       int       `zero:"none"`      // only the greatest TopK outputs of a sample can be positive; 0: all
	ClassID    *int      `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "precision".
func (Precision) Name() string { return "precision" }

// Update emits the counts of the batch.
func (m Precision) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds, topK: m.TopK, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Results returns the share at each threshold.
func (Precision) Results(totals [][]float64) []float64 { return countsOf(totals).each(precision) }

// Result returns the share, or the mean over the thresholds.
func (m Precision) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// Direction returns Up.
func (Precision) Direction() Direction { return Up }

// Recall is the share of positive targets that are found, TP / (TP + FN).
type Recall struct {
	Thresholds []float64 // nil: 0.5, or none if there is a TopK
	TopK       int       `zero:"none"`      // only the greatest TopK outputs of a sample can be positive; 0: all
	ClassID    *int      `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "recall".
func (Recall) Name() string { return "recall" }

// Update emits the counts of the batch.
func (m Recall) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{thresholds: m.Thresholds, topK: m.TopK, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Results returns the share at each threshold.
func (Recall) Results(totals [][]float64) []float64 { return countsOf(totals).each(recall) }

// Result returns the share, or the mean over the thresholds.
func (m Recall) Result(totals [][]float64) float64 { return average(m.Results(totals)) }

// Direction returns Up.
func (Recall) Direction() Direction { return Up }

// maxThresholds are more than float32 outputs between 0 and 1 call for.
const maxThresholds = 1 << 20

// evenFails says what is wrong with a number of thresholds, "" if nothing.
func evenFails(n int) string {
	if n < 1 || n > maxThresholds {
		return fmt.Sprintf("NumThresholds is %d: it must be at least 1 and at most %d", n, maxThresholds)
	}
	return ""
}

// even spreads n thresholds over [0, 1].
func even(n int) []float64 {
	if n < 2 {
		return []float64{0.5}
	}
	thresholds := make([]float64, n)
	for i := range thresholds {
		thresholds[i] = float64(i) / float64(n-1)
	}
	return thresholds
}

// greatest returns the greatest value of want at the thresholds where given is at
// least the bound, 0 if there is none.
func greatest(c counts, want, given func(tp, fp, tn, fn float64) float64, bound float64) float64 {
	most := 0.0
	values, givens := c.each(want), c.each(given)
	for i, v := range values {
		if givens[i] >= bound {
			most = max(most, v)
		}
	}
	return most
}

// SensitivityAtSpecificity is the greatest recall at a threshold where at least the
// share Specificity of the negative targets is left alone.
type SensitivityAtSpecificity struct {
	Specificity   float64
	NumThresholds int  `zero:"200"`       // 0: 200
	ClassID       *int `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "sensitivity_at_specificity".
func (SensitivityAtSpecificity) Name() string { return "sensitivity_at_specificity" }

// Update emits the counts of the batch.
func (m SensitivityAtSpecificity) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{evenly: config.Resolve(m).NumThresholds, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Result returns the greatest.
func (m SensitivityAtSpecificity) Result(totals [][]float64) float64 {
	return greatest(countsOf(totals), recall, specificity, config.Resolve(m).Specificity)
}

// Direction returns Up.
func (SensitivityAtSpecificity) Direction() Direction { return Up }

// SpecificityAtSensitivity is the greatest share of negative targets left alone at
// a threshold where at least the share Sensitivity of the positive ones is found.
type SpecificityAtSensitivity struct {
	Sensitivity   float64
	NumThresholds int  `zero:"200"`       // 0: 200
	ClassID       *int `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "specificity_at_sensitivity".
func (SpecificityAtSensitivity) Name() string { return "specificity_at_sensitivity" }

// Update emits the counts of the batch.
func (m SpecificityAtSensitivity) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{evenly: config.Resolve(m).NumThresholds, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Result returns the greatest.
func (m SpecificityAtSensitivity) Result(totals [][]float64) float64 {
	return greatest(countsOf(totals), specificity, recall, config.Resolve(m).Sensitivity)
}

// Direction returns Up.
func (SpecificityAtSensitivity) Direction() Direction { return Up }

// PrecisionAtRecall is the greatest precision at a threshold where the recall is at
// least Recall.
type PrecisionAtRecall struct {
	Recall        float64
	NumThresholds int  `zero:"200"`       // 0: 200
	ClassID       *int `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "precision_at_recall".
func (PrecisionAtRecall) Name() string { return "precision_at_recall" }

// Update emits the counts of the batch.
func (m PrecisionAtRecall) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{evenly: config.Resolve(m).NumThresholds, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Result returns the greatest.
func (m PrecisionAtRecall) Result(totals [][]float64) float64 {
	return greatest(countsOf(totals), precision, recall, config.Resolve(m).Recall)
}

// Direction returns Up.
func (PrecisionAtRecall) Direction() Direction { return Up }

// RecallAtPrecision is the greatest recall at a threshold where the precision is at
// least Precision.
type RecallAtPrecision struct {
	Precision     float64
	NumThresholds int  `zero:"200"`       // 0: 200
	ClassID       *int `keras:"class_id"` // only this class counts; nil: all
}

// Name returns "recall_at_precision".
func (RecallAtPrecision) Name() string { return "recall_at_precision" }

// Update emits the counts of the batch.
func (m RecallAtPrecision) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return choice{evenly: config.Resolve(m).NumThresholds, classID: m.ClassID}.tally(yTrue, yPred, weight)
}

// Result returns the greatest.
func (m RecallAtPrecision) Result(totals [][]float64) float64 {
	return greatest(countsOf(totals), recall, precision, config.Resolve(m).Precision)
}

// Direction returns Up.
func (RecallAtPrecision) Direction() Direction { return Up }
