package train

// This file trains tables, such as an Embedding's, of which a batch names a few rows. See docs/adr/0018-embeddings.md.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// usualBatch is the size of batches that is reckoned with where a table is trained row by row only because that is faster.
const usualBatch = 128

// tables returns the variables of which a step need change no other rows than those that the batch names: their gradient
// is what rows that were looked up are worth, by itself, and by the optimizer's rule a row without gradient stays as it is,
// bit for bit, or is to stay.
func (s *StepBuilder) tables(o *Optimizer, variables []*layer.Variable, grads []*graph.Node) map[*layer.Variable]*graph.Node {
	byRows, lazy := optimizer.ByRows(o.rule)
	clip := o.common.Clip
	if !byRows || !lazy && (clip.Norm > 0 || clip.GlobalNorm > 0) {
		return nil
	}
	tables := map[*layer.Variable]*graph.Node{}
	for i, v := range variables {
		if grads[i].Op() != graph.OpScatterAdd || v.Constraint != nil || len(s.given[v]) > 0 {
			continue
		}
		indices := grads[i].Inputs()[1]
		if lazy || v.Shape[0] > indices.Shape().Concrete(usualBatch).Numel() {
			tables[v] = grads[i]
		}
	}
	return tables
}

// optimizeRows emits the update of the rows of a table that are named. grad is its gradient, clipped that after clipping.
func (s *StepBuilder) optimizeRows(o *Optimizer, u optimizer.Update, v *layer.Variable, grad, clipped *graph.Node) {
	indices := grad.Inputs()[1]
	r := &runsOf([]*layer.Variable{v})[0]
	param := s.Variable(v)
	if clip := o.common.Clip; clip.Norm > 0 || clip.GlobalNorm > 0 {
		u.Grad = clipped.Gather(indices)
	} else {
		u.Grad = clip.Gradients([]*graph.Node{grad.Inputs()[0].GroupSum(indices, v.Shape[0])})[0]
	}
	s.step.program.Checks = append(s.step.program.Checks, u.Grad)
	u.Param = param.Gather(indices)
	u.Shapes, u.Offsets, u.Paths = []tensor.Shape{v.Shape}, []int{0}, []string{v.Path}
	var slots []*graph.Node
	for _, slot := range s.slots(o, r) {
		slots = append(slots, slot.View(0, v.Shape))
		u.Slots = append(u.Slots, slots[len(slots)-1].Gather(indices))
	}
	s.graph.PushScope(o.rule.Name())
	optimizer.Step(o.rule, &u)
	s.graph.PopScope()
	s.step.program.Updates = append(s.step.program.Updates, plan.Update{Param: param, Value: u.Param, Rows: indices})
	for i, slot := range slots {
		s.step.program.Updates = append(s.step.program.Updates, plan.Update{Param: slot, Value: u.Slots[i], Rows: indices})
	}
}
