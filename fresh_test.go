package cornu_test

// This file holds random networks, drawn by internal/golden/keras_compare.py, to what
// Keras made of them: each step of a training, and summaries to the letter.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/train"
)

// drawn returns the model of a fresh case.
func drawn(t *testing.T, c golden.Case) *cornu.Model {
	t.Helper()
	var spec layer.Spec
	if err := json.Unmarshal([]byte(c.Texts["spec"]), &spec); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	net, err := spec.Network()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c.Name, err, c.Texts["spec"])
	}
	var in, out []*cornu.Node
	in = append(in, net.Inputs()...)
	out = append(out, net.Outputs()...)
	return cornu.NewModel(in, out)
}

func TestFreshTrainingsAreKerass(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "trainings").Cases {
		model := drawn(t, c)
		sgd := optimizer.SGD{}
		if err := config.Decode(c.Config, &sgd); err != nil {
			t.Fatal(err)
		}
		cfg := cornu.CompileConfig{LossWeights: c.Numbers["loss_weights"], Optimizer: sgd}
		for _, name := range strings.Fields(c.Texts["losses"]) {
			l, err := loss.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Losses = append(cfg.Losses, l)
		}
		if err := model.Compile(cfg); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		startFrom(t, model, c)
		variables, err := model.Variables()
		if err != nil {
			t.Fatal(err)
		}
		for step, want := range c.Numbers["loss"] {
			source := &data.Arrays{}
			for _, part := range []struct {
				prefix  string
				columns *[]data.Column
			}{{"x", &source.X}, {"y", &source.Y}, {"w", &source.TargetWeights}} {
				for i := 0; ; i++ {
					x, ok := c.Tensors[fmt.Sprintf("%s %d", part.prefix, i)]
					if !ok {
						break
					}
					size := len(x.Data) / len(c.Numbers["loss"])
					column, err := data.Floats(x.Data[step*size:][:size], x.Shape[1:]...)
					if err != nil {
						t.Fatal(err)
					}
					*part.columns = append(*part.columns, column)
				}
			}
			result, err := model.TrainOnBatch(source)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			if !alike(result.Loss, want) {
				t.Errorf("%s: the loss of step %d is %v, want %v\n%s", c.Name, step, result.Loss, want, c.Texts["spec"])
				break
			}
			if v := differing(variables, c, step); v != "" {
				t.Errorf("%s: after step %d %s\n%s", c.Name, step, v, c.Texts["spec"])
				break
			}
		}
	}
}

// alike reports whether two float32 computations of one number could give these.
func alike(got, want float64) bool {
	return math.Abs(got-want) <= 2e-5*math.Abs(want)+1e-5 || math.IsNaN(got) && math.IsNaN(want)
}

// differing says which variable isn't what Keras's is after a step.
func differing(variables []*layer.Variable, c golden.Case, step int) string {
	for _, v := range variables {
		want := c.Tensors[fmt.Sprintf("step %d %s", step, v.Path)].Data
		for i, w := range v.Value() {
			if i >= len(want) || !alike(float64(w), float64(want[i])) {
				return fmt.Sprintf("%s is %v, want %v", v.Path, v.Value(), want)
			}
		}
	}
	return ""
}

func TestFreshSummariesAreKerasOwnText(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "summaries").Cases {
		model := drawn(t, c)
		model.Name = "net"
		cfg := layer.SummaryConfig{Model: "net", Width: int(c.Numbers["width"][0]), Trainable: c.Bool("trainable")}
		if name := c.Texts["optimizer"]; name != "" {
			rule, err := optimizer.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			o := train.NewOptimizer(rule)
			net := model.Network()
			if _, err := train.NewStep(1, func(s *train.StepBuilder) {
				if v := trainable(net); len(v) > 0 {
					s.Minimize(s.Variable(v[0]).Sum(), o, v...)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if cfg.Optimizer = o.Size(); cfg.Optimizer == 0 {
				continue // nothing is trained, and Keras counts the rate and the steps all the same
			}
		}
		var b bytes.Buffer
		if err := layer.Summary(&b, model.Network(), cfg); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.TrimSpace(b.String()), strings.TrimSpace(c.Texts["summary"]); got != want {
			t.Errorf("%s, %d wide, is\n%s\nwant\n%s", c.Name, cfg.Width, got, want)
		}
	}
}

func trainable(n *layer.Network) (list []*layer.Variable) {
	for _, v := range n.Variables() {
		if n.Trainable(v) {
			list = append(list, v)
		}
	}
	return list
}
