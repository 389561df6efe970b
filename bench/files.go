package main

// This file measures models in files: what loading and saving one of 25 million parameters costs, beside reading and
// writing as many bytes, and beside Keras.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/crc"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// The cases of files. largeBytes is what the weights of the model take.
const (
	loadLarge   = "load, and predict a row"
	readLarge   = "read the bytes"
	keepLarge   = "read the bytes into memory of their own"
	saveLarge   = "save"
	writeLarge  = "write as many bytes"
	extraMemory = "peak memory beyond the weights"

	largeWidth = 2500
	largeDepth = 4
	largeBytes = 4 * largeDepth * (largeWidth*largeWidth + largeWidth)
)

// filesName is Keras as one who loads the file.
const filesName = "Keras on JAX, files"

// largeFile is where the model lies.
func largeFile() string { return filepath.Join(os.Getenv("BENCH_MNIST"), "large.keras") }

// files asks everyone in a process of its own, so that each meets memory that nobody has touched.
func files(ctx context.Context, b *bench) error {
	threads := b.threads[len(b.threads)-1]
	for round := range b.rounds {
		for _, c := range b.of("files") {
			questions := []question{{words: "load", name: loadLarge}}
			if c.name == cornuName {
				questions = []question{{words: "read", name: readLarge}, {words: "keep", name: keepLarge}, questions[0], {words: "write", name: writeLarge}, {words: "save", name: saveLarge}}
				if round%2 == 1 { // a disk may be slower after it has written for a while
					questions[3], questions[4] = questions[4], questions[3]
				}
				if round == 0 {
					questions = append([]question{{words: "make"}}, questions...)
				}
			}
			t, err := c.start(ctx, b, threads)
			if err != nil {
				progress("left out: %s (%v)", c.name, err)
				continue
			}
			for _, q := range questions {
				var a Answer
				if a, err = t.ask(q.words); err != nil {
					break
				}
				if q.name != "" {
					b.results.row("files", q.name, c.name, threads, "s").add(a.Seconds, 0)
				}
				if q.words == "make" || q.words == "keep" { // in memory of its own
					t.stop()
					if t, err = c.start(ctx, b, threads); err != nil {
						return err
					}
				}
			}
			resident := t.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if resident > 0 {
				b.results.row("files", extraMemory, c.name, threads, "MB").add(float64(resident-largeBytes)/1e6, 0)
			}
		}
	}
	return nil
}

// file answers a question about files.
func fileAnswer(question string) (Answer, error) {
	start := time.Now()
	var err error
	switch question {
	case "make":
		m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{largeWidth}})
		for range largeDepth {
			m.Add(&layer.Dense{Units: largeWidth})
		}
		err = m.Save(largeFile())
	case "read":
		err = readAll(largeFile())
	case "keep":
		err = keepAll(largeFile())
	case "load":
		var m *cornu.Model
		if m, err = cornu.Load(largeFile()); err == nil {
			err = m.PredictInto(make([]float32, largeWidth), make([]float32, largeWidth))
		}
		loaded = m
	case "write":
		err = file.WriteFunc(largeFile()+".bytes", func(w io.Writer) error {
			b := make([]byte, 1<<20)
			for n := largeBytes; n > 0 && err == nil; n -= len(b) {
				_, err = w.Write(b[:min(n, len(b))])
			}
			return err
		})
	case "save":
		start = time.Now()
		err = loaded.Save(strings.TrimSuffix(largeFile(), ".keras") + "2.keras")
	default:
		err = errors.New("not measured")
	}
	return Answer{Seconds: time.Since(start).Seconds()}, err
}

// loaded is the model that was loaded last.
var loaded *cornu.Model

// keepAll does what no program can leave out that loads a model by copying it and predicts: it reads a file into memory that nobody has touched,
// sums what it reads, and then goes once through that memory, all on all threads.
func keepAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r := &file.Summed{R: f, Size: info.Size(), Threads: cornu.Threads()}
	b := mem.Make[uint8](int(r.Size))
	if _, err := r.ReadAt(b, 0); err != nil {
		return err
	}
	return file.InPieces(r.Size, r.Threads, func(from, to int64) error {
		crc.Update(0, b[from:to])
		return nil
	})
}

// readAll reads a file as cat does, into the same few bytes again and again.
func readAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for b := make([]byte, 128<<10); err == nil; {
		_, err = f.Read(b)
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func filesTable(w *strings.Builder, r *Results) {
	if len(r.who("files")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Files\n\nA model of 25 million parameters, 100 MB of weights, in a .keras file that the system has in memory; every round in fresh processes. Reading the bytes is what "+
		"`cat FILE > /dev/null` does. Memory of their own is what the system fills with zeros first; the bytes are summed there and gone through once, as by a prediction: "+
		"nothing that copies them and predicts takes less. Writing them ends when they are on the disk, and so does saving. %s\n", r.when("files"))
	lines := [][]string{{"2 threads", loadLarge, "ratio", "to reading", "to reading into memory", saveLarge, "to writing", extraMemory}}
	for _, who := range r.who("files") {
		line := append([]string{who}, r.cells("files", loadLarge, who, 2, false)...)
		for _, what := range []string{readLarge, keepLarge} {
			line = append(line, ratio(r.value("files", loadLarge, who, 2)/r.value("files", what, cornuName, 2)))
		}
		if row := r.find("files", saveLarge, who, 2); row != nil {
			line = append(line, seconds(row.Median), ratio(row.Median/r.value("files", writeLarge, who, 2)))
		} else {
			line = append(line, "", "")
		}
		if x := r.value("files", extraMemory, who, 2); !math.IsNaN(x) {
			line = append(line, fmt.Sprintf("%.0f MB", x))
		} else {
			line = append(line, "")
		}
		lines = append(lines, line)
	}
	table(w, lines)
}
