package avx

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
)

// This file begins and ends functions, and finds their arguments where the package declares them: no offset is written down.

// Begin begins a function. The signature is Go's; it may name types that the file of the arguments declares.
func (a *Asm) Begin(name, signature string) {
	const nosplit = 4
	a.Function(name)
	a.Attributes(nosplit)
	a.Pragma("noescape")
	sig, err := gotypes.ParseSignatureInPackage(declared(a.arguments), signature)
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	a.Signature(sig)
}

// End returns with the upper parts of the registers clear: while they aren't, Go's own instructions on the lower parts wait
// for them on Intel's processors, and a product of 16×16×16 takes five times as long.
func (a *Asm) End() {
	a.VZEROUPPER()
	a.RET()
}

// A Struct is what a parameter points to.
type Struct struct{ fields gotypes.Component }

// Struct loads the pointer.
func (a *Asm) Struct(parameter string) Struct { return Struct{a.Dereference(a.Param(parameter))} }

// Field is a field in memory, or of one that is an array element i.
func (s Struct) Field(name string, i ...int) operand.Mem {
	c := s.fields.Field(name)
	for _, i := range i {
		c = c.Index(i)
	}
	b, err := c.Resolve()
	if err != nil {
		log.Fatalf("field %s: %v", name, err)
	}
	return b.Addr
}

// declared returns what a Go file declares with types of its own and Go's. What it uses of other files is left out.
func declared(path string) *types.Package {
	if pkg, ok := packages[path]; ok {
		return pkg
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	elsewhere := func(error) {}
	pkg, _ := (&types.Config{Error: elsewhere}).Check(file.Name.Name, fset, []*ast.File{file}, nil)
	packages[path] = pkg
	return pkg
}

// packages are those that have been read, by their file. That of no file declares nothing.
var packages = map[string]*types.Package{"": types.NewPackage("", "")}
