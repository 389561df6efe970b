package main

// This file draws the filters of the first convolution of a network, and what it makes of a digit.

import (
	"context"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

// firstConvolution returns the first Conv2D of a model, nil if it has none.
func firstConvolution(model *cornu.Model) *layer.Conv2D {
	for _, l := range model.Network().Layers() {
		if c, ok := l.(*layer.Conv2D); ok && c.DataFormat != "channels_first" {
			return c
		}
	}
	return nil
}

// filterImages draws the kernel of a convolution, an image for each filter: black where it is most negative, white where it is most
// positive, grey at 0. Of several channels it is their sum.
func filterImages(model *cornu.Model, l *layer.Conv2D) viz.Grid {
	kernel := model.Network().VariablesOf(l)[0]
	s, values := kernel.Shape, kernel.Value() // (rows, columns, channels, filters)
	places, channels, count := s[0]*s[1], s[2], s[3]
	sums, most := make([]float32, places*count), float32(0)
	for i, v := range values {
		sums[i/(channels*count)*count+i%count] += v
	}
	for _, v := range sums {
		most = max(most, v, -v)
	}
	grid := viz.Grid{Height: s[0], Width: s[1]}
	for f := range count {
		image := make([]uint8, places)
		for p := range image {
			image[p] = 128
			if v := sums[p*count+f]; v != 0 {
				image[p] = uint8(127.5 + float32(127*(v/most)))
			}
		}
		grid.Images = append(grid.Images, image)
	}
	return grid
}

// featureMaps draws the feature maps of a convolution, one for each filter, of the pixels of a digit: from black, where a filter
// sees nothing, to white, where one of them sees most.
func featureMaps(ctx context.Context, model *cornu.Model, l *layer.Conv2D, pixels []uint8) (viz.Grid, error) {
	maps := cornu.NewModel(model.Inputs(), []*cornu.Node{model.Node(model.Network().Name(l))})
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
