package viz

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// within fails the test if f takes longer than anybody waits.
func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s took more than %v", what, limit)
	}
}

// extreme draws numbers of all sizes: any bits, and those beside which float64 has few others.
func extreme(r *rand.Rand) float64 {
	sign := float64(1 - 2*r.IntN(2))
	switch r.IntN(6) {
	case 0:
		var bits [8]byte
		binary.LittleEndian.PutUint64(bits[:], r.Uint64())
		return math.Float64frombits(binary.LittleEndian.Uint64(bits[:]))
	case 1:
		return sign * math.Ldexp(1, r.IntN(2100)-1070)
	case 2:
		return []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324}[r.IntN(7)]
	case 3:
		return sign * (1 << 53) * float64(1+r.IntN(3))
	}
	return sign * r.Float64() * 10
}

// near draws a number that is hard to tell from another.
func near(r *rand.Rand, v float64) float64 {
	switch r.IntN(4) {
	case 0:
		return v
	case 1:
		return math.Nextafter(v, math.Inf(1-2*r.IntN(2)))
	case 2:
		return v * (1 + (r.Float64()-0.5)*math.Pow(10, -float64(r.IntN(17))))
	}
	return extreme(r)
}

// rounds is how often something random is tried: less often where the race detector slows it down.
func rounds(n int) int {
	if testing.Short() {
		return n / 8
	}
	return n
}

// formats are those that picture i is drawn in. What random numbers do to a picture shows in both, and one
// of pixels takes ten times as long.
func formats(i int) []Format {
	if i%4 == 0 {
		return []Format{SVG, PNG}
	}
	return []Format{SVG}
}

func TestTicksAreFewAndRiseWhateverTheRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	within(t, time.Minute, "the ticks", func() {
		for range rounds(choice.Effort(20_000, 100_000)) {
			low := extreme(r)
			high := near(r, low)
			maker := ticks{most: 1 + r.IntN(10), whole: r.IntN(2) == 0}
			marks := maker.Ticks(low, high)
			if len(marks) > maker.most+2 {
				t.Errorf("from %v to %v there are %d ticks, of %d at most", low, high, len(marks), maker.most)
			}
			if !divisible(low, high) || maker.whole && high-low < 1 {
				continue
			}
			if len(marks) == 0 && !maker.whole && maker.most > 3 {
				t.Errorf("from %v to %v there is no tick", low, high)
			}
			for i, m := range marks {
				if i > 0 && (m.value <= marks[i-1].value || m.label == marks[i-1].label) {
					t.Errorf("from %v to %v there is a tick at %v after one at %v", low, high, m, marks[i-1])
				}
				if room := (high - low) * 0.01; m.value < low-room || m.value > high+room {
					t.Errorf("from %v to %v there is a tick at %v", low, high, m.value)
				}
			}
		}
	})
}

func TestAnyNumbersMakeAChartOrAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	drawn, tried := 0, 0
	for i := range rounds(choice.Effort(32, 80)) {
		x, y := extreme(r), extreme(r)
		line := Line{Name: "line", Dots: r.IntN(2) == 0, Dashed: r.IntN(2) == 0}
		for range 1 + r.IntN(5) {
			line.X, line.Y = append(line.X, near(r, x)), append(line.Y, near(r, y))
		}
		c := Chart{Lines: []Line{line}}
		if r.IntN(4) == 0 {
			c.XMin, c.XMax = extreme(r), extreme(r)
		}
		if r.IntN(4) == 0 {
			c.YMin, c.YMax = extreme(r), extreme(r)
		}
		if r.IntN(4) == 0 {
			c.Marks = []Mark{{X: near(r, x), Y: near(r, y), Text: "mark", Below: r.IntN(2) == 0}}
		}
		within(t, 30*time.Second, "a chart", func() {
			for _, format := range formats(i) {
				tried++
				if err := Write(io.Discard, format, c); err == nil {
					drawn++
				}
			}
		})
	}
	if drawn < tried/4 {
		t.Errorf("%d of %d pictures were drawn", drawn, tried)
	}
}

func TestConstantsAndNeighboursHaveAnAxis(t *testing.T) {
	for _, values := range [][]float64{
		{1, math.Nextafter(1, 2)}, {1e16, 1e16}, {-1e16, -1e16}, {1e299, 1e299}, {1 << 53, 1<<53 + 2}, {0, 0}, {0, 5e-324}, {1e-300, 2e-300}, {0, 9e299},
	} {
		h := &train.History{Epoch: []int{0, 1}, Values: map[string][]float64{"loss": values}}
		var content strings.Builder
		within(t, 30*time.Second, "the curves", func() {
			if err := Write(&content, SVG, Curves{History: h}); err != nil {
				t.Errorf("%v: %v", values, err)
			}
		})
		if labels := strings.Count(content.String(), "aria-label="); labels < 8 { // epochs, values, two names, a legend
			t.Errorf("%v: there are %d texts in the picture", values, labels)
		}
	}
}

func TestAnyLengthsMakeASketchOrAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	length := func() float64 {
		switch r.IntN(8) {
		case 0:
			return extreme(r)
		case 1:
			return farthest / 4 * (2*r.Float64() - 1)
		}
		return 100 * r.Float64()
	}
	drawn, tried := 0, 0
	for i := range rounds(choice.Effort(16, 40)) {
		s := Sketch{Width: math.Abs(length()), Height: math.Abs(length()), Shapes: []Shape{
			Box{length(), length(), length(), length(), "box", Tint(r.IntN(300) - 270)},
			Circle{length(), length(), length(), "circle", Blue},
			Link{length(), length(), length(), length(), r.IntN(2) == 0, false},
			Text{length(), length(), "text", Left, true, length()},
		}[r.IntN(4):][:1]}
		within(t, 60*time.Second, fmt.Sprintf("%+v", s), func() {
			for _, format := range formats(i) {
				tried++
				if err := Write(io.Discard, format, s); err == nil {
					drawn++
				}
			}
		})
	}
	if drawn < tried/4 {
		t.Errorf("%d of %d pictures were drawn", drawn, tried)
	}
}

// Layers in a line, layers of which each takes all before it, and many classes.
func TestLargePicturesTakeSeconds(t *testing.T) {
	layers, joined, classes, points := 8, 5, 12, 300
	if choice.Thorough() {
		layers, joined, classes, points = 1000, 100, 1000, 100_000
	}
	var noise Line
	for i := range points {
		noise.X, noise.Y = append(noise.X, float64(i)), append(noise.Y, float64(i*7919%1000))
	}
	long := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}})
	for range layers {
		long.Add(&layer.Activation{Func: activation.ReLU{}})
	}
	nodes := []*cornu.Node{cornu.Input(2)}
	nodes = append(nodes, cornu.Apply(&layer.Activation{Func: activation.ReLU{}}, nodes[0]))
	for len(nodes) < joined {
		nodes = append(nodes, cornu.Apply(&layer.Add{}, nodes...))
	}
	dense := cornu.NewModel(nodes[:1], nodes[len(nodes)-1:])
	for name, p := range map[string]Picture{
		"layers":  Diagram{Model: long},
		"joined":  Diagram{Model: dense},
		"classes": Confusion{Counts: diagonal(classes)},
		"noise":   Chart{Lines: []Line{noise, {X: noise.X, Y: noise.Y, Dashed: true}}},
	} {
		start := time.Now()
		within(t, 3*time.Minute, name, func() { // the machine may be busy
			if err := Write(io.Discard, PNG, p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		t.Logf("%s: %v", name, time.Since(start))
	}
}
