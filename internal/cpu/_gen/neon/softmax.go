package main

import "github.com/cornu-ml/cornu/internal/cpu/_gen/fused"

// rowPrograms are the passes over rows that softmax and its cross-entropy are made
// of. Their scalars differ from row to row.
var rowPrograms = []fused.Program{
	{
		Name: "ExpSub", Vectors: []string{"x"}, Scalars: []string{"m"},
		Steps:   []string{"d = Sub x m", "e = Exp d"},
		Outputs: []string{"e"},
	},
	{
		Name: "Quotient", Vectors: []string{"e"}, Scalars: []string{"s"},
		Steps:   []string{"p = Div e s"},
		Outputs: []string{"p"},
	},
	{
		Name: "LogSoftmax", Vectors: []string{"x"}, Scalars: []string{"m", "l"},
		Steps:   []string{"d = Sub x m", "q = Sub d l"},
		Outputs: []string{"q"},
	},
	{
		Name: "Crossentropy", Vectors: []string{"x", "t"}, Scalars: []string{"m", "l"},
		Steps:   []string{"d = Sub x m", "q = Sub d l", "y = Mul t q"},
		Outputs: []string{"y"},
	},
	{
		Name: "ClippedCrossentropy", Vectors: []string{"e", "t"}, Scalars: []string{"s", "lo", "hi"},
		Steps:   []string{"p = Div e s", "a = Max p lo", "b = Min a hi", "q = Log b", "y = Mul t q"},
		Outputs: []string{"y"},
	},
	{
		Name: "Weight", Vectors: []string{"p", "t"}, Scalars: []string{"lo", "hi"},
		Steps:   []string{"a = LessEqual lo p", "b = LessEqual p hi", "c = Mul a b", "w = ReluGrad t c"},
		Outputs: []string{"w"},
	},
	{
		Name: "CrossentropyGrad", Vectors: []string{"p", "w"}, Scalars: []string{"sum", "dl"},
		Steps:   []string{"a = Mul p sum", "b = Sub a w", "d = Mul dl b"},
		Outputs: []string{"d"},
	},
}

func softmax(a *asm) {
	for _, f := range rowPrograms {
		a.newKernel(func(k *kernel) { fusedLoop(k, f) })
	}
}
