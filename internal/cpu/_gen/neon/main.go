// Command neon writes the assembly of the packages in the folder cpu for arm64.
//
//	go run ./neon ..
//
// Go's assembler knows few of NEON's instructions on vectors of float32: those that
// it lacks are written as the words that they are encoded in.
package main

import (
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: neon <folder cpu>")
	}
	room := func(name string) string { return filepath.Join(os.Args[1], name) }
	write(room("product"), "gemm", gemm)
	write(room("isa"), "peak", peak)
	write(room("elementwise"), "elementwise", elementwise)
	write(room("elementwise"), "dropout", func(a *asm) { a.newKernel(philox) })
	write(room("reduce"), "reduce", reductions)
	write(room("move"), "gather", gathers)
	write(room("reduce"), "softmax", softmax)
}

// write makes name_arm64.s and name_stub_arm64.go of what emit emits, in the folder of a package.
func write(folder, name string, emit func(*asm)) {
	a := newAsm(packageIn(folder))
	emit(a)
	a.writeConstants()
	for path, b := range map[string][]byte{
		name + "_arm64.s":       a.code.Bytes(),
		name + "_stub_arm64.go": formatted(a.stubs),
	} {
		writeFile(filepath.Join(folder, path), b)
	}
	if a.table.Len() > 0 {
		writeFile(filepath.Join(folder, name+"_table_arm64.go"), formatted(a.table))
	}
}

// packageIn returns the name of the package in a folder.
func packageIn(folder string) string {
	path, err := filepath.Abs(folder)
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Base(path)
}

func writeFile(path string, b []byte) {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		log.Fatal(err)
	}
}
