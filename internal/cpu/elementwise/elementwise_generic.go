package elementwise

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file is the definition of every elementwise operation: plain Go loops,
// which the vector kernels equal bit for bit.

// A Primitive runs one operation over n elements. dst may be a, b or c.
type Primitive func(dst, a, b, c *float32, n int)

var genericOps = [NumOps]Primitive{
	OpAdd: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = u[i] + v[i]
		}
	},
	OpSub: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = u[i] - v[i]
		}
	},
	OpMul: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = u[i] * v[i]
		}
	},
	OpDiv: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = u[i] / v[i]
		}
	},
	OpMax: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = max(u[i], v[i])
		}
	},
	OpMin: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = min(u[i], v[i])
		}
	},
	OpLess: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = truth(u[i] < v[i])
		}
	},
	OpLessEqual: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = truth(u[i] <= v[i])
		}
	},
	OpEqual: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = truth(u[i] == v[i])
		}
	},
	OpNeg: func(dst, a, _, _ *float32, n int) {
		y, u, _ := floats3(dst, a, a, n)
		for i := range y {
			y[i] = -u[i]
		}
	},
	OpSquare: func(dst, a, _, _ *float32, n int) {
		y, u, _ := floats3(dst, a, a, n)
		for i := range y {
			y[i] = u[i] * u[i]
		}
	},
	OpRelu: func(dst, a, _, _ *float32, n int) {
		y, u, _ := floats3(dst, a, a, n)
		for i := range y {
			y[i] = fmath.Relu(u[i])
		}
	},
	OpReluGrad: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			if v[i] > 0 {
				y[i] = u[i]
			} else {
				y[i] = 0
			}
		}
	},
	OpMaskScale: func(dst, a, b, c *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i, s := range unsafe.Slice(c, n) {
			if v[i] > 0 {
				y[i] = u[i] * s
			} else {
				y[i] = 0
			}
		}
	},
	OpSelect: func(dst, a, b, c *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i, w := range unsafe.Slice(c, n) {
			if u[i] != 0 {
				y[i] = v[i]
			} else {
				y[i] = w
			}
		}
	},
	OpPow: func(dst, a, b, _ *float32, n int) {
		y, u, v := floats3(dst, a, b, n)
		for i := range y {
			y[i] = fmath.Pow(u[i], v[i])
		}
	},
	OpAbs:      function(fmath.Abs),
	OpSign:     function(fmath.Sign),
	OpSqrt:     function(fmath.Sqrt),
	OpExp:      function(fmath.Exp),
	OpExpm1:    function(fmath.Expm1),
	OpLog:      function(fmath.Log),
	OpLog1p:    function(fmath.Log1p),
	OpTanh:     function(fmath.Tanh),
	OpSigmoid:  function(fmath.Sigmoid),
	OpErf:      function(fmath.Erf),
	OpSoftplus: function(fmath.Softplus),
	OpSin:      function(fmath.Sin),
	OpCos:      function(fmath.Cos),
	OpFloor:    function(fmath.Floor),
}

// function makes a primitive of a function that costs more than its call.
func function(f func(float32) float32) Primitive {
	return func(dst, a, _, _ *float32, n int) {
		y := unsafe.Slice(dst, n)
		for i, v := range unsafe.Slice(a, n) {
			y[i] = f(v)
		}
	}
}

// floats3 returns n elements at each of three places.
func floats3(dst, a, b *float32, n int) (y, u, v []float32) {
	return unsafe.Slice(dst, n), unsafe.Slice(a, n), unsafe.Slice(b, n)
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}
