// Package viz draws pictures: grids of images, curves of a training, functions, confusion matrices, and the diagram of
// a network. A picture is a value that says what is to be seen; Save writes it as SVG or PNG by the file's ending.
//
//	err := viz.Save("digits.png", viz.Grid{Images: images, Width: 28, Height: 28})
//
// It is the one package that links a library of vector graphics.
package viz

// This file turns pictures into files.

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
)

// A Picture is something to be seen. The types of this package are pictures.
type Picture interface {
	// drawing checks the picture and returns how to draw it.
	drawing() (*drawing, error)
}

// A drawing is a picture of known size.
type drawing struct {
	width, height vg.Length
	dpi           int // of PNG; 0 is 144
	paint         func(draw.Canvas)
}

// defaultDPI makes a point, the unit of all lengths here, two pixels.
const defaultDPI = 144

// maxPixels and maxSide bound what a PNG may take: a network of a thousand layers is a long picture.
const (
	maxPixels = 40 << 20
	maxSide   = 1 << 20
)

// A Format is a way to write a picture.
type Format string

// The formats.
const (
	SVG Format = "svg"
	PNG Format = "png"
)

// Save writes a picture to a file, as SVG or PNG by its ending. The file is complete or not there: if anything fails,
// what was there before is left as it was. A symbolic link is followed, and a pipe or a device is written into.
func Save(path string, p Picture) error {
	format := Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")))
	if format != SVG && format != PNG {
		return fmt.Errorf("viz: %s: the file's ending says how to write it: .svg or .png", path)
	}
	var content bytes.Buffer
	if err := Write(&content, format, p); err != nil {
		return err
	}
	if err := file.Write(path, content.Bytes()); err != nil {
		return fmt.Errorf("viz: %w", err)
	}
	return nil
}

// Write writes a picture to w.
func Write(w io.Writer, format Format, p Picture) error {
	if config.IsNil(p) {
		return errors.New("viz: there is no picture: it is nil")
	}
	if config.IsNil(w) {
		return errors.New("viz: there is nothing to write to: the writer is nil")
	}
	if format != SVG && format != PNG {
		return fmt.Errorf("viz: unknown format %q; there are %s and %s", format, SVG, PNG)
	}
	d, err := p.drawing()
	if err != nil {
		return fmt.Errorf("viz: %w", err)
	}
	if format == SVG {
		canvas := newSVG(d.width, d.height)
		c := draw.New(canvas)
		fill(c, c.Rectangle, color.White)
		d.paint(c)
		_, err := canvas.WriteTo(w)
		return err
	}
	dpi, err := d.resolution()
	if err != nil {
		return fmt.Errorf("viz: %w", err)
	}
	if d.height.Dots(float64(dpi)) > bandRows {
		canvas := newTall(d.width, d.height, dpi, bandRows)
		d.paint(draw.New(canvas))
		return png.Encode(w, canvas.picture())
	}
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(dpi))}
	d.paint(draw.New(canvas))
	_, err = canvas.WriteTo(w)
	return err
}

// resolution returns the dots per inch of PNG. A picture that would be too large is written coarser.
func (d *drawing) resolution() (int, error) {
	dpi := d.dpi
	if dpi == 0 {
		dpi = defaultDPI
	}
	width, height := float64(d.width/vg.Inch), float64(d.height/vg.Inch)
	dpi = min(dpi, int(math.Sqrt(maxPixels)/math.Sqrt(width)/math.Sqrt(height)))
	if dots := float64(dpi); dots*width < 1 || dots*height < 1 || dots*max(width, height) > maxSide {
		return 0, fmt.Errorf("a picture of %.6g × %.6g points can't be written as PNG", d.width, d.height)
	}
	return dpi, nil
}

// fill fills a rectangle.
func fill(c draw.Canvas, r vg.Rectangle, with color.Color) {
	c.FillPolygon(with, []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}})
}
