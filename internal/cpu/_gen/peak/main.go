// Command peak writes the loops that measure what a core can do at most.
//
//	go run ./peak ../isa
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

var (
	ymm = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11}
	zmm = []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11,
		reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	}
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: peak <folder of package isa>")
	}
	ctx := build.NewContext()
	ctx.ConstraintExpr("amd64")
	loop(ctx, "peakAVX2", ymm, reg.Y15, ctx.VXORPS)
	loop(ctx, "peakAVX512", zmm, reg.Z31, ctx.VPXORD)
	file, err := ctx.Result()
	if err != nil {
		log.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		log.Fatal(err)
	}
	cfg := printer.Config{Name: "peak", Pkg: "isa"}
	for name, p := range map[string]printer.Printer{
		"peak_amd64.s":       printer.NewGoAsm(cfg),
		"peak_stub_amd64.go": printer.NewStubs(cfg),
	} {
		b, err := p.Print(file)
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(os.Args[1], name), b, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// loop emits n rounds of multiply-adds, one for each register, none of which waits
// for another of the same round.
func loop(ctx *build.Context, name string, sums []reg.VecPhysical, factor reg.VecPhysical, zero func(...operand.Op)) {
	ctx.Function(name)
	ctx.Attributes(4) // NOSPLIT
	ctx.SignatureExpr("func(n int)")
	ctx.Doc(
		name+" multiplies and adds in registers that don't wait for each other:",
		"",
		"	for range n {",
		fmt.Sprintf("		for i := range %d {", len(sums)),
		"			sum[i] = fmath.FMA(0, 0, sum[i])",
		"		}",
		"	}",
	)
	n := ctx.Load(ctx.Param("n"), ctx.GP64())
	for _, v := range append([]reg.VecPhysical{factor}, sums...) {
		zero(v, v, v)
	}
	ctx.Label("round")
	for _, v := range sums {
		ctx.VFMADD231PS(factor, factor, v)
	}
	ctx.DECQ(n)
	ctx.JNZ(operand.LabelRef("round"))
	ctx.VZEROUPPER()
	ctx.RET()
}
