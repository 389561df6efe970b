package layer_test

// This file holds layers to what Keras computes with them: results, derivatives and what
// training changes.

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
)

// kerasBound is of results that Keras computes in float32 and the oracle in float64: a few
// roundings of values around 1, and what sums of some tens of them amplify.
const kerasBound = 4e-6

func TestLayersAreKerasLayers(t *testing.T) {
	for _, file := range []string{"layers", "recurrent", "cells", "wrapping", "attention"} {
		for _, c := range golden.Load(t, file).Cases {
			t.Run(c.Name, func(t *testing.T) { sameAsKeras(t, c) })
		}
	}
}

func sameAsKeras(t *testing.T, c golden.Case) {
	l, err := layer.FromConfig(c.Class, c.Config)
	if err != nil {
		t.Fatal(err)
	}
	var in, given []*layer.Node
	batch := 0
	for i := 0; c.Tensors[fmt.Sprint("x", i)].Shape != nil; i++ {
		shape := c.Tensors[fmt.Sprint("x", i)].Shape
		batch = max(batch, shape[0])
		in = append(in, layer.Apply(&layer.Input{Shape: shape[1:]}))
		given = append(given, in[i])
		if strings.Contains(c.Texts["masked"], fmt.Sprint(i)) {
			given[i] = layer.Apply(&layer.Masking{MaskValue: 9}, in[i])
		}
	}
	n, err := layer.NewNetwork(in, layer.ApplyAll(l, given...))
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	context := layer.NewContext(g, c.Texts["mode"] == "training")
	feed := map[*graph.Node][]float64{}
	give := func(node *graph.Node, name string) *graph.Node {
		value := c.Tensors[name]
		if !node.Shape().Concrete(batch).Equal(value.Shape) {
			t.Fatalf("%s has shape %v, Keras's %v", name, node.Shape(), value.Shape)
		}
		for _, v := range value.Data {
			feed[node] = append(feed[node], float64(v))
		}
		return node
	}
	var inputs, weights []*graph.Node
	for i, x := range in {
		inputs = append(inputs, give(g.Input(fmt.Sprint("x", i), x.Shape()), fmt.Sprint("x", i)))
	}
	variables := n.Variables()
	for i, v := range variables {
		weights = append(weights, give(context.Value(v), fmt.Sprint("w", i)))
	}
	outputs, numbers := n.Trace(context, inputs), []string{"", "1"}
	total := g.Scalar(0)
	for i, y := range outputs {
		if i > 0 && c.Tensors["dy1"].Shape == nil {
			continue
		}
		dy := "dy" + numbers[i]
		total = total.Add(y.Mul(give(g.Input(dy, y.Shape()), dy)).Sum())
	}
	trained := len(n.TrainableVariables())
	gradients := graph.Gradients(total, append(inputs, weights[:trained]...)...)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	check := func(what string, node *graph.Node) {
		t.Helper()
		want, ok := c.Tensors[what]
		if !ok {
			t.Fatalf("Keras has no %s", what)
		}
		out, err := ref.Eval(g, batch, feed, node)
		if err != nil {
			t.Fatal(err)
		}
		if !node.Shape().Concrete(batch).Equal(want.Shape) {
			t.Fatalf("%s has shape %v, Keras's %v", what, node.Shape(), want.Shape)
		}
		for i, w := range want.Data {
			if d := math.Abs(out[0][i] - float64(w)); !(d <= kerasBound*max(1, math.Abs(float64(w)))) {
				t.Fatalf("%s: number %d is %v, Keras's %v", what, i, out[0][i], w)
			}
		}
	}
	for i, y := range outputs {
		if i == 0 || c.Tensors["y1"].Shape != nil {
			check("y"+numbers[i], y)
		}
	}
	for i := range inputs {
		check(fmt.Sprint("dx", i), gradients[i])
	}
	for i := range trained {
		check(fmt.Sprint("dw", i), gradients[len(inputs)+i])
	}
	if context.Training() {
		for i, v := range variables[trained:] {
			check(fmt.Sprint("u", i), context.Value(v))
		}
	}
	if _, more := c.Tensors[fmt.Sprint("w", len(variables))]; more {
		t.Errorf("Keras has more weights than %d", len(variables))
	}
	// The configuration comes back from a file the same.
	cfg, err := layer.Config(l)
	if err != nil {
		t.Fatal(err)
	}
	again, err := layer.FromConfig(c.Class, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := layer.Config(again); err != nil || fmt.Sprint(back) != fmt.Sprint(cfg) {
		t.Errorf("the configuration %v comes back as %v, %v", cfg, back, err)
	}
}
