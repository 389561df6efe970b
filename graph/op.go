package graph

// This file lists the operations and the table that says what each one is.

import (
	"strconv"

	"github.com/cornu-ml/cornu/tensor"
)

// An Op says what a node computes. The constructors of nodes document each one.
type Op uint8

// The operations.
const (
	OpInvalid Op = iota // a poisoned node

	// Leaves.
	OpInput
	OpParam
	OpConst

	// Elementwise, of two operands that broadcast.
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMax
	OpMin
	OpPow
	OpLess
	OpLessEqual
	OpEqual

	// Elementwise, of one operand.
	OpNeg
	OpAbs
	OpSign
	OpSquare
	OpSqrt
	OpExp
	OpExpm1
	OpLog
	OpLog1p
	OpTanh
	OpSigmoid
	OpErf
	OpRelu
	OpSoftplus
	OpSin
	OpCos
	OpFloor

	// Elementwise, of other kinds.
	OpReluGrad
	OpMaskScale
	OpSelect
	OpDropout
	OpRandomUniform
	OpStopGradient

	// Reductions and what is normalised along an axis.
	OpSum
	OpReduceMax
	OpReduceMin
	OpArgMax
	OpSoftmax
	OpLogSoftmax
	OpSoftmaxCrossentropy
	OpSoftmaxCrossentropyGrad

	// Products of matrices.
	OpMatMul
	OpBatchMatMul

	// What slides a window over an image.
	OpConv
	OpConvInputGrad
	OpConvKernelGrad
	OpMaxPool
	OpArgMaxPool
	OpPoolTake
	OpPoolPut
	OpAveragePool
	OpAveragePoolGrad

	// Layout.
	OpReshape
	OpTranspose
	OpBroadcastTo
	OpSlice
	OpPad
	OpConcat
	OpPack
	OpView

	OpOneHot
	OpNumel

	numOps
)

// Ops lists the operations, for what must know each of them.
func Ops() []Op {
	var list []Op
	for op := OpInvalid + 1; op < numOps; op++ {
		list = append(list, op)
	}
	return list
}

// opInfo is all that the graph knows of an op. Its float64 meaning is in
// internal/ref, its kernels in internal/plan.
type opInfo struct {
	name  string
	arity int
	// shape returns the shape of the result, or says what was expected. It also
	// brings the attributes to their one canonical form.
	shape func(a *Attr, in []*Node) (tensor.Shape, string)
	// vjp returns what dy, the gradient at n, is worth at n's input i; nil if
	// nothing flows there.
	vjp  func(n, dy *Node, i int) *Node
	onnx string
}

// variadic is the arity of an op of one operand or more.
const variadic = -1

// noONNX stands where ONNX has no operator of the same meaning.
const noONNX = "-"

func (info *opInfo) operands() string {
	switch info.arity {
	case variadic:
		return "at least one operand"
	case 1:
		return "one operand"
	}
	return strconv.Itoa(info.arity) + " operands"
}

var opTable [numOps]opInfo

// The table is filled here because the derivatives in it make nodes, which
// looks into the table.
func init() {
	opTable = [numOps]opInfo{
		OpInvalid: {"Invalid", 0, nil, noGradient, noONNX},

		OpInput: {"Input", 0, attrShape, noGradient, noONNX},
		OpParam: {"Param", 0, concreteShape, noGradient, noONNX},
		OpConst: {"Const", 0, constShape, noGradient, "Constant"},

		OpAdd:       {"Add", 2, broadcastShape, addVJP, "Add"},
		OpSub:       {"Sub", 2, broadcastShape, subVJP, "Sub"},
		OpMul:       {"Mul", 2, broadcastShape, mulVJP, "Mul"},
		OpDiv:       {"Div", 2, broadcastShape, divVJP, "Div"},
		OpMax:       {"Max", 2, broadcastShape, maxVJP, "Max"},
		OpMin:       {"Min", 2, broadcastShape, minVJP, "Min"},
		OpPow:       {"Pow", 2, broadcastShape, powVJP, "Pow"},
		OpLess:      {"Less", 2, broadcastShape, noGradient, "Less"},
		OpLessEqual: {"LessEqual", 2, broadcastShape, noGradient, "LessOrEqual"},
		OpEqual:     {"Equal", 2, broadcastShape, noGradient, "Equal"},

		OpNeg:      {"Neg", 1, sameShape, negVJP, "Neg"},
		OpAbs:      {"Abs", 1, sameShape, absVJP, "Abs"},
		OpSign:     {"Sign", 1, sameShape, noGradient, "Sign"},
		OpSquare:   {"Square", 1, sameShape, squareVJP, noONNX},
		OpSqrt:     {"Sqrt", 1, sameShape, sqrtVJP, "Sqrt"},
		OpExp:      {"Exp", 1, sameShape, expVJP, "Exp"},
		OpExpm1:    {"Expm1", 1, sameShape, expm1VJP, noONNX},
		OpLog:      {"Log", 1, sameShape, logVJP, "Log"},
		OpLog1p:    {"Log1p", 1, sameShape, log1pVJP, noONNX},
		OpTanh:     {"Tanh", 1, sameShape, tanhVJP, "Tanh"},
		OpSigmoid:  {"Sigmoid", 1, sameShape, sigmoidVJP, "Sigmoid"},
		OpErf:      {"Erf", 1, sameShape, erfVJP, "Erf"},
		OpRelu:     {"Relu", 1, sameShape, reluVJP, "Relu"},
		OpSoftplus: {"Softplus", 1, sameShape, softplusVJP, "Softplus"},
		OpSin:      {"Sin", 1, sameShape, sinVJP, "Sin"},
		OpCos:      {"Cos", 1, sameShape, cosVJP, "Cos"},
		OpFloor:    {"Floor", 1, sameShape, noGradient, "Floor"},

		OpReluGrad:      {"ReluGrad", 2, equalShapes, reluGradVJP, noONNX},
		OpMaskScale:     {"MaskScale", 2, equalShapes, maskScaleVJP, noONNX},
		OpSelect:        {"Select", 3, broadcastShape, selectVJP, "Where"},
		OpDropout:       {"Dropout", 1, dropoutShape, dropoutVJP, noONNX},
		OpRandomUniform: {"RandomUniform", 1, sameShape, noGradient, noONNX},
		OpStopGradient:  {"StopGradient", 1, sameShape, noGradient, "Identity"},

		OpSum:                     {"Sum", 1, reduceShape, sumVJP, "ReduceSum"},
		OpReduceMax:               {"ReduceMax", 1, extremeShape, extremeVJP, "ReduceMax"},
		OpReduceMin:               {"ReduceMin", 1, extremeShape, extremeVJP, "ReduceMin"},
		OpArgMax:                  {"ArgMax", 1, argMaxShape, noGradient, "ArgMax"},
		OpSoftmax:                 {"Softmax", 1, alongAxisShape, softmaxVJP, "Softmax"},
		OpLogSoftmax:              {"LogSoftmax", 1, alongAxisShape, logSoftmaxVJP, "LogSoftmax"},
		OpSoftmaxCrossentropy:     {"SoftmaxCrossentropy", 2, crossentropyShape, crossentropyVJP, noONNX},
		OpSoftmaxCrossentropyGrad: {"SoftmaxCrossentropyGrad", 3, crossentropyGradShape, crossentropyGradVJP, noONNX},

		OpMatMul:      {"MatMul", 2, matMulShape, matMulVJP, "MatMul"},
		OpBatchMatMul: {"BatchMatMul", 2, batchMatMulShape, matMulVJP, "MatMul"},

		OpConv:            {"Conv", 2, convShape, convVJP, "Conv"},
		OpConvInputGrad:   {"ConvInputGrad", 2, convInputGradShape, convInputGradVJP, "ConvTranspose"},
		OpConvKernelGrad:  {"ConvKernelGrad", 2, convKernelGradShape, convKernelGradVJP, noONNX},
		OpMaxPool:         {"MaxPool", 1, poolShape, maxPoolVJP, "MaxPool"},
		OpArgMaxPool:      {"ArgMaxPool", 1, poolShape, noGradient, noONNX},
		OpPoolTake:        {"PoolTake", 2, poolTakeShape, poolTakeVJP, noONNX},
		OpPoolPut:         {"PoolPut", 2, poolPutShape, poolPutVJP, noONNX},
		OpAveragePool:     {"AveragePool", 1, poolShape, averagePoolVJP, "AveragePool"},
		OpAveragePoolGrad: {"AveragePoolGrad", 1, averagePoolGradShape, averagePoolGradVJP, noONNX},

		OpReshape:     {"Reshape", 1, reshapeShape, reshapeVJP, "Reshape"},
		OpTranspose:   {"Transpose", 1, transposeShape, transposeVJP, "Transpose"},
		OpBroadcastTo: {"BroadcastTo", 1, broadcastToShape, broadcastToVJP, "Expand"},
		OpSlice:       {"Slice", 1, sliceShape, sliceVJP, "Slice"},
		OpPad:         {"Pad", 1, padShape, padVJP, "Pad"},
		OpConcat:      {"Concat", variadic, concatShape, concatVJP, "Concat"},
		OpPack:        {"Pack", variadic, packShape, packVJP, noONNX},
		OpView:        {"View", 1, viewShape, viewVJP, noONNX},

		OpOneHot: {"OneHot", 1, oneHotShape, noGradient, "OneHot"},
		OpNumel:  {"Numel", 1, numelShape, noGradient, noONNX},
	}
}

// noGradient is the derivative of leaves, and of ops that are constant wherever
// they are differentiable at all.
func noGradient(_, _ *Node, _ int) *Node { return nil }

// String returns the op's name.
func (op Op) String() string {
	if int(op) < len(opTable) {
		return opTable[op].name
	}
	return "Op(" + strconv.Itoa(int(op)) + ")"
}

// Leaf reports whether the op has no operands.
func (op Op) Leaf() bool { return op <= OpConst }

// ONNX returns the ONNX operator that means the same, or "" if there is none.
func (op Op) ONNX() string {
	if int(op) >= len(opTable) || opTable[op].onnx == noONNX {
		return ""
	}
	return opTable[op].onnx
}
