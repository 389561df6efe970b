package main

// This file keeps the results of trainings in a CSV file, a line for each.

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/internal/file"
)

// A key says which training it is: all that its result depends on.
type key struct {
	layers, regularizer, optimizer, relu string
	reading                              string
	digits, epochs                       int
	seed                                 uint64
}

// A result is what a training came to, in percent.
type result struct {
	key
	running, train, test float64
	seconds              float64
}

// A ledger holds results, those of a file among them. Several processes may have one file: what one of them reads or
// writes, it does with the file to itself.
type ledger struct {
	path  string // "" for none
	all   map[key]result
	fresh []result // those that were added
	torn  bool     // the file's last line was not whole, as when its writer was killed
}

// header is the first line of a file.
const header = "layers,regularizer,optimizer,relu,reading,digits,epochs,seed,running_train,train,test,seconds"

// openLedger reads the results of a file, which need not be there.
func openLedger(path string) (ledger, error) {
	l := ledger{path: path, all: map[key]result{}}
	content, err := readLocked(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	} else if err != nil {
		return l, fmt.Errorf("--csv: %w", err)
	}
	if whole := wholeLines(content); whole < len(content) {
		content, l.torn = content[:whole], true
	}
	if len(content) == 0 {
		return l, nil
	}
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord = strings.Count(header, ",") + 1
	for first := true; ; first = false {
		fields, err := reader.Read()
		switch {
		case err == io.EOF:
			return l, nil
		case first && (err != nil || strings.Join(fields, ",") != header):
			return l, fmt.Errorf("--csv: %s is not a file of this command: its first line is not %q", path, header)
		case err != nil:
			return l, fmt.Errorf("--csv: %s: %w", path, err)
		case first:
			continue
		}
		r, err := parseResult(fields)
		if err != nil {
			line, _ := reader.FieldPos(0)
			return l, fmt.Errorf("--csv: %s, line %d: %w", path, line, err)
		}
		l.all[r.key] = r
	}
}

// readLocked reads a file that nobody writes meanwhile. What is no regular file can't be read twice, or never ends.
func readLocked(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: results are read from it and added to it", path)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if err := file.Lock(in, false); err != nil {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, err)
	}
	return io.ReadAll(in)
}

// lastField is how the line of a result ends: one that ends otherwise was not written to its end.
var lastField = regexp.MustCompile(`,\d+\.\d$`)

// wholeLines returns the length of the lines that were written to their ends. Of the last one an editor may have taken
// the line feed.
func wholeLines(content []byte) int {
	end := bytes.LastIndexByte(content, '\n') + 1
	last := string(content[end:])
	if last == header || lastField.MatchString(last) && strings.Count(last, ",") == strings.Count(header, ",") {
		return len(content)
	}
	if torn := end > 0 || strings.HasPrefix(header, last); !torn {
		return len(content) // of another kind
	}
	return end
}

func parseResult(fields []string) (result, error) {
	r := result{key: key{layers: fields[0], regularizer: fields[1], optimizer: fields[2], relu: fields[3], reading: fields[4]}}
	names := strings.Split(header, ",")
	for i, to := range []any{5: &r.digits, 6: &r.epochs, 7: &r.seed, 8: &r.running, 9: &r.train, 10: &r.test, 11: &r.seconds} {
		var err error
		most, want := 100.0, "a percentage"
		switch to := to.(type) {
		case *int:
			*to, err = strconv.Atoi(fields[i])
			want = "a whole number"
		case *uint64:
			*to, err = strconv.ParseUint(fields[i], 10, 64)
			want = "a whole number"
		case *float64:
			*to, err = strconv.ParseFloat(fields[i], 64)
			if to == &r.seconds {
				most, want = math.MaxFloat64, "a number of seconds"
			}
			if !(*to >= 0 && *to <= most) {
				err = strconv.ErrRange
			}
		}
		if err != nil {
			return r, fmt.Errorf("%s is %q, want %s", names[i], fields[i], want)
		}
	}
	return r, nil
}

func (r result) line() string {
	return fmt.Sprintf("%s,%s,%s,%s,%s,%d,%d,%d,%.4f,%.4f,%.4f,%.1f", r.layers, r.regularizer, r.optimizer, r.relu,
		r.reading, r.digits, r.epochs, r.seed, r.running, r.train, r.test, r.seconds)
}

func (l *ledger) find(k key) (result, bool) {
	r, ok := l.all[k]
	return r, ok
}

// add keeps a result, in the file too if there is one.
func (l *ledger) add(r result) error {
	if l.all == nil {
		l.all = map[key]result{}
	}
	l.all[r.key] = r
	l.fresh = append(l.fresh, r)
	if l.path == "" {
		return nil
	}
	return l.append(r.line())
}

// append adds lines to the file, after the header if it holds nothing yet, and waits until they are on the disk. A last
// line that is not whole gives way.
func (l *ledger) append(lines ...string) error {
	f, err := file.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o666)
	if err == nil {
		err = errors.Join(appendLocked(f, lines), f.Close())
	}
	if err != nil {
		return fmt.Errorf("--csv: %w", err)
	}
	return nil
}

func appendLocked(f *file.File, lines []string) error {
	if err := file.Lock(f.File(), true); err != nil {
		return fmt.Errorf("%s cannot be locked: %w", f.Name(), err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	whole := wholeLines(content)
	var added string
	if whole == 0 {
		added = header + "\n"
	} else if content[whole-1] != '\n' {
		added = "\n"
	}
	for _, line := range lines {
		added += line + "\n"
	}
	if _, err = f.WriteAt([]byte(added), int64(whole)); err == nil {
		err = f.Truncate(int64(whole + len(added)))
	}
	return errors.Join(err, f.Sync())
}
