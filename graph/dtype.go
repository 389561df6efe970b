package graph

// This file says how the numbers of a node are stored.

import (
	"strconv"

	"github.com/cornu-ml/cornu/tensor"
)

// A DType is the type that a node's numbers are stored as. Arithmetic is that of float32: what is stored as another type
// is read by Node.Float32 and by what moves numbers without looking at them.
type DType uint8

// The types. Others than Float32 are those of leaves. Int32 is that of Inputs that hold integers, see Node.StoreIntegers: for who
// builds a graph they are float32.
const (
	Float32  DType = iota
	BFloat16       // the upper half of a float32
	Float16        // IEEE 754's binary16, whose largest number is 65504
	Int32
	Uint8
)

var dtypes = [...]struct {
	name string
	size int
}{Float32: {"float32", 4}, BFloat16: {"bfloat16", 2}, Float16: {"float16", 2}, Int32: {"int32", 4}, Uint8: {"uint8", 1}}

// Valid reports whether d is one of the types.
func (d DType) Valid() bool { return int(d) < len(dtypes) }

// String returns the type's name: NumPy's, as Keras has it.
func (d DType) String() string {
	if d.Valid() {
		return dtypes[d].name
	}
	return "DType(" + strconv.Itoa(int(d)) + ")"
}

// Size returns the bytes of one number.
func (d DType) Size() int {
	if d.Valid() {
		return dtypes[d].size
	}
	return 0
}

// DType returns what n's numbers are stored as.
func (n *Node) DType() DType {
	if n == nil {
		return Float32
	}
	return n.dtype
}

// Weights reports whether parameters can be stored as d.
func (d DType) Weights() bool { return d <= Float16 }

// Bytes is Input for numbers that are given as Uint8.
func (g *Graph) Bytes(name string, shape tensor.Shape) *Node {
	return g.node(OpInput, Attr{Name: name, Shape: shape, DType: Uint8})
}

// Stored is Param for numbers that are stored as BFloat16 or Float16. No step changes it.
func (g *Graph) Stored(name string, shape tensor.Shape, dtype DType) *Node {
	return g.node(OpParam, Attr{Name: name, Shape: shape, DType: dtype})
}

// Float32 returns n's numbers as float32, exactly: n itself if that is how they are stored.
func (n *Node) Float32() *Node {
	if n.DType() == Float32 {
		return n
	}
	return apply(OpCast, Attr{}, n)
}

// dtypeOf returns the type of what an op makes of its operands, and what is wrong with theirs.
func dtypeOf(op Op, a *Attr, in []*Node) (DType, string) {
	info := &opTable[op]
	for _, x := range in {
		if x.dtype != Float32 && info.stored == none {
			return Float32, "takes float32, an operand is stored as " + x.dtype.String() + ": Float32 makes it that"
		}
	}
	switch {
	case op == OpParam && !a.DType.Weights():
		return Float32, "a parameter is float32, bfloat16 or float16, not " + a.DType.String()
	case op.Leaf():
		return a.DType, ""
	case info.stored == kept:
		return in[0].dtype, ""
	}
	return Float32, ""
}

// A storage says what an op makes of operands that are stored as another type than float32.
type storage uint8

const (
	none storage = iota // it doesn't take them
	read                // float32
	kept                // the same type
)
