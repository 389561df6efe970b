package callback

// This file writes the logs of each epoch to a CSV file.

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/train"
)

// CSVLogger writes a line of all logs after each epoch, byte for byte what
// Keras writes for the same numbers: the epoch, counted from 0, then the names in
// alphabetical order, NA where there is no value. Without validation in the first
// epoch the columns of validation are there all the same, for a later run that
// has it.
//
// Each line is written at once, and a part of a line that a crash has left at
// the end of a file is cut off before more is appended. A training that goes on from a
// checkpoint goes on in its file.
type CSVLogger struct {
	Filename  string
	Separator string `default:","`
	Append    bool   // go on in a file that exists; otherwise it is overwritten

	file    *file.File
	comma   rune
	columns []string // without the epoch
	present []string // the header that the file has, nil if it has none
	unsaved bool     // not all that was written is on the disk
}

// TrainBegin opens the file.
func (c *CSVLogger) TrainBegin(s *train.State) error {
	c.columns, c.present, c.unsaved = nil, nil, false
	var size int
	c.comma, size = utf8.DecodeRuneInString(config.Resolve(*c).Separator)
	if size != len(config.Resolve(*c).Separator) || strings.ContainsRune("\"\r\n\x00\uFFFD", c.comma) {
		return fmt.Errorf("callback: CSVLogger: Separator is %q, it must be one character that isn't a quote or a line's end", c.Separator)
	}
	flags := os.O_CREATE | os.O_RDWR
	resumed := s != nil && s.Resumed // LoadState finds the place
	if !c.Append && !resumed {
		flags |= os.O_TRUNC
	}
	var err error
	if c.file, err = file.OpenFile(c.Filename, flags, 0o666); err == nil && c.Append && !resumed {
		err = c.resume()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("callback: CSVLogger: %w", err), c.TrainEnd(nil))
	}
	return nil
}

// resume reads the header of the file and goes to the end of its last line.
func (c *CSVLogger) resume() error {
	end, err := endOfLines(c.file)
	if err != nil {
		return err
	}
	if err := c.file.Truncate(end); err != nil || end == 0 {
		return err
	}
	r := csv.NewReader(bufio.NewReader(io.NewSectionReader(c.file, 0, min(end, 1<<20))))
	r.Comma = c.comma
	if c.present, err = r.Read(); err != nil {
		return fmt.Errorf("%s: the header can't be read: %w", c.Filename, err)
	}
	_, err = c.file.Seek(end, io.SeekStart)
	return err
}

// endOfLines returns where the last line ends that is whole.
func endOfLines(f *file.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	block := make([]byte, 4<<10)
	for end > 0 {
		part := block[:min(end, int64(len(block)))]
		if _, err := f.ReadAt(part, end-int64(len(part))); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return end - int64(len(part)-i-1), nil
		}
		end -= int64(len(part))
	}
	return 0, nil
}

// EpochEnd writes a line.
func (c *CSVLogger) EpochEnd(s *train.State) error {
	if c.columns == nil {
		if err := c.header(s); err != nil {
			return err
		}
	}
	record := []string{strconv.Itoa(s.Epoch)}
	for _, name := range c.columns {
		cell := "NA"
		if value, ok := s.Log(name); ok {
			cell = repr(value)
		}
		record = append(record, cell)
	}
	return c.write(record)
}

// header finds the columns, and writes their names unless the file has them.
func (c *CSVLogger) header(s *train.State) error {
	validated := false
	for _, name := range s.Logs() {
		if _, ok := s.Log(name); ok {
			c.columns = append(c.columns, name)
			validated = validated || strings.HasPrefix(name, "val_")
		}
	}
	slices.Sort(c.columns)
	if !validated {
		for _, name := range slices.Clone(c.columns) {
			c.columns = append(c.columns, "val_"+name)
		}
	}
	header := append([]string{"epoch"}, c.columns...)
	if c.present == nil {
		return c.write(header)
	}
	if !slices.Equal(header, c.present) {
		return fmt.Errorf("callback: CSVLogger: %s has the columns %s, this training has %s",
			c.Filename, strings.Join(c.present, ", "), strings.Join(header, ", "))
	}
	return nil
}

// write writes a line in one piece.
func (c *CSVLogger) write(record []string) error {
	var line bytes.Buffer
	w := csv.NewWriter(&line)
	w.Comma, w.UseCRLF = c.comma, true
	if err := w.Write(record); err != nil {
		return fmt.Errorf("callback: CSVLogger: %w", err)
	}
	w.Flush()
	c.unsaved = true
	if _, err := c.file.Write(line.Bytes()); err != nil {
		return fmt.Errorf("callback: CSVLogger: %w", err)
	}
	return nil
}

// TrainEnd closes the file.
func (c *CSVLogger) TrainEnd(*train.State) error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// repr writes a number as Python does.
func repr(v float64) string {
	text := strconv.FormatFloat(v, 'e', -1, 64)
	_, exponent, ok := strings.Cut(text, "e")
	if !ok {
		return map[string]string{"NaN": "nan", "+Inf": "inf", "-Inf": "-inf"}[text]
	}
	if e, _ := strconv.Atoi(exponent); e < -4 || e >= 16 {
		return text
	}
	text = strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
