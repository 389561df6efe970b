package loss

// This file has the loss of sequences whose alignment isn't known.

import (
	"errors"
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// CTC is connectionist temporal classification (Graves et al. 2006): minus the
// logarithm of the probability that the outputs, one distribution for each step, spell
// the target, each label held for any number of steps and blanks between. Outputs are
// logits of shape [batch, steps, classes]; targets are [batch, length]. Class 0 is the
// blank, and fills up targets that are shorter.
//
// A target that is too long for the steps has a loss around 1e5, and no gradient of use.
type CTC struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "ctc".
func (CTC) Name() string { return "ctc" }

// TargetShape returns a shape of one label for each step; a target may be shorter.
func (CTC) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	if len(output) != 3 || output[2] < 2 {
		return nil, errors.New("each output must be steps of logits, of two classes or more")
	}
	return output[:2], nil
}

// Fits reports whether a target is one list of labels for each sample.
func (CTC) Fits(target, _ tensor.Shape) bool { return len(target) == 2 }

// Classes returns the number of classes, the blank among them.
func (l CTC) Classes(output tensor.Shape) (classes int, others []int) {
	if _, err := l.TargetShape(output); err != nil {
		return 0, nil
	}
	return output[2], nil
}

// Loss emits the loss of each sample.
//
// Along s the target has blanks before, between and after its labels. α(s) is the
// logarithm of the probability of all ways to have come to s by the present step: from
// s itself, from s-1, or past a blank from s-2 if the labels differ.
func (CTC) Loss(yTrue, yPred *graph.Node) *graph.Node {
	g := yPred.Graph()
	if yPred.Valid() && yTrue.Valid() && (yPred.Rank() != 3 || yTrue.Rank() != 2) {
		return g.Fail("loss ctc: needs outputs of shape (batch, steps, classes) and targets of shape (batch, length), got %v and %v", yPred.Shape(), yTrue.Shape())
	}
	if !yPred.Valid() || !yTrue.Valid() {
		return yPred
	}
	const impossible = -1e5
	steps, classes, length := yPred.Shape()[1], yPred.Shape()[2], yTrue.Shape()[1]
	states := 2*length + 1
	zero, one := g.Scalar(0), g.Scalar(1)
	batch := yTrue.Shape()[0]

	// The label of each state, 0 for blanks: yTrue at the odd ones.
	label := graph.Concat(2, column(zero.BroadcastTo(yTrue.Shape())), column(yTrue)).Reshape(batch, 2*length)
	label = graph.Concat(1, label, zero.BroadcastTo(tensor.Shape{batch, 1}))
	// From s-2 a way leads to s where s is a label, and another than that before.
	before := graph.Concat(1, zero.BroadcastTo(tensor.Shape{batch, 2}), label).SliceAxis(1, 0, states)
	skips := label.NotEqual(zero).Mul(label.NotEqual(before))
	bar := one.Sub(skips).MulScalar(impossible)

	// [batch, steps, states]
	emit := yPred.LogSoftmax(-1).BatchMatMul(label.OneHot(classes), false, true)
	none := g.Scalar(impossible).BroadcastTo(tensor.Shape{batch, 2})
	var start []float32
	for s := range states {
		start = append(start, impossible)
		if s == 0 {
			start[s] = 0
		}
	}
	alpha := g.Const(start, states).BroadcastTo(tensor.Shape{batch, states})
	var part *graph.Node
	block := int(math.Sqrt(float64(steps))) + 1 // a slice's gradient fills all that it was cut from, so it is cut twice
	for t := range steps {
		if t%block == 0 {
			part = emit.SliceAxis(1, t, min(t+block, steps))
		}
		shifted := graph.Concat(1, none, alpha)
		own, last, past := alpha, shifted.SliceAxis(1, 1, states+1), shifted.SliceAxis(1, 0, states).Add(bar)
		most := own.Max(last).Max(past).StopGradient()
		ways := own.Sub(most).Exp().Add(last.Sub(most).Exp()).Add(past.Sub(most).Exp())
		alpha = ways.Log().Add(most).Add(part.SliceAxis(1, t%block, t%block+1).Reshape(batch, states))
	}
	// The end is the last label, or the blank after it.
	end := yTrue.NotEqual(zero).Sum(-1).MulScalar(2)
	a := graph.Select(end.OneHot(states), alpha, zero).Sum(-1)
	b := graph.Select(end.AddScalar(-1).OneHot(states), alpha, zero).Sum(-1)
	b = graph.Select(end, b, g.Scalar(impossible))
	most := a.Max(b).StopGradient()
	return a.Sub(most).Exp().Add(b.Sub(most).Exp()).Log().Add(most).Neg()
}
