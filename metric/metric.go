// Package metric has the measures that training and evaluation report.
//
// A Metric is a value. For every batch it emits sums, which the loop adds up in
// float64, and at the end it makes one number of the totals. So a metric is
// right over batches of unequal size, and has no state to reset. One of your own
// has the methods of Metric, or is the mean of a function, by OfLoss and loss.Func.
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0.
package metric

// This file defines Metric and finds one by its name.

import (
	"strconv"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// A Metric measures predictions.
type Metric interface {
	// Name returns Keras's name, the key of logs and histories: "accuracy".
	Name() string
	// Update emits what the batch adds to each total, nodes of any shape that
	// does not depend on the batch. weight is the weight of each sample, or nil.
	Update(yTrue, yPred, weight *graph.Node) []*graph.Node
	// Result makes a number of the totals, one slice for each node of Update.
	Result(totals [][]float64) float64
}

// A Vector is a metric that has several results: one for each threshold, or for
// each class. Its Result is their mean.
type Vector interface {
	Metric
	Results(totals [][]float64) []float64
}

// A Direction says which values of a metric are better.
type Direction int8

// The directions.
const (
	Unknown Direction = iota
	Up                // greater is better
	Down              // less is better
)

// DirectionOf returns m's direction: what its method of that name says.
func DirectionOf(m Metric) Direction {
	if d, ok := m.(interface{ Direction() Direction }); ok && !config.IsNil(m) {
		return d.Direction()
	}
	return Unknown
}

var registry = config.NewRegistry[Metric](
	"metric",
	Accuracy{}, ExactAccuracy{}, BinaryAccuracy{}, CategoricalAccuracy{}, SparseCategoricalAccuracy{},
	TopKCategoricalAccuracy{}, SparseTopKCategoricalAccuracy{},
	MeanSquaredError{}, RootMeanSquaredError{}, MeanAbsoluteError{}, MeanAbsolutePercentageError{},
	MeanSquaredLogarithmicError{}, LogCoshError{}, Poisson{}, CosineSimilarity{}, R2Score{},
	BinaryCrossentropy{}, CategoricalCrossentropy{}, SparseCategoricalCrossentropy{}, KLDivergence{},
	Hinge{}, SquaredHinge{}, CategoricalHinge{},
	TruePositives{}, TrueNegatives{}, FalsePositives{}, FalseNegatives{},
	Precision{}, Recall{}, FBetaScore{}, F1Score{}, AUC{},
	SensitivityAtSpecificity{}, SpecificityAtSensitivity{}, PrecisionAtRecall{}, RecallAtPrecision{},
	ConfusionMatrix{}, IoU{}, BinaryIoU{}, MeanIoU{}, OneHotIoU{}, OneHotMeanIoU{},
	PearsonCorrelation{}, ConcordanceCorrelation{}, Mean{}, Sum{},
)

func init() {
	for alias, m := range map[string]Metric{
		"acc": Accuracy{},
		"mse": MeanSquaredError{}, "MSE": MeanSquaredError{}, "rmse": RootMeanSquaredError{},
		"mae": MeanAbsoluteError{}, "MAE": MeanAbsoluteError{},
		"mape": MeanAbsolutePercentageError{}, "MAPE": MeanAbsolutePercentageError{},
		"msle": MeanSquaredLogarithmicError{}, "MSLE": MeanSquaredLogarithmicError{},
		"bce": BinaryCrossentropy{}, "BCE": BinaryCrossentropy{},
		"kld": KLDivergence{}, "KLD": KLDivergence{},
		"log_cosh_error": LogCoshError{},
	} {
		registry.Register(m, alias)
	}
}

// ByName returns the metric that Keras knows by the name, with its defaults. The
// error of an unknown name lists the known ones.
func ByName(name string) (Metric, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a metric known to ByName and to files, by its Name.
func Register(m Metric) { registry.Register(m) }

// Named returns m under another name, for a model that reports two of a kind.
func Named(name string, m Metric) Metric {
	if v, ok := m.(Vector); ok {
		return namedVector{named{m, name}, v}
	}
	return named{m, name}
}

// Unnamed returns the metric that Named has given another name, or m itself.
func Unnamed(m Metric) Metric {
	switch m := m.(type) {
	case named:
		return m.Metric
	case namedVector:
		return m.Metric
	}
	return m
}

type named struct {
	Metric
	name string
}

func (m named) Name() string         { return m.name }
func (m named) Check() error         { return config.Check("metric "+strconv.Quote(m.name), m.Metric) }
func (m named) Direction() Direction { return DirectionOf(m.Metric) }

type namedVector struct {
	named
	vector Vector
}

func (m namedVector) Results(totals [][]float64) []float64 { return m.vector.Results(totals) }

// mean is the update of a metric that averages values, one for each sample:
// their weighted sum and the sum of the weights.
func mean(values, weight *graph.Node) []*graph.Node {
	if weight == nil {
		return []*graph.Node{values.Sum(), values.Numel()}
	}
	weight = expand(weight, values)
	return []*graph.Node{values.Mul(weight).Sum(), weight.Sum()}
}

// expand repeats the weights of samples to the shape of their values.
func expand(weight, values *graph.Node) *graph.Node {
	if !weight.Valid() || !values.Valid() {
		return weight
	}
	return weight.WithRank(values.Rank()).BroadcastTo(values.Shape())
}

// higher is the result of a metric that averages, of which more is better: the
// first total over the second.
type higher struct{}

// Result returns the mean.
func (higher) Result(totals [][]float64) float64 { return ratio(totals[0][0], totals[1][0]) }

// Direction returns Up.
func (higher) Direction() Direction { return Up }

// lower is the result of a metric that averages, of which less is better.
type lower struct{}

// Result returns the mean.
func (lower) Result(totals [][]float64) float64 { return ratio(totals[0][0], totals[1][0]) }

// Direction returns Down.
func (lower) Direction() Direction { return Down }

// ratio is a/b, or 0 if b is.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// average is the mean of several results.
func average(results []float64) float64 {
	sum := 0.0
	for _, r := range results {
		sum += r
	}
	return ratio(sum, float64(len(results)))
}
