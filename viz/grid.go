package viz

// This file draws images in rows and columns.

import (
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Grid shows gray images of one size side by side, the first at the upper left.
type Grid struct {
	Images        [][]uint8 // each of Height rows of Width pixels, 0 is black
	Width, Height int       // of an image
	Columns       int       // images in a row; 0 makes the grid about square
	Scale         int       // the picture's pixels for each of an image's, in both directions; 0: an image is about 84 pixels wide
	Gap           int       // white pixels between images; 0 is a sixth of an image
}

func (g Grid) drawing() (*drawing, error) {
	if len(g.Images) == 0 {
		return nil, fmt.Errorf("a grid without images")
	}
	if g.Width < 1 || g.Height < 1 {
		return nil, fmt.Errorf("a grid of images of %d × %d pixels", g.Width, g.Height)
	}
	for i, pixels := range g.Images {
		if len(pixels) != g.Width*g.Height {
			return nil, fmt.Errorf("image %d of the grid has %d pixels, want %d × %d", i, len(pixels), g.Width, g.Height)
		}
	}
	if g.Columns <= 0 {
		g.Columns = int(math.Ceil(math.Sqrt(float64(len(g.Images)))))
	}
	if g.Scale <= 0 {
		g.Scale = max(84/g.Width, 1)
	}
	if g.Gap <= 0 {
		g.Gap = max(g.Width*g.Scale/6, 1)
	}
	picture := g.compose()
	size := picture.Bounds().Size()
	return &drawing{
		width:  vg.Length(size.X),
		height: vg.Length(size.Y),
		dpi:    int(vg.Inch), // one pixel for each point, so that nothing is resampled
		paint:  func(c draw.Canvas) { c.DrawImage(c.Rectangle, picture) },
	}, nil
}

// compose puts the images on white.
func (g Grid) compose() *image.Gray {
	width, height := g.Width*g.Scale, g.Height*g.Scale
	columns := min(g.Columns, len(g.Images))
	rows := (len(g.Images) + columns - 1) / columns
	picture := image.NewGray(image.Rect(0, 0, columns*(width+g.Gap)+g.Gap, rows*(height+g.Gap)+g.Gap))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for i, pixels := range g.Images {
		left, top := g.Gap+i%columns*(width+g.Gap), g.Gap+i/columns*(height+g.Gap)
		for y := range height {
			row := picture.Pix[picture.PixOffset(left, top+y):]
			for x := range width {
				row[x] = pixels[y/g.Scale*g.Width+x/g.Scale]
			}
		}
	}
	return picture
}
