package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"log"
	"path/filepath"
)

// This file reads where the fields of the loops' arguments are, so that their layout is written down once: where
// package elementwise declares them.

// offsets has the bytes before each field of a struct.
type offsets map[string]int

var fusedLoopOffsets, philoxOffsets offsets

func readLayouts(folder string) {
	fusedLoopOffsets = offsetsOf(filepath.Join(folder, "fused.go"), "fusedLoop")
	philoxOffsets = offsetsOf(filepath.Join(folder, "dropout_philox.go"), "philoxArgs")
}

func fusedLoopField(name string) int { return fusedLoopOffsets.of(name) }
func philoxField(name string) int    { return philoxOffsets.of(name) }

func (o offsets) of(field string) int {
	n, ok := o[field]
	if !ok {
		log.Fatalf("an argument of a loop has no field %s", field)
	}
	return n
}

// offsetsOf reads a struct that a file declares with types of its own and Go's.
func offsetsOf(path, name string) offsets {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	elsewhere := func(error) {} // what the file uses of others
	pkg, _ := (&types.Config{Error: elsewhere}).Check("", fset, []*ast.File{file}, nil)
	declared := pkg.Scope().Lookup(name)
	if declared == nil {
		log.Fatalf("%s declares no %s", path, name)
	}
	layout := declared.Type().Underlying().(*types.Struct)
	var fields []*types.Var
	for i := range layout.NumFields() {
		fields = append(fields, layout.Field(i))
	}
	all := offsets{}
	for i, n := range types.SizesFor("gc", "amd64").Offsetsof(fields) {
		all[fields[i].Name()] = int(n)
	}
	return all
}
