package train

// This file makes the gradient of a table sparse, such as an Embedding's, of whose rows a batch looks up a few: only these rows
// and their slots are updated. See docs/adr/0018-embeddings.md.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// usualBatch is the batch size that is assumed when both ways give the same bits and the faster one is to be chosen.
const usualBatch = 128

// tables returns those variables, with their gradients, of which a step updates only the rows that the batch looked up. Their
// gradient is that of one lookup and nothing else (a ScatterAdd), and the optimizer's rule leaves a row whose gradient is 0 as
// it is: bit for bit, or because it is lazy and skips such rows.
func (s *StepBuilder) tables(o *Optimizer, variables []*layer.Variable, grads []*graph.Node) map[*layer.Variable]*graph.Node {
	byRows, lazy := optimizer.ByRows(o.rule)
	clip := o.common.Clip
	if !byRows || !lazy && (clip.Norm > 0 || clip.GlobalNorm > 0) {
		return nil
	}
	tables := map[*layer.Variable]*graph.Node{}
	for i, v := range variables {
		if grads[i].Op() != graph.OpScatterAdd || grads[i].Attr().Batched || v.Constraint != nil || len(s.given[v]) > 0 {
			continue
		}
		indices := grads[i].Inputs()[1]
		if lazy || v.Shape[0] > indices.Shape().Concrete(usualBatch).Numel() {
			tables[v] = grads[i]
		}
	}
	return tables
}

// optimizeRows emits the update of the rows of a table that the batch looked up. grad is the table's gradient, clipped the
// gradient after clipping.
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
