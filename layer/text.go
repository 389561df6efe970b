package layer

// This file has the layers that turn running text into numbers, TextVectorization, and texts into numbers by hashes, Hashing
// and HashedCrossing. How a token becomes its number in a vocabulary is in lookup.go: lookupConfig.find.

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/hash"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("TextVectorization", func() Layer { return &TextVectorization{} })
	Register("Hashing", func() Layer { return &Hashing{} })
	Register("HashedCrossing", func() Layer { return &HashedCrossing{} })
}

// A TextVectorization turns a text into the numbers of its words. It works on the host: see Host.
//
// Each text is standardized and split into tokens, tokens may be joined to n-grams, and each of these is looked up in a
// vocabulary. The vocabulary is given in Vocabulary, or Adapt learns it from texts, before the layer is applied. In mode "int"
// number 0 is padding, at the end of short texts, and number 1 stands for all tokens that are not in the vocabulary. In the
// other modes there is no padding, and number 0 stands for these tokens.
//
// Standardize is "lower_and_strip_punctuation", "lower", "strip_punctuation" or "none"; letters and punctuation are those of
// ASCII, as in Keras. Split is "whitespace", "character", or "none" if texts come as lists of tokens.
//
// OutputMode is "int", the numbers in the order of the tokens; "multi_hot", a vector that is 1 at each number in the text;
// "count", a vector of how often each number is in the text; or "tf_idf", these counts times a weight for each number,
// greater for rarer ones.
//
// In mode "int", without OutputSequenceLength, a batch has as many numbers of each text as its longest text has, rounded up to 1, 2, 3,
// 4, 6, 8, 12, 16, 24 …, so that few lengths come. An Embedding with MaskZero hides what fills shorter texts up.
//
// Shapes: (batch, 1) or (batch), or (batch, tokens) if Split is "none" → (batch, OutputSequenceLength), or (batch, None) without
// it; other modes → (batch, size of the vocabulary, or MaxTokens with PadToMaxTokens).
type TextVectorization struct {
	onHost
	Name                 string
	MaxTokens            int    `zero:"none"` // of the vocabulary, special ones included
	Standardize          string `keras:"standardize,null" default:"lower_and_strip_punctuation"`
	Split                string `keras:"split,null" default:"whitespace"`
	Ngrams               []int  // the lengths of n-grams: 1 and 2 are single tokens and pairs of them; nil: single ones
	OutputMode           string `default:"int"`
	OutputSequenceLength int    `zero:"none"` // in mode int: texts are cut off or filled up to so many numbers
	PadToMaxTokens       bool
	Vocabulary           []string  // nil: Adapt makes it
	IDFWeights           []float64 `keras:"idf_weights"`

	learnt *vocabulary[string]
}

// maxNgram bounds the lengths of n-grams.
const maxNgram = 64

func (l *TextVectorization) config() *lookupConfig[string] {
	cfg := config.Resolve(*l)
	return &lookupConfig[string]{
		maxTokens: cfg.MaxTokens, oovIndices: 1, mask: new(""), oov: "[UNK]", vocabulary: cfg.Vocabulary, weights: cfg.IDFWeights,
		mode: cfg.OutputMode, pad: cfg.PadToMaxTokens,
	}
}

// check returns an error if the configuration makes no sense.
func (l *TextVectorization) check() error {
	cfg := config.Resolve(*l)
	among := func(field, value string, values ...string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("%s is %q, it must be one of %q", field, value, values)
		}
		return nil
	}
	for _, err := range []error{
		among("Standardize", cfg.Standardize, "lower_and_strip_punctuation", "lower", "strip_punctuation", "none"),
		among("Split", cfg.Split, "whitespace", "character", "none"),
		among("OutputMode", cfg.OutputMode, modeInt, modeMultiHot, modeCount, modeTFIDF),
	} {
		if err != nil {
			return err
		}
	}
	for _, n := range l.Ngrams {
		if n < 1 || n > maxNgram {
			return fmt.Errorf("its Ngrams has a length of %d, it must be at least 1 and at most %d", n, maxNgram)
		}
	}
	if n := l.OutputSequenceLength; n < 0 || n > 0 && cfg.OutputMode != modeInt {
		return fmt.Errorf("OutputSequenceLength is %d: it must be positive, and is of OutputMode %q", n, modeInt)
	}
	return nil
}

// Build makes the vocabulary that is said.
func (l *TextVectorization) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	if err := l.check(); err != nil {
		return b.Errorf("%v", err)
	}
	cfg := config.Resolve(*l)
	switch s := in[0]; {
	case !b.Texts(0):
		return b.Errorf("the input is numbers, it takes texts: an Input whose DType is tensor.String")
	case cfg.Split == "none" && len(s) != 2:
		return b.Errorf("with Split \"none\" the input must be lists of tokens, (batch, tokens)")
	case cfg.Split != "none" && !(len(s) == 1 || len(s) == 2 && s[1] == 1):
		return b.Errorf("the input must be one text a sample, (batch, 1) or (batch)")
	}
	v, err := l.config().build(b, []tensor.Shape{{tensor.Batch, 1}}, l.learnt)
	if err == nil {
		l.learnt = v
	}
	return err
}

// Output returns the shape of what it makes.
func (l *TextVectorization) Output(in []tensor.Shape) tensor.Shape {
	c, s := l.config(), first(l, in)
	switch {
	case len(s) == 0:
		return nil
	case c.mode == modeInt && l.OutputSequenceLength == 0:
		return tensor.Shape{s[0], tensor.None}
	case c.mode == modeInt:
		return tensor.Shape{s[0], l.OutputSequenceLength}
	}
	return tensor.Shape{s[0], c.depth(l.learnt)}
}

// categories reports whether it gives numbers of categories.
func (l *TextVectorization) categories() bool { return config.Resolve(*l).OutputMode == modeInt }

// asLongAs returns l, or, if it doesn't say OutputSequenceLength, a layer like it that gives as many numbers as the longest of
// the texts has.
func (l *TextVectorization) asLongAs(rows int, in []Values) *TextVectorization {
	if len(in) != 1 || in[0].Texts == nil || l.OutputSequenceLength != 0 || !l.categories() || l.check() != nil || rows == 0 {
		return l
	}
	other := *l
	other.OutputSequenceLength = l.longest(rows, in)
	return &other
}

// longest returns how many tokens the longest of rows samples has, at least 1.
func (l *TextVectorization) longest(rows int, in []Values) int {
	t, longest := l.tokenizer(), 1
	for row := range rows {
		n, width := 0, len(in[0].Texts)/rows
		t.tokens(in[0].Texts[row*width:][:width], func([]byte) { n++ })
		longest = max(longest, n)
	}
	return longest
}

// Transform makes numbers of texts.
func (l *TextVectorization) Transform(rows int, in []Values, out []float32) error {
	c, v := l.config(), l.learnt
	width, err := transforms(l, rows, in, out, func(int) int {
		switch {
		case c.mode == modeInt && l.OutputSequenceLength == 0:
			return len(out) / max(rows, 1)
		case c.mode == modeInt:
			return l.OutputSequenceLength
		}
		return c.depth(v)
	})
	switch {
	case err != nil:
		return err
	case len(in[0].Texts) != rows*width:
		return fmt.Errorf("layer: %s takes texts", describe(l))
	}
	t := l.tokenizer()
	var indices []int
	size := len(out) / rows
	for row := range rows {
		indices = indices[:0]
		t.tokens(in[0].Texts[row*width:][:width], func(token []byte) {
			// As lookupConfig.find does it of a text, which isn't made here.
			if index, known := v.index[string(token)]; known {
				indices = append(indices, int(index))
			} else if len(token) == 0 {
				indices = append(indices, c.oovStart()-1)
			} else {
				indices = append(indices, c.oovStart())
			}
		})
		to := out[row*size:][:size]
		if c.mode == modeInt {
			clear(to)
			indices = indices[:min(len(indices), size)]
		}
		c.encode(v, indices, to)
	}
	return nil
}

// A tokenizer makes tokens of texts.
type tokenizer struct {
	lower, strip bool
	split        string
	ngrams       []int

	text []byte
	ends [][2]int // of the tokens in text
}

func (l *TextVectorization) tokenizer() *tokenizer {
	cfg := config.Resolve(*l)
	return &tokenizer{
		lower: strings.HasPrefix(cfg.Standardize, "lower"), strip: strings.HasSuffix(cfg.Standardize, "strip_punctuation"),
		split: cfg.Split, ngrams: cfg.Ngrams,
	}
}

// punctuation is what is left out: that of Keras's regular expression.
var punctuation = func() (is [256]bool) {
	for _, c := range []byte("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'") {
		is[c] = true
	}
	return is
}()

// space is what C's isspace takes for that.
func space(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// tokens calls f with each token of a sample: its one text, or its list of tokens.
func (t *tokenizer) tokens(texts []string, f func(token []byte)) {
	t.text, t.ends = t.text[:0], t.ends[:0]
	for _, text := range texts {
		begin := len(t.text)
		for i := range len(text) {
			switch c := text[i]; {
			case t.strip && punctuation[c]:
			case t.lower && 'A' <= c && c <= 'Z':
				t.text = append(t.text, c+'a'-'A')
			default:
				t.text = append(t.text, c)
			}
		}
		t.cut(begin)
	}
	if t.ngrams == nil {
		for _, end := range t.ends {
			f(t.text[end[0]:end[1]])
		}
		return
	}
	all := len(t.text)
	for _, n := range t.ngrams {
		for i := 0; i+n <= len(t.ends); i++ {
			t.text = t.text[:all]
			for k, end := range t.ends[i : i+n] {
				if k > 0 {
					t.text = append(t.text, ' ')
				}
				t.text = append(t.text, t.text[end[0]:end[1]]...)
			}
			f(t.text[all:])
		}
	}
	t.text = t.text[:all]
}

// cut finds the tokens of what stands from begin on.
func (t *tokenizer) cut(begin int) {
	text := t.text
	switch t.split {
	case "none":
		t.ends = append(t.ends, [2]int{begin, len(text)})
	case "character":
		for at := begin; at < len(text); {
			if text[at] < utf8.RuneSelf {
				t.ends = append(t.ends, [2]int{at, at + 1})
				at++
				continue
			}
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 { // what is no UTF-8 is replaced
				to := len(t.text)
				t.text = utf8.AppendRune(t.text, r)
				t.ends = append(t.ends, [2]int{to, len(t.text)})
			} else {
				t.ends = append(t.ends, [2]int{at, at + n})
			}
			at += n
		}
	default:
		for at := begin; at < len(text); at++ {
			from := at
			for at < len(text) && !space(text[at]) {
				at++
			}
			if at > from {
				t.ends = append(t.ends, [2]int{from, at})
			}
		}
	}
}

// Adapt makes the vocabulary of texts, one a sample: tensors of String, of shape (samples) or (samples, 1), or, if Split is
// "none", (samples, tokens). In mode "tf_idf" it finds how many samples each token is in too.
func (l *TextVectorization) Adapt(data ...*tensor.Tensor) error { return l.AdaptTo(batches(data)) }

// AdaptTo is Adapt for batches.
func (l *TextVectorization) AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error {
	t := l.tokenizer()
	v, err := adaptVocabulary(l, l.config(), batches, func(n *counts[string], x *tensor.Tensor) error {
		if err := l.check(); err != nil {
			return err
		}
		texts, err := tensor.Data[string](x)
		if err != nil {
			return err
		}
		width := len(texts) / x.Dim(0)
		if width != 1 && config.Resolve(*l).Split != "none" {
			return fmt.Errorf("the data have shape %v: there must be one text a sample", x.Shape())
		}
		for row := range x.Dim(0) {
			n.rows++
			t.tokens(texts[row*width:][:width], func(token []byte) { // a text is made of it if it is a new one
				if had := n.of[string(token)]; had != nil {
					n.add(had, "")
				} else {
					n.add(nil, string(token))
				}
			})
		}
		return nil
	})
	if err == nil {
		l.learnt = v
	}
	return err
}

// GetVocabulary returns the tokens by their numbers, the special ones included; nil if there is no vocabulary yet.
func (l *TextVectorization) GetVocabulary() []string { return vocabularyOf(l.config(), l.learnt) }

// Keep returns the vocabulary.
func (l *TextVectorization) Keep() Kept { return l.config().keep(l.learnt) }

// Restore sets the vocabulary.
func (l *TextVectorization) Restore(k Kept) error {
	v, err := l.config().restore(k, func(line string) (string, error) { return line, nil })
	if v != nil {
		l.learnt = v
	}
	return err
}

// A Hashing puts each text or integer into one of NumBins bins by a hash of its letters or digits, the same as Keras's:
// FarmHash, or SipHash with Salt. It works on the host: see Host.
//
// Bin 0 is for MaskValue alone, a text or the digits of an integer, if there is one. OutputMode is "int", "one_hot", or, for
// inputs (batch, values), "multi_hot" or "count": see Discretization.
//
// Shapes: any → the same; one_hot: (batch, …, 1) → (batch, …, NumBins) and (batch, …) → (batch, …, NumBins); multi_hot and
// count: (batch, values) → (batch, NumBins).
type Hashing struct {
	onHost
	Name       string
	NumBins    int
	MaskValue  *string // nil: there is none
	Salt       []int   // two numbers, or one that stands for both
	OutputMode string  `default:"int"`
}

// Build checks the configuration.
func (l *Hashing) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	if l.NumBins < 1 || l.NumBins > maxInteger {
		return b.Errorf("NumBins is %d, it must be at least 1 and at most %d", l.NumBins, maxInteger)
	}
	if err := salted(b, l.Salt); err != nil {
		return err
	}
	return encodable(b, in[0], config.Resolve(*l).OutputMode, modeInt, modeOneHot, modeMultiHot, modeCount)
}

// binEncoding says how the numbers of bins are put out, and how wide.
func binEncoding(mode string, bins int) *lookupConfig[string] {
	return &lookupConfig[string]{mode: mode, pad: true, maxTokens: bins}
}

func (l *Hashing) encoding() *lookupConfig[string] {
	return binEncoding(config.Resolve(*l).OutputMode, l.NumBins)
}

// Output returns the shape of what it makes.
func (l *Hashing) Output(in []tensor.Shape) tensor.Shape {
	return l.encoding().output(first(l, in), nil)
}

// categories reports whether it gives numbers of bins.
func (l *Hashing) categories() bool { return config.Resolve(*l).OutputMode == modeInt }

// Transform puts values into bins.
func (l *Hashing) Transform(rows int, in []Values, out []float32) error {
	c := l.encoding()
	width, err := transforms(l, rows, in, out, c.width(nil))
	if err != nil {
		return err
	}
	bins, start := l.NumBins, 0
	if l.MaskValue != nil && bins > 1 {
		bins, start = bins-1, 1
	}
	size := len(out) / rows
	indices := make([]int, width)
	var text []byte
	for row := range rows {
		for i := range width {
			text = in[0].appendText(text[:0], row*width+i)
			if start > 0 && string(text) == *l.MaskValue {
				indices[i] = 0
			} else {
				indices[i] = start + bin(text, l.Salt, bins)
			}
		}
		c.encode(nil, indices, out[row*size:][:size])
	}
	return nil
}

// appendText appends value i: the text, or the digits of the number without its fraction.
func (v Values) appendText(to []byte, i int) []byte {
	if v.Texts != nil {
		return append(to, v.Texts[i]...)
	}
	n, _ := v.integer(i)
	return strconv.AppendInt(to, n, 10)
}

// whole drops the fraction. What Go's own conversion makes of a number out of range depends on the machine.
func whole(x float32) int64 {
	switch {
	case x != x:
		return 0
	case x >= 1<<62:
		return 1 << 62
	case x <= -1<<62:
		return -1 << 62
	}
	return int64(math.Trunc(float64(x)))
}

// A HashedCrossing puts each combination of texts or integers, one from each input, into one of NumBins bins by a hash, the
// same as Keras's. It works on the host: see Host. OutputMode is "int", the number of the bin, or "one_hot", a vector.
//
// Shapes: two inputs or more, all (batch, 1) or all (batch) → the same; one_hot → (batch, NumBins).
type HashedCrossing struct {
	onHost
	Name       string
	NumBins    int
	OutputMode string `default:"int"`
}

// Build checks the configuration.
func (l *HashedCrossing) Build(b *Builder, in []tensor.Shape) error {
	if len(in) < 2 {
		return b.Errorf("takes at least two inputs, got %d", len(in))
	}
	for _, s := range in {
		if !s.Equal(in[0]) || len(s) > 2 || len(s) == 2 && s[1] != 1 {
			return b.Errorf("all inputs must be (batch, 1), or all (batch)")
		}
	}
	if l.NumBins < 1 || l.NumBins > maxInteger {
		return b.Errorf("NumBins is %d, it must be at least 1 and at most %d", l.NumBins, maxInteger)
	}
	return encodable(b, in[0], config.Resolve(*l).OutputMode, modeInt, modeOneHot)
}

func (l *HashedCrossing) encoding() *lookupConfig[string] {
	return binEncoding(config.Resolve(*l).OutputMode, l.NumBins)
}

// Output returns the shape of what it makes.
func (l *HashedCrossing) Output(in []tensor.Shape) tensor.Shape {
	return l.encoding().output(first(l, in), nil)
}

// categories reports whether it gives numbers of bins.
func (l *HashedCrossing) categories() bool { return config.Resolve(*l).OutputMode == modeInt }

// Transform puts values into bins.
func (l *HashedCrossing) Transform(rows int, in []Values, out []float32) error {
	const key = 0xDECAFCAFFE // TensorFlow's
	c := l.encoding()
	width, err := transforms(l, rows, in, out, c.width(nil))
	switch {
	case err != nil:
		return err
	case width != 1:
		return fmt.Errorf("layer: %s takes one value a sample, of each input, not %d", describe(l), width)
	}
	size := len(out) / rows
	for row := range rows {
		h := uint64(key)
		for _, v := range in {
			if v.Texts != nil {
				h = hash.Cat(h, hash.Fingerprint64([]byte(v.Texts[row])))
			} else {
				n, _ := v.integer(row)
				h = hash.Cat(h, uint64(n))
			}
		}
		c.encode(nil, []int{int(h % uint64(l.NumBins))}, out[row*size:][:size])
	}
	return nil
}
