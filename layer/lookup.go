package layer

// This file has vocabularies, in which a text or an integer is looked up and becomes a number, and the layers StringLookup
// and IntegerLookup. TextVectorization, in text.go, uses the same vocabularies.

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/hash"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("StringLookup", func() Layer { return &StringLookup{} })
	Register("IntegerLookup", func() Layer { return &IntegerLookup{} })
}

// onHost is embedded in a Host, whose Call it is.
type onHost struct{}

// Call emits nothing but an error: the layer is not part of a graph.
func (onHost) Call(c *Context, _ []*graph.Node) *graph.Node {
	return c.Graph().Fail("it works on the host, ahead of the graph, and can't be a part of another layer: apply it to the inputs of the model")
}

// A Kept is what a layer has learnt and keeps beside its variables.
type Kept struct {
	Files  map[string][]byte    // by their names, in a file of Keras's: "vocabulary.txt"
	Arrays map[string][]float32 // beside the variables
	Config map[string]any       // entries of the configuration instead of what the fields say
	Extra  map[string]any       // entries of Keras's configuration that no field stands for
}

// A Keeper is a layer that keeps what it has learnt in files of a model's file, not in variables: a vocabulary.
type Keeper interface {
	Layer
	// Keep returns what has been learnt. What there is none of is nil.
	Keep() Kept
	// Restore sets what has been learnt to what Keep of another layer of the same configuration has returned. It is
	// called before the layer is applied. What it is given is not trusted.
	Restore(k Kept) error
}

const vocabularyFile = "vocabulary.txt"

// A token is what a vocabulary is of.
type token interface{ string | int }

// lookupConfig is the configuration that StringLookup and IntegerLookup have in common.
type lookupConfig[T token] struct {
	maxTokens  int
	oovIndices int
	mask       *T
	oov        T
	vocabulary []T
	weights    []float64
	mode       string
	pad        bool
	invert     bool
	bin        func(t T, n int) int // of a token that is not in the vocabulary
}

// A vocabulary is a list of tokens and where they are.
type vocabulary[T token] struct {
	tokens  []T // without the special ones
	index   map[T]int32
	weights []float32 // of each index of the output, in mode tf_idf
	learnt  bool      // from data: it is no part of the configuration
}

// oovStart is the index of the first token that stands for those that are not in the vocabulary.
func (c *lookupConfig[T]) oovStart() int {
	if c.mask != nil && c.mode == modeInt {
		return 1
	}
	return 0
}

// start is the index of the first token of the vocabulary.
func (c *lookupConfig[T]) start() int { return c.oovStart() + c.oovIndices }

// special lists the tokens before those of the vocabulary.
func (c *lookupConfig[T]) special() []T {
	var list []T
	if c.oovStart() > 0 {
		list = append(list, *c.mask)
	}
	for range c.oovIndices {
		list = append(list, c.oov)
	}
	return list
}

// check returns an error if the configuration makes no sense.
func (c *lookupConfig[T]) check() error {
	switch {
	case c.maxTokens < 0 || c.maxTokens == 1:
		return fmt.Errorf("MaxTokens is %d, it must be at least 2, or 0 for no limit", c.maxTokens)
	case c.pad && c.maxTokens == 0:
		return errors.New("PadToMaxTokens needs MaxTokens")
	case c.oovIndices < 0 || c.oovIndices > maxInteger:
		return fmt.Errorf("NumOOVIndices is %d, it must not be negative and at most %d", c.oovIndices, maxInteger)
	case c.maxTokens > maxInteger:
		return fmt.Errorf("MaxTokens is %d, it can be at most %d", c.maxTokens, maxInteger)
	case c.maxTokens > 0 && c.start() > c.maxTokens:
		return fmt.Errorf("MaxTokens is %d, and there are %d special ones already", c.maxTokens, c.start())
	case c.weights != nil && c.mode != modeTFIDF:
		return fmt.Errorf("IDFWeights are of OutputMode %q, it is %q", modeTFIDF, c.mode)
	case c.invert && c.mode != modeInt:
		return fmt.Errorf("OutputMode is %q, a lookup that is inverted has %q", c.mode, modeInt)
	}
	return nil
}

// of makes the vocabulary of tokens, which may have the special ones before them, and of their weights in mode tf_idf.
func (c *lookupConfig[T]) of(tokens []T, weights []float64) (*vocabulary[T], error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	whole, special := len(tokens), c.special()
	found := whole >= len(special) && slices.Equal(tokens[:len(special)], special)
	if found {
		tokens = tokens[len(special):]
	}
	v := &vocabulary[T]{tokens: tokens, index: make(map[T]int32, len(tokens))}
	if n := c.start() + len(tokens); n > maxInteger || c.maxTokens > 0 && n > c.maxTokens {
		return nil, fmt.Errorf("the vocabulary has %d tokens with the special ones, MaxTokens is %d and at most %d", n, c.maxTokens, maxInteger)
	}
	for i, t := range tokens {
		switch _, twice := v.index[t]; {
		case twice:
			return nil, fmt.Errorf("the vocabulary has %s twice", quote(t))
		case c.mask != nil && t == *c.mask || c.invert && t == c.oov:
			return nil, fmt.Errorf("the vocabulary has %s, which is a special token, at place %d: special ones stand at the beginning, all of them (%s), or nowhere", quote(t), i, quoteAll(special))
		}
		v.index[t] = int32(c.start() + i)
	}
	if c.mode != modeTFIDF {
		return v, nil
	}
	if len(weights) != whole {
		return nil, fmt.Errorf("OutputMode %q needs IDFWeights, one for each of the %d tokens, there are %d", modeTFIDF, whole, len(weights))
	}
	if !found {
		mean := 0.0
		for _, w := range weights {
			mean += w
		}
		weights = append(slices.Repeat([]float64{mean / float64(max(whole, 1))}, len(special)), weights...)
	}
	v.weights = c.padded(float32Of(weights))
	return v, nil
}

// said makes the vocabulary that the configuration says.
func (c *lookupConfig[T]) said() (*vocabulary[T], error) {
	if len(c.vocabulary) == 0 {
		return nil, errors.New("the vocabulary is empty")
	}
	return c.of(c.vocabulary, c.weights)
}

// padded fills weights up to the depth of the output.
func (c *lookupConfig[T]) padded(weights []float32) []float32 {
	if c.pad && len(weights) < c.maxTokens {
		weights = append(weights, make([]float32, c.maxTokens-len(weights))...)
	}
	return weights
}

// size returns the number of indices: of the special tokens and of those of the vocabulary.
func (c *lookupConfig[T]) size(v *vocabulary[T]) int {
	if v == nil {
		return c.start()
	}
	return c.start() + len(v.tokens)
}

// depth is the width of the output of modes other than int.
func (c *lookupConfig[T]) depth(v *vocabulary[T]) int {
	if c.pad {
		return c.maxTokens
	}
	return c.size(v)
}

// all lists all tokens by their indices.
func (c *lookupConfig[T]) all(v *vocabulary[T]) []T {
	list := c.special()
	if v != nil {
		list = append(list, v.tokens...)
	}
	return list
}

// find returns the index of a token, -1 if it counts for nothing. It is not ok if there is no index for it.
func (c *lookupConfig[T]) find(v *vocabulary[T], t T) (index int, ok bool) {
	if c.mask != nil && t == *c.mask {
		return c.oovStart() - 1, true // 0 in mode int
	}
	if i, ok := v.index[t]; ok {
		return int(i), true
	}
	switch c.oovIndices {
	case 0:
		return 0, false
	case 1:
		return c.oovStart(), true
	}
	return c.oovStart() + c.bin(t, c.oovIndices), true
}

// encode writes what the mode says of a sample's indices to out, which is as wide as the output of a sample.
func (c *lookupConfig[T]) encode(v *vocabulary[T], indices []int, out []float32) {
	if c.mode == modeInt {
		for i, index := range indices {
			out[i] = float32(index)
		}
		return
	}
	clear(out)
	depth := c.depth(v)
	for i, index := range indices {
		switch {
		case index < 0:
		case c.mode == modeOneHot:
			out[i*depth+index] = 1
		case c.mode == modeMultiHot:
			out[index] = 1
		default:
			out[index]++
		}
	}
	if c.mode == modeTFIDF {
		for i, w := range v.weights {
			out[i] *= w
		}
	}
}

// unknown is the error of a token that has no index.
func unknown[T token](row int, t T) error {
	return &RowError{Row: row, Msg: quote(t) + " is not in the vocabulary: with NumOOVIndices 0 all tokens must be in it"}
}

func quote[T token](t T) string {
	if s, ok := any(t).(string); ok {
		return quoted(s)
	}
	return fmt.Sprint(t)
}

func quoteAll[T token](list []T) string {
	var texts []string
	for _, t := range list[:min(len(list), 3)] {
		texts = append(texts, quote(t))
	}
	if len(list) > 3 {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// build checks the configuration and what the layer is applied to, and makes the vocabulary that is said.
func (c *lookupConfig[T]) build(b *Builder, in []tensor.Shape, v *vocabulary[T]) (*vocabulary[T], error) {
	if err := c.check(); err != nil {
		return nil, b.Errorf("%v", err)
	}
	if err := encodable(b, in[0], c.mode, modeInt, modeOneHot, modeMultiHot, modeCount, modeTFIDF); err != nil {
		return nil, err
	}
	if v != nil && v.learnt {
		return v, nil
	}
	if c.vocabulary == nil {
		return nil, b.Errorf("it has no vocabulary: call its Adapt before it is applied, or say Vocabulary")
	}
	v, err := c.said()
	if err != nil {
		return nil, b.Errorf("%v", err)
	}
	return v, nil
}

// output returns the shape of what is made of inputs of a shape.
func (c *lookupConfig[T]) output(in tensor.Shape, v *vocabulary[T]) tensor.Shape {
	last := len(in) - 1
	switch {
	case last < 0:
		return nil
	case c.mode == modeInt:
		return in.Clone()
	case c.mode != modeOneHot || last > 0 && in[last] == 1:
		return append(in[:last:last].Clone(), c.depth(v))
	}
	return append(in.Clone(), c.depth(v))
}

// width returns how many numbers are made of so many of a sample.
func (c *lookupConfig[T]) width(v *vocabulary[T]) func(n int) int {
	return func(n int) int {
		switch c.mode {
		case modeInt:
			return n
		case modeOneHot:
			return n * c.depth(v)
		}
		return c.depth(v)
	}
}

// first returns the shape of the first input.
func first(l Host, in []tensor.Shape) tensor.Shape {
	if len(in) == 0 || !recall(l).built {
		return nil
	}
	return in[0]
}

// counts are how often tokens were seen.
type counts[T token] struct {
	of   map[T]*tally
	rows int64 // samples
}

// A tally is how often a token was seen, and in how many samples, the last of which is the last-th.
type tally struct{ tokens, samples, last int64 }

// add counts a token of the present sample. n.of[t] is what it has been so far.
func (n *counts[T]) add(had *tally, t T) {
	if had == nil {
		had = new(tally)
		n.of[t] = had
	}
	had.tokens++
	if had.last != n.rows {
		had.last = n.rows
		had.samples++
	}
}

// learn makes the vocabulary of the most frequent tokens. Of those that are as frequent the greater come first, as in Keras.
func (c *lookupConfig[T]) learn(n *counts[T]) (*vocabulary[T], error) {
	if c.mask != nil {
		delete(n.of, *c.mask)
	}
	delete(n.of, c.oov)
	if len(n.of) == 0 {
		return nil, errors.New("the data have no tokens")
	}
	tokens := slices.SortedFunc(maps.Keys(n.of), func(a, b T) int {
		return cmp.Or(cmp.Compare(n.of[b].tokens, n.of[a].tokens), cmp.Compare(b, a))
	})
	if most := cmp.Or(c.maxTokens, maxInteger) - c.start(); len(tokens) > most {
		tokens = tokens[:most]
	}
	var weights []float64
	if c.mode == modeTFIDF {
		for _, t := range tokens {
			w := float32(fmath.Log64(1 + float64(n.rows)/float64(1+n.of[t].samples)))
			weights = append(weights, float64(w))
		}
	}
	v, err := c.of(tokens, weights)
	if err == nil {
		v.learnt = true
	}
	return v, err
}

// adaptable returns an error if the vocabulary can't be learnt.
func (c *lookupConfig[T]) adaptable(l Layer) error {
	switch {
	case c.vocabulary != nil:
		return errors.New("its field Vocabulary says the vocabulary already")
	case recall(l).built && c.mode != modeInt && !c.pad:
		return errors.New("it was applied already, with the vocabulary that it had, by which its output is so wide")
	}
	return c.check()
}

// keep returns the vocabulary as a file of Keras's has it: in a file of its own, but for one that such a file can't hold.
func (c *lookupConfig[T]) keep(v *vocabulary[T]) Kept {
	var k Kept
	if v == nil {
		return k
	}
	k.Extra = map[string]any{"vocabulary_size": c.size(v)}
	if v.weights != nil {
		k.Arrays = map[string][]float32{"idf_weights": v.weights}
	}
	if !v.learnt {
		return k
	}
	all := c.all(v)
	lines := make([]string, len(all))
	for i, t := range all {
		lines[i] = fmt.Sprint(t)
	}
	if last := lines[len(lines)-1]; last != "" && !slices.ContainsFunc(lines, broken) {
		k.Files = map[string][]byte{vocabularyFile: []byte(strings.Join(lines, "\n"))}
		return k
	}
	list := make([]any, len(all))
	for i, t := range all {
		list[i] = t
	}
	k.Config = map[string]any{"vocabulary": list}
	if v.weights != nil {
		weights := make([]any, len(all))
		for i := range all {
			weights[i] = float64(v.weights[i])
		}
		k.Config["idf_weights"] = weights
	}
	return k
}

// broken reports whether Python would take a text for several lines.
func broken(s string) bool { return strings.ContainsAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") }

// restore returns the vocabulary that is kept, nil if the configuration has it.
func (c *lookupConfig[T]) restore(k Kept, parse func(line string) (T, error)) (*vocabulary[T], error) {
	text, ok := k.Files[vocabularyFile]
	if !ok {
		return nil, nil
	}
	var tokens []T
	for line := range strings.SplitSeq(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n") {
		t, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", vocabularyFile, len(tokens)+1, err)
		}
		tokens = append(tokens, t)
	}
	var weights []float64
	for _, w := range k.Arrays["idf_weights"] {
		weights = append(weights, float64(w))
	}
	if len(weights) > len(tokens) { // filled up to MaxTokens
		weights = weights[:len(tokens)]
	}
	v, err := c.of(tokens, weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", vocabularyFile, err)
	}
	v.learnt = true
	return v, nil
}

// A StringLookup turns each text into its number in a vocabulary. It works on the host: see Host.
//
// The vocabulary is given in Vocabulary, or Adapt learns it from texts, the most frequent first, before the layer is applied.
// The first numbers are reserved: 0 for MaskToken, if there is one, and then NumOOVIndices numbers for texts that are not in
// the vocabulary (out of vocabulary). If these are several, a hash of the text chooses one, the same as Keras's: FarmHash, or
// SipHash with Salt.
//
// OutputMode is "int", the number; "one_hot", a vector for each text; or, for inputs (batch, texts), a vector for each sample:
// "multi_hot", which is 1 at the numbers in the sample, "count", which has how often each number is in it, or "tf_idf", the
// counts times IDFWeights. MaskToken counts for nothing in these vectors. A vector is as long as the vocabulary, or as
// MaxTokens says with PadToMaxTokens.
//
// With Invert the layer turns numbers into texts. Only the function Transform runs such a layer: it can't be part of a network,
// which computes with numbers.
//
// Shapes: any → the same; one_hot: (batch, …, 1) → (batch, …, size) and (batch, …) → (batch, …, size); multi_hot, count and
// tf_idf: (batch, texts) → (batch, size).
type StringLookup struct {
	onHost
	Name           string
	MaxTokens      int       `zero:"none"` // special ones included
	NumOOVIndices  *int      `keras:"num_oov_indices" default:"1"`
	MaskToken      *string   // nil: there is none
	OOVToken       string    `keras:"oov_token" default:"[UNK]"` // what Invert gives for those that aren't known
	Vocabulary     []string  // nil: Adapt makes it
	IDFWeights     []float64 `keras:"idf_weights"`
	Invert         bool
	OutputMode     string `default:"int"`
	PadToMaxTokens bool
	Salt           []int // two numbers, or one that stands for both

	learnt *vocabulary[string]
}

func (l *StringLookup) config() *lookupConfig[string] {
	cfg := config.Resolve(*l)
	return &lookupConfig[string]{
		maxTokens: cfg.MaxTokens, oovIndices: *cfg.NumOOVIndices, mask: cfg.MaskToken, oov: cfg.OOVToken,
		vocabulary: cfg.Vocabulary, weights: cfg.IDFWeights, mode: cfg.OutputMode, pad: cfg.PadToMaxTokens, invert: cfg.Invert,
		bin: func(t string, n int) int { return bin([]byte(t), cfg.Salt, n) },
	}
}

// bin returns the bin of n that TensorFlow puts a text into.
func bin(text []byte, salt []int, n int) int {
	switch len(salt) {
	case 0:
		return int(hash.Fingerprint64(text) % uint64(n))
	case 1:
		salt = []int{salt[0], salt[0]}
	}
	return int(hash.Sip([2]uint64{uint64(salt[0]), uint64(salt[1])}, text) % uint64(n))
}

// salted returns an error unless a salt can be one.
func salted(b *Builder, salt []int) error {
	if len(salt) > 2 {
		return b.Errorf("Salt has %d numbers, it has two, or one that stands for both", len(salt))
	}
	return nil
}

// Build makes the vocabulary that is said.
func (l *StringLookup) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	switch {
	case l.Invert:
		return b.Errorf("with Invert it makes texts of numbers, which no network computes with: use Transform on what a network has put out")
	case !b.Texts(0):
		return b.Errorf("the input is numbers, it takes texts: an Input whose DType is tensor.String")
	}
	if err := salted(b, l.Salt); err != nil {
		return err
	}
	v, err := l.config().build(b, in, l.learnt)
	if err == nil {
		l.learnt = v
	}
	return err
}

// Output returns the shape of what it makes.
func (l *StringLookup) Output(in []tensor.Shape) tensor.Shape {
	return l.config().output(first(l, in), l.learnt)
}

// categories reports whether it gives numbers of categories.
func (l *StringLookup) categories() bool { return config.Resolve(*l).OutputMode == modeInt }

// Transform gives texts their numbers.
func (l *StringLookup) Transform(rows int, in []Values, out []float32) error {
	c := l.config()
	width, err := transforms(l, rows, in, out, c.width(l.learnt))
	switch {
	case err != nil:
		return err
	case len(in[0].Texts) != rows*width:
		return fmt.Errorf("layer: %s takes texts", describe(l))
	}
	return lookUp(c, l.learnt, rows, in[0].Texts, out)
}

// texts returns what the layer makes of numbers if it is inverted: the token of each, OOVToken for those that aren't the
// number of one.
func (l *StringLookup) texts(data []*tensor.Tensor) (*tensor.Tensor, error) {
	if len(data) != 1 {
		return nil, fmt.Errorf("layer: Transform: %s takes one tensor of numbers, there are %d", describe(l), len(data))
	}
	c := l.config()
	v, err := l.learnt, c.check()
	switch {
	case err != nil:
	case v == nil && c.vocabulary == nil:
		err = errors.New("it has no vocabulary: call its Adapt, or say Vocabulary")
	case v == nil:
		v, err = c.said()
	}
	if err != nil {
		return nil, fmt.Errorf("layer: Transform: %s: %w", describe(l), err)
	}
	values, err := ValuesOf(data[0])
	if err == nil && values.Texts != nil {
		err = errors.New("with Invert it takes numbers, not texts")
	}
	if err != nil {
		return nil, fmt.Errorf("layer: Transform: %s: %w", describe(l), err)
	}
	tokens := make([]string, values.count())
	all := c.all(v)
	for i := range tokens {
		tokens[i] = c.oov
		if index, exact := values.integer(i); exact && index >= 0 && index < int64(len(all)) {
			tokens[i] = all[index]
		}
	}
	return tensor.Of(tokens, data[0].Shape()...)
}

// lookUp transforms rows samples.
func lookUp[T token](c *lookupConfig[T], v *vocabulary[T], rows int, values []T, out []float32) error {
	width, size := len(values)/rows, len(out)/rows
	indices := make([]int, width)
	for row := range rows {
		for i, t := range values[row*width:][:width] {
			index, ok := c.find(v, t)
			if !ok {
				return unknown(row, t)
			}
			indices[i] = index
		}
		c.encode(v, indices, out[row*size:][:size])
	}
	return nil
}

// Adapt makes the vocabulary of texts: tensors of String. In mode "tf_idf" it finds how many samples each text is in too.
func (l *StringLookup) Adapt(data ...*tensor.Tensor) error { return l.AdaptTo(batches(data)) }

// AdaptTo is Adapt for batches.
func (l *StringLookup) AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error {
	c := l.config()
	v, err := adaptVocabulary(l, c, batches, func(n *counts[string], t *tensor.Tensor) error {
		texts, err := tensor.Data[string](t)
		if err == nil {
			n.addAll(t.Dim(0), texts)
		}
		return err
	})
	if err == nil {
		l.learnt = v
	}
	return err
}

// addAll counts the tokens of rows samples, one after the other.
func (n *counts[T]) addAll(rows int, tokens []T) {
	width := len(tokens) / rows
	for row := range rows {
		n.rows++
		for _, t := range tokens[row*width:][:width] {
			n.add(n.of[t], t)
		}
	}
}

// adaptVocabulary makes the vocabulary of batches, whose tokens and samples count counts.
func adaptVocabulary[T token](l Layer, c *lookupConfig[T], batches iter.Seq2[*tensor.Tensor, error], count func(n *counts[T], t *tensor.Tensor) error) (v *vocabulary[T], err error) {
	n := &counts[T]{of: map[T]*tally{}}
	err = adapting(l, batches, func(t *tensor.Tensor) error {
		if err := c.adaptable(l); err != nil {
			return err
		}
		return count(n, t)
	})
	if err != nil {
		return nil, err
	}
	if v, err = c.learn(n); err != nil {
		err = fmt.Errorf("layer: Adapt of %s: %w", describe(l), err)
	}
	return v, err
}

// GetVocabulary returns the texts by their numbers, the special ones included; nil if there is no vocabulary yet.
func (l *StringLookup) GetVocabulary() []string { return vocabularyOf(l.config(), l.learnt) }

func vocabularyOf[T token](c *lookupConfig[T], v *vocabulary[T]) []T {
	if v == nil && c.vocabulary != nil {
		v, _ = c.said()
	}
	if v == nil {
		return nil
	}
	return c.all(v)
}

// Keep returns the vocabulary.
func (l *StringLookup) Keep() Kept { return l.config().keep(l.learnt) }

// Restore sets the vocabulary.
func (l *StringLookup) Restore(k Kept) error {
	v, err := l.config().restore(k, func(line string) (string, error) { return line, nil })
	if v != nil {
		l.learnt = v
	}
	return err
}

// An IntegerLookup turns each integer into its number in a vocabulary, as StringLookup does with texts. If NumOOVIndices is
// more than 1, the remainder of an integer that is not in the vocabulary chooses its number among them, or, if OOVMethod is
// "farmhash", the hash of its digits. With Invert the layer turns numbers into the integers of the vocabulary.
//
// Integers are at most 2³¹-1, and 2²⁴ where data have them as float32: give larger ones as texts to a StringLookup.
//
// Shapes: those of StringLookup.
type IntegerLookup struct {
	onHost
	Name           string
	MaxTokens      int       `zero:"none"` // special ones included
	NumOOVIndices  *int      `keras:"num_oov_indices" default:"1"`
	MaskToken      *int      // nil: there is none
	OOVToken       *int      `keras:"oov_token" default:"-1"` // what Invert gives for those that aren't known
	Vocabulary     []int     // nil: Adapt makes it
	IDFWeights     []float64 `keras:"idf_weights"`
	Invert         bool
	OutputMode     string `default:"int"`
	PadToMaxTokens bool
	OOVMethod      string `keras:"oov_method" default:"floormod"`
	Salt           []int  // of OOVMethod "farmhash": two numbers, or one that stands for both

	learnt *vocabulary[int]
}

func (l *IntegerLookup) config() *lookupConfig[int] {
	cfg := config.Resolve(*l)
	return &lookupConfig[int]{
		maxTokens: cfg.MaxTokens, oovIndices: *cfg.NumOOVIndices, mask: cfg.MaskToken, oov: *cfg.OOVToken,
		vocabulary: cfg.Vocabulary, weights: cfg.IDFWeights, mode: cfg.OutputMode, pad: cfg.PadToMaxTokens, invert: cfg.Invert,
		bin: func(t, n int) int {
			if cfg.OOVMethod == "farmhash" {
				return bin(strconv.AppendInt(nil, int64(t), 10), cfg.Salt, n)
			}
			return ((t % n) + n) % n
		},
	}
}

// Build makes the vocabulary that is said.
func (l *IntegerLookup) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	switch method := config.Resolve(*l).OOVMethod; {
	case b.Texts(0):
		return b.Errorf("the input is texts, it takes integers: StringLookup takes texts")
	case method != "floormod" && method != "farmhash":
		return b.Errorf("OOVMethod is %q, it must be \"floormod\" or \"farmhash\"", method)
	case l.Salt != nil && method != "farmhash":
		return b.Errorf("Salt is of OOVMethod \"farmhash\", it is %q", method)
	}
	if err := salted(b, l.Salt); err != nil {
		return err
	}
	v, err := l.config().build(b, in, l.learnt)
	if err == nil {
		l.learnt = v
	}
	return err
}

// Output returns the shape of what it makes.
func (l *IntegerLookup) Output(in []tensor.Shape) tensor.Shape {
	return l.config().output(first(l, in), l.learnt)
}

// categories reports whether it gives integers.
func (l *IntegerLookup) categories() bool { return config.Resolve(*l).OutputMode == modeInt }

// Transform gives integers their numbers, or with Invert numbers their integers.
func (l *IntegerLookup) Transform(rows int, in []Values, out []float32) error {
	c := l.config()
	width, err := transforms(l, rows, in, out, c.width(l.learnt))
	switch {
	case err != nil:
		return err
	case in[0].Texts != nil:
		return fmt.Errorf("layer: %s takes integers", describe(l))
	}
	values, wrong := integers(in[0])
	if wrong >= 0 {
		return &RowError{Row: wrong / width, Msg: fmt.Sprintf("%v is no integer", in[0].Numbers[wrong])}
	}
	if l.Invert {
		all := c.all(l.learnt)
		for i, index := range values {
			out[i] = float32(c.oov)
			if index >= 0 && index < len(all) {
				out[i] = float32(all[index])
			}
		}
		return nil
	}
	return lookUp(c, l.learnt, rows, values, out)
}

// Adapt makes the vocabulary of integers. In mode "tf_idf" it finds how many samples each is in too.
func (l *IntegerLookup) Adapt(data ...*tensor.Tensor) error { return l.AdaptTo(batches(data)) }

// AdaptTo is Adapt for batches.
func (l *IntegerLookup) AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error {
	v, err := adaptVocabulary(l, l.config(), batches, func(n *counts[int], t *tensor.Tensor) error {
		values, err := ValuesOf(t)
		switch {
		case err != nil:
			return err
		case values.Texts != nil:
			return errors.New("the data are texts, it takes integers")
		}
		list, wrong := integers(values)
		if wrong >= 0 {
			return fmt.Errorf("%v is no integer", values.Numbers[wrong])
		}
		n.addAll(t.Dim(0), list)
		return nil
	})
	if err == nil {
		l.learnt = v
	}
	return err
}

// integers returns values, which are no texts, as the integers that they are, and the place of the first that is none, -1 if all
// are. What Go's own conversion makes of a number out of range depends on the machine.
func integers(v Values) (list []int, wrong int) {
	list = make([]int, v.count())
	for i := range list {
		n, exact := v.integer(i)
		if list[i] = int(n); !exact || int64(list[i]) != n {
			return nil, i
		}
	}
	return list, -1
}

// GetVocabulary returns the integers by their numbers, the special ones included; nil if there is no vocabulary yet.
func (l *IntegerLookup) GetVocabulary() []int { return vocabularyOf(l.config(), l.learnt) }

// Keep returns the vocabulary.
func (l *IntegerLookup) Keep() Kept { return l.config().keep(l.learnt) }

// Restore sets the vocabulary.
func (l *IntegerLookup) Restore(k Kept) error {
	v, err := l.config().restore(k, strconv.Atoi)
	if v != nil {
		l.learnt = v
	}
	return err
}
