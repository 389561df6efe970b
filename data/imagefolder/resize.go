package imagefolder

// This file makes an image of a size of a picture of any size.

import (
	"image"
	"image/color"
	"math"

	"github.com/cornu-ml/cornu/internal/resample"
)

// resize puts a part of a picture, its pixels from 0 to 255, into a part of an image, as many pixels wide. The rest
// of the image becomes 0.
//
// With bilinear interpolation they lie between the four nearest as tf.image.resize has
// them: the centres of the corner pixels' outer edges coincide, and nothing is smoothed
// when a picture shrinks. With "nearest" each is the one that its centre falls into.
func resize(dst []float32, wide int, to image.Rectangle, img image.Image, area image.Rectangle, interpolation string, c Color) {
	at := sampler(img, c)
	n := channels[c]
	if to.Dx()*to.Dy()*n < len(dst) {
		clear(dst)
	}
	line := func(i int) []float32 { return dst[((to.Min.Y+i)*wide+to.Min.X)*n:][:to.Dx()*n] }
	var rows, columns []tap
	switch interpolation {
	case "bilinear":
		rows, columns = taps(to.Dy(), area.Dy()), taps(to.Dx(), area.Dx())
	case "nearest":
		rows, columns = places(to.Dy(), area.Dy()), places(to.Dx(), area.Dx())
	default:
		weigh(line, to.Size(), at, area, interpolation, n)
		return
	}
	for i, row := range rows {
		dst := line(i)
		y0, y1 := area.Min.Y+row.low, area.Min.Y+row.high
		for _, column := range columns {
			x0, x1 := area.Min.X+column.low, area.Min.X+column.high
			topLeft, topRight, bottomLeft, bottomRight := at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1)
			for k := range n {
				top := mix(float32(topLeft[k]), float32(topRight[k]), column.part)
				bottom := mix(float32(bottomLeft[k]), float32(bottomRight[k]), column.part)
				dst[k] = mix(top, bottom, row.part)
			}
			dst = dst[n:]
		}
	}
}

// weigh computes lines of an image of a size as sums of many pixels: along the rows of the picture first, which it keeps as
// long as they may be asked for again.
func weigh(line func(i int) []float32, size image.Point, at func(x, y int) [4]uint8, area image.Rectangle, interpolation string, n int) {
	rows, columns := resample.Line(area.Dy(), size.Y, interpolation, false), resample.Line(area.Dx(), size.X, interpolation, false)
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row.Weights))
	}
	kept, number := make([][]float32, longest), make([]int, longest) // the rows of the picture, y at y modulo longest
	for i := range kept {
		kept[i], number[i] = make([]float32, size.X*n), -1
	}
	for i, row := range rows {
		to := line(i)
		clear(to)
		for k, w := range row.Weights {
			y := row.First + k
			from := kept[y%longest]
			if number[y%longest] != y {
				number[y%longest] = y
				clear(from)
				for j, column := range columns {
					for k, w := range column.Weights {
						p := at(area.Min.X+column.First+k, area.Min.Y+y)
						for c := range n {
							from[j*n+c] += float32(w * float32(p[c]))
						}
					}
				}
			}
			for j, v := range from {
				to[j] += float32(w * v)
			}
		}
	}
}

func mix(a, b, part float32) float32 { return a + float32((b-a)*part) }

// A tap says which two pixels of a line a new one lies between.
type tap struct {
	low, high int
	part      float32 // of the way from low to high
}

// taps returns those of n new pixels on a line of size.
func taps(n, size int) []tap {
	list := make([]tap, n)
	scale := float32(size) / float32(n)
	for i := range list {
		place := float32((float32(i)+0.5)*scale) - 0.5
		floor := float32(math.Floor(float64(place)))
		list[i] = tap{
			max(int(floor), 0), min(int(math.Ceil(float64(place))), size-1), place - floor,
		}
	}
	return list
}

// places returns n new pixels on a line of size, each of which is an old one.
func places(n, size int) []tap {
	list := make([]tap, n)
	scale := float32(size) / float32(n)
	for i := range list {
		at := min(int((float32(i)+0.5)*scale), size-1)
		list[i] = tap{at, at, 0}
	}
	return list
}

// cropped returns the greatest part of a picture, in its middle, that has the proportions of height and width, as Keras's
// smart_resize cuts it.
func cropped(b image.Rectangle, height, width int) image.Rectangle {
	high := min(b.Dy(), max(int(float32(b.Dx()*height)/float32(width)), 1))
	wide := min(b.Dx(), max(int(float32(b.Dy()*width)/float32(height)), 1))
	corner := b.Min.Add(image.Pt((b.Dx()-wide)/2, (b.Dy()-high)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(wide, high))}
}

// padded returns where a picture is in an image of height and width if its proportions stay, as tf.image.resize_with_pad puts it.
func padded(b image.Rectangle, height, width int) image.Rectangle {
	h, w := float32(b.Dy()), float32(b.Dx())
	ratio := max(w/float32(width), h/float32(height))
	high, wide := h/ratio, w/ratio
	corner := image.Pt(max(int((float32(width)-wide)/2), 0), max(int((float32(height)-high)/2), 0))
	size := image.Pt(min(max(int(wide), 1), width), min(max(int(high), 1), height))
	return image.Rectangle{Min: corner, Max: corner.Add(size)}
}

// sampler returns what gives the pixel of a picture at a place. Colors are not
// multiplied by their opacity, and opacity is forgotten if it isn't asked for.
func sampler(img image.Image, c Color) func(x, y int) [4]uint8 {
	if c == Grayscale {
		switch img := img.(type) {
		case *image.Gray:
			return func(x, y int) [4]uint8 { return [4]uint8{img.GrayAt(x, y).Y} }
		case *image.YCbCr: // of most JPEGs, whose luma it is
			return func(x, y int) [4]uint8 { return [4]uint8{img.Y[img.YOffset(x, y)]} }
		}
		at := sampler(img, RGB)
		return func(x, y int) [4]uint8 {
			p := at(x, y)
			return [4]uint8{color.GrayModel.Convert(color.RGBA{p[0], p[1], p[2], 255}).(color.Gray).Y}
		}
	}
	switch img := img.(type) {
	case *image.Gray:
		return func(x, y int) [4]uint8 {
			v := img.GrayAt(x, y).Y
			return [4]uint8{v, v, v, 255}
		}
	case *image.YCbCr:
		return func(x, y int) [4]uint8 {
			p := img.YCbCrAt(x, y)
			r, g, b := color.YCbCrToRGB(p.Y, p.Cb, p.Cr)
			return [4]uint8{r, g, b, 255}
		}
	case *image.NRGBA:
		return func(x, y int) [4]uint8 {
			p := img.NRGBAAt(x, y)
			return [4]uint8{p.R, p.G, p.B, p.A}
		}
	}
	return func(x, y int) [4]uint8 {
		p := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
		return [4]uint8{p.R, p.G, p.B, p.A}
	}
}
