package initializer

// This file holds VarianceScaling and its relatives, which keep the variance of
// what flows through a layer near that of its input, or of its gradient.

import (
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// The modes and distributions of VarianceScaling.
const (
	FanIn  = "fan_in"  // n is the number of inputs of a unit
	FanOut = "fan_out" // n is the number of outputs that an input reaches
	FanAvg = "fan_avg" // n is the mean of both

	Truncated   = "truncated_normal"   // cut at two standard deviations
	Untruncated = "untruncated_normal" // the whole normal distribution
	Uniform     = "uniform"            // over [-√(3·Scale/n), √(3·Scale/n))
)

// VarianceScaling draws from a distribution of mean 0 and variance Scale/n.
type VarianceScaling struct {
	Scale        float64 `zero:"1"` // 0: 1
	Mode         string  `default:"fan_in"`
	Distribution string  `default:"truncated_normal"`
}

// Name returns "variance_scaling".
func (VarianceScaling) Name() string { return "variance_scaling" }

// Init fills dst.
func (i VarianceScaling) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return config.Resolve(i).as(i, dst, shape, seed, stream)
}

// as is Init in the name of another initializer.
func (i VarianceScaling) as(self Initializer, dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	if !(i.Scale > 0) {
		return errorf(self, "Scale is %v, it must be positive", i.Scale)
	}
	fanIn, fanOut := Fans(shape)
	var n float64
	switch i.Mode {
	case FanIn:
		n = fanIn
	case FanOut:
		n = fanOut
	case FanAvg:
		n = (fanIn + fanOut) / 2
	default:
		return errorf(self, "%w", config.Unknown("Mode", i.Mode, []string{FanIn, FanOut, FanAvg}))
	}
	variance := i.Scale / max(n, 1)
	switch i.Distribution {
	case Truncated:
		// The standard deviation of a normal variable cut at ±2.
		const cut = .87962566103423978
		return normal(self, 0, math.Sqrt(variance)/cut, belowTwo, dst, shape, seed, stream)
	case Untruncated:
		return normal(self, 0, math.Sqrt(variance), 0, dst, shape, seed, stream)
	case Uniform:
		limit := math.Sqrt(3 * variance)
		return uniform(self, -limit, limit, dst, shape, seed, stream)
	}
	return errorf(self, "%w", config.Unknown("Distribution", i.Distribution, []string{Truncated, Untruncated, Uniform}))
}

// Fans returns a variable's number of inputs to a unit and of outputs that an
// input reaches, as Keras counts them: (in, out) for a matrix; for a convolution's
// kernel (…, in, out) both times the size of the receptive field.
func Fans(shape tensor.Shape) (fanIn, fanOut float64) {
	switch n := len(shape); n {
	case 0:
		return 1, 1
	case 1:
		return float64(shape[0]), float64(shape[0])
	default:
		field := float64(shape[:n-2].Numel())
		return float64(shape[n-2]) * field, float64(shape[n-1]) * field
	}
}

// GlorotUniform draws from [-√(6/(in+out)), √(6/(in+out))): Glorot and Bengio,
// "Understanding the difficulty of training deep feedforward neural networks"
// (2010). It is the default for kernels.
type GlorotUniform struct{}

// Name returns "glorot_uniform".
func (GlorotUniform) Name() string { return "glorot_uniform" }

// Init fills dst.
func (i GlorotUniform) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{1, FanAvg, Uniform}.as(i, dst, shape, seed, stream)
}

// GlorotNormal draws from the truncated normal distribution of variance
// 2/(in+out); see GlorotUniform.
type GlorotNormal struct{}

// Name returns "glorot_normal".
func (GlorotNormal) Name() string { return "glorot_normal" }

// Init fills dst.
func (i GlorotNormal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{1, FanAvg, Truncated}.as(i, dst, shape, seed, stream)
}

// HeUniform draws from [-√(6/in), √(6/in)), for layers with ReLU: He, Zhang, Ren
// and Sun, "Delving deep into rectifiers" (2015).
type HeUniform struct{}

// Name returns "he_uniform".
func (HeUniform) Name() string { return "he_uniform" }

// Init fills dst.
func (i HeUniform) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{2, FanIn, Uniform}.as(i, dst, shape, seed, stream)
}

// HeNormal draws from the truncated normal distribution of variance 2/in; see
// HeUniform.
type HeNormal struct{}

// Name returns "he_normal".
func (HeNormal) Name() string { return "he_normal" }

// Init fills dst.
func (i HeNormal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{2, FanIn, Truncated}.as(i, dst, shape, seed, stream)
}

// LecunUniform draws from [-√(3/in), √(3/in)): LeCun, Bottou, Orr and Müller,
// "Efficient backprop" (1998).
type LecunUniform struct{}

// Name returns "lecun_uniform".
func (LecunUniform) Name() string { return "lecun_uniform" }

// Init fills dst.
func (i LecunUniform) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{1, FanIn, Uniform}.as(i, dst, shape, seed, stream)
}

// LecunNormal draws from the truncated normal distribution of variance 1/in, the
// one for SELU: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing
// neural networks" (2017).
type LecunNormal struct{}

// Name returns "lecun_normal".
func (LecunNormal) Name() string { return "lecun_normal" }

// Init fills dst.
func (i LecunNormal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	return VarianceScaling{1, FanIn, Truncated}.as(i, dst, shape, seed, stream)
}
