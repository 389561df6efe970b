package cpu

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file is the definition of every elementwise operation: plain Go loops,
// which the vector kernels equal bit for bit.

// A primitive runs one operation over n elements. dst may be a, b or c.
type primitive func(dst, a, b, c *float32, n int)

func map1(f func(float32) float32) primitive {
	return func(dst, a, _, _ *float32, n int) {
		y, x := unsafe.Slice(dst, n), unsafe.Slice(a, n)
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

func map2(f func(a, b float32) float32) primitive {
	return func(dst, a, b, _ *float32, n int) {
		y, x, z := unsafe.Slice(dst, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
		for i, v := range x {
			y[i] = f(v, z[i])
		}
	}
}

func map3(f func(a, b, c float32) float32) primitive {
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
	OpAdd:       map2(func(a, b float32) float32 { return a + b }),
	OpSub:       map2(func(a, b float32) float32 { return a - b }),
	OpMul:       map2(func(a, b float32) float32 { return a * b }),
	OpDiv:       map2(func(a, b float32) float32 { return a / b }),
	OpMax:       map2(fmath.Max),
	OpMin:       map2(fmath.Min),
	OpPow:       map2(fmath.Pow),
	OpLess:      map2(func(a, b float32) float32 { return truth(a < b) }),
	OpLessEqual: map2(func(a, b float32) float32 { return truth(a <= b) }),
	OpEqual:     map2(func(a, b float32) float32 { return truth(a == b) }),
	OpNeg:       map1(func(a float32) float32 { return -a }),
	OpAbs:       map1(fmath.Abs),
	OpSign:      map1(fmath.Sign),
	OpSquare:    map1(func(a float32) float32 { return a * a }),
	OpSqrt:      map1(fmath.Sqrt),
	OpExp:       map1(fmath.Exp),
	OpExpm1:     map1(fmath.Expm1),
	OpLog:       map1(fmath.Log),
	OpLog1p:     map1(fmath.Log1p),
	OpTanh:      map1(fmath.Tanh),
	OpSigmoid:   map1(fmath.Sigmoid),
	OpErf:       map1(fmath.Erf),
	OpRelu:      map1(fmath.Relu),
	OpSoftplus:  map1(fmath.Softplus),
	OpSin:       map1(fmath.Sin),
	OpCos:       map1(fmath.Cos),
	OpFloor:     map1(fmath.Floor),
	OpReluGrad: map2(func(dy, y float32) float32 {
		if y > 0 {
			return dy
		}
		return 0
	}),
	OpMaskScale: map3(func(d, h, scale float32) float32 {
		if h > 0 {
			return d * scale
		}
		return 0
	}),
	OpSelect: map3(func(cond, a, b float32) float32 {
		if cond != 0 {
			return a
		}
		return b
	}),
}
