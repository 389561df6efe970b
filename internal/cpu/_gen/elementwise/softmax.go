package main

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits softmax and its cross-entropy: loops over rows of up to 16
// elements, and for longer rows the passes that package reduce puts together.

// map16 returns f of each vector of x.
func (a *asm) map16(x row16, f func(v vec) vec) row16 {
	return a.each16(func(k, _ int) vec { return f(x[k]) })
}

// A shortRows is a loop over rows of n <= 16 elements.
type shortRows struct {
	a     *asm
	n     reg.GPVirtual
	ptr   map[string]reg.GPVirtual
	masks []pred
}

// shortRows emits a loop over rows. The parameters in perElement have n elements a
// row, those in perRow one; body emits the work on one row.
func (a *asm) shortRows(name, doc string, perRow, perElement []string, scalars []string, body func(s *shortRows, scalar map[string]vec)) {
	name += a.Suffix()
	signature := "func("
	for _, p := range append(append([]string{}, perElement...), perRow...) {
		signature += p + " *float32, "
	}
	signature += "rows, n int"
	for _, c := range scalars {
		signature += ", " + c + " float32"
	}
	a.function(name, signature+")")
	a.Doc(name+" does this for each of rows rows of n <= 16 elements, one after another:", "", "\t"+doc)
	s := &shortRows{a: a, ptr: map[string]reg.GPVirtual{}}
	for _, p := range append(append([]string{}, perElement...), perRow...) {
		s.ptr[p] = a.Load(a.Param(p), a.GP64()).(reg.GPVirtual)
	}
	rows := a.Load(a.Param("rows"), a.GP64())
	s.n = a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	s.masks = a.tail16(s.n)
	values := map[string]vec{}
	for _, c := range scalars {
		values[c] = a.broadcastParam(c)
	}
	a.hoist(maxHoisted, func() { body(s, values) })
	row, done := a.label("row"), a.label("done")
	a.Label(row)
	a.DECQ(rows)
	a.JL(operand.LabelRef(done))
	body(s, values)
	for _, p := range perElement {
		a.LEAQ(operand.Mem{Base: s.ptr[p], Index: s.n, Scale: 4}, s.ptr[p])
	}
	for _, p := range perRow {
		a.ADDQ(operand.Imm(4), s.ptr[p])
	}
	a.JMP(operand.LabelRef(row))
	a.Label(done)
	a.End()
}

// broadcastParam returns a float32 parameter in every lane.
func (a *asm) broadcastParam(name string) vec {
	b, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := a.vec()
	a.VBROADCASTSS(b.Addr, v)
	return v
}

// load loads a row; what is beyond its end is +0.
func (s *shortRows) load(p string) row16 {
	return s.a.each16(func(k, lane int) (v vec) {
		s.a.with(s.masks[k], func() { v = s.a.load(operand.Mem{Base: s.ptr[p], Disp: 4 * lane}) })
		return v
	})
}

func (s *shortRows) store(x row16, p string) {
	for k, v := range x {
		s.a.with(s.masks[k], func() { s.a.store(v, operand.Mem{Base: s.ptr[p], Disp: 4 * k * s.a.Lanes()}) })
	}
}

// each broadcasts the row's value at p.
func (s *shortRows) each(p string) vec {
	v := s.a.vec()
	s.a.VBROADCASTSS(operand.Mem{Base: s.ptr[p]}, v)
	return v
}

// exp returns x - m, e = exp(x - m), which is 0 beyond the row's end, and Σ e, m
// being the row's maximum. (A NaN that the maximum forgets is in the sum.)
func (s *shortRows) exp(p string) (shifted, e row16, sum vec) {
	a := s.a
	x := s.load(p)
	for k := range x {
		x[k] = a.choose(s.masks[k], x[k], a.bits(negInfBits))
	}
	m := a.tree(x, func(x, y vec) vec { return a.rawMax(x, y) })
	shifted = a.map16(x, func(v vec) vec { return a.sub(v, m) })
	e = a.each16(func(k, _ int) vec { return a.keep(s.masks[k], a.exp(shifted[k])) })
	return shifted, e, a.tree(e, a.addv)
}

// label returns the lanes of the row's label at p.
func (s *shortRows) label(p string) []pred {
	a := s.a
	index := a.Data("index16", func() {
		for i := range 16 {
			a.AppendDatum(operand.U32(i))
		}
	})
	l := a.vec()
	a.VCVTTPS2DQ(s.each(p), l)
	var at []pred
	for k := range s.masks {
		at = append(at, a.equalInt(l, operand.Mem{Symbol: index.Symbol, Base: index.Base, Disp: 4 * k * a.Lanes()}))
	}
	return at
}

// equalInt chooses the lanes where the integers x and m are equal.
func (a *asm) equalInt(x vec, m op) pred {
	if a.Wide {
		k := a.K()
		a.VPCMPEQD(m, x, k)
		return k
	}
	v := a.vec()
	a.VPCMPEQD(m, x, v)
	return v
}

// bothPred chooses the lanes that p and q choose.
func (a *asm) bothPred(p, q pred) pred {
	if a.Wide {
		k := a.K()
		a.KANDW(p, q, k)
		return k
	}
	return a.and(p, q)
}

// within chooses the lanes of x from lo to hi.
func (a *asm) within(x, lo, hi vec) pred {
	return a.bothPred(a.cmp(greaterEq, x, lo), a.cmp(lessEqual, x, hi))
}

// clip is fmath's min(max(p, lo), hi).
func (a *asm) clip(p, lo, hi vec) vec { return a.rawMin(hi, a.rawMax(lo, p)) }

// total is the sum of the lanes of x, each added to +0 first.
func (a *asm) total(x row16) vec {
	z := a.zero()
	return a.tree(a.map16(x, func(v vec) vec { return a.add(z, v) }), a.addv)
}

func softmaxRows(a *asm) {
	a.shortRows("softmaxRows", "y = e / Σ e, e = exp(x - max x)", nil, []string{"y", "x"}, nil,
		func(s *shortRows, _ map[string]vec) {
			_, e, sum := s.exp("x")
			s.store(a.map16(e, func(v vec) vec { return a.div(v, sum) }), "y")
		})
	a.shortRows("logSoftmaxRows", "y = (x - max x) - log Σ exp(x - max x)", nil, []string{"y", "x"}, nil,
		func(s *shortRows, _ map[string]vec) {
			x, _, sum := s.exp("x")
			l := a.log(sum)
			s.store(a.map16(x, func(v vec) vec { return a.sub(v, l) }), "y")
		})

	// loss stores the loss, given each element's log q.
	loss := func(s *shortRows, sparse bool, logq row16) {
		var sum vec
		if sparse {
			at := s.label("target")
			sum = a.tree(a.each16(func(k, _ int) vec { return a.keep(at[k], logq[k]) }), a.addv)
		} else {
			t := s.load("target")
			sum = a.total(a.each16(func(k, _ int) vec { return a.keep(s.masks[k], a.mul(t[k], logq[k])) }))
		}
		a.storeLane(a.sub(a.zero(), sum), operand.Mem{Base: s.ptr["loss"]})
	}
	for _, sparse := range []bool{false, true} {
		kind, perRow, perElement := "dense", []string{"loss"}, []string{"x", "target"}
		if sparse {
			kind, perRow, perElement = "sparse", []string{"loss", "target"}, []string{"x"}
		}
		a.shortRows(kind+"CrossentropyRows", "loss = -Σ target·((x - max x) - log Σ e)", perRow, perElement, nil,
			func(s *shortRows, _ map[string]vec) {
				x, _, sum := s.exp("x")
				l := a.log(sum)
				loss(s, sparse, a.map16(x, func(v vec) vec { return a.sub(v, l) }))
			})
		a.shortRows(kind+"ClippedRows", "loss = -Σ target·log(min(max(e / Σ e, lo), hi))", perRow, perElement, []string{"lo", "hi"},
			func(s *shortRows, c map[string]vec) {
				_, e, sum := s.exp("x")
				loss(s, sparse, a.map16(e, func(v vec) vec { return a.log(a.clip(a.div(v, sum), c["lo"], c["hi"])) }))
			})

		perRow, perElement = []string{"dl"}, []string{"d", "x", "target"}
		if sparse {
			perRow, perElement = []string{"dl", "target"}, []string{"d", "x"}
		}
		a.shortRows(kind+"GradRows", "d = dl·(p·Σ w - w), p = e / Σ e, w = lo <= p <= hi ? target : 0", perRow, perElement, []string{"lo", "hi"},
			func(s *shortRows, c map[string]vec) {
				_, e, sum := s.exp("x")
				p := a.map16(e, func(v vec) vec { return a.div(v, sum) })
				var t row16
				if sparse {
					at := s.label("target")
					t = a.each16(func(k, _ int) vec { return a.keep(at[k], a.c(1)) })
				} else {
					t = s.load("target")
				}
				w := a.each16(func(k, _ int) vec { return a.keep(a.within(p[k], c["lo"], c["hi"]), t[k]) })
				sumW, dl := a.total(w), s.each("dl")
				s.store(a.each16(func(k, _ int) vec { return a.mul(dl, a.sub(a.mul(p[k], sumW), w[k])) }), "d")
			})
	}
}

// An elementPass goes over n elements of arrays, with scalar parameters. What body returns
// for a vector is stored in out, if there is one, and added to the sum that the
// function returns, if it sums.
type elementPass struct {
	name, doc string
	out       string
	in        []string
	scalars   []string
	sums      bool
	body      func(x, c map[string]vec) vec
}

func (a *asm) pass(p elementPass) {
	arrays := p.in
	if p.out != "" && !slices.Contains(p.in, p.out) {
		arrays = append([]string{p.out}, p.in...)
	}
	name := p.name + a.Suffix()
	signature := "func("
	for _, x := range arrays {
		signature += x + " *float32, "
	}
	signature += "n int"
	for _, c := range p.scalars {
		signature += ", " + c + " float32"
	}
	signature += ")"
	if p.sums {
		signature += " float32"
	}
	a.function(name, signature)
	what := " does this for each of n elements:"
	if p.sums {
		what = " does this for each of n <= 4096 elements, summing as sumRows does:"
	}
	a.Doc(name+what, "", "\t"+p.doc)
	ptr := map[string]reg.GPVirtual{}
	for _, x := range arrays {
		ptr[x] = a.Load(a.Param(x), a.GP64()).(reg.GPVirtual)
	}
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	scalars := map[string]vec{}
	for _, c := range p.scalars {
		scalars[c] = a.broadcastParam(c)
	}
	i, limit, rest := a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(n, limit)
	a.ANDQ(operand.I32(-16), limit)
	a.MOVQ(n, rest)
	a.SUBQ(limit, rest)
	masks := a.tail16(rest)
	acc := a.each16(func(int, int) vec { return a.zero() })
	step := func(k int) {
		x := map[string]vec{}
		for _, name := range p.in {
			x[name] = a.load(at(ptr[name], i, 4*k*a.Lanes()))
		}
		y := p.body(x, scalars)
		if p.out != "" {
			a.store(y, at(ptr[p.out], i, 4*k*a.Lanes()))
		}
		if p.sums {
			if a.tail != nil {
				y = a.keep(a.tail, y)
			}
			a.VADDPS(y, acc[k], acc[k])
		}
	}
	a.hoist(maxHoisted, func() { step(0) })
	a.XORQ(i, i)
	loop, last, end := a.label("loop"), a.label("last"), a.label("end")
	a.CMPQ(i, limit)
	a.JGE(operand.LabelRef(last))
	a.Label(loop)
	for k := range acc {
		step(k)
	}
	a.ADDQ(operand.Imm(16), i)
	a.CMPQ(i, limit)
	a.JL(operand.LabelRef(loop))
	a.Label(last)
	a.TESTQ(rest, rest)
	a.JZ(operand.LabelRef(end))
	for k := range acc {
		a.with(masks[k], func() { step(k) })
	}
	a.Label(end)
	if p.sums {
		a.storeLane(a.tree(acc, a.addv), a.returnMem())
	}
	a.End()
	a.emitAsides()
}

func softmaxPasses(a *asm) {
	exp := func(x, c map[string]vec) vec { return a.exp(a.sub(x["x"], c["m"])) }
	logq := func(x, c map[string]vec) vec { return a.sub(a.sub(x["x"], c["m"]), c["l"]) }
	weight := func(p vec, x, c map[string]vec) vec { return a.keep(a.within(p, c["lo"], c["hi"]), x["target"]) }
	for _, p := range []elementPass{
		{"expSum", "y = exp(x - m); sum += y", "y", []string{"x"}, []string{"m"}, true, exp},
		{"sumExp", "sum += exp(x - m)", "", []string{"x"}, []string{"m"}, true, exp},
		{
			"share", "y /= s, for 0 <= y <= 1 <= s and inverse = 1/s, rounded", "y",
			[]string{"y"},
			[]string{"s", "inverse"},
			false,
			func(x, c map[string]vec) vec { return a.share(x["y"], c["s"], c["inverse"]) },
		},
		{"subtractTwo", "y = (x - m) - l", "y", []string{"x"}, []string{"m", "l"}, false, logq},
		{
			"crossentropySum", "sum += target·((x - m) - l)", "",
			[]string{"x", "target"},
			[]string{"m", "l"},
			true,
			func(x, c map[string]vec) vec { return a.mul(x["target"], logq(x, c)) },
		},
		{
			"clippedSum", "sum += target·log(min(max(exp(x - m)/s, lo), hi))",
			"",
			[]string{"x", "target"},
			[]string{"m", "s", "lo", "hi"},
			true,
			func(x, c map[string]vec) vec {
				return a.mul(x["target"], a.log(a.clip(a.div(exp(x, c), c["s"]), c["lo"], c["hi"])))
			},
		},
		{
			"weightSum", "sum += lo <= p <= hi ? target : 0", "",
			[]string{"p", "target"},
			[]string{"lo", "hi"},
			true,
			func(x, c map[string]vec) vec { return weight(x["p"], x, c) },
		},
		{
			"gradApply", "d = dl·(d·w - (lo <= d <= hi ? target : 0))",
			"d",
			[]string{"d", "target"},
			[]string{"dl", "w", "lo", "hi"},
			false,
			func(x, c map[string]vec) vec {
				return a.mul(c["dl"], a.sub(a.mul(x["d"], c["w"]), weight(x["d"], x, c)))
			},
		},
		{
			"scaleTwo", "d = dl·(d·w)", "d",
			[]string{"d"},
			[]string{"dl", "w"},
			false,
			func(x, c map[string]vec) vec { return a.mul(c["dl"], a.mul(x["d"], c["w"])) },
		},
	} {
		a.pass(p)
	}
}
