package main

// This file writes what depthwise convolutions are made of.

// depthwise sums products column by column: 16 columns, then 4, then one.
func depthwise(a *asm) {
	const (
		ptrA, ptrB, ptrC, cols  = r(1), r(2), r(3), r(4)
		offsets, k, rowA, rowC  = r(5), r(7), r(8), r(9)
		count, left, next, from = r(10), r(11), r(12), r(13)
		kernel, aStep, cStep    = r(14), r(15), r(16)
		resume                  = r(17)
	)
	a.function("depthwiseNEON", "(t *depthwise)", 8, "sums products column by column",
		"for n := range count {",
		"	for p := range k {",
		"		for j := range cols {",
		"			c[n*cStep+j] = fmath.FMA(a[n*aStep+offsets[2*p]+j], b[offsets[2*p+1]+j], c[n*cStep+j])")
	a.op("MOVD t+0(FP), %v", arg)
	for _, f := range []field{
		{"a", ptrA},
		{"b", ptrB},
		{"c", ptrC},
		{"cols", cols},
		{"offsets", offsets},

		{"k", k},
		{"aStep", aStep},
		{"cStep", cStep},
		{"resume", resume},
	} {
		a.op("MOVD depthwise_%s(%v), %v", f.name, arg, f.to)
	}
	for _, part := range []struct {
		name              string
		cols              int
		clear, load, fma  []string
		store             string
		loadKernel, loadC string
	}{
		{
			name: "sixteen", cols: 16,
			clear: []string{"VEOR V0.B16, V0.B16, V0.B16", "VEOR V1.B16, V1.B16, V1.B16", "VEOR V2.B16, V2.B16, V2.B16", "VEOR V3.B16, V3.B16, V3.B16"},
			loadC: "VLD1 (%v), [V0.S4, V1.S4, V2.S4, V3.S4]", loadKernel: "VLD1 (%v), [V4.S4, V5.S4, V6.S4, V7.S4]",
			load:  []string{"VLD1 (%v), [V8.S4, V9.S4, V10.S4, V11.S4]"},
			fma:   []string{"VFMLA V4.S4, V8.S4, V0.S4", "VFMLA V5.S4, V9.S4, V1.S4", "VFMLA V6.S4, V10.S4, V2.S4", "VFMLA V7.S4, V11.S4, V3.S4"},
			store: "VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (%v)",
		},
		{
			name: "four", cols: 4,
			clear: []string{"VEOR V0.B16, V0.B16, V0.B16"},
			loadC: "VLD1 (%v), [V0.S4]", loadKernel: "VLD1 (%v), [V4.S4]",
			load:  []string{"VLD1 (%v), [V8.S4]"},
			fma:   []string{"VFMLA V4.S4, V8.S4, V0.S4"},
			store: "VST1 [V0.S4], (%v)",
		},
		{
			name: "one", cols: 1,
			clear: []string{"VEOR V0.B16, V0.B16, V0.B16"},
			loadC: "FMOVS (%v), F0", loadKernel: "FMOVS (%v), F4",
			load:  []string{"FMOVS (%v), F8"},
			fma:   []string{"FMADDS F4, F0, F8, F0"},
			store: "FMOVS F0, (%v)",
		},
	} {
		a.label(part.name)
		a.op("CMP $%d, %v", part.cols, cols)
		a.op("BLT %sDone", part.name)
		a.op("SUB $%d, %v, %v", part.cols, cols, cols)
		a.op("MOVD %v, %v", ptrA, rowA)
		a.op("MOVD %v, %v", ptrC, rowC)
		a.op("MOVD depthwise_count(%v), %v", arg, count)
		a.label(part.name + "Row")
		for _, s := range part.clear {
			a.op("%s", s)
		}
		a.op("CBZ %v, %sSum", resume, part.name)
		a.op(part.loadC, rowC)
		a.label(part.name + "Sum")
		a.op("MOVD %v, %v", k, left)
		a.op("MOVD %v, %v", offsets, next)
		a.label(part.name + "Product")
		a.op("MOVD.P 8(%v), %v", next, from)
		a.op("ADD %v, %v, %v", rowA, from, from)
		a.op("MOVD.P 8(%v), %v", next, kernel)
		a.op("ADD %v, %v, %v", ptrB, kernel, kernel)
		a.op(part.loadKernel, kernel)
		for _, s := range part.load {
			a.op(s, from)
		}
		for _, s := range part.fma {
			a.op("%s", s)
		}
		a.op("SUBS $1, %v, %v", left, left)
		a.op("BNE %sProduct", part.name)
		a.op(part.store, rowC)
		a.op("ADD %v, %v, %v", aStep, rowA, rowA)
		a.op("ADD %v, %v, %v", cStep, rowC, rowC)
		a.op("SUBS $1, %v, %v", count, count)
		a.op("BNE %sRow", part.name)
		for _, p := range []r{ptrA, ptrB, ptrC} {
			a.op("ADD $%d, %v, %v", 4*part.cols, p, p)
		}
		a.op("B %s", part.name)
		a.label(part.name + "Done")
	}
	a.op("RET")
}
