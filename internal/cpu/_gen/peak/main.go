// Command peak writes the loops that measure what a core can do at most.
//
//	go run ./peak ../isa
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/mmcloughlin/avo/operand"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: peak <folder of package isa>")
	}
	avx.File{Folder: os.Args[1], Name: "peak", Command: "peak"}.Write(func(a *avx.Asm) {
		if a.Wide {
			loop(a, 24, 31)
		} else {
			loop(a, 12, 15)
		}
	})
}

// loop emits n rounds of multiply-adds to the first registers, as many as sums, none of which waits for another of the same
// round. The factors are in a register of their own.
func loop(a *avx.Asm, sums, factors int) {
	name := "peak" + a.Suffix()
	a.Begin(name, "func(n int)")
	a.Doc(
		name+" multiplies and adds in registers that don't wait for each other:",
		"",
		"	for range n {",
		fmt.Sprintf("		for i := range %d {", sums),
		"			sum[i] = fmath.FMA(0, 0, sum[i])",
		"		}",
		"	}",
	)
	n, factor := a.Load(a.Param("n"), a.GP64()), a.Physical(factors)
	a.Zero(factor)
	for i := range sums {
		a.Zero(a.Physical(i))
	}
	a.Label("round")
	for i := range sums {
		a.VFMADD231PS(factor, factor, a.Physical(i))
	}
	a.DECQ(n)
	a.JNZ(operand.LabelRef("round"))
	a.End()
}
