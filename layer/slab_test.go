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
	p, q, r := slab.PlaceOf(a), slab.PlaceOf(b), slab.PlaceOf(fixed)
	if p.Slab == nil || q.Slab != p.Slab || r.Slab != p.Slab || p.Offset != 0 || q.Offset != 16 || r.Offset != 32 {
		t.Errorf("they lie at %d, %d and %d", p.Offset, q.Offset, r.Offset)
	}
	if err := slab.Store(b, a); err != nil || slab.PlaceOf(b) != q {
		t.Errorf("stored again, b has moved (%v)", err)
	}
	if err := b.Draw(0, 0); err != nil || p.Slab.Data[16] != 5 || len(b.Value) != 1 {
		t.Errorf("drawn as %v (%v)", b.Value, err)
	}
}

func TestAVariableWithoutAnInitializerIsNotDrawn(t *testing.T) {
	v := &layer.Variable{Name: "x", Shape: tensor.Shape{2}}
	if err := v.Draw(0, 0); err == nil || !strings.Contains(err.Error(), `variable "x" has no Initializer`) {
		t.Errorf("Draw: %v", err)
	}
}
