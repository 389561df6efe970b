package optimizer_test

import (
	"context"
	"fmt"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// slope trains a line to be 2x − 1 and returns its slope.
func slope(o optimizer.Optimizer, steps int) (float32, error) {
	x, _ := data.Floats([]float32{-1, -0.5, 0, 0.5, 1}, 1)
	y, _ := data.Floats([]float32{-3, -2, -1, 0, 1}, 1)
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: o}); err != nil {
		return 0, err
	}
	_, err := model.Fit(context.Background(), &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, cornu.FitConfig{Epochs: steps, Quiet: true})
	if err != nil {
		return 0, err
	}
	variables, err := model.Variables()
	return variables[0].Value()[0], err
}

// The rate falls along half a cosine wave, gradients are clipped, and weights decay
// but for biases.
func Example() {
	o := optimizer.AdamW{
		Schedule:               optimizer.CosineDecay{InitialLearningRate: 0.1, DecaySteps: 300},
		Beta1:                  new(0.8),
		WeightDecay:            new(1e-4),
		Clip:                   optimizer.Clip{GlobalNorm: 1},
		ExcludeFromWeightDecay: []string{"bias"},
	}
	w, err := slope(o, 300)
	fmt.Printf("%.2f %v\n", w, err)
	// Output: 2.00 <nil>
}

func ExampleByName() {
	o, err := optimizer.ByName("nadam")
	fmt.Println(optimizer.CommonOf(o).LearningRate, err)
	_, err = optimizer.ByName("adem")
	fmt.Println(err != nil)
	// Output:
	// 0.001 <nil>
	// true
}

// Gradients of four batches are averaged before the weights change once, as if the
// batches were one of four times the size.
func ExampleCommon() {
	o := optimizer.SGD{LearningRate: 0.1, GradientAccumulationSteps: 4}
	w, err := slope(o, 4*100)
	fmt.Printf("%.2f %v\n", w, err)
	// Output: 2.00 <nil>
}

func ExampleSchedule() {
	s := optimizer.ExponentialDecay{InitialLearningRate: 0.1, DecaySteps: 10, DecayRate: 0.5, Staircase: true}
	fmt.Println(s.Rate(0), s.Rate(9), s.Rate(10), s.Rate(20))
	// Output: 0.1 0.1 0.05 0.025
}

// signDescent moves every weight by the rate against its gradient. It is an
// optimizer of one's own.
type signDescent struct {
	LearningRate float64
	Clip         optimizer.Clip
}

func (signDescent) Name() string            { return "sign_descent" }
func (signDescent) Slots() []optimizer.Slot { return []optimizer.Slot{{Name: "last"}} }

// Update goes by the mean of this gradient and the last.
func (signDescent) Update(u *optimizer.Update) {
	mean := u.Grad.Add(u.Slots[0]).MulScalar(0.5)
	u.Slots[0] = u.Grad
	u.Param = u.Param.Sub(u.LR().Mul(mean.Sign()))
}

func ExampleOptimizer() {
	w, err := slope(signDescent{LearningRate: 0.01}, 400)
	fmt.Printf("%.1f %v\n", w, err)
	// Output: 2.0 <nil>
}
