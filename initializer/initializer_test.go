package initializer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/tensor"
)

func values(t *testing.T, i initializer.Initializer, shape ...int) []float32 {
	t.Helper()
	dst := make([]float32, tensor.Shape(shape).Numel())
	if err := i.Init(dst, shape, 7, 0x8001); err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestFansAreKerass(t *testing.T) {
	for _, c := range []struct {
		shape   tensor.Shape
		in, out float64
	}{
		{tensor.Shape{}, 1, 1},
		{tensor.Shape{10}, 10, 10},
		{tensor.Shape{784, 256}, 784, 256},
		{tensor.Shape{3, 16, 32}, 48, 96},
		{tensor.Shape{3, 3, 16, 32}, 144, 288},
		{tensor.Shape{0, 5}, 0, 5},
	} {
		if in, out := initializer.Fans(c.shape); in != c.in || out != c.out {
			t.Errorf("Fans(%v) = %v, %v, want %v, %v", c.shape, in, out, c.in, c.out)
		}
	}
}

// The distributions that Keras documents. Mean and variance of the sample must be
// within five standard errors, the extremes within the bounds, and close to them.
func TestDistributionsAreKerass(t *testing.T) {
	kernel := tensor.Shape{3, 3, 40, 60} // in 360, out 540
	const cut = .87962566103423978
	uniformOf := func(low, high float64) dist {
		return dist{(low + high) / 2, (high - low) * (high - low) / 12, low, high, 9. / 5}
	}
	glorot, he, lecun := math.Sqrt(6./900), math.Sqrt(6./360), math.Sqrt(3./360)
	truncated := func(mean, stddev float64) dist {
		return dist{mean, stddev * stddev * cut * cut, mean - 2*stddev, mean + 2*stddev, 3}
	}
	normalOf := func(mean, stddev float64) dist {
		return dist{mean, stddev * stddev, math.Inf(-1), math.Inf(1), 3}
	}
	for _, c := range []struct {
		i    initializer.Initializer
		want dist
	}{
		{initializer.GlorotUniform{}, uniformOf(-glorot, glorot)},
		{initializer.HeUniform{}, uniformOf(-he, he)},
		{initializer.LecunUniform{}, uniformOf(-lecun, lecun)},
		{initializer.GlorotNormal{}, truncated(0, math.Sqrt(2./900)/cut)},
		{initializer.HeNormal{}, truncated(0, math.Sqrt(2./360)/cut)},
		{initializer.LecunNormal{}, truncated(0, math.Sqrt(1./360)/cut)},
		{initializer.VarianceScaling{}, truncated(0, math.Sqrt(1./360)/cut)},
		{initializer.VarianceScaling{Scale: 3, Mode: initializer.FanOut, Distribution: initializer.Untruncated}, normalOf(0, math.Sqrt(3./540))},
		{initializer.VarianceScaling{Mode: initializer.FanOut, Distribution: initializer.Uniform}, uniformOf(-math.Sqrt(3./540), math.Sqrt(3./540))},
		{initializer.RandomUniform{}, uniformOf(-0.05, 0.05)},
		{initializer.RandomUniform{Minval: new(0.0), Maxval: new(2.0)}, uniformOf(0, 2)},
		{initializer.RandomNormal{}, normalOf(0, 0.05)},
		{initializer.RandomNormal{Mean: 3, Stddev: new(2.0)}, normalOf(3, 2)},
		{initializer.TruncatedNormal{}, truncated(0, 0.05)},
		{initializer.TruncatedNormal{Mean: -1, Stddev: new(0.5)}, truncated(-1, 0.5)},
	} {
		t.Run(fmt.Sprintf("%s%+v", c.i.Name(), c.i), func(t *testing.T) {
			c.want.check(t, values(t, c.i, kernel...))
		})
	}
}

// A dist is a distribution: its bounds, and its fourth central moment at most
// kurtosis times the square of its variance.
type dist struct{ mean, variance, low, high, kurtosis float64 }

func (d dist) check(t *testing.T, sample []float32) {
	t.Helper()
	n := float64(len(sample))
	var mean, variance float64
	for _, x := range sample {
		mean += float64(x) / n
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range sample {
		variance += (float64(x) - mean) * (float64(x) - mean) / n
		low, high = min(low, float64(x)), max(high, float64(x))
	}
	if e := math.Abs(mean-d.mean) / math.Sqrt(d.variance/n); e > 5 {
		t.Errorf("mean %v, want %v: %.1f standard errors off", mean, d.mean, e)
	}
	if e := math.Abs(variance/d.variance-1) / math.Sqrt((d.kurtosis-1)/n); e > 5 {
		t.Errorf("variance %v, want %v: %.1f standard errors off", variance, d.variance, e)
	}
	const ulp = 1e-7
	if width := d.high - d.low; !math.IsInf(width, 0) {
		if low < d.low-ulp*width || high > d.high+ulp*width {
			t.Errorf("values from %v to %v, outside [%v, %v]", low, high, d.low, d.high)
		}
		if low > d.low+0.01*width || high < d.high-0.01*width {
			t.Errorf("values from %v to %v don't fill [%v, %v]", low, high, d.low, d.high)
		}
	}
}

// Kolmogorov and Smirnov's distance from the normal distribution; 2.5/√n is
// passed with probability 2·exp(-2·2.5²) < 1e-5.
func TestNormalsHaveTheNormalShape(t *testing.T) {
	phi := func(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
	for _, c := range []struct {
		i    initializer.Initializer
		tail float64
	}{{initializer.RandomNormal{Stddev: new(1.0)}, 0}, {initializer.TruncatedNormal{Stddev: new(1.0)}, phi(-2)}} {
		x := values(t, c.i, 50_000)
		slices.Sort(x)
		for j, z := range x {
			want := (phi(float64(z)) - c.tail) / (1 - 2*c.tail)
			if d := math.Abs(want - float64(j)/float64(len(x))); d > 2.5/math.Sqrt(float64(len(x))) {
				t.Fatalf("%s: %d of %d values are below %v, want %v of them", c.i.Name(), j, len(x), z, want)
			}
		}
	}
}

func TestAnElementDependsOnSeedStreamAndIndexAlone(t *testing.T) {
	init := func(n int, seed uint64, stream uint16) []float32 {
		dst := make([]float32, n)
		if err := (initializer.RandomNormal{}).Init(dst, tensor.Shape{n}, seed, stream); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	long := init(1001, 1, 2)
	for _, n := range []int{0, 1, 2, 999, 1000} {
		if !slices.Equal(init(n, 1, 2), long[:n]) {
			t.Errorf("the first %d of 1001 values change with the number drawn", n)
		}
	}
	if slices.Equal(init(10, 2, 2), long[:10]) || slices.Equal(init(10, 1, 3), long[:10]) {
		t.Error("another seed or stream draws the same values")
	}
}

// These bits are a promise: a seed gives the same weights on every machine and
// in every version.
func TestTheBitsAreFixed(t *testing.T) {
	want := map[string]string{
		"constant":         "d2c2eed4effc1124",
		"glorot_normal":    "704766651ece67c2",
		"glorot_uniform":   "c467b4664856f194",
		"he_normal":        "33835d384056fa8c",
		"he_uniform":       "8594ebf828583eba",
		"identity":         "ba7bcf0f442565f4",
		"lecun_normal":     "20d34d208e7f6dba",
		"lecun_uniform":    "bda98ce48822aaba",
		"ones":             "68f7f1300651ca55",
		"orthogonal":       "f6addd79978abcfe",
		"random_normal":    "0e5babba6608988e",
		"random_uniform":   "c9825997024157fa",
		"truncated_normal": "4d3d47063478752e",
		"variance_scaling": "20d34d208e7f6dba",
		"zeros":            "d2c2eed4effc1124",
	}
	for _, name := range initializer.Names() {
		i, err := initializer.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, x := range values(t, i, 37, 53) {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
		if got := fmt.Sprintf("%.8x", h.Sum(nil)); got != want[name] {
			t.Errorf("%q: %q, want %q", name, got, want[name])
		}
	}
}

func TestOrthogonalIsOrthogonal(t *testing.T) {
	for _, shape := range []tensor.Shape{{1, 1}, {5, 5}, {64, 64}, {7, 30}, {30, 7}, {3, 3, 4, 8}, {2, 100}} {
		const gain = 1.5
		x := values(t, initializer.Orthogonal{Gain: new(gain)}, shape...)
		cols := shape[len(shape)-1]
		rows := len(x) / cols
		for a := range min(rows, cols) {
			for b := range a + 1 {
				var dot float64
				for j := range max(rows, cols) {
					if rows < cols {
						dot += float64(x[a*cols+j]) * float64(x[b*cols+j])
					} else {
						dot += float64(x[j*cols+a]) * float64(x[j*cols+b])
					}
				}
				want := 0.0
				if a == b {
					want = gain * gain
				}
				if math.Abs(dot-want) > 1e-6 {
					t.Fatalf("%v: vectors %d and %d: %v, want %v", shape, a, b, dot, want)
				}
			}
		}
	}
}

// Of all orthogonal matrices each is as likely as its negative; a QR without the
// signs put right isn't.
func TestOrthogonalHasNoPreferredSign(t *testing.T) {
	const n = 400
	positive := 0
	for stream := range uint16(n) {
		var x [4]float32
		if err := (initializer.Orthogonal{}).Init(x[:], tensor.Shape{2, 2}, 1, stream); err != nil {
			t.Fatal(err)
		}
		if x[3] > 0 {
			positive++
		}
	}
	if d := math.Abs(float64(positive) - n/2.); d > 5*math.Sqrt(n)/2 {
		t.Errorf("%d of %d are positive", positive, n)
	}
}

func TestConstants(t *testing.T) {
	for _, c := range []struct {
		i     initializer.Initializer
		shape tensor.Shape
		want  []float32
	}{
		{initializer.Zeros{}, tensor.Shape{2}, []float32{0, 0}},
		{initializer.Ones{}, tensor.Shape{1, 2}, []float32{1, 1}},
		{initializer.Constant{}, tensor.Shape{1}, []float32{0}},
		{initializer.Constant{Value: -2.5}, tensor.Shape{}, []float32{-2.5}},
		{initializer.Identity{}, tensor.Shape{2, 3}, []float32{1, 0, 0, 0, 1, 0}},
		{initializer.Identity{Gain: new(2.0)}, tensor.Shape{3, 2}, []float32{2, 0, 0, 2, 0, 0}},
		{initializer.Identity{Gain: new(0.0)}, tensor.Shape{1, 1}, []float32{0}},
	} {
		if got := values(t, c.i, c.shape...); !slices.Equal(got, c.want) {
			t.Errorf("%s%+v%v = %v, want %v", c.i.Name(), c.i, c.shape, got, c.want)
		}
	}
}

func TestWhatHasNoMeaningIsAnError(t *testing.T) {
	for _, c := range []struct {
		i     initializer.Initializer
		shape tensor.Shape
		want  string
	}{
		{initializer.Identity{}, tensor.Shape{3}, "no matrix"},
		{initializer.Orthogonal{}, tensor.Shape{3}, "two dimensions"},
		{initializer.RandomNormal{Stddev: new(-1.0)}, tensor.Shape{3}, "negative"},
		{initializer.TruncatedNormal{Stddev: new(math.NaN())}, tensor.Shape{3}, "finite"},
		{initializer.RandomUniform{Minval: new(2.0), Maxval: new(1.0)}, tensor.Shape{3}, "interval"},
		{initializer.VarianceScaling{Scale: -1}, tensor.Shape{3}, "positive"},
		{initializer.VarianceScaling{Mode: "fan_on"}, tensor.Shape{3}, "fan_in, fan_out, fan_avg"},
		{initializer.VarianceScaling{Distribution: "normal"}, tensor.Shape{3}, "truncated_normal"},
		{initializer.Zeros{}, tensor.Shape{4}, "(4,)"},
		{initializer.GlorotUniform{}, tensor.Shape{4}, "(4,)"},
	} {
		err := c.i.Init(make([]float32, 3), c.shape, 0, 0)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.i.Name()) {
			t.Errorf("%s%+v%v: error %v, want it to name the initializer and %q", c.i.Name(), c.i, c.shape, err, c.want)
		}
	}
}

func TestByNameKnowsKerassNames(t *testing.T) {
	for name, want := range map[string]initializer.Initializer{
		"glorot_uniform": initializer.GlorotUniform{}, "GlorotUniform": initializer.GlorotUniform{}, "HeNormal": initializer.HeNormal{},
		"orthogonal": initializer.Orthogonal{}, "OrthogonalInitializer": initializer.Orthogonal{}, "Identity": initializer.Identity{},
		"zeros": initializer.Zeros{}, "Zeros": initializer.Zeros{}, "normal": initializer.RandomNormal{}, "uniform": initializer.RandomUniform{},
	} {
		if got, err := initializer.ByName(name); err != nil || got != want {
			t.Errorf("ByName(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	_, err := initializer.ByName("glorot")
	if err == nil || !strings.Contains(err.Error(), "glorot_uniform") {
		t.Errorf("the error of an unknown name doesn't list the known ones: %v", err)
	}
}

func BenchmarkInit(b *testing.B) {
	dst := make([]float32, 784*256)
	for _, i := range []initializer.Initializer{initializer.GlorotUniform{}, initializer.GlorotNormal{}} {
		b.Run(i.Name(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				if err := i.Init(dst, tensor.Shape{784, 256}, 1, 0x8000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	square := make([]float32, 512*512)
	b.Run("orthogonal", func(b *testing.B) {
		for b.Loop() {
			if err := (initializer.Orthogonal{}).Init(square, tensor.Shape{512, 512}, 1, 0x8000); err != nil {
				b.Fatal(err)
			}
		}
	})
}
