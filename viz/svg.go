package viz

// This file writes text into SVG as outlines: boxes fit their texts only in the font that they were measured with, and
// nobody knows which fonts a reader has. Each glyph's outline stands in the file once; the words stay as labels.

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// An svgCanvas remembers the texts that are drawn on it, in order, for their elements to be replaced when it is written.
type svgCanvas struct {
	*vgsvg.Canvas
	texts  []svgText
	glyphs map[string]string // the name of each outline
	defs   strings.Builder
	buffer sfnt.Buffer
}

type svgText struct {
	face plotfont.Face
	text string
}

func newSVG(width, height vg.Length) *svgCanvas {
	return &svgCanvas{Canvas: vgsvg.New(width, height), glyphs: map[string]string{}}
}

// FillString draws text with its base line at a point. What XML can't say in any way is a question mark in a diamond.
func (c *svgCanvas) FillString(face plotfont.Face, at vg.Point, text string) {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, text)
	c.texts = append(c.texts, svgText{face, text})
	c.Canvas.FillString(face, at, text)
}

// textElement matches the elements that vgsvg writes for texts: the place, and the colour if it isn't black.
var textElement = regexp.MustCompile(`(?s)<text x="([^"]*)" y="([^"]*)" transform="scale\(1, -1\)"(.*?)>[^<]*</text>`)

var fillStyle = regexp.MustCompile(`fill:(#[0-9A-Fa-f]+)`)

// WriteTo writes the picture.
func (c *svgCanvas) WriteTo(w io.Writer) (int64, error) {
	var drawn bytes.Buffer
	if _, err := c.Canvas.WriteTo(&drawn); err != nil {
		return 0, err
	}
	i := 0
	body := textElement.ReplaceAllStringFunc(drawn.String(), func(element string) string {
		parts := textElement.FindStringSubmatch(element)
		fill := ""
		if colour := fillStyle.FindStringSubmatch(parts[3]); colour != nil {
			fill = fmt.Sprintf(` fill="%s"`, colour[1])
		}
		t := c.texts[i]
		i++
		if t.face.Font.Weight == font.WeightBold {
			fill += ` font-weight="bold"`
		}
		scale := t.face.Font.Size.Points() / float64(t.face.Face.UnitsPerEm())
		// The place is in a space whose y grows downwards, as a font's does.
		return fmt.Sprintf(`<g aria-label="%s"%s transform="scale(1, -1) translate(%s, %s) scale(%.5g)">%s</g>`,
			html.EscapeString(t.text), fill, parts[1], parts[2], scale, c.outlines(t))
	})
	// vgsvg calls the PNG that it writes a JPEG, which not every reader forgives.
	body = strings.ReplaceAll(body, "data:image/jpg;base64,", "data:image/png;base64,")
	if c.defs.Len() > 0 { // before what uses them
		head, tail, _ := strings.Cut(body, "<g ")
		body = head + "<defs>\n" + c.defs.String() + "</defs>\n<g " + tail
	}
	n, err := io.WriteString(w, body)
	return int64(n), err
}

// outlines writes a text as uses of outlines, in the units of its font.
func (c *svgCanvas) outlines(t svgText) string {
	var b strings.Builder
	units := fixed.Int26_6(t.face.Face.UnitsPerEm())
	x, previous := 0, sfnt.GlyphIndex(0)
	for i, r := range t.text {
		glyph, err := t.face.Face.GlyphIndex(&c.buffer, r)
		if err != nil {
			continue
		}
		if i > 0 {
			if kern, err := t.face.Face.Kern(&c.buffer, previous, glyph, units, font.HintingNone); err == nil {
				x += int(kern)
			}
		}
		if name := c.define(t.face, glyph); name != "" {
			fmt.Fprintf(&b, `<use xlink:href="#%s" x="%d"/>`, name, x)
		}
		if advance, err := t.face.Face.GlyphAdvance(&c.buffer, glyph, units, font.HintingNone); err == nil {
			x += int(advance)
		}
		previous = glyph
	}
	return b.String()
}

// define writes a glyph's outline where it is used for the first time, and returns its name: "" if it is blank.
func (c *svgCanvas) define(face plotfont.Face, glyph sfnt.GlyphIndex) string {
	key := fmt.Sprint(face.Name(), glyph)
	if name, ok := c.glyphs[key]; ok {
		return name
	}
	// At a size of as many 64ths as the font has units, coordinates are in units.
	segments, err := face.Face.LoadGlyph(&c.buffer, glyph, fixed.Int26_6(face.Face.UnitsPerEm()), nil)
	name := ""
	if err == nil && len(segments) > 0 {
		name = "g" + strconv.Itoa(len(c.glyphs))
		fmt.Fprintf(&c.defs, `<path id="%s" d="`, name)
		for _, s := range segments {
			letter, points := "M", 1
			switch s.Op {
			case sfnt.SegmentOpLineTo:
				letter = "L"
			case sfnt.SegmentOpQuadTo:
				letter, points = "Q", 2
			case sfnt.SegmentOpCubeTo:
				letter, points = "C", 3
			}
			for k, p := range s.Args[:points] {
				if k > 0 {
					letter = " "
				}
				fmt.Fprintf(&c.defs, "%s%d %d", letter, int(p.X), int(p.Y))
			}
		}
		c.defs.WriteString("\"/>\n")
	}
	c.glyphs[key] = name
	return name
}
