package avx

import (
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// A File is a pair of files in the folder of a package: name_amd64.s and name_stub_amd64.go.
type File struct {
	Folder    string
	Name      string
	Command   string // that writes it
	Arguments string // the file of the folder that declares the structs which the functions' parameters point to, if there are any
}

// Write writes what emit emits for each instruction set, AVX2 first.
func (f File) Write(emit func(*Asm)) {
	ctx := build.NewContext()
	ctx.ConstraintExpr("amd64")
	tables, arguments := map[string]bool{}, ""
	if f.Arguments != "" {
		arguments = filepath.Join(f.Folder, f.Arguments)
	}
	for _, wide := range []bool{false, true} {
		emit(&Asm{Context: ctx, Wide: wide, arguments: arguments, tables: tables})
	}
	file, err := ctx.Result()
	if err != nil {
		log.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		for _, function := range file.Functions() {
			if pass.FunctionPass(pass.AllocateRegisters).Execute(&ir.File{Sections: []ir.Section{function}}) != nil {
				log.Printf("%s: %v", function.Name, err)
			}
		}
		log.Fatalf("%s: %v", f.Name, err)
	}
	for _, function := range file.Functions() {
		function.Nodes = slices.DeleteFunc(function.Nodes, stays)
	}
	cfg := printer.Config{Name: f.Command, Pkg: filepath.Base(f.Folder)}
	for name, p := range map[string]printer.Printer{
		f.Name + "_amd64.s":       printer.NewGoAsm(cfg),
		f.Name + "_stub_amd64.go": printer.NewStubs(cfg),
	} {
		b, err := p.Print(file)
		if err != nil {
			log.Fatal(err)
		}
		WriteFile(filepath.Join(f.Folder, name), b)
	}
}

// stays reports whether a node copies a vector to the register that it is in: which register a copy has is known at the end. Some processors don't leave such
// an instruction out.
func stays(n ir.Node) bool {
	i, ok := n.(*ir.Instruction)
	return ok && i.Opcode == "VMOVAPS" && len(i.Operands) == 2 && operand.IsRegister(i.Operands[0]) && i.Operands[0] == i.Operands[1]
}

// WriteFile writes a file.
func WriteFile(path string, b []byte) {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		log.Fatal(err)
	}
}
