package viz

// This file draws two axes with what is between them.

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A plot is a chart that was checked and can be drawn at any size.
type plot struct {
	title string
	style draw.TextStyle // of the title
	x, y  axis
	room  vg.Length // between the axes and what they measure, for points at their ends
	parts []func(area)
}

// An axis is a range with its ticks.
type axis struct {
	label     string
	style     draw.TextStyle // of the label
	low, high float64
	ticks     []tick
}

// A tick is a number that an axis names.
type tick struct {
	value float64
	label string
}

// An area is the part of a canvas that shows what is measured.
type area struct {
	draw.Canvas
	p *plot
}

// at is where a point is. Its coordinates may be beyond the frame.
func (f area) at(x, y float64) vg.Point {
	return vg.Point{X: f.X((x - f.p.x.low) / (f.p.x.high - f.p.x.low)), Y: f.Y((y - f.p.y.low) / (f.p.y.high - f.p.y.low))}
}

// tickLength is how far ticks reach out of the frame.
const tickLength vg.Length = 8

// newPlot returns a plot of our look, to be drawn at a size.
func newPlot(title, x, y string, width, height vg.Length) *plot {
	label := func(size vg.Length, text string, room vg.Length) draw.TextStyle {
		return fitting(label(sans(size), color.Black, -0.5, -1), text, room)
	}
	return &plot{
		title: title,
		style: label(13, title, width),
		x:     axis{label: x, style: label(11, x, 0.8*width)}, // it stands in the middle of the axis, not of the picture
		y:     axis{label: y, style: label(11, y, 0.72*height)},
	}
}

// numbers is the style of the texts at ticks, around a point.
func numbers(x, y float64) draw.TextStyle { return label(sans(10), color.Black, x, y) }

// margins returns what a plot needs around its frame.
func (p *plot) margins() (left, right, below, above vg.Length) {
	const pad = 4
	style := numbers(0, 0)
	height := style.Height("0")
	left, below = tickLength+pad, tickLength+height
	widest := vg.Length(0)
	for _, t := range p.y.ticks {
		widest = max(widest, style.Width(t.label))
	}
	left += widest
	if n := len(p.x.ticks); n > 0 {
		right = style.Width(p.x.ticks[n-1].label) / 2 // as if it were at the end
	}
	if p.y.label != "" {
		left += p.y.style.Height(p.y.label) + pad
	}
	if p.x.label != "" {
		below += p.x.style.Height(p.x.label) + pad
	}
	above = max(height/2, p.room)
	if p.title != "" {
		above += p.style.Height(p.title) + 8
	}
	return left + p.room, max(right, p.room), below + p.room, above
}

// draw draws the plot with its frame in a part of a canvas, where the margins have room around it.
func (p *plot) draw(canvas draw.Canvas, around, inner vg.Rectangle) {
	f := area{draw.Canvas{Canvas: canvas.Canvas, Rectangle: inner}, p}
	if p.title != "" {
		canvas.FillText(p.style, vg.Point{X: (around.Min.X + around.Max.X) / 2, Y: around.Max.Y}, p.title)
	}
	grid, line := draw.LineStyle{Color: faint, Width: 0.25}, draw.LineStyle{Color: plain, Width: 0.5}
	left, bottom := f.Min.X-p.room, f.Min.Y-p.room
	for _, t := range p.x.ticks {
		if x := f.at(t.value, 0).X; f.ContainsX(x) {
			canvas.StrokeLine2(grid, x, f.Min.Y, x, f.Max.Y)
			canvas.StrokeLine2(line, x, bottom, x, bottom-tickLength)
			canvas.FillText(numbers(-0.5, -1), vg.Point{X: x, Y: bottom - tickLength + 1}, t.label)
		}
	}
	for _, t := range p.y.ticks {
		if y := f.at(0, t.value).Y; f.ContainsY(y) {
			canvas.StrokeLine2(grid, f.Min.X, y, f.Max.X, y)
			canvas.StrokeLine2(line, left, y, left-tickLength, y)
			canvas.FillText(numbers(-1, -0.5), vg.Point{X: left - tickLength - 3, Y: y + 1}, t.label)
		}
	}
	canvas.StrokeLine2(line, f.Min.X, bottom, f.Max.X, bottom)
	canvas.StrokeLine2(line, left, f.Min.Y, left, f.Max.Y)
	if p.x.label != "" {
		style := p.x.style
		style.YAlign = 0
		canvas.FillText(style, vg.Point{X: f.Center().X, Y: around.Min.Y + style.FontExtents().Descent}, p.x.label)
	}
	if p.y.label != "" {
		style := p.y.style
		style.Rotation = math.Pi / 2
		canvas.FillText(style, vg.Point{X: around.Min.X, Y: f.Center().Y}, p.y.label)
	}
	for _, part := range p.parts {
		part(f)
	}
}

// stack draws plots one below the other, with frames of one size.
func stack(canvas draw.Canvas, plots []*plot, gap vg.Length) {
	var left, right vg.Length
	height := canvas.Size().Y - gap*vg.Length(len(plots)-1)
	for _, p := range plots {
		l, r, below, above := p.margins()
		left, right, height = max(left, l), max(right, r), height-below-above
	}
	height /= vg.Length(len(plots))
	top := canvas.Max.Y
	for _, p := range plots {
		_, _, below, above := p.margins()
		inner := vg.Rectangle{Min: vg.Point{X: canvas.Min.X + left, Y: top - above - height}, Max: vg.Point{X: canvas.Max.X - right, Y: top - above}}
		around := vg.Rectangle{Min: vg.Point{X: canvas.Min.X, Y: inner.Min.Y - below}, Max: vg.Point{X: canvas.Max.X, Y: top}}
		p.draw(canvas, around, inner)
		top = around.Min.Y - gap
	}
}
