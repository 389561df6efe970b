package house

// What a package for this module alone exports, another package uses: otherwise it need not be exported, or not be.

import (
	"go/ast"
	"maps"
	"slices"
	"testing"
)

func TestWhatInternalPackagesExportIsUsedElsewhere(t *testing.T) {
	packages := source(t)
	folders := map[string]map[string]bool{} // where a name stands, whatever it stands for there
	for dir, p := range packages {
		for _, file := range slices.Concat(p.files, p.tests) {
			for n := range ast.Preorder(file) {
				if id, ok := n.(*ast.Ident); ok && id.IsExported() {
					if folders[id.Name] == nil {
						folders[id.Name] = map[string]bool{}
					}
					folders[id.Name][dir] = true
				}
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if !internal(dir) || dir == "internal/fmath" { // which has what package math has
			continue
		}
		for _, file := range packages[dir].files {
			for _, declaration := range file.Decls { // types are exported for the values that functions return
				f, ok := declaration.(*ast.FuncDecl)
				if ok && f.Name.IsExported() && len(folders[f.Name.Name]) == 1 {
					t.Errorf("%s: no other package calls %s", positions.Position(f.Pos()), f.Name.Name)
				}
			}
		}
	}
}
