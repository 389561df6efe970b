package graph

// This file defines the error of a graph and finds the line of the user's code
// that made it.

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/cornu-ml/cornu/tensor"
)

// A Pos is a line of source code.
type Pos struct {
	File string
	Line int
}

// String returns the file's base name and the line, or "" for the zero Pos.
func (p Pos) String() string {
	if p.File == "" {
		return ""
	}
	return filepath.Base(p.File) + ":" + strconv.Itoa(p.Line)
}

// An Error says which operation could not be built, on what, and where.
type Error struct {
	Op     Op             // the operation
	Scope  string         // the layer that asked for it
	Shapes []tensor.Shape // of the operands; nil stands for an operand that has none
	Pos    Pos            // the line of the user's code
	Msg    string         // what was expected
}

// Error returns, for example,
//
//	main.go:31: dense_1: MatMul of (None, 784) and (100, 10): the inner dimensions, 784 and 100, must be equal
func (e *Error) Error() string {
	var b strings.Builder
	if e.Pos != (Pos{}) {
		b.WriteString(e.Pos.String() + ": ")
	}
	if e.Scope != "" {
		b.WriteString(e.Scope + ": ")
	}
	if e.Op != OpInvalid {
		b.WriteString(e.Op.String())
		for i, s := range e.Shapes {
			switch i {
			case 0:
				b.WriteString(" of ")
			case len(e.Shapes) - 1:
				b.WriteString(" and ")
			default:
				b.WriteString(", ")
			}
			if s == nil {
				b.WriteString("nothing")
			} else {
				b.WriteString(s.String())
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// fail records the first error of g and returns the poisoned node.
func (g *Graph) fail(op Op, operands []*Node, format string, args ...any) *Node {
	if g.err != nil {
		return g.poisoned()
	}
	e := &Error{Op: op, Scope: g.Scope(), Msg: fmt.Sprintf(format, args...)}
	for _, n := range operands {
		e.Shapes = append(e.Shapes, n.Shape())
	}
	if g.origin != nil {
		e.Pos = g.origin.pos
	} else {
		e.Pos = caller()
	}
	g.err = e
	return g.poisoned()
}

// Fail records an error for the user's line and the current scope, unless the
// graph already has one, and returns a poisoned node. Layers, losses and the
// like report with it what the shape rules cannot know.
func (g *Graph) Fail(format string, args ...any) *Node {
	return g.fail(OpInvalid, nil, format, args...)
}

// orphan is the poisoned result of a method called on nil: there is no graph to
// tell, so it carries one of its own.
func orphan(what string) *Node {
	return New().fail(OpInvalid, nil, "%s of a nil node", what)
}

// near is how many frames are looked at for each node: those of an op's method, of the layer or loss that called it,
// and of the user's own layer around that.
const near = 8

// maker returns the line of the user's code that makes a node. To walk a stack to its end takes longer than to make
// a node: of nodes that none of the nearest frames made, such as a layer's when a model is compiled, it is the line that
// the first of them in the graph was made from.
func (g *Graph) maker() Pos {
	var pcs [near]uintptr
	n := runtime.Callers(3, pcs[:])
	if pos := innermost(pcs[:n]); pos != (Pos{}) || n < near {
		return pos
	}
	if g.pos == (Pos{}) {
		g.pos = caller()
	}
	return g.pos
}

// caller returns the innermost frame that is the user's: outside this module,
// or in its examples, commands and tests.
func caller() Pos {
	var pcs [64]uintptr
	return innermost(pcs[:runtime.Callers(3, pcs[:])])
}

func innermost(pcs []uintptr) Pos {
	for _, pc := range pcs {
		pos, ok := places.Load(pc)
		if !ok {
			pos, _ = places.LoadOrStore(pc, place(pc))
		}
		if pos.(Pos) != (Pos{}) {
			return pos.(Pos)
		}
	}
	return Pos{}
}

// places remembers what is at a program counter, which takes a while to look up:
// the user's line, or the zero Pos.
var places sync.Map

func place(pc uintptr) Pos {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if f.File != "" && users(f.Function, f.File) {
		return Pos{f.File, f.Line}
	}
	return Pos{}
}

const module = "github.com/cornu-ml/cornu"

func users(function, file string) bool {
	if strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "testing.") {
		return false
	}
	rest, ours := strings.CutPrefix(function, module)
	if !ours || rest != "" && rest[0] != '.' && rest[0] != '/' {
		return true
	}
	return strings.HasSuffix(file, "_test.go") || strings.HasPrefix(rest, "/cmd/") || strings.HasPrefix(rest, "/examples/")
}
