package viz

// This file holds the look that all pictures share: one font, colours that colour-blind readers tell apart.

import (
	"image/color"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
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

// fonts holds the fonts of pictures.
var fonts = sync.OnceValue(func() text.Handler {
	var all font.Collection
	for _, f := range []struct {
		variant font.Variant
		weight  xfont.Weight
		outline []byte
	}{
		{"Sans", xfont.WeightNormal, liberationsansregular.TTF},
		{"Sans", xfont.WeightBold, liberationsansbold.TTF},
		{"Serif", xfont.WeightNormal, liberationserifregular.TTF},
	} {
		face, err := opentype.Parse(f.outline)
		if err != nil {
			panic(err) // it is part of this program
		}
		all = append(all, font.Face{Font: font.Font{Typeface: "Liberation", Variant: f.variant, Weight: f.weight}, Face: face})
	}
	return text.Plain{Fonts: font.NewCache(all)}
})

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
		Handler: fonts(),
	}
}

// fitting makes the font of a style so much smaller that a text is no wider than the room there is.
func fitting(style draw.TextStyle, text string, room vg.Length) draw.TextStyle {
	if width := style.Width(text); width > room {
		style.Font.Size *= room / width
	}
	return style
}
