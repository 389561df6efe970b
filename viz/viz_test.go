package viz

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/train"
)

// pictures has one of every kind.
func pictures() map[string]Picture {
	history := &train.History{Epoch: []int{0, 1, 2}, Values: map[string][]float64{
		"loss": {3, 2, 1}, "val_loss": {4, 3, 3}, "accuracy": {0.5, 0.7, 0.8}, "val_accuracy": {0.4, 0.5, 0.6},
	}}
	return map[string]Picture{
		"grid":      Grid{Images: [][]uint8{{0, 255, 128, 0}, {255, 0, 0, 0}, {1, 2, 3, 4}}, Width: 2, Height: 2},
		"captions":  Grid{Images: [][]uint8{{0, 255, 128, 0}, {255, 0, 0, 0}, {1, 2, 3, 4}}, Width: 2, Height: 2, Captions: []string{"one", long, "with\nlines"}},
		"points":    Chart{Lines: []Line{{Name: "a", X: []float64{0, 1, 2}, Y: []float64{0, 2, 1}, Points: true}, {Name: "b", X: []float64{0, 2}, Y: []float64{1, 1}, Points: true}}},
		"shades":    Confusion{Title: "shades", Counts: diagonal(150)},
		"control":   Sketch{Width: 100, Height: 40, Shapes: []Shape{Text{X: 50, Y: 20, Text: "\x00\x01\x1f\x7f\xff\uFFFE\uFFFF<&>\"'\t]]>"}}},
		"chart":     Chart{Title: "sigmoid", XMin: -6, XMax: 6, Lines: []Line{{Name: "σ", F: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }}}, Marks: []Mark{{X: 0, Y: 0.5, Text: "½"}}},
		"curves":    Curves{History: history},
		"confusion": Confusion{Counts: [][]float64{{5, 1}, {0, 7}}},
		"long texts": Chart{
			Title: long, XLabel: long, YLabel: long, XMin: 0, XMax: 1,
			Lines: []Line{{Name: long, F: math.Sqrt}},
			Marks: []Mark{{X: 1, Y: 1, Text: "the end, at the right"}, {X: 0, Y: 0, Text: "the beginning, at the left", Below: true}, {X: 1, Y: 0.2, Text: "at the right and below", Below: true}},
		},
		"long names":   Curves{Title: long, History: &train.History{Epoch: []int{0}, Values: map[string][]float64{"loss": {1}, strings.ReplaceAll(long, " ", "_"): {1}}}},
		"a long title": Confusion{Title: long, Counts: [][]float64{{5, 1}, {0, 7}}, Labels: []string{"Ankle boot", "Bag"}},
		"diagram 3":    Diagram{Model: listing()},
		"diagram 2":    Diagram{Model: branched(), Style: layer.Keras2},
		"circles 3":    Diagram{Model: recurrent()},
		"circles 2":    Diagram{Model: recurrent(), Style: layer.Keras2},
	}
}

// inPixels reports whether the pixels of a picture are looked at: they take ten times as long as SVG.
func inPixels(name string) bool {
	return choice.Thorough() || slices.Contains([]string{"grid", "long texts", "diagram 3", "circles 2"}, name)
}

// diagonal is a matrix of counts.
func diagonal(n int) [][]float64 {
	counts := make([][]float64, n)
	for i := range counts {
		counts[i] = make([]float64, n)
		counts[i][i] = float64(i)
	}
	return counts
}

// long is a text that is longer than pictures are wide.
var long = strings.TrimSpace(strings.Repeat("what there is to say ", 6))

// What touches the edge of a picture may go on beyond it.
func TestEveryPictureIsWrittenInBothFormatsAndNothingIsClipped(t *testing.T) {
	for name, p := range pictures() {
		folder := t.TempDir()
		endings := []string{".svg"}
		if inPixels(name) {
			endings = append(endings, ".png")
		}
		if name == "grid" {
			endings = append(endings, ".PNG")
		}
		for _, ending := range endings {
			file := filepath.Join(folder, "picture"+ending)
			if err := Save(file, p); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.EqualFold(ending, ".svg") {
				if err := wellFormed(content); err != nil {
					t.Errorf("%s: SVG: %v", name, err)
				}
				continue
			}
			picture, err := png.Decode(bytes.NewReader(content))
			if err != nil {
				t.Errorf("%s: PNG: %v", name, err)
				continue
			}
			b := picture.Bounds()
			for _, edge := range []image.Rectangle{
				{b.Min, image.Pt(b.Max.X, b.Min.Y+1)},
				{image.Pt(b.Min.X, b.Max.Y-1), b.Max},
				{b.Min, image.Pt(b.Min.X+1, b.Max.Y)},
				{image.Pt(b.Max.X-1, b.Min.Y), b.Max},
			} {
				for x := edge.Min.X; x < edge.Max.X; x++ {
					for y := edge.Min.Y; y < edge.Max.Y; y++ {
						if !white(picture.At(x, y)) {
							t.Fatalf("%s: something is drawn at the edge, at %d, %d of %v", name, x, y, b.Max)
						}
					}
				}
			}
		}
		left, _ := os.ReadDir(folder)
		if len(left) != len(endings) {
			t.Errorf("%s: %d files were left, want %d", name, len(left), len(endings))
		}
	}
}

// A picture that is painted in bands is the one that is painted at once, but for rounding.
func TestATallPictureIsPaintedInBands(t *testing.T) {
	for name, p := range pictures() {
		if !inPixels(name) {
			continue
		}
		d, err := p.drawing()
		if err != nil {
			t.Fatal(err)
		}
		d.height = vg.Length(math.Round(d.height.Dots(50))) * vg.Inch / 50 // for vgimg puts texts by the height that it was given
		whole := vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(50))
		bands := newTall(d.width, d.height, 50, 23)
		d.paint(draw.New(whole))
		d.paint(draw.New(bands))
		want, got := whole.Image().(*image.RGBA), bands.picture().(*image.RGBA)
		if want.Bounds() != got.Bounds() {
			t.Errorf("%s: it is %v large, want %v", name, got.Bounds(), want.Bounds())
			continue
		}
		for i, v := range want.Pix {
			if d := int(v) - int(got.Pix[i]); max(d, -d) > 8 {
				t.Errorf("%s: the pixel at %d, %d is %v, want %v", name, i%want.Stride/4, i/want.Stride, got.Pix[i&^3:][:4], want.Pix[i&^3:][:4])
				break
			}
		}
	}
}

// Boxes were measured with a font that the reader may not have.
func TestTextInSVGNeedsNoFont(t *testing.T) {
	var content bytes.Buffer
	if err := Write(&content, SVG, Diagram{Model: listing()}); err != nil {
		t.Fatal(err)
	}
	text := content.String()
	for _, never := range []string{"<text", "font-family"} {
		if strings.Contains(text, never) {
			t.Errorf("the picture has %q", never)
		}
	}
	for _, label := range []string{"dense_2", " (Dropout)", "(None, 784)"} {
		if !strings.Contains(text, `aria-label="`+label+`"`) {
			t.Errorf("nothing is labelled %q", label)
		}
	}
	for _, use := range regexp.MustCompile(`xlink:href="#(g\d+)"`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, `<path id="`+use[1]+`"`) {
			t.Fatalf("the glyph %s is used and not there", use[1])
		}
	}
}

func TestAGridShowsItsPixels(t *testing.T) {
	g := Grid{Images: [][]uint8{{0, 255, 128, 7}, {9, 0, 0, 0}}, Width: 2, Height: 2, Columns: 1, Scale: 3, Gap: 2}
	picture := render(t, g)
	if size := picture.Bounds().Size(); size != image.Pt(2+6+2, 2+6+2+6+2) {
		t.Fatalf("the picture has %v pixels", size)
	}
	for _, test := range []struct {
		x, y int
		want uint8
	}{{2, 2, 0}, {4, 4, 0}, {5, 2, 255}, {2, 5, 128}, {7, 7, 7}, {2, 10, 9}, {4, 12, 9}, {0, 0, 255}, {9, 9, 255}} {
		if got := color.GrayModel.Convert(picture.At(test.x, test.y)).(color.Gray).Y; got != test.want {
			t.Errorf("pixel %d, %d is %d, want %d", test.x, test.y, got, test.want)
		}
	}
}

func TestPicturesThatMakeNoSenseAreErrors(t *testing.T) {
	line := []Line{{Name: "half", X: []float64{1, 2}, Y: []float64{1}}}
	for name, p := range map[string]Picture{
		"nothing":          nil,
		"a nil chart":      (*Chart)(nil),
		"no images":        Grid{Width: 2, Height: 2},
		"a large scale":    Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Scale: math.MaxInt},
		"a large picture":  Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Scale: 1 << 19},
		"a large gap":      Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Gap: math.MaxInt},
		"a negative scale": Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Scale: -1},
		"a negative gap":   Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Gap: -1},
		"images of 2⁶⁴":    Grid{Images: [][]uint8{{}}, Width: 1 << (bits.UintSize / 2), Height: 1 << (bits.UintSize / 2)},
		"a caption more":   Grid{Images: [][]uint8{{1}}, Width: 1, Height: 1, Captions: []string{"a", "b"}},
		"no size":          Grid{Images: [][]uint8{{1}}},
		"a short image":    Grid{Images: [][]uint8{{1}}, Width: 2, Height: 2},
		"no lines":         Chart{},
		"unequal lengths":  Chart{Lines: line},
		"x backwards":      Chart{XMin: 1, XMax: -1, Lines: line[:1]},
		"no history":       Curves{},
		"no epoch":         Curves{History: &train.History{}},
		"no names":         Curves{History: &train.History{Epoch: []int{0}, Values: map[string][]float64{"loss": {1}}}, Names: []string{}},
		"an unknown name":  Curves{History: &train.History{Epoch: []int{0}, Values: map[string][]float64{"loss": {1}}}, Names: []string{"f1"}},
		"no classes":       Confusion{},
		"not square":       Confusion{Counts: [][]float64{{1, 2}}},
		"too few labels":   Confusion{Counts: [][]float64{{1}}, Labels: []string{}},
		"too many classes": Confusion{Counts: make([][]float64, mostClasses+1)},
		"no count":         Confusion{Counts: [][]float64{{math.NaN()}}},
		"less than none":   Confusion{Counts: [][]float64{{-1}}},
		"no model":         Diagram{},
		"a nil model":      Diagram{Model: (*cornu.Model)(nil)},
		"a large range":    Chart{Lines: []Line{{X: []float64{0, 1}, Y: []float64{-1e308, 1e308}}}},
		"a narrow range":   Chart{XMin: 1, XMax: 1 + 1e-15, Lines: []Line{{F: math.Sqrt}}},
		"no end":           Chart{XMax: math.Inf(1), Lines: []Line{{F: math.Sqrt}}},
		"no range":         Chart{Lines: []Line{{F: math.Sqrt}}},
		"x without values": Chart{Lines: []Line{{Name: "nothing"}}},
	} {
		if err := Write(io.Discard, PNG, p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestValuesThatAreNotFiniteAreGaps(t *testing.T) {
	pieces, err := Line{X: []float64{1, 2, 3, 4, 5}, Y: []float64{1, 2, math.NaN(), math.Inf(1), 5}}.pieces(1, 5)
	if err != nil || len(pieces) != 2 || len(pieces[0]) != 2 || len(pieces[1]) != 1 {
		t.Errorf("pieces %v, %v", pieces, err)
	}
	// A training that failed can still be shown.
	h := &train.History{Epoch: []int{0, 1}, Values: map[string][]float64{"loss": {2, math.NaN()}}}
	if err := Write(io.Discard, SVG, Curves{History: h}); err != nil {
		t.Error(err)
	}
	h.Values["loss"] = []float64{math.NaN(), math.NaN()}
	if err := Write(io.Discard, SVG, Curves{History: h}); err != nil {
		t.Error(err)
	}
}

// The chart of a measure that validation doesn't take is not the one whose legend is shown.
func TestTheLegendOfCurvesNamesValidationIfThereIsSome(t *testing.T) {
	h := &train.History{Epoch: []int{0, 1}, Values: map[string][]float64{"learning_rate": {0.1, 0.01}, "loss": {2, 1}, "val_loss": {3}}}
	var content bytes.Buffer
	if err := Write(&content, SVG, Curves{History: h, Names: []string{"learning_rate", "loss"}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(content.String(), `aria-label="validation"`) {
		t.Error("it doesn't")
	}
	if epochs := h.Epochs("val_loss"); len(epochs) != 1 || epochs[0] != 1 {
		t.Errorf("a history that was put together has its last values in the epochs %v", epochs)
	}
}

func TestTicksAreRoundNumbers(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		ticks     ticks
		want      string
	}{
		{-1.5, 2.5, ticks{most: 10}, "−1.5 −1.0 −0.5 0.0 0.5 1.0 1.5 2.0 2.5"},
		{0.043, 0.46, ticks{most: 7}, "0.1 0.2 0.3 0.4"},
		{1, 20, ticks{most: 10, whole: true}, "2 4 6 8 10 12 14 16 18 20"},
		{1, 3, ticks{most: 10, whole: true}, "1 2 3"},
		{0, 1e6, ticks{most: 7}, "0 200000 400000 600000 800000 1000000"},
		{0.9, 1.1, ticks{most: 7}, "0.90 0.95 1.00 1.05 1.10"},
		{-1e-7, 1e-7, ticks{most: 5}, "−1.0e-7 −0.5e-7 0 0.5e-7 1.0e-7"},
		{0, 1e-4, ticks{most: 5}, "0.00000 0.00002 0.00004 0.00006 0.00008 0.00010"},
		{9e8, 1.1e9, ticks{most: 5}, "0.90e9 0.95e9 1.00e9 1.05e9 1.10e9"},
	} {
		var got []string
		for _, tick := range test.ticks.Ticks(test.low, test.high) {
			got = append(got, tick.label)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("from %v to %v: %s, want %s", test.low, test.high, strings.Join(got, " "), test.want)
		}
	}
}

func TestWhatCannotBeWrittenLeavesWhatWasThere(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "grid.png")
	if err := os.WriteFile(file, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(file, Grid{}); err == nil {
		t.Error("an empty grid was saved")
	}
	if content, _ := os.ReadFile(file); string(content) != "before" {
		t.Errorf("the file now holds %q", content)
	}
	missing := filepath.Join(folder, "none", "grid.png")
	if err := Save(missing, pictures()["grid"]); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("into a folder that isn't there: %v", err)
	}
	if err := Save(filepath.Join(folder, "grid.gif"), pictures()["grid"]); err == nil || !strings.Contains(err.Error(), ".svg or .png") {
		t.Errorf("an unknown ending: %v", err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("%d files are there", len(left))
	}
}

func render(t *testing.T, p Picture) image.Image {
	t.Helper()
	var content bytes.Buffer
	if err := Write(&content, PNG, p); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&content)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

func white(c color.Color) bool {
	r, g, b, _ := c.RGBA()
	return r == 0xFFFF && g == 0xFFFF && b == 0xFFFF
}

func TestACaptionStandsBelowItsImage(t *testing.T) {
	g := Grid{Images: [][]uint8{{255}, {255}}, Width: 1, Height: 1, Columns: 1, Scale: 40, Gap: 4, Captions: []string{"", "I"}}
	picture := render(t, g)
	if size := picture.Bounds().Size(); size != image.Pt(48, 4+2*(40+g.caption()+4)) {
		t.Fatalf("the picture has %v pixels", size)
	}
	below := 4 + 2*40 + g.caption() + 4 // the second image
	for y := range picture.Bounds().Dy() {
		ink := false
		for x := range 48 {
			ink = ink || !white(picture.At(x, y))
		}
		if ink && (y < below || y >= below+g.caption()) {
			t.Fatalf("there is ink in row %d, the caption is in %d to %d", y, below, below+g.caption())
		}
	}
	if white(picture.At(24, below+g.caption()/2)) {
		t.Error("there is no I in the middle of the caption")
	}
}

func TestPointsAreNotJoined(t *testing.T) {
	line := Line{X: []float64{0, 1}, Y: []float64{0, 1}, Points: true}
	ink := func(l Line) bool {
		picture := render(t, Chart{Lines: []Line{l}})
		size := picture.Bounds().Size()
		blue := 0
		for x := size.X * 45 / 100; x < size.X*55/100; x++ {
			for y := size.Y * 2 / 5; y < size.Y*3/5; y++ {
				if r, _, b, _ := picture.At(x, y).RGBA(); b > 2*r {
					blue++
				}
			}
		}
		return blue > 0
	}
	if ink(line) {
		t.Error("there is a line between them")
	}
	line.Points = false
	if !ink(line) {
		t.Error("there is none without Points either")
	}
}

func TestManyPointsDrawWhatFewDo(t *testing.T) {
	var many []point
	for i := range 100_000 {
		many = append(many, point{float64(i), math.Sin(float64(i)/5000) + float64(i%7)/10})
	}
	many[50_000].y = 9
	few := thinned(many, 0, 99_999)
	if len(few) > 4*1001 || !slices.Contains(few, many[50_000]) || few[0] != many[0] || few[len(few)-1] != many[99_999] {
		t.Errorf("%d are left, from %v to %v", len(few), few[0], few[len(few)-1])
	}
	for i, p := range few {
		if i > 0 && p.x < few[i-1].x {
			t.Fatalf("%v follows %v", p, few[i-1])
		}
	}
	back := slices.Clone(many)
	slices.Reverse(back)
	if len(thinned(back, 0, 99_999)) != len(back) || len(thinned(many[:4000], 0, 99_999)) != 4000 {
		t.Error("a line that turns back, or has few points, lost some")
	}
}

func TestAPictureThatWouldBeLargeIsCoarse(t *testing.T) {
	for _, test := range []struct{ width, height float64 }{{20000, 20000}, {1e4, 1e5}, {1e5, 1e4}} {
		s := Sketch{Width: test.width, Height: test.height, Shapes: []Shape{Link{X2: 5, Y2: 5}}}
		d, err := s.drawing()
		if err != nil {
			t.Fatal(err)
		}
		dpi, err := d.resolution()
		if pixels := test.width / 72 * float64(dpi) * test.height / 72 * float64(dpi); err != nil || pixels > maxPixels || pixels < maxPixels/2 && dpi < defaultDPI {
			t.Errorf("%v × %v has %d dots per inch, %v", test.width, test.height, dpi, err)
		}
	}
}

func wellFormed(text []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
