package viz

// This file holds the look that all pictures share: one font, colours that colour-blind readers tell apart.

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// palette is that of Okabe and Ito, "Color Universal Design" (2008), the yellow left out for it is hard to see on white.
var palette = []color.RGBA{
	{0x00, 0x72, 0xB2, 0xFF}, // blue
	{0xD5, 0x5E, 0x00, 0xFF}, // vermilion
	{0x00, 0x9E, 0x73, 0xFF}, // green
	{0xCC, 0x79, 0xA7, 0xFF}, // purple
	{0xE6, 0x9F, 0x00, 0xFF}, // orange
	{0x56, 0xB4, 0xE9, 0xFF}, // sky blue
	{0x00, 0x00, 0x00, 0xFF},
}

var (
	faint = color.Gray{0xE0} // lines of the grid
	plain = color.Gray{0x30} // frames and axes
)

// sans is the sans-serif font of a size.
func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// label is a style of text around a point.
func label(f font.Font, ink color.Color, x, y float64) draw.TextStyle {
	return draw.TextStyle{
		Color:   ink,
		Font:    f,
		XAlign:  text.XAlignment(x),
		YAlign:  text.YAlignment(y),
		Handler: plot.DefaultTextHandler,
	}
}

// fitting makes the font of a style so much smaller that a text is no wider than the room there is.
func fitting(style draw.TextStyle, text string, room vg.Length) draw.TextStyle {
	if width := style.Width(text); width > room {
		style.Font.Size *= room / width
	}
	return style
}

// newPlot returns a plot of our look, to be drawn at a size.
func newPlot(title, x, y string, width, height vg.Length) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font = sans(13)
	p.Title.Padding = 8
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(11)
		axis.Label.Padding = 4
		axis.Tick.Label.Font = sans(10)
		axis.Color, axis.Tick.Color = plain, plain
		axis.Padding = 0
	}
	p.Title.TextStyle = fitting(p.Title.TextStyle, title, width)
	p.X.Label.TextStyle = fitting(p.X.Label.TextStyle, x, 0.8*width) // it stands in the middle of the axis, not of the picture
	p.Y.Label.TextStyle = fitting(p.Y.Label.TextStyle, y, 0.72*height)
	return p
}
