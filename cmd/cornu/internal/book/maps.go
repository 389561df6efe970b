package book

// This file draws the filters of the first convolution of a network, and what it makes of a digit.

import (
	"bytes"
	"context"
	_ "embed"
	"math"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

// convolution has the kernel and the bias of the first convolution that `cornu mnist train --model cnn` comes to. A test compares it with
// what a training has saved, and writes it anew.
//
//go:embed convolution.npz
var convolution []byte

// trained returns a network of the first convolution alone.
func trained() (*cornu.Model, error) {
	arrays, err := tensor.ReadNpz(bytes.NewReader(convolution), int64(len(convolution)), 0)
	if err != nil {
		return nil, err
	}
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{mnist.Rows, mnist.Columns, 1}},
		&layer.Conv2D{Filters: 64, KernelSize: [2]int{3, 3}, Activation: activation.ReLU{}},
	)
	return &model.Model, model.SetWeights([]*tensor.Tensor{arrays["kernel"], arrays["bias"]})
}

func filtersFigure() (viz.Picture, error) {
	model, err := trained()
	if err != nil {
		return nil, err
	}
	return Filters(model, FirstConvolution(model)), nil
}

func mapsFigure() (viz.Picture, error) {
	model, err := trained()
	if err != nil {
		return nil, err
	}
	_, test, err := mnist.Load()
	if err != nil {
		return nil, err
	}
	return FeatureMaps(context.Background(), model, FirstConvolution(model), test.Channel().Limit(1))
}

// FirstConvolution returns the first Conv2D of a model, nil if it has none.
func FirstConvolution(model *cornu.Model) *layer.Conv2D {
	for _, l := range model.Network().Layers() {
		if c, ok := l.(*layer.Conv2D); ok && c.DataFormat != "channels_first" {
			return c
		}
	}
	return nil
}

// Filters draws the kernel of a convolution, an image for each filter: black where it is most negative, white where it is most
// positive, grey at 0. Of several channels it is their sum. What is no number is black.
func Filters(model *cornu.Model, l *layer.Conv2D) viz.Grid {
	kernel := model.Network().VariablesOf(l)[0]
	s, values := kernel.Shape, kernel.Value() // (rows, columns, channels, filters)
	places, channels, count := s[0]*s[1], s[2], s[3]
	sums := make([]float32, places*count)
	for i, v := range values {
		sums[i/(channels*count)*count+i%count] += v
	}
	greatest := float32(0)
	for _, v := range sums {
		if v = max(v, -v); v <= math.MaxFloat32 { // finite
			greatest = max(greatest, v)
		}
	}
	grid := viz.Grid{Height: s[0], Width: s[1]}
	for f := range count {
		image := make([]uint8, places)
		for p := range image {
			switch v := sums[p*count+f]; {
			case v == 0:
				image[p] = 128
			case !math.IsNaN(float64(v)):
				image[p] = uint8(127.5 + float32(127*max(-1, min(v/greatest, 1))))
			}
		}
		grid.Images = append(grid.Images, image)
	}
	return grid
}

// FeatureMaps draws the feature maps of a convolution, one for each filter, of one image of a source: from black, where a filter sees
// nothing, or what is no number, to white, where one of them sees most.
func FeatureMaps(ctx context.Context, model *cornu.Model, l *layer.Conv2D, image data.Source) (viz.Grid, error) {
	maps := cornu.NewModel(model.Inputs(), []*cornu.Node{model.Node(model.Network().Name(l))})
	y, err := maps.PredictSource(ctx, image, cornu.PredictConfig{})
	if err != nil {
		return viz.Grid{}, err
	}
	values, err := tensor.Data[float32](y)
	if err != nil {
		return viz.Grid{}, err
	}
	greatest := float32(0)
	for _, v := range values {
		if v <= math.MaxFloat32 { // finite
			greatest = max(greatest, v)
		}
	}
	s := y.Shape() // of one image
	grid := viz.Grid{Height: s[1], Width: s[2]}
	for filter := range s[3] {
		image := make([]uint8, s[1]*s[2])
		for p := range image {
			if v := values[p*s[3]+filter]; v > 0 {
				image[p] = uint8(255 * min(v/greatest, 1))
			}
		}
		grid.Images = append(grid.Images, image)
	}
	return grid, nil
}
