// Package docs holds what is written about Cornu, and the test that it is true.
package docs

// This file compiles and runs the Go of the guide.

import (
	"encoding/json"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A block is one of the guide's: a program, statements that go on where the listing ends, or what programs print.
type block struct {
	line           int
	language, text string
}

// blocks lists the fenced blocks of a guide.
func blocks(t *testing.T, file string) []block {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	inside := false
	for i, line := range strings.Split(string(content), "\n") {
		switch {
		case strings.HasPrefix(line, "```") && !inside:
			inside = true
			list = append(list, block{line: i + 1, language: line[3:]})
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			list[len(list)-1].text += line + "\n"
		}
	}
	return list
}

func TestTheGuideCompilesRunsAndPrintsWhatItSays(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs programs")
	}
	guide := blocks(t, "chapter1.md")
	var listing, statements string
	var programs []string
	for _, b := range guide {
		if b.language != "go" {
			continue
		}
		if !strings.HasPrefix(b.text, "package main\n") {
			statements += b.text
			continue
		}
		if strings.Contains(b.text, "cornu.NewSequential") {
			listing = b.text
		}
		programs = append(programs, b.text)
	}
	end := strings.LastIndex(listing, "}")
	if end < 0 || statements == "" {
		t.Fatal("the guide has no listing, or nothing that goes on from it")
	}
	programs = append(programs, withImports(t, listing[:end]+statements+listing[end:]))
	printed := strings.Join(run(t, programs...), "")
	for _, b := range guide {
		if b.language == "output" && !strings.Contains(printed, b.text) {
			t.Errorf("chapter1.md:%d: no program prints\n%s", b.line, b.text)
		}
	}
}

func TestThePagesOnFilesCompileRunAndPrintWhatTheySay(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs programs")
	}
	var page []block
	for _, file := range []string{"files.md", "checkpoints.md"} {
		page = append(page, blocks(t, file)...)
	}
	var programs []string
	for _, b := range page {
		if b.language == "go" {
			programs = append(programs, b.text)
		}
	}
	printed := strings.Join(run(t, programs...), "")
	for _, b := range page {
		if b.language == "output" && !strings.Contains(printed, b.text) {
			t.Errorf("line %d: no program prints\n%s\nbut\n%s", b.line, b.text, printed)
		}
	}
}

func TestWhatIsPastedIsFormatted(t *testing.T) {
	for _, file := range []string{"../README.md", "chapter1.md", "files.md", "checkpoints.md"} {
		for _, b := range blocks(t, file) {
			if b.language != "go" {
				continue
			}
			if formatted, err := format.Source([]byte(b.text)); err != nil || string(formatted) != b.text {
				t.Errorf("%s:%d: gofmt would write it otherwise (%v)", file, b.line, err)
			}
		}
	}
}

func TestLinksLeadToFilesThatAreThere(t *testing.T) {
	pages, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "adr", "../bench"} {
		more, err := filepath.Glob(folder + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inCode := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(inCode.ReplaceAllString(string(content), ""), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which isn't there", page, target)
			}
		}
	}
}

// Whoever pastes the README's listing has a program.
func TestTheReadmesListingRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs a program")
	}
	for _, b := range blocks(t, "../README.md") {
		if b.language == "go" {
			if printed := run(t, b.text)[0]; !strings.Contains(printed, "Test accuracy: ") {
				t.Errorf("it prints no accuracy:\n%s", printed)
			}
			return
		}
	}
	t.Error("the README has no listing")
}

// withImports gives a program the imports of all packages that it names.
func withImports(t *testing.T, source string) string {
	t.Helper()
	source = regexp.MustCompile(`(?s)\nimport \(.*?\n\)\n`).ReplaceAllString(source, "")
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, name := range file.Unresolved {
		switch {
		case !regexp.MustCompile(`\b` + name.Name + `\.`).MatchString(source): // a builtin, the field of a struct
		case name.Name == "cornu":
			paths[module] = true
		case isFolder("../" + name.Name):
			paths[module+"/"+name.Name] = true
		case isFolder("../dataset/" + name.Name):
			paths[module+"/dataset/"+name.Name] = true
		default:
			paths[name.Name] = true
		}
	}
	var imports string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		imports += fmt.Sprintf("import %q\n", path)
	}
	return strings.Replace(source, "package main\n", "package main\n\n"+imports, 1)
}

const module = "github.com/cornu-ml/cornu"

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// run compiles programs as if they were part of the module, runs each in a folder of its own, and returns what they print.
// Trainings are cut short: the guide's own take a while, above all on kernels without vectors.
func run(t *testing.T, programs ...string) (printed []string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	folder, overlay := t.TempDir(), map[string]string{}
	build := []string{"build", "-buildvcs=false", "-ldflags=-w", "-overlay", filepath.Join(folder, "overlay.json"), "-o", folder}
	for i, source := range programs {
		if strings.Contains(source, ".Fit(ctx, ") {
			source = regexp.MustCompile(`Epochs: \d+`).ReplaceAllString(source, "Epochs: 1")
			source = strings.ReplaceAll(source, ".Flat().OneHot()", ".Flat().OneHot().Limit(1280)")
		}
		name := fmt.Sprintf("program%d", i)
		file := filepath.Join(folder, name+".go")
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(here, name, "main.go")] = file
		build = append(build, "./"+name)
	}
	content, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "overlay.json"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, strings.Join(programs, "\n"))
	}
	for i, source := range programs {
		path := filepath.Join(folder, fmt.Sprintf("program%d", i))
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		command := exec.Command(path)
		command.Dir = t.TempDir()
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, source)
		}
		printed = append(printed, string(out))
	}
	return printed
}

// The lengths of examples that the README boasts of are those that they have.
func TestTheReadmesExamplesAreAsShortAsItSays(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	claims := regexp.MustCompile(`\]\(([\w/]+_test\.go)\), in (\d+)`).FindAllStringSubmatch(string(readme), -1)
	if len(claims) == 0 {
		t.Skip("the README boasts of nothing")
	}
	for _, claim := range claims {
		text, err := os.ReadFile(filepath.Join("..", claim[1]))
		if err != nil {
			t.Fatal(err)
		}
		_, body, found := strings.Cut(string(text), "\nfunc Example")
		_, body, opened := strings.Cut(body, "{\n")
		body, _, closed := strings.Cut(body, "\t// Output:")
		if !found || !opened || !closed {
			t.Errorf("%s has no example that is checked", claim[1])
		} else if n := strings.Count(body, "\n"); strconv.Itoa(n) != claim[2] {
			t.Errorf("the example in %s has %d lines, the README says %s", claim[1], n, claim[2])
		}
	}
}
