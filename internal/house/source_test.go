package house

// The module as its source files show it, under every build constraint at once.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.." // of the module, seen from here
	module = "github.com/cornu-ml/cornu"
)

// A pkg is one package of the module: the files that are built into it, and those that only test it.
type pkg struct {
	files, tests []*ast.File
}

// source returns the packages of the module by their folders, from the root, with slashes; "" is the root. Folders that
// the go command ignores, and other modules, are left out.
func source(t *testing.T) map[string]*pkg {
	t.Helper()
	packages, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// positions says where in the files of the module what was parsed is.
var positions = token.NewFileSet()

// parse parses every file, once for all tests.
var parse = sync.OnceValues(func() (map[string]*pkg, error) {
	packages := map[string]*pkg{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && (strings.HasPrefix(entry.Name(), "_") || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != root {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(positions, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		dir := path.Clean(filepath.ToSlash(relative))
		if dir == "." {
			dir = ""
		}
		if packages[dir] == nil {
			packages[dir] = &pkg{}
		}
		if p := packages[dir]; strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, file)
		} else {
			p.files = append(p.files, file)
		}
		return nil
	})
	return packages, err
})
