package layer_test

import (
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestVariablesOfOnesOwnLieSideBySide(t *testing.T) {
	a := &layer.Variable{Name: "a", Shape: tensor.Shape{3}, Trainable: true, Initializer: initializer.Ones{}}
	fixed := &layer.Variable{Name: "fixed", Shape: tensor.Shape{2}, Initializer: initializer.Zeros{}}
	b := &layer.Variable{Name: "b", Trainable: true, Initializer: initializer.Constant{Value: 5}}
	if err := slab.Store(a, fixed, b); err != nil {
		t.Fatal(err)
	}
	p, q, r := slab.SpanOf(a), slab.SpanOf(b), slab.SpanOf(fixed)
	if p.Slab == nil || q.Slab != p.Slab || r.Slab != p.Slab || p.Offset != 0 || q.Offset != 16 || r.Offset != 32 {
		t.Errorf("they lie at %d, %d and %d", p.Offset, q.Offset, r.Offset)
	}
	if err := slab.Store(b, a); err != nil || slab.SpanOf(b) != q {
		t.Errorf("stored again, b has moved (%v)", err)
	}
	if err := b.Draw(0, 0); err != nil || q.View()[0] != 5 || len(b.Value()) != 1 {
		t.Errorf("drawn as %v (%v)", b.Value(), err)
	}
}

func TestAVariableWithoutAnInitializerIsNotDrawn(t *testing.T) {
	v := &layer.Variable{Name: "x", Shape: tensor.Shape{2}}
	if err := v.Draw(0, 0); err == nil || !strings.Contains(err.Error(), `variable "x" has no Initializer`) {
		t.Errorf("Draw: %v", err)
	}
}

func TestAVariableIsReadAndAssignedByValue(t *testing.T) {
	v := &layer.Variable{Name: "x", Shape: tensor.Shape{2}, Initializer: initializer.Ones{}}
	if v.Value() != nil {
		t.Errorf("it holds %v before it has memory", v.Value())
	}
	if err := v.Assign([]float32{1, 2, 3}); err == nil || err.Error() != `layer: variable "x" has shape (2,), 2 numbers: it can't be assigned 3` {
		t.Errorf("three numbers: %v", err)
	}
	given := []float32{7, 8}
	if err := v.Assign(given); err != nil {
		t.Fatal(err)
	}
	given[0] = 0
	if err := v.Draw(0, 0); err != nil {
		t.Fatal(err)
	}
	got := v.Value()
	if got[0] != 7 || got[1] != 8 {
		t.Errorf("it holds %v after it was assigned 7 and 8", got)
	}
	if got[0] = 0; v.Value()[0] != 7 {
		t.Error("its value is no copy")
	}
	v = &layer.Variable{Name: "x", Shape: tensor.Shape{tensor.Batch}}
	if err := v.Assign(nil); err == nil {
		t.Error("a shape that depends on the batch can be assigned")
	}
}
