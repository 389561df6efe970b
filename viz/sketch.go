package viz

// This file draws what is put together by hand: boxes, circles and lines with words in and beside them.

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/cornu-ml/cornu/internal/config"
)

// A Sketch is a picture of shapes, each at its place. Lengths are in points, x counts from the left edge and y from the
// upper. Later shapes lie over earlier ones.
type Sketch struct {
	Width, Height float64
	Shapes        []Shape
}

// A Shape is a part of a Sketch: a Box, a Circle, a Link or a Text.
type Shape interface {
	sketch(p pen)
	lengths() []float64 // all that it is made of
	kinds() (Tint, Align)
}

// A Tint is the colour that a shape is filled with.
type Tint int

// The tints: none, pale ones on which words can be read, and, by Gray, all grays.
const (
	Clear Tint = iota
	Blue
	Orange
	Green
	Purple
)

// Gray is the tint of a pixel, 0 for black.
func Gray(v uint8) Tint { return -1 - Tint(v) }

func (t Tint) color() color.Color {
	if t < Clear {
		return color.Gray{Y: uint8(-1 - t)}
	}
	base := [...]color.RGBA{{0xFF, 0xFF, 0xFF, 0xFF}, palette[0], palette[4], palette[2], palette[3]}[t]
	mix := func(v uint8) uint8 { return uint8(255 - (255-int(v))/4) }
	return color.RGBA{mix(base.R), mix(base.G), mix(base.B), 0xFF}
}

// A Box is a rectangle with words in its middle.
type Box struct {
	X, Y, Width, Height float64 // X and Y of the upper left corner
	Text                string
	Fill                Tint
}

// A Circle has words in its middle.
type Circle struct {
	X, Y, Radius float64
	Text         string
	Fill         Tint
}

// A Link is a line from one point to another.
type Link struct {
	X1, Y1, X2, Y2 float64
	Arrow          bool // at the end
	Faint          bool // one of many
}

// A Text is words beside a point.
type Text struct {
	X, Y  float64
	Text  string
	Align Align
	Bold  bool
	Size  float64 // of the letters; 0 is 10
}

// Align says on which side of its point a Text is.
type Align int

// The alignments.
const (
	Middle Align = iota
	Left         // the text begins at the point
	Right        // the text ends at the point
)

// A pen draws on a canvas in a sketch's coordinates.
type pen struct{ draw.Canvas }

func (p pen) at(x, y float64) vg.Point {
	return vg.Point{X: p.Min.X + vg.Length(x), Y: p.Max.Y - vg.Length(y)}
}

// outline is the style of lines.
var outline = draw.LineStyle{Color: plain, Width: 1}

func (s Sketch) drawing() (*drawing, error) {
	if !(s.Width > 0 && s.Height > 0) {
		return nil, fmt.Errorf("a sketch of %v × %v points", s.Width, s.Height)
	}
	if len(s.Shapes) == 0 {
		return nil, errors.New("a sketch without shapes")
	}
	if s.Width > farthest || s.Height > farthest {
		return nil, fmt.Errorf("a sketch of %v × %v points is too large: at most %v", s.Width, s.Height, float64(farthest))
	}
	for i, shape := range s.Shapes {
		if config.IsNil(shape) {
			return nil, fmt.Errorf("shape %d of the sketch is nil", i)
		}
		for _, v := range shape.lengths() {
			if !(math.Abs(v) <= farthest) {
				return nil, fmt.Errorf("shape %d of the sketch, %+v, has a length that can't be drawn: at most %v", i, shape, float64(farthest))
			}
		}
		if tint, align := shape.kinds(); tint < Gray(255) || tint > Purple || align < Middle || align > Right {
			return nil, fmt.Errorf("shape %d of the sketch, %+v, has an unknown tint or alignment", i, shape)
		}
	}
	return &drawing{width: vg.Length(s.Width), height: vg.Length(s.Height), paint: func(canvas draw.Canvas) {
		for _, shape := range s.Shapes {
			shape.sketch(pen{canvas})
		}
	}}, nil
}

// farthest bounds the lengths of a sketch, in points: 35 m are a large picture.
const farthest = 1e5

func (b Box) lengths() []float64    { return []float64{b.X, b.Y, b.Width, b.Height} }
func (c Circle) lengths() []float64 { return []float64{c.X, c.Y, c.Radius} }
func (l Link) lengths() []float64   { return []float64{l.X1, l.Y1, l.X2, l.Y2} }
func (t Text) lengths() []float64   { return []float64{t.X, t.Y, t.Size} }

func (b Box) kinds() (Tint, Align)    { return b.Fill, Middle }
func (c Circle) kinds() (Tint, Align) { return c.Fill, Middle }
func (l Link) kinds() (Tint, Align)   { return Clear, Middle }
func (t Text) kinds() (Tint, Align)   { return Clear, t.Align }

func (b Box) sketch(p pen) {
	corners := []vg.Point{
		p.at(b.X, b.Y), p.at(b.X+b.Width, b.Y), p.at(b.X+b.Width, b.Y+b.Height), p.at(b.X, b.Y+b.Height), p.at(b.X, b.Y),
	}
	if b.Fill != Clear {
		p.FillPolygon(b.Fill.color(), corners)
	}
	p.StrokeLines(outline, corners)
	p.words(b.X+b.Width/2, b.Y+b.Height/2, b.Text, b.Fill)
}

func (c Circle) sketch(p pen) {
	var path vg.Path
	centre := p.at(c.X, c.Y)
	path.Move(vg.Point{X: centre.X + vg.Length(c.Radius), Y: centre.Y})
	path.Arc(centre, vg.Length(c.Radius), 0, 2*math.Pi)
	path.Close()
	p.SetColor(c.Fill.color())
	p.Fill(path)
	p.SetLineStyle(outline)
	p.Stroke(path)
	p.words(c.X, c.Y, c.Text, c.Fill)
}

// words writes in the middle of something that is filled.
func (p pen) words(x, y float64, text string, on Tint) {
	if text == "" {
		return
	}
	ink := color.Color(plain)
	if on < Gray(0x90) || on == Clear {
		ink = color.Black
	} else if on < Clear {
		ink = color.White
	}
	p.write(label(sans(10), ink, -0.5, -0.5), p.at(x, y), text)
}

// subscripts are digits below the line. The font's own are as far apart as large ones.
const subscripts = "₀₁₂₃₄₅₆₇₈₉"

// write draws a text around a point, as its style says, with small digits for subscripts.
func (p pen) write(style draw.TextStyle, at vg.Point, text string) {
	type run struct {
		text  string
		style draw.TextStyle
		low   bool
	}
	var runs []run
	var width vg.Length
	for rest := text; rest != ""; {
		r := run{text: rest, style: style}
		switch first := strings.IndexAny(rest, subscripts); {
		case first > 0:
			r.text = rest[:first]
		case first == 0:
			r.text, r.low = rest[:len(rest)-len(strings.TrimLeft(rest, subscripts))], true
		}
		rest = rest[len(r.text):]
		if r.low {
			r.text = strings.Map(func(digit rune) rune { return digit - '₀' + '0' }, r.text)
			r.style.Font.Size *= 0.65
		}
		width += r.style.Width(r.text)
		runs = append(runs, r)
	}
	at.X += vg.Length(style.XAlign) * width
	for _, r := range runs {
		r.style.XAlign = draw.XLeft
		place := at
		if r.low {
			place.Y -= 0.3 * style.Font.Size
		}
		p.FillText(r.style, place, r.text)
		at.X += r.style.Width(r.text)
	}
}

func (l Link) sketch(p pen) {
	style := outline
	if l.Faint {
		style.Color, style.Width = color.Gray{0xA8}, 0.5
	}
	length := math.Hypot(l.X2-l.X1, l.Y2-l.Y1)
	if !l.Arrow || length == 0 {
		p.StrokeLine2(style, p.at(l.X1, l.Y1).X, p.at(l.X1, l.Y1).Y, p.at(l.X2, l.Y2).X, p.at(l.X2, l.Y2).Y)
		return
	}
	// The line ends within the head.
	const long, wide = 7, 3
	dx, dy := (l.X2-l.X1)/length, (l.Y2-l.Y1)/length
	x, y := l.X2-long*dx, l.Y2-long*dy
	p.StrokeLines(style, []vg.Point{p.at(l.X1, l.Y1), p.at(x+dx, y+dy)})
	p.FillPolygon(style.Color, []vg.Point{p.at(l.X2, l.Y2), p.at(x-wide*dy, y+wide*dx), p.at(x+wide*dy, y-wide*dx)})
}

func (t Text) sketch(p pen) {
	size := vg.Length(t.Size)
	if size <= 0 {
		size = 10
	}
	font := sans(size)
	if t.Bold {
		font.Weight = 3 // bold, in golang.org/x/image/font
	}
	align := [...]float64{Middle: -0.5, Left: 0, Right: -1}[t.Align]
	p.write(label(font, color.Black, align, -0.5), p.at(t.X, t.Y), t.Text)
}
