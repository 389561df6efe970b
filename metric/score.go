package metric

// This file has scores of whole classes: F, R², and the confusion matrix.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// epsilon is Keras's: it keeps sums of 0 from being divided by.
const epsilon = 1e-7

// FBetaScore is (1 + Beta²) · precision · recall / (Beta² · precision + recall)
// of each class, one for each output.
type FBetaScore struct {
	Average   string   `keras:",ours"` // of the classes: "macro", their mean; "weighted" by their targets; "micro", of all counts together. "": macro, and Results has each class
	Beta      float64  `zero:"1"`      // 0: 1
	Threshold *float64 // outputs above it are positive; nil: the greatest of each sample
}

// Name returns "fbeta_score".
func (FBetaScore) Name() string { return "fbeta_score" }

// Direction returns Up.
func (FBetaScore) Direction() Direction { return Up }

// Update emits the counts of the batch: true and false positives, false
// negatives and targets of each class.
func (m FBetaScore) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	g := yPred.Graph()
	switch m.Average {
	case "", "macro", "micro", "weighted":
	default:
		return []*graph.Node{g.Fail("metric %s: unknown Average %q: the known ones are macro, micro, weighted", m.Name(), m.Average)}
	}
	if yPred.Valid() && (yTrue.Rank() != 2 || yPred.Rank() != 2) {
		return []*graph.Node{g.Fail("metric %s: needs outputs and targets of shape (batch, classes), got %v and %v", m.Name(), yPred.Shape(), yTrue.Shape())}
	}
	var positive *graph.Node
	if m.Threshold != nil {
		positive = yPred.Greater(g.Scalar(*m.Threshold))
	} else {
		positive = yPred.GreaterEqual(yPred.ReduceMaxKeep(-1)).Mul(yPred.Abs().Greater(g.Scalar(1e-9)))
	}
	one := g.Scalar(1)
	sum := func(n *graph.Node) *graph.Node {
		if weight != nil {
			n = n.Mul(expand(weight, n))
		}
		if m.Average == "micro" {
			return n.Sum()
		}
		return n.Sum(0)
	}
	return []*graph.Node{
		sum(positive.Mul(yTrue)), sum(positive.Mul(one.Sub(yTrue))),
		sum(one.Sub(positive).Mul(yTrue)), sum(yTrue),
	}
}

// Results returns the score of each class, or the one score of all together.
func (m FBetaScore) Results(totals [][]float64) []float64 {
	beta := config.Resolve(m).Beta
	square := float64(beta * beta)
	out := make([]float64, len(totals[0]))
	for i := range out {
		tp, fp, fn := totals[0][i], totals[1][i], totals[2][i]
		p, r := tp/(tp+fp+epsilon), tp/(tp+fn+epsilon)
		out[i] = float64(p*r) / (float64(square*p) + r + epsilon) * (1 + square)
	}
	return out
}

// Result returns the average.
func (m FBetaScore) Result(totals [][]float64) float64 {
	scores := m.Results(totals)
	if m.Average != "weighted" {
		return average(scores)
	}
	all, sum := 0.0, 0.0
	for _, n := range totals[3] {
		all += n
	}
	for i, n := range totals[3] {
		sum += float64(scores[i] * (n / (all + epsilon)))
	}
	return sum
}

// F1Score is FBetaScore with a Beta of 1: the harmonic mean of precision and
// recall.
type F1Score struct {
	Average   string   `keras:",ours"` // as FBetaScore's
	Threshold *float64 // outputs above it are positive; nil: the greatest of each sample
}

// Name returns "f1_score".
func (F1Score) Name() string { return "f1_score" }

// Direction returns Up.
func (F1Score) Direction() Direction { return Up }

func (m F1Score) score() FBetaScore {
	return FBetaScore{Average: m.Average, Threshold: m.Threshold}
}

// Update emits the counts of the batch.
func (m F1Score) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return m.score().Update(yTrue, yPred, weight)
}

// Results returns the score of each class, or the one score of all together.
func (m F1Score) Results(totals [][]float64) []float64 { return m.score().Results(totals) }

// Result returns the average.
func (m F1Score) Result(totals [][]float64) float64 { return m.score().Result(totals) }

// R2Score is the coefficient of determination, 1 - Σ(yTrue - yPred)² / Σ(yTrue -
// mean)², of each output.
type R2Score struct {
	ClassAggregation string `default:"uniform_average"` // or "variance_weighted_average"; Results has each output
	NumRegressors    int    // of the model, for the adjusted score; 0: not adjusted
}

// Name returns "r2_score".
func (R2Score) Name() string { return "r2_score" }

// Direction returns Up.
func (R2Score) Direction() Direction { return Up }

// Update emits the sums of the batch.
func (m R2Score) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	g := yPred.Graph()
	if a := config.Resolve(m).ClassAggregation; a != "uniform_average" && a != "variance_weighted_average" {
		return []*graph.Node{g.Fail("metric r2_score: unknown ClassAggregation %q: the known ones are uniform_average, variance_weighted_average", a)}
	}
	if yPred.Valid() && yPred.Rank() != 2 {
		return []*graph.Node{g.Fail("metric r2_score: needs outputs of shape (batch, outputs), got %v", yPred.Shape())}
	}
	if weight == nil {
		weight = g.Scalar(1)
	}
	weight = expand(weight, yTrue)
	// Squares of targets far from 0 would lose in float32 how they differ. So sums are
	// taken about the batch's own mean, and what they are about 0 follows exactly:
	//
	//	Σ w·y = W·mean + rest, Σ w·y² = W·mean² + 2·mean·rest + Σ w·(y-mean)²
	all := weight.Sum(0)
	mean := graph.Select(all, weight.Mul(yTrue).Sum(0).Div(all), g.Scalar(0))
	about := yTrue.Sub(mean)
	rest := about.Mul(weight).Sum(0)
	sum, sumLow := product(all, mean)
	square, squareLow := product(sum, mean)
	lower, lowest := product(sumLow, mean)
	twice, twiceLow := product(mean.MulScalar(2), rest)
	return []*graph.Node{
		yTrue.Sub(yPred).Square().Mul(weight).Sum(0), all, yTrue.Numel(),
		sum, sumLow, rest,
		square, squareLow, lower, lowest, twice, twiceLow, about.Square().Mul(weight).Sum(0),
	}
}

// product returns a·b as the sum of two numbers, what a float32 can hold of it and the
// rest (Dekker 1971).
func product(a, b *graph.Node) (high, low *graph.Node) {
	split := func(x *graph.Node) (high, low *graph.Node) {
		far := x.MulScalar(1<<12 + 1)
		high = far.Sub(far.Sub(x))
		return high, x.Sub(high)
	}
	high = a.Mul(b)
	a1, a2 := split(a)
	b1, b2 := split(b)
	return high, a1.Mul(b1).Sub(high).Add(a1.Mul(b2)).Add(a2.Mul(b1)).Add(a2.Mul(b2))
}

// scores returns the score of each output, and its variance.
func (m R2Score) scores(totals [][]float64) (scores, variances []float64) {
	for i, all := range totals[1] {
		sum, squares := 0.0, 0.0
		for _, list := range totals[3:6] {
			sum += list[i]
		}
		for _, list := range totals[6:] {
			squares += list[i]
		}
		total := squares - float64(sum*(sum/all))
		score := 1 - totals[0][i]/total
		if math.IsInf(score, 0) {
			score = 0
		}
		scores, variances = append(scores, score), append(variances, total)
	}
	return scores, variances
}

// Results returns the score of each output.
func (m R2Score) Results(totals [][]float64) []float64 {
	scores, _ := m.scores(totals)
	for i := range scores {
		scores[i] = m.adjusted(scores[i], totals)
	}
	return scores
}

// Result returns the average.
func (m R2Score) Result(totals [][]float64) float64 {
	scores, variances := m.scores(totals)
	score := average(scores)
	if config.Resolve(m).ClassAggregation == "variance_weighted_average" {
		sum, all := 0.0, 0.0
		for i, v := range variances {
			sum += float64(v * scores[i])
			all += v
		}
		score = sum / all
	}
	return m.adjusted(score, totals)
}

// adjusted takes the number of regressors into account, if there are samples
// enough.
func (m R2Score) adjusted(score float64, totals [][]float64) float64 {
	n, p := totals[2][0], float64(m.NumRegressors)
	if p == 0 || p >= n-1 {
		return score
	}
	return 1 - float64((1-score)*(n-1))/(n-p-1)
}

// ConfusionMatrix counts how often each class, the row, is taken for each, the
// column. Results has the matrix, row by row, for Rows; Result is the share that is
// right.
type ConfusionMatrix struct {
	NumClasses int `zero:"none"` // 0: as many as there are outputs
}

// Name returns "confusion_matrix".
func (ConfusionMatrix) Name() string { return "confusion_matrix" }

// Direction returns Up.
func (ConfusionMatrix) Direction() Direction { return Up }

// Update emits the counts of the batch. Targets and outputs are one-hot or
// probabilities, or classes.
func (m ConfusionMatrix) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	n := m.NumClasses
	if n == 0 {
		n = last(yPred.Shape())
	}
	if n < 2 {
		return []*graph.Node{yPred.Graph().Fail("metric confusion_matrix: needs two classes or more, got %d", n)}
	}
	return confusion(sparse(yTrue, n), sparse(yPred, n), weight, n)
}

// sparse makes classes of one-hot targets and of probabilities.
func sparse(y *graph.Node, classes int) *graph.Node {
	switch {
	case y.Rank() > 1 && last(y.Shape()) == classes && classes > 1:
		return y.ArgMax(-1)
	case y.Rank() > 1 && last(y.Shape()) == 1:
		return y.Reshape(y.Shape()[:y.Rank()-1]...)
	}
	return y
}

// confusion emits the matrix. A number that is no class counts nowhere.
func confusion(yTrue, yPred, weight *graph.Node, classes int) []*graph.Node {
	rows, columns := yTrue.OneHot(classes), yPred.OneHot(classes)
	if weight != nil {
		rows = rows.Mul(expand(weight, rows))
	}
	return []*graph.Node{rows.MatMulT(columns, true, false)}
}

// Results returns the matrix, row by row.
func (ConfusionMatrix) Results(totals [][]float64) []float64 { return totals[0] }

// Rows cuts the results of a ConfusionMatrix into the rows of the matrix.
func Rows(results []float64) [][]float64 {
	n := int(math.Sqrt(float64(len(results))))
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = results[i*n:][:n:n]
	}
	return rows
}

// Result returns the share of the diagonal.
func (ConfusionMatrix) Result(totals [][]float64) float64 {
	n := int(math.Sqrt(float64(len(totals[0]))))
	right, all := 0.0, 0.0
	for i, v := range totals[0] {
		all += v
		if i/n == i%n {
			right += v
		}
	}
	return ratio(right, all)
}
