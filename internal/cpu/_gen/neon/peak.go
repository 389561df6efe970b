package main

// peak writes the loop that measures how many multiply-adds a core can do.
func peak(a *asm) {
	const n, sums = r(0), 24
	a.function("peakNEON", "(n int)", 8, "multiplies and adds in registers that don't wait for each other",
		"for range n {",
		"	for i := range 24 {",
		"		sum[i] = fmath.FMA(0, 0, sum[i])")
	a.op("MOVD n+0(FP), %v", n)
	for i := range v(sums) {
		a.clear(i)
	}
	a.clear(31)
	a.label("loop")
	for i := range v(sums) {
		a.fmlaElement(i, 31, 31, 0)
	}
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE loop")
	a.op("RET")
}
