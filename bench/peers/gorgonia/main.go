// Command gorgonia is Gorgonia on the chapter's network, in float32 on its default BLAS, which is Gonum's. Gorgonia's
// graphs are of fixed shape: there is one for each batch size.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/cornu-ml/cornu/bench/peers/contender"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gorgonia:", err)
		os.Exit(1)
	}
}

// A network is the graph for one batch size, and the machine that runs it.
type network struct {
	x, y       *gorgonia.Node
	parameters gorgonia.Nodes
	vm         gorgonia.VM
}

// newNetwork builds the chapter's network. With values it takes its parameters from them, and doesn't train.
func newNetwork(batch int, values []gorgonia.Value) *network {
	must := gorgonia.Must
	g := gorgonia.NewGraph()
	n := &network{x: gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 784), gorgonia.WithName("x"))}
	parameter := func(name string, rows, columns int, init gorgonia.InitWFn) *gorgonia.Node {
		options := []gorgonia.NodeConsOpt{gorgonia.WithShape(rows, columns), gorgonia.WithName(name), gorgonia.WithInit(init)}
		if values != nil {
			options[2] = gorgonia.WithValue(values[len(n.parameters)])
		}
		p := gorgonia.NewMatrix(g, tensor.Float32, options...)
		n.parameters = append(n.parameters, p)
		return p
	}
	h, sizes := n.x, []int{784, 256, 256, 10}
	for i := range 3 {
		w := parameter(fmt.Sprint("w", i), sizes[i], sizes[i+1], gorgonia.GlorotU(1))
		b := parameter(fmt.Sprint("b", i), 1, sizes[i+1], gorgonia.Zeroes())
		h = must(gorgonia.BroadcastAdd(must(gorgonia.Mul(h, w)), b, nil, []byte{0}))
		if i < 2 {
			h = must(gorgonia.Rectify(h))
			if values == nil {
				h = must(gorgonia.Dropout(h, 0.45))
			}
		}
	}
	p := must(gorgonia.SoftMax(h))
	if values != nil {
		n.vm = gorgonia.NewTapeMachine(g)
		return n
	}
	n.y = gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 10), gorgonia.WithName("y"))
	logs := must(gorgonia.Log(must(gorgonia.Add(p, gorgonia.NewConstant(float32(1e-7))))))
	cost := must(gorgonia.Neg(must(gorgonia.Mean(must(gorgonia.Sum(must(gorgonia.HadamardProd(logs, n.y)), 1))))))
	if _, err := gorgonia.Grad(cost, n.parameters...); err != nil {
		panic(err)
	}
	n.vm = gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(n.parameters...))
	return n
}

// run runs the graph on pixels, and on labels if it trains.
func (n *network) run(x, y []float32) error {
	rows := len(x) / 784
	if err := gorgonia.Let(n.x, tensor.New(tensor.WithShape(rows, 784), tensor.WithBacking(x))); err != nil {
		return err
	}
	if n.y != nil {
		if err := gorgonia.Let(n.y, tensor.New(tensor.WithShape(rows, 10), tensor.WithBacking(y))); err != nil {
			return err
		}
	}
	n.vm.Reset()
	return n.vm.RunAll()
}

func run() error {
	const batch = 128
	digits, err := contender.Load("train")
	if err != nil {
		return err
	}
	test, err := contender.Load("test")
	if err != nil {
		return err
	}
	net := newNetwork(batch, nil)
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(1e-3), gorgonia.WithEps(1e-7))
	x, y := make([]float32, batch*784), make([]float32, batch*10)
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(digits.Labels))
	step := func(i int) error {
		clear(y)
		for r := range batch {
			j := order[(i*batch+r)%len(order)]
			copy(x[r*784:][:784], digits.Pixels[j*784:])
			y[r*10+int(digits.Labels[j])] = 1
		}
		if err := net.run(x, y); err != nil {
			return err
		}
		return solver.Step(gorgonia.NodesToValueGrads(net.parameters))
	}
	if err := step(0); err != nil {
		return err
	}
	predictors := map[int]*network{}
	predictor := func(rows int) *network {
		if predictors[rows] == nil {
			var values []gorgonia.Value
			for _, p := range net.parameters {
				values = append(values, p.Value())
			}
			predictors[rows] = newNetwork(rows, values)
		}
		return predictors[rows]
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "gorgonia.org/gorgonia" {
				version = m.Version
			}
		}
	}
	return contender.Serve("Gorgonia", version, map[string]func(int) (float64, error){
		"epoch": func(int) (float64, error) { return contender.Epoch(469, step) },
		"evaluate": func(rows int) (float64, error) {
			return contender.Timed(func() error {
				for i := 0; i < len(test.Labels); i += rows {
					n := min(rows, len(test.Labels)-i)
					if err := predictor(n).run(test.Pixels[i*784:(i+n)*784], nil); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"predict": func(rows int) (float64, error) {
			net := predictor(rows)
			return contender.Timed(func() error { return net.run(test.Pixels[:rows*784], nil) })
		},
	})
}
