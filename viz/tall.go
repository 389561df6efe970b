package viz

// This file paints tall pictures of pixels. The rasterizer passes all rows of its picture for each shape that it fills, so that
// the diagram of a thousand layers would cost a million: it is cut into bands, and a shape is painted on those that it reaches.

import (
	"image"
	"image/color"
	stddraw "image/draw"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// bandRows is the height of a band in pixels. Above it are spare rows, which aren't shown: what is less than a pixel above its
// picture the rasterizer takes for the first row.
const (
	bandRows = 4096
	spare    = 1
)

// A tallCanvas is a canvas of bands, from above.
type tallCanvas struct {
	bands         []*vgimg.Canvas
	width, height vg.Length
	dpi           int
	rows, inBand  int       // pixels from above to below, of all and of a band
	pen           vg.Length // the width of lines
	moved         []bool    // whether there are transforms, for each Push
}

func newTall(width, height vg.Length, dpi, inBand int) *tallCanvas {
	c := &tallCanvas{width: width, height: height, dpi: dpi, inBand: inBand, moved: []bool{false}}
	c.rows = int(math.Round(height.Dots(float64(dpi))))
	for top := 0; top < c.rows; top += inBand {
		bottom := min(top+inBand, c.rows)
		band := vgimg.NewWith(vgimg.UseWH(width, c.points(bottom-max(top-spare, 0))), vgimg.UseDPI(dpi))
		band.Translate(vg.Point{Y: -c.points(c.rows - bottom)})
		c.bands = append(c.bands, band)
	}
	return c
}

// points returns how high so many rows are.
func (c *tallCanvas) points(rows int) vg.Length { return vg.Length(rows) * vg.Inch / vg.Length(c.dpi) }

// picture puts the bands together.
func (c *tallCanvas) picture() image.Image {
	whole := image.NewRGBA(image.Rect(0, 0, c.bands[0].Image().Bounds().Dx(), c.rows))
	for i, band := range c.bands {
		stddraw.Draw(whole, image.Rect(0, i*c.inBand, whole.Rect.Max.X, c.rows), band.Image(), image.Pt(0, min(i, 1)*spare), stddraw.Src)
	}
	return whole
}

// each does something with all bands.
func (c *tallCanvas) each(do func(*vgimg.Canvas)) {
	for _, band := range c.bands {
		do(band)
	}
}

// between does something with the bands that reach from one y to another, which grow upwards.
func (c *tallCanvas) between(low, high vg.Length, do func(*vgimg.Canvas)) {
	first, last := 0, len(c.bands)-1
	if !c.moved[len(c.moved)-1] {
		row := func(y vg.Length) float64 { return float64((c.height - y).Dots(float64(c.dpi))) }
		first = max(first, int((row(high)-2)/float64(c.inBand))) // a pixel for the edge, and one for rounding
		last = min(last, int((row(low)+2)/float64(c.inBand)))
	}
	for i := first; i <= last; i++ {
		do(c.bands[i])
	}
}

// reach returns the lowest and the highest y of a path.
func reach(p vg.Path) (low, high vg.Length) {
	low, high = vg.Length(math.Inf(1)), vg.Length(math.Inf(-1))
	for _, part := range p {
		if part.Type == vg.CloseComp {
			continue
		}
		low, high = min(low, part.Pos.Y-part.Radius), max(high, part.Pos.Y+part.Radius)
		for _, at := range part.Control {
			low, high = min(low, at.Y), max(high, at.Y)
		}
	}
	return low, high
}

func (c *tallCanvas) Stroke(p vg.Path) {
	low, high := reach(p)
	c.between(low-c.pen, high+c.pen, func(b *vgimg.Canvas) { b.Stroke(p) })
}

func (c *tallCanvas) Fill(p vg.Path) {
	low, high := reach(p)
	c.between(low, high, func(b *vgimg.Canvas) { b.Fill(p) })
}

func (c *tallCanvas) FillString(f font.Face, at vg.Point, text string) {
	around := vg.Length(2 * f.Font.Size) // no letter is as high
	c.between(at.Y-around, at.Y+around, func(b *vgimg.Canvas) { b.FillString(f, at, text) })
}

func (c *tallCanvas) SetLineWidth(w vg.Length) {
	c.pen = w
	c.each(func(b *vgimg.Canvas) { b.SetLineWidth(w) })
}

func (c *tallCanvas) Push() {
	c.moved = append(c.moved, c.moved[len(c.moved)-1])
	c.each((*vgimg.Canvas).Push)
}

func (c *tallCanvas) Pop() {
	c.moved = c.moved[:len(c.moved)-1]
	c.each((*vgimg.Canvas).Pop)
}

// move does what moves what is painted from now on, who knows where.
func (c *tallCanvas) move(do func(*vgimg.Canvas)) {
	c.moved[len(c.moved)-1] = true
	c.each(do)
}

func (c *tallCanvas) Rotate(angle float64)  { c.move(func(b *vgimg.Canvas) { b.Rotate(angle) }) }
func (c *tallCanvas) Translate(by vg.Point) { c.move(func(b *vgimg.Canvas) { b.Translate(by) }) }
func (c *tallCanvas) Scale(x, y float64)    { c.move(func(b *vgimg.Canvas) { b.Scale(x, y) }) }

func (c *tallCanvas) SetColor(ink color.Color) { c.each(func(b *vgimg.Canvas) { b.SetColor(ink) }) }

func (c *tallCanvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	c.each(func(b *vgimg.Canvas) { b.SetLineDash(pattern, offset) })
}

func (c *tallCanvas) DrawImage(area vg.Rectangle, img image.Image) {
	c.each(func(b *vgimg.Canvas) { b.DrawImage(area, img) })
}

func (c *tallCanvas) Size() (width, height vg.Length) { return c.width, c.height }
