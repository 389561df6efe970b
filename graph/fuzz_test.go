package graph_test

// Random programs over the API of nodes: none may panic, and what builds must
// run and have the shape that it said.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

// program reads a random program byte by byte; an exhausted one reads zeros.
type program []byte

func (p *program) byte() int {
	if len(*p) == 0 {
		return 0
	}
	b := (*p)[0]
	*p = (*p)[1:]
	return int(b)
}

// number is small most of the time, and can be what nobody expects.
func (p *program) number() int {
	switch b := p.byte(); {
	case b < 160:
		return b % 4
	case b < 240:
		return b%8 - 4
	default:
		return []int{graph.End, math.MinInt, math.MaxInt / 2, 1 << 30, -1 << 30, 100, 7, 5}[b%8]
	}
}

func (p *program) numbers() []int {
	out := make([]int, p.byte()%5)
	for i := range out {
		out[i] = p.number()
	}
	return out
}

// as returns numbers for each dimension of n, as a careful caller would give.
func (p *program) as(n *graph.Node) []int {
	if p.byte()%8 == 0 {
		return p.numbers()
	}
	out := make([]int, n.Rank())
	for i := range out {
		out[i] = p.number()
	}
	return out
}

func (p *program) axis(n *graph.Node) int {
	if r := n.Rank(); r > 0 && p.byte()%8 != 0 {
		return p.byte() % r
	}
	return p.number()
}

func (p *program) attr() graph.Attr {
	return graph.Attr{
		Shape:   p.numbers(),
		Axes:    p.numbers(),
		Begin:   p.numbers(),
		Step:    p.numbers(),
		Offsets: p.numbers(),
		Depth:   p.number(),
		Rate:    float64(p.number()) / 4,
		Scale:   float64(p.number()),
		Clip:    float64(p.number()) / 8,
		Keep:    p.byte()%2 == 0,
		TransA:  p.byte()%2 == 0,
		TransB:  p.byte()%2 == 0,
		Sparse:  p.byte()%2 == 0,
		Batched: p.byte()%2 == 0,
		Stream:  uint16(p.byte()),
		Data:    make([]float32, p.byte()%5),
		Window:  p.window(p.byte() % 4),
		Heads:   graph.Heads{Heads: p.number(), Groups: p.number(), Scale: 0.5, Causal: p.byte()%2 == 0, Window: p.number()},
	}
}

// window is one over so many spatial dimensions, or something else.
func (p *program) window(dims int) graph.Window {
	if p.byte()%8 == 0 {
		return graph.Window{Size: p.numbers(), Stride: p.numbers(), Dilation: p.numbers(), Low: p.numbers(), High: p.numbers(), Groups: p.number()}
	}
	list := func(least int) []int {
		out := make([]int, dims)
		for i := range out {
			out[i] = least + p.byte()%3
		}
		return out
	}
	return graph.Window{Size: list(1), Stride: list(1), Dilation: list(1), Low: list(0), High: list(0), Groups: p.byte() % 3}
}

// next makes one node of those made before.
func (p *program) next(g *graph.Graph, made nodes) *graph.Node {
	pick := func() *graph.Node { return made[(len(made)*256-1-p.byte())%len(made)] }
	x := pick()
	switch p.byte() % 39 {
	case 0:
		return g.Input("x", p.numbers())
	case 1:
		return g.Param("w", p.numbers())
	case 2:
		return g.Const(make([]float32, p.byte()%5), p.numbers()...)
	case 3:
		return graph.Select(x, pick(), pick())
	case 4:
		return x.Dropout(float64(p.number())/4, uint16(p.byte()))
	case 5:
		return x.RandomNormal()
	case 6:
		return x.Mean(p.axis(x))
	case 7:
		return x.SumKeep(p.numbers()...)
	case 8:
		return x.ReduceMax(p.axis(x))
	case 9:
		return x.ReduceMinKeep(p.numbers()...)
	case 10:
		return x.ArgMax(p.axis(x))
	case 11:
		return x.Softmax(p.axis(x))
	case 12:
		return x.LogSoftmax(p.axis(x))
	case 13:
		return graph.SoftmaxCrossentropy(x, pick(), float64(p.number())/8, p.byte()%2 == 0)
	case 14:
		return x.MatMul(pick())
	case 15:
		return x.MatMulT(pick(), p.byte()%2 == 0, p.byte()%2 == 0)
	case 16:
		return x.BatchMatMul(pick(), p.byte()%2 == 0, p.byte()%2 == 0)
	case 17:
		return x.Reshape(p.as(x)...)
	case 18:
		return x.Transpose(p.as(x)...)
	case 19:
		return x.BroadcastTo(p.numbers())
	case 20:
		return x.Slice(p.as(x), p.as(x), p.as(x))
	case 21:
		return x.Reverse(p.axis(x))
	case 22:
		return x.Pad(p.as(x), p.as(x))
	case 23:
		return graph.Concat(p.axis(x), x, pick())
	case 24:
		return x.OneHot(p.number())
	case 25:
		return graph.Pack(p.number(), p.numbers(), x, pick())
	case 26:
		return x.View(p.number(), p.numbers())
	case 27:
		return x.Conv(pick(), p.window((x.Rank()+2)%4))
	case 28:
		return x.ConvTranspose(pick(), p.window((x.Rank()+2)%4), p.numbers()...)
	case 29:
		return x.ConvKernelGrad(pick(), p.window((x.Rank()+2)%4))
	case 30:
		return x.MaxPool(p.window((x.Rank() + 2) % 4))
	case 31:
		return x.AveragePool(p.window((x.Rank() + 2) % 4))
	case 32:
		return x.ArgMaxPool(p.window((x.Rank() + 2) % 4))
	case 33:
		return x.Gather(pick())
	case 34:
		return x.ScatterAdd(pick(), p.number())
	case 35:
		return x.GroupSum(pick(), p.number())
	case 36:
		return x.BatchGather(pick())
	case 37:
		return x.BatchScatterAdd(pick(), p.number())
	default:
		operands := nodes{x, pick(), pick(), pick()}
		return g.Node(graph.Op(p.byte()%int(unknown+1)), p.attr(), operands[:p.byte()%4]...)
	}
}

// run builds and evaluates a program.
func (p program) run(t *testing.T) {
	g := graph.New()
	stranger := graph.New().Input("x", tensor.Shape{2})
	made := nodes{
		g.Input("x", tensor.Shape{tensor.Batch, 3}),
		g.Input("y", tensor.Shape{2, 1, 3}),
		g.Input("image", tensor.Shape{tensor.Batch, 4, 3, 2}),
		g.Param("kernel", tensor.Shape{2, 1, 2, 4}),
		g.Param("w", tensor.Shape{3, 2}),
		g.Scalar(0.5),
	}
	size := p.byte() % 3
	for range 24 {
		if len(p) == 0 {
			break
		}
		strict := p.byte() < 250
		n := p.next(g, made)
		switch {
		case n.Valid() && n.Graph() == g && n.Shape().Concrete(3).Numel() <= 1000:
			made = append(made, n)
		case !n.Valid() && n.Graph().Err() == nil:
			t.Fatal("a node is poisoned, and its graph has no error")
		case !n.Valid():
			made = append(made, n)
		}
		if !strict {
			made = append(made, []*graph.Node{nil, stranger}[p.byte()%2])
		}
	}
	last := made[len(made)-1]
	gradients := graph.Gradients(last.Sum(), made...)
	if g.Err() != nil || last.Graph() != g {
		return
	}
	feed := map[*graph.Node][]float64{}
	for _, n := range g.Nodes() {
		if n.Shape().Concrete(size).Numel() > 10_000 {
			return // more than a test should compute
		}
		if n.Op().Leaf() && n.Op() != graph.OpConst {
			feed[n] = make([]float64, n.Shape().Concrete(size).Numel())
			for i := range feed[n] {
				feed[n][i] = float64(i%5) - 1
			}
		}
	}
	for i, n := range gradients {
		if !n.Shape().Equal(made[i].Shape()) {
			t.Fatalf("the gradient of %v has the shape %v", made[i], n.Shape())
		}
	}
	if _, err := ref.Eval(g, size, feed, append(gradients, last)...); err != nil {
		t.Fatal(err)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 14, 1, 0, 2, 5})
	f.Fuzz(func(t *testing.T, data []byte) { program(data).run(t) })
}

func TestRandomProgramsNeverPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range choice.Effort(1000, 20_000) {
		p := make(program, r.IntN(160))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		p.run(t)
	}
}
