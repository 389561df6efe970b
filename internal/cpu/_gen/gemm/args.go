package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// parseTypes type-checks the file of package product that declares the arguments, so
// that their layout is written down once.
func parseTypes(path string) *types.Package {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	pkg, err := new(types.Config).Check("product", fset, []*ast.File{file}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return pkg
}

// A generator emits the functions of one instruction set.
type generator struct {
	*build.Context
	isa     isa
	types   *types.Package
	arg     gotypes.Component
	hasMask bool
}

// function begins the function name(arg *typ).
func (g *generator) function(name, arg, typ string) {
	g.Function(name)
	g.Attributes(4) // NOSPLIT
	g.Pragma("noescape")
	ptr := types.NewPointer(g.types.Scope().Lookup(typ).Type())
	params := types.NewTuple(types.NewParam(0, g.types, arg, ptr))
	g.Signature(gotypes.NewSignature(g.types, types.NewSignatureType(nil, nil, nil, params, nil, false)))
	g.arg = g.Dereference(g.Param(arg))
}

// field is a field of the argument in memory.
func (g *generator) field(name string) operand.Mem {
	b, err := g.arg.Field(name).Resolve()
	if err != nil {
		log.Fatal(err)
	}
	return b.Addr
}

// load copies a field of the argument to a register.
func (g *generator) load(name string) reg.GPVirtual {
	r := g.GP64()
	g.MOVQ(g.field(name), r)
	return r
}
