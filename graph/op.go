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
	OpAttention
	OpAttentionGrad

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

	// Rows of a table by their indices.
	OpGather
	OpScatterAdd
	OpGroupSum

	OpNumel
	OpCast

	// What runs a body over time.
	OpScan

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
	// stored says what becomes of operands that are not stored as float32.
	stored storage
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
		OpInvalid: {"Invalid", 0, nil, noGradient, none},

		OpInput: {"Input", 0, attrShape, noGradient, none},
		OpParam: {"Param", 0, concreteShape, noGradient, none},
		OpConst: {"Const", 0, constShape, noGradient, none},

		OpAdd:       {"Add", 2, broadcastShape, addVJP, none},
		OpSub:       {"Sub", 2, broadcastShape, subVJP, none},
		OpMul:       {"Mul", 2, broadcastShape, mulVJP, none},
		OpDiv:       {"Div", 2, broadcastShape, divVJP, none},
		OpMax:       {"Max", 2, broadcastShape, maxVJP, none},
		OpMin:       {"Min", 2, broadcastShape, minVJP, none},
		OpPow:       {"Pow", 2, broadcastShape, powVJP, none},
		OpLess:      {"Less", 2, broadcastShape, noGradient, none},
		OpLessEqual: {"LessEqual", 2, broadcastShape, noGradient, none},
		OpEqual:     {"Equal", 2, broadcastShape, noGradient, none},

		OpNeg:      {"Neg", 1, sameShape, negVJP, none},
		OpAbs:      {"Abs", 1, sameShape, absVJP, none},
		OpSign:     {"Sign", 1, sameShape, noGradient, none},
		OpSquare:   {"Square", 1, sameShape, squareVJP, none},
		OpSqrt:     {"Sqrt", 1, sameShape, sqrtVJP, none},
		OpExp:      {"Exp", 1, sameShape, expVJP, none},
		OpExpm1:    {"Expm1", 1, sameShape, expm1VJP, none},
		OpLog:      {"Log", 1, sameShape, logVJP, none},
		OpLog1p:    {"Log1p", 1, sameShape, log1pVJP, none},
		OpTanh:     {"Tanh", 1, sameShape, tanhVJP, none},
		OpSigmoid:  {"Sigmoid", 1, sameShape, sigmoidVJP, none},
		OpErf:      {"Erf", 1, sameShape, erfVJP, none},
		OpRelu:     {"Relu", 1, sameShape, reluVJP, none},
		OpSoftplus: {"Softplus", 1, sameShape, softplusVJP, none},
		OpSin:      {"Sin", 1, sameShape, sinVJP, none},
		OpCos:      {"Cos", 1, sameShape, cosVJP, none},
		OpFloor:    {"Floor", 1, sameShape, noGradient, none},

		OpReluGrad:      {"ReluGrad", 2, equalShapes, reluGradVJP, none},
		OpMaskScale:     {"MaskScale", 2, equalShapes, maskScaleVJP, none},
		OpSelect:        {"Select", 3, broadcastShape, selectVJP, none},
		OpDropout:       {"Dropout", 1, dropoutShape, dropoutVJP, none},
		OpRandomUniform: {"RandomUniform", 1, sameShape, noGradient, none},
		OpStopGradient:  {"StopGradient", 1, sameShape, noGradient, none},

		OpSum:                     {"Sum", 1, reduceShape, sumVJP, none},
		OpReduceMax:               {"ReduceMax", 1, extremeShape, extremeVJP, none},
		OpReduceMin:               {"ReduceMin", 1, extremeShape, extremeVJP, none},
		OpArgMax:                  {"ArgMax", 1, argMaxShape, noGradient, none},
		OpSoftmax:                 {"Softmax", 1, alongAxisShape, softmaxVJP, none},
		OpLogSoftmax:              {"LogSoftmax", 1, alongAxisShape, logSoftmaxVJP, none},
		OpSoftmaxCrossentropy:     {"SoftmaxCrossentropy", 2, crossentropyShape, crossentropyVJP, none},
		OpSoftmaxCrossentropyGrad: {"SoftmaxCrossentropyGrad", 3, crossentropyGradShape, crossentropyGradVJP, none},

		OpMatMul:      {"MatMul", 2, matMulShape, matMulVJP, none},
		OpBatchMatMul: {"BatchMatMul", 2, batchMatMulShape, matMulVJP, none},

		OpAttention:     {"Attention", variadic, attentionShape, attentionVJP, none},
		OpAttentionGrad: {"AttentionGrad", variadic, attentionGradShape, attentionGradVJP, none},

		OpConv:            {"Conv", 2, convShape, convVJP, none},
		OpConvInputGrad:   {"ConvInputGrad", 2, convInputGradShape, convInputGradVJP, none},
		OpConvKernelGrad:  {"ConvKernelGrad", 2, convKernelGradShape, convKernelGradVJP, none},
		OpMaxPool:         {"MaxPool", 1, poolShape, maxPoolVJP, none},
		OpArgMaxPool:      {"ArgMaxPool", 1, poolShape, noGradient, none},
		OpPoolTake:        {"PoolTake", 2, poolTakeShape, poolTakeVJP, none},
		OpPoolPut:         {"PoolPut", 2, poolPutShape, poolPutVJP, none},
		OpAveragePool:     {"AveragePool", 1, poolShape, averagePoolVJP, none},
		OpAveragePoolGrad: {"AveragePoolGrad", 1, averagePoolGradShape, averagePoolGradVJP, none},

		OpReshape:     {"Reshape", 1, reshapeShape, reshapeVJP, none},
		OpTranspose:   {"Transpose", 1, transposeShape, transposeVJP, none},
		OpBroadcastTo: {"BroadcastTo", 1, broadcastToShape, broadcastToVJP, none},
		OpSlice:       {"Slice", 1, sliceShape, sliceVJP, none},
		OpPad:         {"Pad", 1, padShape, padVJP, none},
		OpConcat:      {"Concat", variadic, concatShape, concatVJP, none},
		OpPack:        {"Pack", variadic, packShape, packVJP, none},
		OpView:        {"View", 1, viewShape, viewVJP, kept},

		OpOneHot: {"OneHot", 1, oneHotShape, noGradient, none},

		OpGather:     {"Gather", 2, gatherShape, gatherVJP, none},
		OpScatterAdd: {"ScatterAdd", 2, scatterAddShape, scatterAddVJP, none},
		OpGroupSum:   {"GroupSum", 2, groupSumShape, groupSumVJP, none},

		OpNumel: {"Numel", 1, numelShape, noGradient, read},
		OpCast:  {"Cast", 1, sameShape, castVJP, read},

		OpScan: {"Scan", variadic, scanShape, scanVJP, none},
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
