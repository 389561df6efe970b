package graph

// This file defines the attributes of a node.

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/tensor"
)

// Attr holds what an op needs beside its inputs. Each op reads the fields that
// its constructor documents; the rest are zero.
type Attr struct {
	Name    string       // Input, Param
	Domain  Domain       // Input
	DType   DType        // Input, Param: what it is stored as
	Shape   tensor.Shape // Input, Param, Const, Reshape, BroadcastTo, Slice, Pad, Pack, View, the gradients of images: the shape of the result
	Axes    []int        // reductions, Softmax, ArgMax, Concat, Numel (sorted); Transpose (a permutation)
	Keep    bool         // reductions: reduced axes stay, of size 1
	TransA  bool         // MatMul, BatchMatMul
	TransB  bool         // MatMul, BatchMatMul
	Begin   []int        // Slice, Pad: the first index of each dimension
	Step    []int        // Slice, Pad: the distance of two indices, negative to reverse
	Offsets []int        // Pack, View: where in the slab
	Rows    int          // Reshape: the size of the batch, if one of operand and result has the batch and the other as many rows
	Depth   int          // OneHot: the size of the last axis; ScatterAdd: that of the first; GroupSum: the rows of the table
	Batched bool         // Gather, ScatterAdd: each sample has a table
	Rate    float64      // Dropout
	Stream  uint16       // Dropout, RandomUniform
	Scale   float64      // MaskScale
	Clip    float64      // SoftmaxCrossentropy and its gradient; 0 is from logits
	Sparse  bool         // SoftmaxCrossentropy and its gradient: the target is a class index
	Window  Window       // convolutions and pools, and what belongs to them
	Heads   Heads        // Attention and its gradient
	Data    []float32    // Const
	Body    *Body        // Scan
}

func (a Attr) clone() Attr {
	a.Domain.Others = slices.Clone(a.Domain.Others)
	a.Shape = slices.Clone(a.Shape)
	a.Axes = slices.Clone(a.Axes)
	a.Begin = slices.Clone(a.Begin)
	a.Step = slices.Clone(a.Step)
	a.Offsets = slices.Clone(a.Offsets)
	a.Window = a.Window.clone()
	a.Data = slices.Clone(a.Data)
	return a
}

// Key writes the attributes as a string that is equal exactly when they are.
func (a *Attr) Key() string {
	var parts []string
	add := func(name string, set bool, value any) {
		if set {
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	add("name", a.Name != "", strconv.Quote(a.Name))
	add("integers", a.Domain.N != 0, a.Domain.N)
	add("others", a.Domain.Others != nil, a.Domain.Others)
	add("dtype", a.DType != Float32, a.DType)
	add("shape", a.Shape != nil, a.Shape)
	add("axes", a.Axes != nil, a.Axes)
	add("keep", a.Keep, a.Keep)
	add("transA", a.TransA, a.TransA)
	add("transB", a.TransB, a.TransB)
	add("begin", a.Begin != nil, a.Begin)
	add("step", a.Step != nil, a.Step)
	add("offsets", a.Offsets != nil, a.Offsets)
	add("rows", a.Rows != 0, a.Rows)
	add("depth", a.Depth != 0, a.Depth)
	add("batched", a.Batched, a.Batched)
	add("rate", a.Rate != 0, a.Rate)
	add("stream", a.Stream != 0, a.Stream)
	add("scale", a.Scale != 0, a.Scale)
	add("clip", a.Clip != 0, a.Clip)
	add("sparse", a.Sparse, a.Sparse)
	add("window", a.Window.Size != nil, a.Window.key())
	add("heads", a.Heads.Heads != 0, a.Heads)
	add("data", a.Data != nil, dataKey(a.Data))
	if a.Body != nil {
		add("body", true, a.Body.key)
	}
	return strings.Join(parts, " ")
}

// dataKey writes a few numbers out and sums up many. Zeros of both signs and
// all bit patterns are told apart.
func dataKey(data []float32) string {
	if len(data) <= 4 {
		var parts []string
		for _, v := range data {
			text := strconv.FormatFloat(float64(v), 'g', -1, 32)
			if v != v {
				text = fmt.Sprintf("NaN:%08x", math.Float32bits(v))
			}
			parts = append(parts, text)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	h := sha256.New()
	var word [4]byte
	for _, v := range data {
		binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
		h.Write(word[:])
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)[:16])
}
