package viz

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"regexp"
	"slices"
	"testing"
)

func TestASketchPutsShapesWhereItSays(t *testing.T) {
	var content bytes.Buffer
	err := Write(&content, PNG, Sketch{Width: 100, Height: 50, Shapes: []Shape{
		Box{X: 10, Y: 5, Width: 20, Height: 10, Fill: Gray(0x40)},
		Circle{X: 70, Y: 25, Radius: 10, Fill: Gray(0xC0)},
		Link{X1: 0, Y1: 45, X2: 100, Y2: 45},
		Link{X1: 90, Y1: 0, X2: 90, Y2: 40, Arrow: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&content)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 200 || size.Y != 100 {
		t.Fatalf("100 × 50 points are %v pixels", size)
	}
	for _, at := range []struct {
		what string
		x, y int // in points
		want uint8
	}{
		{"in the box", 20, 10, 0x40},
		{"right of the box", 40, 10, 0xFF},
		{"in the circle", 70, 25, 0xC0},
		{"at a corner around the circle", 62, 17, 0xFF},
		{"on the line", 50, 45, plain.Y},
		{"in the arrow's head", 90, 36, plain.Y},
		{"in the head, beside the line", 91, 34, plain.Y},
		{"beside the line, before the head", 93, 20, 0xFF},
	} {
		if got := color.GrayModel.Convert(picture.At(2*at.x, 2*at.y)).(color.Gray).Y; got != at.want {
			t.Errorf("%s the picture is %#x, want %#x", at.what, got, at.want)
		}
	}
}

func TestASketchWritesOnTheSideOfAPointThatItSays(t *testing.T) {
	for _, test := range []struct {
		align       Align
		left, right bool // of the middle of the picture there is ink
	}{{Middle, true, true}, {Left, false, true}, {Right, true, false}} {
		var content bytes.Buffer
		text := Text{X: 50, Y: 15, Text: "nnnn", Align: test.align, Bold: true, Size: 14}
		if err := Write(&content, PNG, Sketch{Width: 100, Height: 30, Shapes: []Shape{text}}); err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(&content)
		if err != nil {
			t.Fatal(err)
		}
		var left, right bool
		for y := range 60 {
			for x := range 200 {
				if color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y < 0x40 {
					left, right = left || x < 100, right || x >= 100
				}
			}
		}
		if left != test.left || right != test.right {
			t.Errorf("alignment %d: ink on the left is %v, on the right %v", test.align, left, right)
		}
	}
}

func TestSubscriptsInASketchAreSmallDigits(t *testing.T) {
	var content bytes.Buffer
	if err := Write(&content, SVG, Sketch{Width: 100, Height: 30, Shapes: []Shape{Text{X: 50, Y: 15, Text: "w₇₈₃x + y₀"}, Box{Width: 20, Height: 20, Text: "₁₂"}}}); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, found := range regexp.MustCompile(`aria-label="([^"]*)"`).FindAllStringSubmatch(content.String(), -1) {
		texts = append(texts, found[1])
	}
	if want := []string{"w", "783", "x + y", "0", "12"}; !slices.Equal(texts, want) {
		t.Errorf("it writes %q, want %q", texts, want)
	}
}

func TestASketchOfNothingIsAnError(t *testing.T) {
	of := func(s Shape) Sketch { return Sketch{Width: 10, Height: 10, Shapes: []Shape{s}} }
	for _, s := range []Sketch{
		{},
		{Width: 10, Height: 10},
		{Width: -1, Height: 10, Shapes: []Shape{Box{}}},
		{Width: 1e9, Height: 1e9, Shapes: []Shape{Box{}}},
		{Width: 1e-9, Height: 10, Shapes: []Shape{Box{}}},
		{Width: 1e6, Height: 10, Shapes: []Shape{Box{}}},
		{Width: math.Inf(1), Height: 10, Shapes: []Shape{Box{}}},
		of(nil), of((*Box)(nil)),
		of(Box{Fill: 99}), of(Circle{Fill: -1000}), of(Text{Align: 3}), of(Text{Align: -1}),
		of(Box{X: math.NaN()}), of(Circle{Radius: 1e300}), of(Link{X1: math.Inf(-1)}), of(Text{Size: 1e9}),
	} {
		if err := Write(&bytes.Buffer{}, PNG, s); err == nil {
			t.Errorf("no error for %+v", s)
		}
	}
}
