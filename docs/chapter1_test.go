// Package docs holds what is written about Cornu, and the test that it is true.
package docs

// This file compiles and runs the Go of the guide.

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// Whoever pastes a program of a page has one, and it prints what the page says.
func TestThePagesProgramsRunAndPrintWhatThePagesSay(t *testing.T) {
	if os.Getenv("CORNU_CI") == "" {
		t.Skip("compiles and runs programs, which takes seconds: CORNU_CI=1 does it")
	}
	pages := []string{"../README.md", "chapter1.md", "files.md", "checkpoints.md", "sequences.md"}
	var programs []string
	ends := make([]int, len(pages)) // where the programs of the next page begin
	for i, page := range pages {
		programs = append(programs, programsOf(t, page)...)
		ends[i] = len(programs)
	}
	all, begin := run(t, programs), 0
	for i, page := range pages {
		printed := strings.Join(all[begin:ends[i]], "")
		if printed == "" {
			t.Errorf("%s has no program that prints", page)
		}
		begin = ends[i]
		for _, b := range blocks(t, page) {
			if b.language == "output" && !strings.Contains(printed, b.text) {
				t.Errorf("%s:%d: no program prints\n%s\nbut\n%s", page, b.line, b.text, printed)
			}
		}
	}
	if !strings.Contains(all[0], "Test accuracy: ") {
		t.Errorf("the README's listing prints no accuracy:\n%s", all[0])
	}
}

// programsOf returns the programs of a page. Statements that go on where its listing ends make one more.
func programsOf(t *testing.T, page string) (programs []string) {
	t.Helper()
	var listing, statements string
	for _, b := range blocks(t, page) {
		switch {
		case b.language != "go":
		case !strings.HasPrefix(b.text, "package main\n"):
			statements += b.text
		default:
			programs = append(programs, b.text)
			if strings.Contains(b.text, "cornu.NewSequential") {
				listing = b.text
			}
		}
	}
	if statements != "" {
		end := strings.LastIndex(listing, "}")
		if end < 0 {
			t.Fatalf("%s has statements and no listing", page)
		}
		programs = append(programs, withImports(t, listing[:end]+statements+listing[end:]))
	}
	return programs
}

func TestWhatIsPastedIsFormatted(t *testing.T) {
	gofmt, err := exec.LookPath("gofmt")
	if err != nil {
		t.Skip(err)
	}
	for _, file := range []string{"../README.md", "chapter1.md", "files.md", "checkpoints.md", "sequences.md"} {
		for _, b := range blocks(t, file) {
			if b.language != "go" {
				continue
			}
			format := exec.Command(gofmt)
			format.Stdin = strings.NewReader(b.text)
			if formatted, err := format.CombinedOutput(); err != nil || string(formatted) != b.text {
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
// They are packages of one program, which runs one after the other: it is linked once and inflates the digits once. Trainings are cut short: the
// guide's own take a while, above all on kernels without vectors.
func run(t *testing.T, programs []string) (printed []string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	folder, overlay := t.TempDir(), map[string]string{}
	write := func(name, source string) {
		t.Helper()
		file := filepath.Join(folder, name+".go")
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(here, name, name+".go")] = file
	}
	var imports, table string
	for i, source := range programs {
		if strings.Contains(source, ".Fit(ctx, ") {
			source = regexp.MustCompile(`Epochs: \d+`).ReplaceAllString(source, "Epochs: 1")
			source = strings.ReplaceAll(source, ".Flat().OneHot()", ".Flat().OneHot().Limit(1280)")
		}
		name := fmt.Sprintf("program%d", i)
		source = strings.Replace(source, "package main\n", "package "+name+"\n", 1)
		write(name, strings.Replace(source, "\nfunc main() {", "\nfunc Main() {", 1))
		imports += fmt.Sprintf("import %q\n", module+"/docs/"+name)
		table += name + ".Main, "
	}
	write("programs", "package main\n\nimport (\n\"fmt\"\n\"os\"\n)\n"+imports+"\nfunc main() {\nfor i, program := range []func(){"+table+"} {\n"+
		"if err := os.Chdir(os.Args[i+1]); err != nil {\npanic(err)\n}\nprogram()\nfmt.Print("+strconv.Quote(end)+")\n}\n}\n")
	content, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "overlay.json"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "programs.exe")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-overlay", filepath.Join(folder, "overlay.json"), "-o", binary, "./programs")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, strings.Join(programs, "\n"))
	}
	var folders []string
	for range programs {
		folders = append(folders, t.TempDir())
	}
	out, err := exec.Command(binary, folders...).CombinedOutput()
	printed = strings.Split(string(out), end)
	if err != nil || len(printed) != len(programs)+1 {
		t.Fatalf("%v\n%s\n%s", err, printed[len(printed)-1], programs[min(len(printed), len(programs))-1])
	}
	return printed[:len(programs)]
}

// end ends what a program prints.
const end = "\x00\n"

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
