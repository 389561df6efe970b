package graph

// This file says which numbers an input holds.

import (
	"fmt"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// A Domain says which numbers an Input may hold: the integers from 0 to N-1, and those of Others. If N is 0 it may hold
// any. Who feeds the Input checks it, for kernels do not.
type Domain struct {
	N      int
	Others []int
}

// Has reports whether v is in the domain. A float32 beyond 2²⁴ is not: it may have been another integer before it was rounded.
func (d Domain) Has(v float32) bool {
	const exact = 1 << 24
	i := int(v)
	return d.N == 0 || float32(i) == v && i <= exact && d.HasInteger(i)
}

// HasInteger reports whether the integer i is in the domain.
func (d Domain) HasInteger(i int) bool {
	return d.N == 0 || uint(i) < uint(d.N) || slices.Contains(d.Others, i)
}

// domainOf returns a domain, and what is wrong with it.
func domainOf(n int, others []int) (Domain, string) {
	if n < 1 || n > math.MaxInt32 {
		return Domain{}, fmt.Sprintf("there can't be integers below %d: it must be at least 1 and at most %d", n, math.MaxInt32)
	}
	return Domain{n, slices.Clone(others)}, ""
}

// Integers makes an Input that holds integers from 0 to n-1, such as classes or indices, or some others. n may be 2³¹-1 at
// most. What names rows or classes by them is exact; what is computed with them is float32, which has no integers of its own
// for some beyond 2²⁴.
func (g *Graph) Integers(name string, shape tensor.Shape, n int, others ...int) *Node {
	domain, wrong := domainOf(n, others)
	if wrong != "" {
		return g.Fail("input %q: %s", name, wrong)
	}
	return g.node(OpInput, Attr{Name: name, Shape: shape, Domain: domain})
}

// Integers returns n, after it has seen to it that n holds integers from 0 to bound-1: a layer that takes indices says so
// of its input. What an Input holds is checked from now on before each run; what is an Input's in another
// shape, order or part is that Input's. It is an error of what is computed, unless it can hold nothing else.
func (n *Node) Integers(bound int) *Node {
	domain, wrong := domainOf(bound, nil)
	if wrong != "" {
		return n.Graph().Fail("Integers: %s", wrong)
	}
	if from := n.outside(domain, map[*Node]bool{}); from != nil {
		return n.Graph().Fail("%v may hold other numbers than integers from 0 to %d: it is no input, nor a part of one", from.Op(), bound-1)
	}
	return n
}

// outside narrows the domains of the inputs that n is made of. It returns a node that can't be held to the domain, or
// nil. seen are those that were looked at.
func (n *Node) outside(d Domain, seen map[*Node]bool) *Node {
	if seen[n] {
		return nil
	}
	seen[n] = true
	switch n.Op() {
	case OpInvalid: // there is an error already
		return nil
	case OpInput:
		if had := n.attr.Domain.N; had == 0 || had > d.N {
			n.attr.Domain.N = d.N
		}
		n.attr.Domain.Others = nil
		return nil
	case OpConst:
		if !slices.ContainsFunc(n.attr.Data, func(v float32) bool { return !d.Has(v) }) {
			return nil
		}
	case OpLess, OpLessEqual, OpEqual, OpOneHot:
		if d.N > 1 {
			return nil
		}
	case OpArgMax:
		if along := n.inputs[0].shape[n.attr.Axes[0]]; along >= 0 && along <= d.N {
			return nil
		}
	case OpReshape, OpTranspose, OpBroadcastTo, OpSlice, OpPad, OpConcat, OpPack, OpView, OpStopGradient, OpCast:
		for _, in := range n.inputs {
			if from := in.outside(d, seen); from != nil {
				return from
			}
		}
		return nil
	}
	return n
}

// StoreIntegers has the integers that n, an Input held to some, is fed with stored as int32: who names rows or classes by them
// reads them so, and what computes reads a float32 copy. It reports false, and does nothing, if n is not held to integers. Who
// feeds n asks when the graph is whole.
func (n *Node) StoreIntegers() bool {
	if n.Op() != OpInput || n.attr.Domain.N == 0 || n.attr.DType != Float32 {
		return false
	}
	n.attr.DType = Int32
	return true
}
