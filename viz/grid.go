package viz

// This file draws images in rows and columns.

import (
	"errors"
	"fmt"
	"image"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Grid shows gray images of one size side by side, the first at the upper left.
type Grid struct {
	Images        [][]uint8 // each of Height rows of Width pixels, 0 is black
	Width, Height int       // of an image
	Captions      []string  // a line below each image; nil: none
	Columns       int       // images in a row; 0 makes the grid about square
	Scale         int       // the picture's pixels for each of an image's, in both directions; 0: an image is about 84 pixels wide
	Gap           int       // white pixels between images; 0 is a sixth of an image
}

func (g Grid) drawing() (*drawing, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	if g.Columns == 0 {
		g.Columns = int(math.Ceil(math.Sqrt(float64(len(g.Images)))))
	}
	g.Columns = min(g.Columns, len(g.Images))
	if g.Scale == 0 {
		g.Scale = max(84/g.Width, 1)
	}
	if g.Gap == 0 {
		g.Gap = max(g.Width*g.Scale/6, 1)
	}
	// In float64, where nothing overflows.
	gap, rows := float64(g.Gap), (len(g.Images)+g.Columns-1)/g.Columns
	width := float64(g.Columns)*(float64(g.Width)*float64(g.Scale)+gap) + gap
	height := float64(rows)*(float64(g.Height)*float64(g.Scale)+float64(g.caption())+gap) + gap
	if width*height > maxPixels || max(width, height) > maxSide {
		return nil, fmt.Errorf("a grid of %.6g × %.6g pixels is too large: at most %d pixels, and %d to a side", width, height, maxPixels, maxSide)
	}
	picture := image.NewGray(image.Rect(0, 0, int(width), int(height)))
	g.compose(picture)
	return &drawing{
		width:  vg.Length(width),
		height: vg.Length(height),
		dpi:    int(vg.Inch), // one pixel for each point, so that nothing is resampled
		paint: func(c draw.Canvas) {
			c.DrawImage(c.Rectangle, picture)
			for i, text := range g.Captions {
				at := g.place(i)
				middle := vg.Point{X: vg.Length(at.X) + vg.Length(g.Width*g.Scale)/2, Y: vg.Length(at.Y + g.Height*g.Scale + g.caption()/2)}
				text = strings.ReplaceAll(text, "\n", " ")
				style := fitting(label(sans(11), plain, -0.5, -0.5), text, vg.Length(g.Width*g.Scale+g.Gap-2))
				c.FillText(style, vg.Point{X: c.Min.X + middle.X, Y: c.Max.Y - middle.Y}, text)
			}
		},
	}, nil
}

func (g Grid) check() error {
	if len(g.Images) == 0 {
		return errors.New("a grid without images")
	}
	if g.Width < 1 || g.Height < 1 || g.Width > maxSide || g.Height > maxSide {
		return fmt.Errorf("a grid of images of %d × %d pixels: Width and Height must be at least 1 and at most %d", g.Width, g.Height, maxSide)
	}
	for i, pixels := range g.Images {
		if int64(len(pixels)) != int64(g.Width)*int64(g.Height) {
			return fmt.Errorf("image %d of the grid has %d pixels, want %d × %d", i, len(pixels), g.Width, g.Height)
		}
	}
	if g.Captions != nil && len(g.Captions) != len(g.Images) {
		return fmt.Errorf("%d captions for %d images", len(g.Captions), len(g.Images))
	}
	if g.Columns < 0 || g.Scale < 0 || g.Gap < 0 || g.Scale > maxSide || g.Gap > maxSide {
		return fmt.Errorf("a grid of %d columns, at a scale of %d, with gaps of %d pixels: none can be negative, nor Scale and Gap more than %d", g.Columns, g.Scale, g.Gap, maxSide)
	}
	return nil
}

// caption is the height of a caption.
func (g Grid) caption() int {
	if g.Captions == nil {
		return 0
	}
	return 18
}

// place is the upper left corner of an image.
func (g Grid) place(i int) image.Point {
	return image.Point{
		X: g.Gap + i%g.Columns*(g.Width*g.Scale+g.Gap),
		Y: g.Gap + i/g.Columns*(g.Height*g.Scale+g.caption()+g.Gap),
	}
}

// compose puts the images on white.
func (g Grid) compose(picture *image.Gray) {
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for i, pixels := range g.Images {
		at := g.place(i)
		for y := range g.Height * g.Scale {
			row := picture.Pix[picture.PixOffset(at.X, at.Y+y):]
			for x := range g.Width * g.Scale {
				row[x] = pixels[y/g.Scale*g.Width+x/g.Scale]
			}
		}
	}
}
