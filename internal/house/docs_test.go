package house

// What a user meets is explained: every package, and every exported name of the packages that can be imported.

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	packages := source(t)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		files := packages[dir].files
		if len(files) > 0 && !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
			t.Errorf("%s has no package comment", name(dir))
		}
	}
}

func TestEveryExportedNameIsExplained(t *testing.T) {
	packages := source(t)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		if internal(dir) || strings.HasPrefix(dir, "cmd/") {
			continue
		}
		for _, file := range packages[dir].files {
			for _, declaration := range file.Decls {
				for _, bare := range unexplained(declaration) {
					t.Errorf("%s: %s has no comment", positions.Position(bare.Pos()), bare.Name)
				}
			}
		}
	}
}

// unexplained lists the exported names of a declaration without a comment of their own or of their group. Methods are
// left out: most of them are explained by the interface that they serve.
func unexplained(declaration ast.Decl) []*ast.Ident {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Recv == nil && d.Name.IsExported() {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil || d.Tok == token.IMPORT {
			return nil
		}
		var bare []*ast.Ident
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					bare = append(bare, s.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if s.Doc == nil && s.Comment == nil && name.IsExported() {
						bare = append(bare, name)
					}
				}
			}
		}
		return bare
	}
	return nil
}
