// Package plan compiles a graph for one batch size into a flat list of kernel
// calls over one arena.
//
//	graph ──lower──▶ values ──fuse──▶ units ──place──▶ Plan ──Bind──▶ Exec
//
// Lowering makes every shape concrete, merges equal subexpressions, drops what
// nothing reads, folds constants by running their kernels, and makes views of
// reshapes, slices and transposes where the kernels that read them take rows that
// are apart. Fusing groups elementwise values into one program, and such a program
// into the epilogue of the kernel that feeds it. Placing gives each stored value a
// range of the arena by its lifetime, or of the value that joins it with others. No
// pass changes a bit of any result: with Config.NoPasses every node is a kernel
// call of its own, and the results are the same.
//
// The passes know no kernels. What they ask of an op is in the table of ops.go, and to
// compute a constant they call Plan.evaluate. Binding makes kernels of units (emit.go,
// level.go) and runs them (exec.go): another backend is an emitter for each op that has
// a kernel, an evaluate and an Exec.
package plan

// This file defines what goes in, a Program, and what comes out, a Plan.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/graph"
)

// A Program is what a Plan computes.
type Program struct {
	Graph   *graph.Graph
	Outputs []*graph.Node // can be read after Compute
	Checks  []*graph.Node // must be finite, or Exec.Finite is false after Compute
	Updates []Update      // done by Exec.Update, all from the values before any of them

	// Windows says of Inputs and Outputs that they are in memory that is given before each run (Window.Point), in which the rows
	// of the first dimension begin so many numbers after one another. Those with kernels that can't do with that are in the arena
	// nevertheless.
	Windows map[*graph.Node]int
}

// An Update stores Value in Param, a Param node, or a View of one, of the same
// shape. If there are Rows, indices, it stores the rows of Value, [indices…, …], in those of Param that they name; rows of
// the same index are equal. No two updates overlap.
type Update struct {
	Param, Value *graph.Node
	Rows         *graph.Node // nil: Param as a whole
}

// Config says how to compile.
type Config struct {
	Batch     int  // what the symbolic dimension stands for
	NoPasses  bool // every node is a call of its own
	KeepZeros bool // products multiply by zeros; without passes they do anyway
	Held      int  // float32s of parameters and state, which count against the limit of memory
}

// A Plan is a Program compiled for one batch size. It is immutable; Bind makes
// the Execs that run it.
type Plan struct {
	program Program
	config  Config
	values  []*value // topological
	units   []*unit  // by level, which is the order of execution; those of the update last
	levels  int
	nodes   map[*graph.Node]*value
	// integers are the inputs that are stored as int32. In nodes, those that are outputs are float32.
	integers map[*graph.Node]*value
	arena    int      // bytes
	updates  []update // all of the program's
	moves    []update // those that can't be computed in place
	checks   []*value // what must be finite and is not checked by its own kernel
}

// An update gives a parameter its next value.
type update struct{ param, value, rows *value }

// Compile specialises a program for a batch size. Its error is the graph's own
// first error or says that the program is not well formed.
func Compile(program Program, config Config) (*Plan, error) {
	if err := program.Graph.Err(); err != nil {
		return nil, err
	}
	for _, list := range [][]*graph.Node{program.Outputs, program.Checks} {
		for _, n := range list {
			if !n.Valid() || n.Graph() != program.Graph {
				return nil, fmt.Errorf("plan: an output does not belong to the graph")
			}
		}
	}
	for _, u := range program.Updates {
		param := u.Param
		if table[param.Op()].role == roleView {
			param = param.Inputs()[0]
		}
		shape := u.Param.Shape()
		if u.Rows.Valid() && len(shape) > 0 {
			shape = slices.Concat(u.Rows.Shape(), shape[1:])
		}
		if table[param.Op()].role != roleParam || !u.Value.Valid() || !shape.Equal(u.Value.Shape()) {
			return nil, fmt.Errorf("plan: update of %v by %v: want a parameter and a value of its shape", u.Param, u.Value)
		}
	}
	for _, n := range program.Graph.Nodes() {
		if rows := n.Attr().Rows; rows != 0 && rows != config.Batch {
			return nil, fmt.Errorf("layer %q keeps states from batch to batch, of %d samples: a batch of %d can't go on from them, all must have %d", n.Scope(), rows, config.Batch, rows)
		}
	}
	p := &Plan{program: program, config: config}
	if err := p.lower(); err != nil {
		return nil, err
	}
	p.fuse()
	p.schedule()
	if err := p.place(); err != nil {
		return nil, err
	}
	return p, nil
}

// Arena returns how many bytes each Exec holds.
func (p *Plan) Arena() int { return p.arena }

// calls returns the number of calls of one run: the kernels of one level are one
// call, and so are the checks.
func (p *Plan) calls() int {
	n := len(p.moves)
	last := -1
	for _, u := range p.units {
		if u.called() && u.index != last {
			last = u.index
			n++
		}
	}
	if slices.ContainsFunc(p.checks, func(v *value) bool { return v.n > smallCheck }) {
		n++
	}
	return n
}
