package cpu

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file is the definition of every elementwise operation: plain Go loops,
// which the vector kernels equal bit for bit.

// A primitive runs one operation over n elements. dst may be a, b or c.
type primitive func(dst, a, b, c *float32, n int)

func unary(f func(float32) float32) primitive {
	return func(dst, a, _, _ *float32, n int) {
		y, x := unsafe.Slice(dst, n), unsafe.Slice(a, n)
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

func binary(f func(a, b float32) float32) primitive {
	return func(dst, a, b, _ *float32, n int) {
		y, x, z := unsafe.Slice(dst, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
		for i, v := range x {
			y[i] = f(v, z[i])
		}
	}
}

func ternary(f func(a, b, c float32) float32) primitive {
	return func(dst, a, b, c *float32, n int) {
		y := unsafe.Slice(dst, n)
		u, v, w := unsafe.Slice(a, n), unsafe.Slice(b, n), unsafe.Slice(c, n)
		for i := range y {
			y[i] = f(u[i], v[i], w[i])
		}
	}
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

var genericOps = [numEOps]primitive{
	OpAdd:       binary(func(a, b float32) float32 { return a + b }),
	OpSub:       binary(func(a, b float32) float32 { return a - b }),
	OpMul:       binary(func(a, b float32) float32 { return a * b }),
	OpDiv:       binary(func(a, b float32) float32 { return a / b }),
	OpMax:       binary(fmath.Max),
	OpMin:       binary(fmath.Min),
	OpPow:       binary(fmath.Pow),
	OpLess:      binary(func(a, b float32) float32 { return truth(a < b) }),
	OpLessEqual: binary(func(a, b float32) float32 { return truth(a <= b) }),
	OpEqual:     binary(func(a, b float32) float32 { return truth(a == b) }),
	OpNeg:       unary(func(a float32) float32 { return -a }),
	OpAbs:       unary(fmath.Abs),
	OpSign:      unary(fmath.Sign),
	OpSquare:    unary(func(a float32) float32 { return a * a }),
	OpSqrt:      unary(fmath.Sqrt),
	OpExp:       unary(fmath.Exp),
	OpExpm1:     unary(fmath.Expm1),
	OpLog:       unary(fmath.Log),
	OpLog1p:     unary(fmath.Log1p),
	OpTanh:      unary(fmath.Tanh),
	OpSigmoid:   unary(fmath.Sigmoid),
	OpErf:       unary(fmath.Erf),
	OpRelu:      unary(fmath.Relu),
	OpSoftplus:  unary(fmath.Softplus),
	OpSin:       unary(fmath.Sin),
	OpCos:       unary(fmath.Cos),
	OpFloor:     unary(fmath.Floor),
	OpReluGrad: binary(func(dy, y float32) float32 {
		if y > 0 {
			return dy
		}
		return 0
	}),
	OpMaskScale: ternary(func(d, h, scale float32) float32 {
		if h > 0 {
			return d * scale
		}
		return 0
	}),
	OpSelect: ternary(func(cond, a, b float32) float32 {
		if cond != 0 {
			return a
		}
		return b
	}),
}
