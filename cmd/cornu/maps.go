package main

// This file draws what the first convolution of a network makes of a digit.

import (
	"context"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

// firstConvolution returns the output of the first Conv2D of a model, nil if it has none.
func firstConvolution(model *cornu.Model) *cornu.Node {
	net := model.Network()
	for _, l := range net.Layers() {
		if c, ok := l.(*layer.Conv2D); ok && c.DataFormat != "channels_first" {
			return model.Node(net.Name(l))
		}
	}
	return nil
}

// featureMaps draws the feature maps at a node, one for each filter, of the pixels of a digit: from black, where a filter
// sees nothing, to white, where one of them sees most.
func featureMaps(ctx context.Context, model *cornu.Model, node *cornu.Node, pixels []uint8) (viz.Grid, error) {
	maps := cornu.NewModel(model.Inputs(), []*cornu.Node{node})
	source, err := digitsFor(model, pixels, []uint8{0}, toPredict)
	if err != nil {
		return viz.Grid{}, err
	}
	y, err := maps.PredictSource(ctx, source, cornu.PredictConfig{})
	if err != nil {
		return viz.Grid{}, err
	}
	values, err := tensor.Data[float32](y)
	if err != nil {
		return viz.Grid{}, err
	}
	most := float32(0)
	for _, v := range values {
		most = max(most, v)
	}
	s := y.Shape() // of one image
	grid := viz.Grid{Height: s[1], Width: s[2]}
	for filter := range s[3] {
		image := make([]uint8, s[1]*s[2])
		for p := range image {
			if v := values[p*s[3]+filter]; v > 0 {
				image[p] = uint8(255 * (v / most))
			}
		}
		grid.Images = append(grid.Images, image)
	}
	return grid, nil
}
