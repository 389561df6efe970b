// Charlm trains a network to continue a text, character by character (Graves 2013), and then has it write.
//
//	go run ./examples/charlm
//
// It reads Isaac Newton's Opticks, which comes with Go, or another text with -text FILE. A character is looked up in an
// embedding, an LSTM reads one after the other, and says after each which the next may be. What it writes begins where a
// part of the text ends that it hasn't learned from; each character is drawn with its probability, raised to the power
// 1/temperature. Ctrl-C ends the training, and it writes what it can.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

const length = 64 // characters that are read before the next

func main() {
	log.SetFlags(0)
	file := flag.String("text", "", "the `file` to learn from; without it Newton's Opticks")
	units := flag.Int("units", 128, "of the LSTM")
	epochs := flag.Int("epochs", 15, "how often to read the text")
	limit := flag.Int("limit", 0, "use only the first parts of the text, so many; 0 uses all")
	temperature := flag.Float64("temperature", 0.6, "how freely to write: near 0 always the likeliest character")
	count := flag.Int("write", 800, "how many characters to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *file, *units, *epochs, *limit, *temperature, *count); err != nil {
		log.Fatal(err)
	}
}

// opticks returns where Go keeps the book.
func opticks() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("the text is Newton's Opticks, which comes with Go, and Go isn't there: %w; give another with -text", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src", "testdata", "Isaac.Newton-Opticks.txt"), nil
}

func run(ctx context.Context, file string, units, epochs, limit int, temperature float64, count int) error {
	if temperature <= 0 {
		return errors.New("-temperature must be above 0")
	}
	if file == "" {
		var err error
		if file, err = opticks(); err != nil {
			return err
		}
	}
	bytes, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := []rune(string(bytes))
	alphabet := slices.Compact(slices.Sorted(slices.Values(text)))
	numbers := make([]int32, len(text))
	for i, c := range text {
		at, _ := slices.BinarySearch(alphabet, c)
		numbers[i] = int32(at)
	}
	// A sample is a part of the text, and its target the same a character further on.
	parts := (len(text) - 1) / length
	if limit > 0 {
		parts = min(parts, limit)
	}
	if parts < 10 {
		return fmt.Errorf("%s has %d characters, which are too few to learn from", file, len(text))
	}
	x, err := data.Integers(numbers[:parts*length], length)
	if err != nil {
		return err
	}
	y, err := data.Integers(numbers[1:][:parts*length], length)
	if err != nil {
		return err
	}
	train, test, err := (&data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}).Split(0.1)
	if err != nil {
		return err
	}

	in := cornu.Apply(&layer.Input{Shape: tensor.Shape{length}, DType: tensor.Int32})
	read := cornu.Apply(&layer.Embedding{InputDim: len(alphabet), OutputDim: 32}, in)
	read = cornu.Apply(&layer.LSTM{Units: units, ReturnSequences: true}, read)
	read = cornu.Apply(&layer.Dropout{Rate: 0.1}, read)
	logits := cornu.Apply(&layer.Dense{Units: len(alphabet)}, read)
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{logits})
	// What writes has the same layers, and makes probabilities of what they give.
	cooled := cornu.Apply(&layer.Rescaling{Scale: 1 / temperature}, logits)
	writer := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Activation{Func: activation.Softmax{}}, cooled)})

	if err := model.Summary(os.Stdout); err != nil {
		return err
	}
	err = model.Compile(cornu.CompileConfig{
		Loss:      loss.SparseCategoricalCrossentropy{FromLogits: true},
		Optimizer: optimizer.Adam{LearningRate: 0.004},
		Metrics:   []metric.Metric{metric.Accuracy{}},
	})
	if err != nil {
		return err
	}
	if _, err := model.Fit(ctx, train, cornu.FitConfig{Epochs: epochs, BatchSize: 32, ValidationData: test}); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}

	end := (train.Len() + 1) * length // of the first part that is held back
	written := make([]float32, length)
	for i, n := range numbers[end-length : end] {
		written[i] = float32(n)
	}
	probabilities := make([]float32, length*len(alphabet))
	random := rand.New(rand.NewPCG(1, 2))
	fmt.Printf("%s▌", string(text[end-length:end]))
	for range count {
		if err := writer.PredictInto(probabilities, written); err != nil {
			return err
		}
		next := draw(random.Float32(), probabilities[(length-1)*len(alphabet):])
		fmt.Print(string(alphabet[next]))
		written = append(written[1:], float32(next))
	}
	fmt.Println()
	return nil
}

// draw returns the place among probabilities that a number from 0 to 1 falls on.
func draw(at float32, probabilities []float32) int {
	for i, p := range probabilities {
		if at -= p; at < 0 {
			return i
		}
	}
	return len(probabilities) - 1
}
