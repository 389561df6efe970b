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
	vjp func(n, dy *Node, i int) *Node
}

// variadic is the arity of an op of one operand or more.
const variadic = -1

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
		OpInvalid: {"Invalid", 0, nil, noGradient},

		OpInput: {"Input", 0, attrShape, noGradient},
		OpParam: {"Param", 0, concreteShape, noGradient},
		OpConst: {"Const", 0, constShape, noGradient},

		OpAdd:       {"Add", 2, broadcastShape, addVJP},
		OpSub:       {"Sub", 2, broadcastShape, subVJP},
		OpMul:       {"Mul", 2, broadcastShape, mulVJP},
		OpDiv:       {"Div", 2, broadcastShape, divVJP},
		OpMax:       {"Max", 2, broadcastShape, maxVJP},
		OpMin:       {"Min", 2, broadcastShape, minVJP},
		OpPow:       {"Pow", 2, broadcastShape, powVJP},
		OpLess:      {"Less", 2, broadcastShape, noGradient},
		OpLessEqual: {"LessEqual", 2, broadcastShape, noGradient},
		OpEqual:     {"Equal", 2, broadcastShape, noGradient},

		OpNeg:      {"Neg", 1, sameShape, negVJP},
		OpAbs:      {"Abs", 1, sameShape, absVJP},
		OpSign:     {"Sign", 1, sameShape, noGradient},
		OpSquare:   {"Square", 1, sameShape, squareVJP},
		OpSqrt:     {"Sqrt", 1, sameShape, sqrtVJP},
		OpExp:      {"Exp", 1, sameShape, expVJP},
		OpExpm1:    {"Expm1", 1, sameShape, expm1VJP},
		OpLog:      {"Log", 1, sameShape, logVJP},
		OpLog1p:    {"Log1p", 1, sameShape, log1pVJP},
		OpTanh:     {"Tanh", 1, sameShape, tanhVJP},
		OpSigmoid:  {"Sigmoid", 1, sameShape, sigmoidVJP},
		OpErf:      {"Erf", 1, sameShape, erfVJP},
		OpRelu:     {"Relu", 1, sameShape, reluVJP},
		OpSoftplus: {"Softplus", 1, sameShape, softplusVJP},
		OpSin:      {"Sin", 1, sameShape, sinVJP},
		OpCos:      {"Cos", 1, sameShape, cosVJP},
		OpFloor:    {"Floor", 1, sameShape, noGradient},

		OpReluGrad:      {"ReluGrad", 2, equalShapes, reluGradVJP},
		OpMaskScale:     {"MaskScale", 2, equalShapes, maskScaleVJP},
		OpSelect:        {"Select", 3, broadcastShape, selectVJP},
		OpDropout:       {"Dropout", 1, dropoutShape, dropoutVJP},
		OpRandomUniform: {"RandomUniform", 1, sameShape, noGradient},
		OpStopGradient:  {"StopGradient", 1, sameShape, noGradient},

		OpSum:                     {"Sum", 1, reduceShape, sumVJP},
		OpReduceMax:               {"ReduceMax", 1, extremeShape, extremeVJP},
		OpReduceMin:               {"ReduceMin", 1, extremeShape, extremeVJP},
		OpArgMax:                  {"ArgMax", 1, argMaxShape, noGradient},
		OpSoftmax:                 {"Softmax", 1, alongAxisShape, softmaxVJP},
		OpLogSoftmax:              {"LogSoftmax", 1, alongAxisShape, logSoftmaxVJP},
		OpSoftmaxCrossentropy:     {"SoftmaxCrossentropy", 2, crossentropyShape, crossentropyVJP},
		OpSoftmaxCrossentropyGrad: {"SoftmaxCrossentropyGrad", 3, crossentropyGradShape, crossentropyGradVJP},

		OpMatMul:      {"MatMul", 2, matMulShape, matMulVJP},
		OpBatchMatMul: {"BatchMatMul", 2, batchMatMulShape, matMulVJP},

		OpConv:            {"Conv", 2, convShape, convVJP},
		OpConvInputGrad:   {"ConvInputGrad", 2, convInputGradShape, convInputGradVJP},
		OpConvKernelGrad:  {"ConvKernelGrad", 2, convKernelGradShape, convKernelGradVJP},
		OpMaxPool:         {"MaxPool", 1, poolShape, maxPoolVJP},
		OpArgMaxPool:      {"ArgMaxPool", 1, poolShape, noGradient},
		OpPoolTake:        {"PoolTake", 2, poolTakeShape, poolTakeVJP},
		OpPoolPut:         {"PoolPut", 2, poolPutShape, poolPutVJP},
		OpAveragePool:     {"AveragePool", 1, poolShape, averagePoolVJP},
		OpAveragePoolGrad: {"AveragePoolGrad", 1, averagePoolGradShape, averagePoolGradVJP},

		OpReshape:     {"Reshape", 1, reshapeShape, reshapeVJP},
		OpTranspose:   {"Transpose", 1, transposeShape, transposeVJP},
		OpBroadcastTo: {"BroadcastTo", 1, broadcastToShape, broadcastToVJP},
		OpSlice:       {"Slice", 1, sliceShape, sliceVJP},
		OpPad:         {"Pad", 1, padShape, padVJP},
		OpConcat:      {"Concat", variadic, concatShape, concatVJP},
		OpPack:        {"Pack", variadic, packShape, packVJP},
		OpView:        {"View", 1, viewShape, viewVJP},

		OpOneHot: {"OneHot", 1, oneHotShape, noGradient},
		OpNumel:  {"Numel", 1, numelShape, noGradient},
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
