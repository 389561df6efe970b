package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/internal/faulty"
)

// quick is a table that takes a moment: its smallest network, from two seeds.
var quick = []string{"mnist", "table", "--epochs", "1", "--limit", "640", "--rows", "18", "--seeds", "2"}

func TestTheRowsAreThoseOfTheBook(t *testing.T) {
	kept := readRecords(t, "testdata/keras-1.3.2.csv") // what the book and what Keras 3.15 gives
	if len(book.Rows) != len(kept) {
		t.Fatalf("%d rows, the book has %d", len(book.Rows), len(kept))
	}
	for i, r := range book.Rows {
		want := kept[i]
		for _, pair := range [][2]string{
			{r.Units(), want.text("layers")},
			{r.Regularizer(), want.text("regularizer")},
			{r.Optimizer, want.text("optimizer")},
			{r.ReLU(), want.text("relu")},
		} {
			if pair[0] != pair[1] {
				t.Errorf("row %d says %s, the book %s", i+1, pair[0], pair[1])
			}
		}
		if r.Running != want.number(t, "book_train") || r.Test != want.number(t, "book_test") {
			t.Errorf("row %d: the book's accuracies are given as %v and %v", i+1, r.Running, r.Test)
		}
	}
}

func TestARowIsTheNetworkThatTheBookNames(t *testing.T) {
	s := settingsOf(book.Rows[8], book.AsTable, 3, 0, 5) // 256-512-256, Dropout(0.45), SGD
	if s.hidden.String() != "256,512,256" || s.dropout != 0.45 || s.optimizer != "sgd" || s.activation != "relu" || s.epochs != 3 || s.seed != 5 || s.batch != 128 {
		t.Errorf("row 9 is %+v", s)
	}
	if s := settingsOf(book.Rows[8], book.AsListing, 1, 0, 0); s.hidden.String() != "256,512" {
		t.Errorf("row 9 as in the listing has the hidden layers %v", s.hidden)
	}
	if s := settingsOf(book.Rows[2], book.AsTable, 1, 0, 0); s.l2 != 0.01 || s.dropout != 0 {
		t.Errorf("row 3 is %+v", s)
	}
	if s := settingsOf(book.Rows[0], book.AsTable, 1, 0, 0); s.activation != "linear" {
		t.Errorf("row 1 has the activation %s", s.activation)
	}
	// Listing 1.3.2: 784·256 + 256·256 + 256·10 weights, thrice but for the first layer's gradient of its input.
	if work := book.Rows[15].Work(book.AsListing); work != 3*(784*256+256*256+256*10)-784*256 {
		t.Errorf("the listing's work is %d", work)
	}
}

func TestATableIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	status, table, errs := call(append([]string{}, quick...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	if !regexp.MustCompile(`(?m)^ 18  128-128-128  Dropout\(0\.45\)  adam       Yes        98\.70       97\.7          \d\d\.\d\d  \d\d\.\d\d  \d\d\.\d\d ± \d\.\d\d$`).MatchString(table) {
		t.Errorf("printed\n%s", table)
	}
	if !strings.Contains(errs, "1/2 - 128-128-128 Dropout(0.45) adam, seed ") || !strings.Contains(errs, "\n2 trainings in ") || strings.Contains(errs, "\r") {
		t.Errorf("said\n%s", errs)
	}
	for _, threads := range []string{"1", "3"} {
		if _, again, _ := call(append(append([]string{}, quick...), "--threads", threads)...); again != table {
			t.Errorf("on %s threads\n%s", threads, again)
		}
	}
	status, markdown, _ := call(append(append([]string{}, quick...), "--markdown")...)
	if status != 0 || !strings.HasPrefix(markdown, "| row | layers | regularizer |") || !strings.Contains(markdown, "\n| 18 | 128-128-128 | Dropout(0.45) | adam | Yes | 98.70 | 97.7 | ") {
		t.Errorf("printed\n%s", markdown)
	}
}

func TestWhatAFileHoldsIsNotTrainedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.csv")
	withFile := append(append([]string{}, quick...), "--csv", file)
	_, first, _ := call(withFile...)
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	status, again, errs := call(withFile...)
	if status != 0 || again != first || !strings.Contains(errs, "holds 2 of 2") || !strings.Contains(errs, "0 trainings") {
		t.Errorf("status %d: %s%s", status, errs, again)
	}

	// A writer was killed in the middle of a line.
	if err := os.WriteFile(file, append(kept[:len(kept):len(kept)], "128-128-128,Drop"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := call(append(withFile, "--seeds", "3")...); status != 0 || !strings.Contains(errs, "holds 2 of 3") || !strings.Contains(errs, "the last line of "+file+" is not whole") {
		t.Errorf("status %d: %s", status, errs)
	}
	if status, _, errs := call(append(withFile, "--reading", "listing")...); status != 0 || strings.Contains(errs, "holds") {
		t.Errorf("another reading: status %d: %s", status, errs)
	}
	more, _ := os.ReadFile(file)
	if !strings.HasPrefix(string(more), string(kept)) || strings.Count(string(more), "\n") != 6 {
		t.Errorf("the file went from\n%s to\n%s", kept, more)
	}
}

func TestALastLineWithoutALineFeedIsAResult(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.csv")
	withFile := append(append([]string{}, quick...), "--csv", file)
	call(withFile...)
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shorter := bytes.TrimSuffix(kept, []byte("\n"))
	for _, content := range [][]byte{shorter, bytes.ReplaceAll(kept, []byte("\n"), []byte("\r\n"))} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if status, _, errs := call(withFile...); status != 0 || !strings.Contains(errs, "holds 2 of 2") || strings.Contains(errs, "whole") {
			t.Errorf("status %d: %s", status, errs)
		}
		if after, _ := os.ReadFile(file); !bytes.Equal(after, content) {
			t.Errorf("though nothing was trained, the file became\n%s", after)
		}
	}
	if err := os.WriteFile(file, shorter, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := call(append(withFile, "--seeds", "3")...); status != 0 || !strings.Contains(errs, "holds 2 of 3") {
		t.Errorf("status %d: %s", status, errs)
	}
	if after, _ := os.ReadFile(file); !bytes.HasPrefix(after, kept) || bytes.Count(after, []byte("\n")) != 4 {
		t.Errorf("the file became\n%s", after)
	}
	if err := os.WriteFile(file, []byte(header), 0o644); err != nil { // a header is whole too
		t.Fatal(err)
	}
	if status, _, errs := call(withFile...); status != 0 {
		t.Errorf("status %d: %s", status, errs)
	}
	if after, _ := os.ReadFile(file); bytes.Count(after, []byte(header+"\n")) != 1 || bytes.Count(after, []byte("\n")) != 3 {
		t.Errorf("the file became\n%s", after)
	}
}

func TestAFileOfAnotherKindIsLeftAlone(t *testing.T) {
	for name, content := range map[string]string{
		"other":        "a,b\n1,2\n",
		"a line":       "no table",
		"short header": "layers\n",
		"bad line":     header + "\n256-256-256,None,sgd\n",
		"bad number":   header + "\n256-256-256,None,sgd,None,table,60000,20,1,much,92.6,92.2,8.1\n",
		"not a number": header + "\n256-256-256,None,sgd,None,table,60000,20,1,93.2,NaN,92.2,8.1\n",
		"too much":     header + "\n256-256-256,None,sgd,None,table,60000,20,1,93.2,92.6,922,8.1\n",
		"a large seed": header + "\n256-256-256,None,sgd,None,table,60000,20,1e3,93.2,92.6,92.2,8.1\n",
	} {
		file := filepath.Join(t.TempDir(), "table.csv")
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		status, _, errs := call(append(append([]string{}, quick...), "--csv", file)...)
		if status != failed || !strings.Contains(errs, file) {
			t.Errorf("%s: status %d, %q", name, status, errs)
		}
		if after, _ := os.ReadFile(file); string(after) != content {
			t.Errorf("%s: the file became %q", name, after)
		}
	}
	if status, _, errs := call(append(append([]string{}, quick...), "--csv", filepath.Join(t.TempDir(), "none", "table.csv"))...); status != failed || !strings.Contains(errs, "--csv") {
		t.Errorf("no such folder: status %d, %q", status, errs)
	}
}

func TestAnInterruptedTableSaysWhatIsKept(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "table.csv")
	status, out, errs := callUntil(ctx, append(append([]string{}, quick...), "--csv", file)...)
	if status != interrupted || !strings.Contains(errs, "interrupted after 0 trainings of 2, kept in "+file) {
		t.Errorf("status %d: %q", status, errs)
	}
	if !regexp.MustCompile(`97\.7 +–  +–  +–\n`).MatchString(out) {
		t.Errorf("printed\n%s", out)
	}
}

func TestAMistakeAboutTheTableIsToldBeforeTraining(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--rows", "19"}, "rows of 1 to 18"},
		{[]string{"--rows", "0-3"}, "rows of 1 to 18"},
		{[]string{"--rows", "4-2"}, "rows of 1 to 18"},
		{[]string{"--rows", "x"}, "such as 1-4,16"},
		{[]string{"--reading", "book"}, `table or listing, got "book"`},
		{[]string{"--seeds", "0"}, "--seeds"},
		{[]string{"--seeds", "300000000"}, "at most 10000"},
		{[]string{"--epochs", "0"}, "--epochs"},
		{[]string{"--limit", "-1"}, "--limit"},
		{[]string{"--threads", "-1"}, "--threads"},
		{[]string{"--sedes", "2"}, "--seeds"},
		{[]string{"all"}, "no argument"},
	} {
		if status, out, errs := call(append([]string{"mnist", "table"}, test.args...)...); status != misused || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%v: status %d, %q", test.args, status, errs)
		}
	}
	var s selection
	if err := s.Set("16,2-4,3"); err != nil || s.String() != "2,3,4,16" {
		t.Errorf("16,2-4,3 is the rows %v, %v", s.String(), err)
	}
}

// A record is a line of the figures of the book and of Keras 3.15, by the names of the columns.
type record map[string]string

func (r record) text(column string) string { return r[column] }

func (r record) number(t *testing.T, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return v
}

// readRecords reads a CSV file with a line of names.
func readRecords(t *testing.T, name string) []record {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	for _, line := range lines[1:] {
		r := record{}
		for i, value := range line {
			r[lines[0][i]] = value
		}
		records = append(records, r)
	}
	return records
}

func TestALineOnATerminalFitsIt(t *testing.T) {
	var out bytes.Buffer
	todo := []training{{12, key{seed: 1}}, {11, key{seed: 1}}, {12, key{seed: 2}}, {11, key{seed: 2}}}
	p := newScoreboard(&out, &table{reading: book.AsTable, epochs: 200}, todo)
	p.terminal = true
	for _, job := range todo {
		p.epoch(job, 150)
	}
	p.done(todo[1], result{})
	p.end()
	lines := strings.Split(out.String(), "\r")
	for _, line := range lines {
		if n := len([]rune(line)); n > 79 {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
	if want := regexp.MustCompile(`^0/4, \S+ left · row 13, seed 1: 150/200 · row 12, seed 1: 150/200$`); !want.MatchString(lines[2]) {
		t.Errorf("the second line is %q", lines[2])
	}
	if last := lines[len(lines)-3:]; !strings.HasPrefix(last[0], "1/4, ") || strings.TrimSpace(last[1]) != "" || last[2] != "" {
		t.Errorf("it ends with %q", last)
	}
}

// What a file of results held stays, and what it lacks is trained again.
func TestResultsAreNotLostWhenTheDiskFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.csv")
	results := []result{{key: key{layers: "a", seed: 1}}, {key: key{layers: "b", seed: 2}}}
	add := func(r result) error {
		l, err := openLedger(path)
		if err != nil {
			return err
		}
		return l.add(r)
	}
	if err := add(results[0]); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	faulty.Each(t, func(f *faulty.Fault) {
		if err := os.WriteFile(path, before, 0o644); err != nil {
			t.Fatal(err)
		}
		err := add(results[1])
		if (err != nil) != (len(f.Failed()) > 0) || err != nil && (!errors.Is(err, faulty.ErrDisk) || !strings.Contains(err.Error(), "--csv: ")) {
			t.Errorf("%v failed, and the error is %v", f.Failed(), err)
		}
		l, err := openLedger(path)
		if err != nil {
			t.Fatalf("%v failed: %v", f.Failed(), err)
		}
		if _, ok := l.find(results[0].key); !ok {
			t.Errorf("%v failed, and the result from before is lost", f.Failed())
		}
	})
	if err := add(results[1]); err != nil {
		t.Fatal(err)
	}
	if l, err := openLedger(path); err != nil || len(l.all) != 2 {
		t.Errorf("%d results, %v", len(l.all), err)
	}
}
