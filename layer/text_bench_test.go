package layer_test

import (
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A text of 200 words becomes numbers.
func BenchmarkTextVectorization(b *testing.B) {
	text := strings.Repeat("The quick brown fox, it is said, jumps over a lazy dog. ", 17)
	texts, err := tensor.Of([]string{text})
	if err != nil {
		b.Fatal(err)
	}
	l := &layer.TextVectorization{OutputSequenceLength: 200}
	if err := l.Adapt(texts); err != nil {
		b.Fatal(err)
	}
	layer.Apply(l, layer.Apply(&layer.Input{DType: tensor.String}))
	in, out := []layer.Values{{Texts: []string{text}}}, make([]float32, 200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Transform(1, in, out); err != nil {
			b.Fatal(err)
		}
	}
}
