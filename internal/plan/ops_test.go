package plan

// This file holds the table of traits to be whole, and to be the one place that
// names ops.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
)

func TestEveryOpHasARow(t *testing.T) {
	for _, op := range graph.Ops() {
		row := table[op]
		switch row.role {
		case noRole:
			t.Errorf("%v has no row", op)
		case roleKernel:
			if row.emit == nil {
				t.Errorf("%v has kernels of its own and nothing that makes them", op)
			}
		case roleReplaced:
			if row.lower == nil {
				t.Errorf("%v is replaced and nothing says by what", op)
			}
		}
		if row.role != roleKernel && (row.emit != nil || row.cost != nil || row.epilogue || row.tasks || row.slab) {
			t.Errorf("%v has no kernels of its own, and traits of such", op)
		}
		if row.role != roleElementwise && (row.instr != 0 || row.immediate != nil) {
			t.Errorf("%v is not elementwise and has an instruction", op)
		}
		if row.role == roleView && row.place == nil {
			t.Errorf("%v is a view and nothing says where", op)
		}
	}
}

func TestNoOpIsNamedOutsideTheTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	named := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			name, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := name.X.(*ast.Ident); ok && of.Name == "graph" && strings.HasPrefix(name.Sel.Name, "Op") && name.Sel.Name != "Op" {
				named++
				if file != "ops.go" {
					t.Errorf("%s: %s is named outside the table of ops.go: give the op a trait that says what is meant", set.Position(n.Pos()), name.Sel.Name)
				}
			}
			return true
		})
	}
	if named < len(graph.Ops()) {
		t.Errorf("found %d names of ops; graph has %d", named, len(graph.Ops()))
	}
}

func TestThePassesKnowNoKernels(t *testing.T) {
	kernels := []string{"ops.go", "emit.go", "attention.go", "rows.go", "window.go", "scan.go", "level.go", "exec.go", "packed.go"}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	passes := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(kernels, file) {
			continue
		}
		passes++
		set := token.NewFileSet()
		source, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range source.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); strings.Contains(path, "/internal/cpu") || strings.HasSuffix(path, "/internal/par") {
				t.Errorf("%s imports %s: what runs is emit.go's and exec.go's concern", file, path)
			}
		}
		ast.Inspect(source, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok && name.Name == "Exec" {
				t.Errorf("%s: a pass speaks of Exec", set.Position(n.Pos()))
			}
			return true
		})
	}
	if passes < 5 {
		t.Errorf("found %d files of passes", passes)
	}
}
