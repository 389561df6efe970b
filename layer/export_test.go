package layer

// What tests of what is drawn at random may see: what is done with the numbers.

import "github.com/cornu-ml/cornu/graph"

// Translated shifts images by numbers of pixels (batch, 1).
func Translated(x, right, down *graph.Node, mode, interpolation string, fill float64) *graph.Node {
	one := x.Graph().Scalar(1)
	s := sampling{mode, interpolation, fill, channelsLast}
	return s.sample(x, [2]*graph.Node{one, one}, [2]*graph.Node{down.Neg(), right.Neg()}, [2]int{x.Shape()[1], x.Shape()[2]})
}

// Zoomed takes more or less of images, by factors (batch, 1).
func Zoomed(x, right, down *graph.Node, mode, interpolation string, fill float64) *graph.Node {
	return sampling{mode, interpolation, fill, channelsLast}.zoom(x, [2]*graph.Node{down, right})
}

// Contrasted changes the contrast by factors (batch, 1, 1, 1).
func Contrasted(x, factor *graph.Node, low, high float64) *graph.Node {
	return contrast(x, factor, [2]float64{low, high}, channelsLast)
}

// Sheared shears images by factors (batch, 1).
func Sheared(x, right, down *graph.Node, mode, interpolation string, fill float64) *graph.Node {
	return sampling{mode, interpolation, fill, channelsLast}.shear(x, deeper(right), deeper(down))
}

// Foreshortened moves the corners of images to parts (batch, 4) of their sides.
func Foreshortened(x, corners *graph.Node, interpolation string, fill float64) *graph.Node {
	var each [4]*graph.Node
	for i := range each {
		each[i] = deeper(corners.SliceAxis(1, i, i+1))
	}
	return sampling{"constant", interpolation, fill, channelsLast}.perspective(x, each)
}
