//go:build unix

package main

// These tests run the commands that docs/commands.md and the README show.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A shell runs the commands of a page in a folder, with the program cornu and a model of Keras's.
type shell struct{ folder, path string }

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{t.TempDir(), t.TempDir()}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, os.Args[0])
	if err := os.WriteFile(filepath.Join(s.path, "cornu"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("../../docs/testdata/flowers.keras") // the page says how it is made
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "flowers.keras", string(model))
	return s
}

func (s *shell) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *shell) run(commands string) (string, error) {
	c := exec.Command("sh", "-e", "-c", commands)
	c.Dir = s.folder
	c.Env = append(os.Environ(), "PATH="+s.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestThePageOnCommandsRunsAndPrintsWhatItSays(t *testing.T) {
	s := newShell(t)
	var printed string
	for _, b := range blocks(t, "../../docs/commands.md") {
		switch b.language {
		case "sh":
			out, err := s.run(b.text)
			if err != nil {
				t.Fatalf("commands.md:%d: %v\n%s", b.line, err, out)
			}
			printed += out
		case "output":
			if !strings.Contains(printed, b.text) {
				t.Errorf("commands.md:%d: no command prints\n%s\nbut\n%s", b.line, b.text, printed)
			}
		case "json": // it is read as a schema, which predict may not learn by
			s.write(t, "schema.json", b.text)
			if out, err := s.run("cornu predict flowers.keras --data flowers.csv --schema schema.json"); err == nil || !strings.Contains(out, "have fit write it") {
				t.Errorf("commands.md:%d: %s", b.line, out)
			}
		}
	}
}

func TestTheReadmesCommandsOnYourOwnModelRun(t *testing.T) {
	s := newShell(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## Your own model and data\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "    ") {
			commands += line
		}
	}
	if strings.Count(commands, "cornu ") < 2 {
		t.Fatalf("the README has the commands\n%s", commands)
	}
	const head = "\x93NUMPY\x01\x00\x36\x00"
	header := func(text string) string { return head + text + strings.Repeat(" ", 0x36-1-len(text)) + "\n" }
	s.write(t, "x.npy", header("{'descr':'|u1','fortran_order':False,'shape':(3,2)}")+"\x01\x02\x03\x04\x05\x06")
	s.write(t, "y.npy", header("{'descr':'|u1','fortran_order':False,'shape':(3,)}")+"\x00\x01\x00")
	s.write(t, "new.csv", "length,width\n1,2\n3,4\n")
	if out, err := s.run("mv flowers.keras model.keras\n" + commands); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if content, err := os.ReadFile(filepath.Join(s.folder, "predictions.csv")); err != nil || strings.Count(string(content), "\n") != 3 {
		t.Errorf("the predictions are %q, %v", content, err)
	}
}

// A block is one that is fenced off in a page.
type block struct {
	line           int
	language, text string
}

func blocks(t *testing.T, page string) (list []block) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for i, line := range strings.Split(string(content), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			if inside = !inside; inside {
				list = append(list, block{line: i + 1, language: line[3:]})
			}
		case inside:
			list[len(list)-1].text += line + "\n"
		}
	}
	return list
}
