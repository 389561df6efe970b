package main

// This file keeps the results of trainings in a CSV file, a line for each.

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
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

// A ledger holds results, those of a file among them.
type ledger struct {
	path  string // "" for none
	all   map[key]result
	fresh []result // those that were added
}

// header is the first line of a file.
const header = "layers,regularizer,optimizer,relu,reading,digits,epochs,seed,running_train,train,test,seconds"

// openLedger reads the results of a file, which need not be there. A last line that is not whole, as when its writer was
// killed, is dropped, in the file too.
func openLedger(path string) (ledger, error) {
	l := ledger{path: path, all: map[key]result{}}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		content = nil
	} else if err != nil {
		return l, fmt.Errorf("--csv: %w", err)
	}
	whole := bytes.LastIndexByte(content, '\n') + 1
	first, _, _ := strings.Cut(string(content), "\n")
	if torn := whole == 0 && strings.HasPrefix(header, first); first != header && !torn {
		return l, fmt.Errorf("--csv: %s is not a file of this command: its first line is not %q", path, header)
	}
	reader := csv.NewReader(bytes.NewReader(content[:whole]))
	reader.FieldsPerRecord = strings.Count(header, ",") + 1
	lines, err := reader.ReadAll()
	if err != nil {
		return l, fmt.Errorf("--csv: %s: %w", path, err)
	}
	for i, fields := range lines {
		if i == 0 {
			continue
		}
		r, err := parseResult(fields)
		if err != nil {
			return l, fmt.Errorf("--csv: %s, line %d: %w", path, i+1, err)
		}
		l.all[r.key] = r
	}
	if whole < len(content) {
		if err := os.Truncate(path, int64(whole)); err != nil {
			return l, fmt.Errorf("--csv: %w", err)
		}
	}
	if whole == 0 {
		// Better now than after the first training.
		if err := l.append(header); err != nil {
			return l, err
		}
	}
	return l, nil
}

func parseResult(fields []string) (result, error) {
	r := result{key: key{layers: fields[0], regularizer: fields[1], optimizer: fields[2], relu: fields[3], reading: fields[4]}}
	var err error
	number := func(text string) float64 {
		v, e := strconv.ParseFloat(text, 64)
		err = errors.Join(err, e)
		return v
	}
	r.digits, r.epochs, r.seed = int(number(fields[5])), int(number(fields[6])), uint64(number(fields[7]))
	r.running, r.train, r.test, r.seconds = number(fields[8]), number(fields[9]), number(fields[10]), number(fields[11])
	return r, err
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

// append adds a line to the file, in one write, and waits until it is on the disk.
func (l *ledger) append(line string) error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		_, err = file.WriteString(line + "\n")
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("--csv: %w", err)
	}
	return nil
}
