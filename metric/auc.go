package metric

// This file has the area under a curve.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// AUC is the area under a curve that a threshold going from 0 to 1 draws, by a
// sum over NumThresholds points of it.
type AUC struct {
	NumThresholds   int       `zero:"200"`              // 0: 200
	Curve           string    `default:"ROC"`           // recall over the rate of false positives; or "PR", precision over recall
	SummationMethod string    `default:"interpolation"` // or "minoring", "majoring": the lower or the greater of two points
	Thresholds      []float64 // between 0 and 1, in place of NumThresholds
	MultiLabel      bool      // an area for each label, and their mean
	NumLabels       int       `zero:"none"` // needs not be said
	LabelWeights    []float64 // of each label; nil: equal
	FromLogits      bool      // outputs go through a sigmoid first
}

// Name returns "auc".
func (AUC) Name() string { return "auc" }

// Direction returns Up.
func (AUC) Direction() Direction { return Up }

// thresholds lists the thresholds; all outputs are above the first, and none
// above the last.
func (m AUC) thresholds() []float64 {
	const epsilon = 1e-7
	inner := slices.Sorted(slices.Values(m.Thresholds))
	if m.Thresholds == nil {
		all := even(config.Resolve(m).NumThresholds)
		inner = all[1:max(len(all)-1, 1)]
	}
	return slices.Concat([]float64{-epsilon}, inner, []float64{1 + epsilon})
}

// Update emits the counts of the batch.
func (m AUC) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	g := yPred.Graph()
	r := config.Resolve(m)
	switch {
	case r.Curve != "ROC" && r.Curve != "PR":
		return []*graph.Node{g.Fail("metric auc: unknown Curve %q: the known ones are ROC, PR", r.Curve)}
	case !slices.Contains([]string{"interpolation", "minoring", "majoring"}, r.SummationMethod):
		return []*graph.Node{g.Fail("metric auc: unknown SummationMethod %q: the known ones are interpolation, minoring, majoring", r.SummationMethod)}
	case m.Thresholds == nil && evenFails(r.NumThresholds) != "":
		return []*graph.Node{g.Fail("metric auc: %s", evenFails(r.NumThresholds))}
	case m.LabelWeights != nil && len(m.LabelWeights) != last(yPred.Shape()):
		return []*graph.Node{g.Fail("metric auc: %d LabelWeights for outputs of shape %v", len(m.LabelWeights), yPred.Shape())}
	}
	if m.FromLogits {
		yPred = yPred.Sigmoid()
	}
	if !m.MultiLabel {
		if m.LabelWeights != nil {
			labels := make([]float32, len(m.LabelWeights))
			for i, w := range m.LabelWeights {
				labels[i] = float32(w)
			}
			each := g.Const(labels, len(labels)).BroadcastTo(yPred.Shape())
			if weight != nil {
				each = each.Mul(expand(weight, yPred))
			}
			weight = each
		}
		return tally(yTrue, yPred, weight, m.thresholds())
	}
	var parts [4][]*graph.Node
	for i := range last(yPred.Shape()) {
		for k, n := range tally(yTrue.SliceAxis(-1, i, i+1), yPred.SliceAxis(-1, i, i+1), weight, m.thresholds()) {
			parts[k] = append(parts[k], n)
		}
	}
	totals := make([]*graph.Node, len(parts))
	for k, list := range parts {
		totals[k] = graph.Concat(0, list...)
	}
	return totals
}

// Results returns the area of each label, or the one area if the labels are not
// told apart.
func (m AUC) Results(totals [][]float64) []float64 {
	points := len(m.thresholds())
	out := make([]float64, len(totals[0])/points)
	for i := range out {
		var c counts
		for k, list := range []*[]float64{&c.tp, &c.fp, &c.tn, &c.fn} {
			*list = totals[k][i*points:][:points]
		}
		out[i] = m.area(c)
	}
	return out
}

// Result returns the area, or the mean over the labels.
func (m AUC) Result(totals [][]float64) float64 {
	areas := m.Results(totals)
	if !m.MultiLabel || m.LabelWeights == nil {
		return average(areas)
	}
	sum, weights := 0.0, 0.0
	for i, w := range m.LabelWeights {
		sum += float64(areas[i] * w)
		weights += w
	}
	return ratio(sum, weights)
}

func (m AUC) area(c counts) float64 {
	r := config.Resolve(m)
	if r.Curve == "PR" && r.SummationMethod == "interpolation" {
		return c.precisionRecall()
	}
	x, y := c.each(falseRate), c.each(recall)
	if r.Curve == "PR" {
		x, y = y, c.each(precision)
	}
	sum := 0.0
	for i := range len(x) - 1 {
		height := (y[i] + y[i+1]) / 2
		switch r.SummationMethod {
		case "minoring":
			height = min(y[i], y[i+1])
		case "majoring":
			height = max(y[i], y[i+1])
		}
		sum += float64((x[i] - x[i+1]) * height)
	}
	return sum
}

// precisionRecall interpolates the true positives between two points, not the
// precision, in which the curve isn't straight (Davis and Goadrich 2006).
func (c counts) precisionRecall() float64 {
	sum := 0.0
	for i := range len(c.tp) - 1 {
		tp, p, next := c.tp[i]-c.tp[i+1], c.tp[i]+c.fp[i], c.tp[i+1]+c.fp[i+1]
		slope := ratio(tp, max(p-next, 0))
		intercept := c.tp[i+1] - float64(slope*next)
		log := 0.0
		if p > 0 && next > 0 {
			log = fmath.Log64(p / next)
		}
		sum += ratio(slope*(tp+float64(intercept*log)), max(c.tp[i+1]+c.fn[i+1], 0))
	}
	return sum
}
