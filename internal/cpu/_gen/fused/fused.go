// Package fused lists the programs that have a loop of their own. Package elementwise finds
// them by their structure: the order of the operands of a commutative operation,
// of independent steps and of outputs doesn't matter there, nor whether a scalar
// is an operand or a constant, and Square x is Mul x x.
package fused

import (
	"fmt"
	"slices"
	"strings"
)

// A Program is written as a list of steps over named values.
type Program struct {
	Name    string
	Vectors []string // operands that differ from column to column
	Scalars []string // operands, or constants, that are the same in a row
	Steps   []string // "x = Op a b c"; Mul x scalar, Dropout x scale
	Outputs []string
}

// Programs are the loops to be generated. What has no steps is only a loop.
var Programs = []Program{
	// Forward passes of dense layers.
	{"Bias", []string{"x", "b"}, nil, []string{"y = Add x b"}, []string{"y"}},
	{"BiasRelu", []string{"x", "b"}, nil, []string{"s = Add x b", "y = Relu s"}, []string{"y"}},
	{
		"BiasReluDropout",
		[]string{"x", "b"},
		[]string{"scale"},
		[]string{"s = Add x b", "h = Relu s", "y = Dropout h scale"},
		[]string{"y"},
	},
	{"Dropout", []string{"x"}, []string{"scale"}, []string{"y = Dropout x scale"}, []string{"y"}},

	// Those of layers whose result is added to what they were given, and of normalizations, whose mean and deviation are of rows.
	{"BiasAdd", []string{"x", "b", "r"}, nil, []string{"s = Add x b", "y = Add s r"}, []string{"y"}},
	{"Deviation", []string{"x"}, []string{"m"}, []string{"d = Sub x m", "q = Mul d d"}, []string{"d", "q"}},
	{"Standardize", []string{"d", "g", "b"}, []string{"s"}, []string{"r = Div g s", "p = Mul d r", "y = Add p b"}, []string{"y"}},

	// Steps of recurrent networks, where training keeps what their derivatives need, and these.
	{"BiasTanh", []string{"x", "b"}, nil, []string{"s = Add x b", "y = Tanh s"}, []string{"y"}},
	{
		"TanhGrad",
		[]string{"d", "h"},
		[]string{"least", "zero", "one"},
		tanhGradSteps(),
		[]string{"y"},
	},
	{
		"TanhGradSequence",
		[]string{"d", "h", "x"},
		[]string{"least", "zero", "one"},
		tanhGradSteps("x"),
		[]string{"y"},
	},
	{
		"LSTM",
		[]string{"i", "f", "g", "o", "c"},
		nil,
		[]string{
			"sf = Sigmoid f", "si = Sigmoid i", "tg = Tanh g", "k = Mul sf c", "n = Mul si tg", "m = Add k n",
			"so = Sigmoid o", "t = Tanh m", "h = Mul so t",
		},
		[]string{"m", "h"},
	},
	{
		"LSTMKept",
		[]string{"i", "f", "g", "o", "c"},
		nil,
		[]string{
			"sf = Sigmoid f", "si = Sigmoid i", "tg = Tanh g", "k = Mul sf c", "n = Mul si tg", "m = Add k n",
			"so = Sigmoid o", "t = Tanh m", "h = Mul so t",
		},
		[]string{"sf", "si", "tg", "m", "so", "t", "h"},
	},
	{
		"LSTMGrad",
		[]string{"dh", "dc", "i", "f", "g", "o", "t", "c"},
		[]string{"least", "zero", "one"},
		lstmGradSteps(),
		[]string{"zi", "zf", "zg", "zo", "q"},
	},
	{
		"LSTMGradSequence",
		[]string{"dh", "dc", "i", "f", "g", "o", "t", "c", "x"},
		[]string{"least", "zero", "one"},
		lstmGradSteps("x"),
		[]string{"zi", "zf", "zg", "zo", "q"},
	},
	{
		"GRUKept",
		[]string{"xz", "hz", "xr", "hr", "xg", "hg", "h"},
		[]string{"one"},
		[]string{
			"sz = Add xz hz", "sr = Add xr hr", "z = Sigmoid sz", "r = Sigmoid sr", "p = Mul r hg", "sg = Add xg p", "g = Tanh sg",
			"k = Mul z h", "o = Sub one z", "n = Mul o g", "y = Add k n",
		},
		[]string{"z", "r", "g", "y"},
	},
	{
		"GRUGrad",
		[]string{"d", "z", "r", "g", "hg", "h"},
		[]string{"least", "zero", "one"},
		gruGradSteps(),
		[]string{"zz", "zr", "zh", "zg", "q"},
	},
	{
		"GRUGradSequence",
		[]string{"d", "z", "r", "g", "hg", "h", "x"},
		[]string{"least", "zero", "one"},
		gruGradSteps("x"),
		[]string{"zz", "zr", "zh", "zg", "q"},
	},
	{
		"GRUReset",
		[]string{"xr", "hr", "h"},
		nil,
		[]string{"sr = Add xr hr", "r = Sigmoid sr", "p = Mul r h"},
		[]string{"r", "p"},
	},
	{
		"GRUMixed",
		[]string{"xz", "hz", "xg", "hg", "h"},
		[]string{"one"},
		[]string{
			"sz = Add xz hz", "sg = Add xg hg", "z = Sigmoid sz", "g = Tanh sg",
			"k = Mul z h", "o = Sub one z", "n = Mul o g", "y = Add k n",
		},
		[]string{"z", "g", "y"},
	},
	{
		"GRUMixedGrad",
		[]string{"d", "z", "g", "h"},
		[]string{"least", "zero", "one"},
		gruMixedGradSteps(),
		[]string{"zz", "zg", "q"},
	},
	{
		"GRUMixedGradSequence",
		[]string{"d", "z", "g", "h", "x"},
		[]string{"least", "zero", "one"},
		gruMixedGradSteps("x"),
		[]string{"zz", "zg", "q"},
	},
	{
		"GRUResetGrad",
		[]string{"d", "r", "h"},
		[]string{"one"},
		[]string{"dr = Mul d h", "ro = Sub one r", "rs = Mul r ro", "zr = Mul dr rs", "q = Mul d r"},
		[]string{"zr", "q"},
	},

	// Backward passes.
	{"MaskScale", []string{"d", "h"}, []string{"scale"}, []string{"y = MaskScale d h scale"}, []string{"y"}},
	{"ReluGrad", []string{"d", "h"}, nil, []string{"y = ReluGrad d h"}, []string{"y"}},
	{
		"DropoutReluGrad",
		[]string{"d", "h"},
		[]string{"scale"},
		[]string{"m = Dropout d scale", "y = ReluGrad m h"},
		[]string{"y"},
	},

	// Max pools of 2×2 without gaps, from the four pixels of each place: the maximum, and which of them it is, if none is
	// NaN. And the way back, to the four.
	{
		"MaxPool",
		[]string{"a", "b", "c", "d"},
		[]string{"two", "three"},
		[]string{
			"i = Less a b", "x = Max a b", "l = Less x c", "y = Max x c", "j = Select l two i",
			"m = Less y d", "p = Max y d", "q = Select m three j",
		},
		[]string{"p", "q"},
	},
	{
		"PoolPut",
		[]string{"d", "q"},
		[]string{"zero", "one", "two", "three"},
		[]string{
			"e = Add d zero", "i = Equal q zero", "a = ReluGrad e i", "j = Equal q one", "b = ReluGrad e j",
			"k = Equal q two", "c = ReluGrad e k", "l = Equal q three", "f = ReluGrad e l",
		},
		[]string{"a", "b", "c", "f"},
	},

	// What the interpreter moves to and from its tiles.
	{"Copy", []string{"x"}, nil, nil, []string{"x"}},
	{"Splat", nil, []string{"x"}, nil, []string{"x"}},

	// Arithmetic with a scalar.
	{"Scale", []string{"x"}, []string{"s"}, []string{"y = Mul x s"}, []string{"y"}},
	{"ScaleAdd", []string{"x", "z"}, []string{"s"}, []string{"m = Mul x s", "y = Add m z"}, []string{"y"}},

	// Optimizers, as Keras 3 writes them. SGD.
	{"SGD", []string{"p", "g"}, []string{"lr"}, []string{"d = Mul g lr", "q = Sub p d"}, []string{"q"}},
	{
		"SGDMomentum",
		[]string{"p", "g", "m"},
		[]string{"lr", "momentum"},
		[]string{"d = Mul g lr", "a = Mul m momentum", "n = Sub a d", "q = Add p n"},
		[]string{"q", "n"},
	},
	{
		"SGDNesterov",
		[]string{"p", "g", "m"},
		[]string{"lr", "momentum"},
		[]string{
			"d = Mul g lr", "a = Mul m momentum", "n = Sub a d",
			"b = Mul n momentum", "e = Sub b d", "q = Add p e",
		},
		[]string{"q", "n"},
	},
	{
		"Adam",
		[]string{"p", "g", "m", "v"},
		[]string{"c1", "c2", "alpha", "eps"},
		adamSteps("p"),
		[]string{"q", "n", "w"},
	},
	{
		"AdamW",
		[]string{"p", "g", "m", "v"},
		[]string{"decay", "lr", "c1", "c2", "alpha", "eps"},
		append([]string{"pd = Mul p decay", "pl = Mul pd lr", "r = Sub p pl"}, adamSteps("r")...),
		[]string{"q", "n", "w"},
	},
	{
		"RMSprop",
		[]string{"p", "g", "v"},
		[]string{"rho", "c", "lr", "eps"},
		[]string{
			"a = Mul v rho", "gg = Mul g g", "b = Mul gg c", "w = Add a b",
			"e = Add w eps", "s = Sqrt e", "d = Mul g lr", "u = Div d s", "q = Sub p u",
		},
		[]string{"q", "w"},
	},
}

// arriving is the gradient d of a state: what the step behind hands back, without what is too small, and
// what is asked for of the state after each step, x, if that is given.
func arriving(result, d string, x ...string) []string {
	kept := result
	if len(x) > 0 {
		kept = d + "k"
	}
	steps := []string{d + "a = Abs " + d, d + "l = Less " + d + "a least", kept + " = Select " + d + "l zero " + d}
	for _, x := range x {
		steps = append(steps, result+" = Add "+kept+" "+x)
	}
	return steps
}

// tanhGradSteps is the gradient before h = tanh(…).
func tanhGradSteps(x ...string) []string {
	return append(arriving("e", "d", x...), "s = Mul h h", "r = Sub one s", "y = Mul e r")
}

// lstmGradSteps is the gradients before the four gates of an LSTM, and of the memory before the step.
func lstmGradSteps(x ...string) []string {
	return slices.Concat(arriving("h", "dh", x...), arriving("k", "dc"), []string{
		"dt = Mul h o", "tt = Mul t t", "tr = Sub one tt", "d = Mul dt tr", "m = Add k d",
		"di = Mul m g", "ir = Sub one i", "is = Mul i ir", "zi = Mul di is",
		"df = Mul m c", "fr = Sub one f", "fs = Mul f fr", "zf = Mul df fs",
		"dg = Mul m i", "gg = Mul g g", "gr = Sub one gg", "zg = Mul dg gr",
		"do = Mul h t", "or = Sub one o", "os = Mul o or", "zo = Mul do os", "q = Mul m f",
	})
}

// gruMixedGradSteps is the gradients before the update gate z and the candidate g of a GRU, and of the state before the step as far as it is mixed into the
// one after it.
func gruMixedGradSteps(x ...string) []string {
	return append(arriving("e", "d", x...),
		"eg = Mul e g", "en = Neg eg", "eh = Mul e h", "dz = Add eh en", "o = Sub one z", "zs = Mul z o", "zz = Mul dz zs",
		"dg = Mul e o", "gg = Mul g g", "gr = Sub one gg", "zg = Mul dg gr", "q = Mul e z",
	)
}

// gruGradSteps is those, and the gradients before the reset gate r and of the product of the state that r multiplies.
func gruGradSteps(x ...string) []string {
	return append(gruMixedGradSteps(x...), "dr = Mul zg hg", "ro = Sub one r", "rs = Mul r ro", "zr = Mul dr rs", "zh = Mul zg r")
}

// adamSteps is Adam's update of the parameter p.
func adamSteps(p string) []string {
	return []string{
		"gm = Sub g m", "dm = Mul gm c1", "n = Add m dm",
		"gg = Mul g g", "gv = Sub gg v", "dv = Mul gv c2", "w = Add v dv",
		"a = Mul n alpha", "s = Sqrt w", "e = Add s eps", "u = Div a e", "q = Sub " + p + " u",
	}
}

// Dropout reports whether p has a dropout, whose mask its loop reads.
func (p Program) Dropout() bool { return p.has("Dropout") }

// Divides reports whether p keeps the divider busy.
func (p Program) Divides() bool { return p.has("Div") || p.has("Sqrt") }

// Updates reports whether p is an optimizer's: its first output is a parameter, which all
// cores read before.
func (p Program) Updates() bool { return slices.Contains(p.Vectors, "p") }

// Decays returns the vectors that become denormal together where a gradient stays away:
// it and the average that forgets.
func (p Program) Decays() []string {
	for _, average := range []string{"m", "v"} {
		if slices.Contains(p.Vectors, average) {
			return []string{"g", average}
		}
	}
	return nil
}

func (p Program) has(op string) bool {
	for _, s := range p.Steps {
		if strings.Contains(s, "= "+op+" ") {
			return true
		}
	}
	return false
}

// Parse splits a step.
func Parse(step string) (result, op string, args []string) {
	w := strings.Fields(step)
	return w[0], w[2], w[3:]
}

// Fields is the Go of package elementwise's fusedProgram, but for the loops.
func (p Program) Fields() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %q, vectors: %d,\nprogram: Program{\nOperands: %d,\nCode: []Instr{\n", p.Name, len(p.Vectors), len(p.Vectors)+len(p.Scalars))
	register := map[string]int{}
	for _, s := range append(append([]string{}, p.Vectors...), p.Scalars...) {
		register[s] = len(register)
	}
	for _, s := range p.Steps {
		result, op, args := Parse(s)
		fmt.Fprintf(&b, "{Op: Op%s", op)
		for i, x := range args {
			field := "ABC"[i]
			if op == "Dropout" && i == 1 {
				field = 'C' // B is the index of the mask, 0
			}
			if r := register[x]; r != 0 {
				fmt.Fprintf(&b, ", %c: %d", field, r)
			}
		}
		fmt.Fprint(&b, "},\n")
		register[result] = len(register)
	}
	fmt.Fprint(&b, "},\nOutputs: []uint8{")
	for i, o := range p.Outputs {
		if i > 0 {
			fmt.Fprint(&b, ", ")
		}
		fmt.Fprint(&b, register[o])
	}
	fmt.Fprint(&b, "},\n},\n")
	return b.String()
}
