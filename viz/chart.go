package viz

// This file draws lines and points over two axes: functions, measured values, the path of a descent.

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Chart shows lines and points over two axes, with a legend below.
type Chart struct {
	Title          string
	XLabel, YLabel string
	XMin, XMax     float64 // the range of x; both 0: what the lines' points need
	YMin, YMax     float64 // the range of y; both 0: what the lines need
	Lines          []Line
	Marks          []Mark

	wholeX bool // x counts something: its ticks are whole numbers
}

// A Line is a function or a sequence of points. Where y is not a finite number there is a gap.
type Line struct {
	Name   string // in the legend; "" is not there
	F      func(x float64) float64
	X, Y   []float64 // the points, if F is nil
	Dashed bool
	Dots   bool // the points are marked
	Points bool // the points are marked and not joined: a scatter chart
}

// A Mark is a point with a text beside it.
type Mark struct {
	X, Y  float64
	Text  string
	Below bool // the text is below the point; else to its upper right
}

// samples is the number of points at which a function is drawn.
const samples = 1001

func (c Chart) drawing() (*drawing, error) {
	const height = 4.4 * vg.Inch
	p, err := c.plot(height)
	if err != nil {
		return nil, err
	}
	return &drawing{width: chartWidth, height: height, paint: func(canvas draw.Canvas) {
		canvas = draw.Crop(canvas, margin, -margin, margin, -margin)
		height := c.drawLegend(canvas)
		stack(draw.Crop(canvas, 0, 0, height, 0), []*plot{p}, 0)
	}}, nil
}

// margin is the white around pictures.
const margin vg.Length = 10

// chartWidth is the width of charts, their margins included.
const chartWidth = 6.4 * vg.Inch

// plot makes the plot without its legend, to be drawn at a height.
func (c Chart) plot(height vg.Length) (*plot, error) {
	if len(c.Lines) == 0 {
		return nil, errors.New("a chart without lines")
	}
	p := newPlot(c.Title, c.XLabel, c.YLabel, chartWidth-2*margin, height)
	if c.XMin == 0 && c.XMax == 0 {
		c.XMin, c.XMax = c.rangeOfX()
		if c.XMin > c.XMax {
			return nil, errors.New("a chart without points: one of functions needs XMin and XMax")
		}
	}
	if !divisible(c.XMin, c.XMax) {
		return nil, fmt.Errorf("a chart whose x runs from %v to %v: XMax must be greater than XMin, by as much as float64 can divide, and neither beyond ±%v", c.XMin, c.XMax, largest)
	}
	low, high := math.Inf(1), math.Inf(-1) // of y
	draws := func(points []point, radius vg.Length, part func(area)) {
		for _, q := range points {
			low, high = min(low, q.y), max(high, q.y)
		}
		p.room = max(p.room, radius)
		p.parts = append(p.parts, part)
	}
	for i, line := range c.Lines {
		pieces, err := line.pieces(c.XMin, c.XMax)
		if err != nil {
			return nil, err
		}
		for _, points := range pieces {
			if !line.Points {
				kept := thinned(points, c.XMin, c.XMax)
				draws(kept, 0, func(f area) { f.join(kept, line.style(i)) })
			}
			if line.Points || line.Dots || len(points) == 1 {
				glyph := line.glyph(i)
				draws(points, glyph.Radius, func(f area) { f.mark(points, glyph) })
			}
		}
	}
	if len(c.Marks) > 0 {
		var points []point
		for _, m := range c.Marks {
			if !finite(m.X) || !finite(m.Y) {
				return nil, fmt.Errorf("the mark %q is at %v, %v", m.Text, m.X, m.Y)
			}
			points = append(points, point{m.X, m.Y})
		}
		glyph := draw.GlyphStyle{Color: plain, Radius: 3.5, Shape: draw.CircleGlyph{}}
		draws(points, glyph.Radius, func(f area) {
			f.mark(points, glyph)
			f.write(c.Marks)
		})
	}
	if c.YMin == 0 && c.YMax == 0 {
		// Lines and texts don't touch the frame.
		c.YMin, c.YMax = widened(low, high, 0.04)
		if slices.ContainsFunc(c.Marks, func(m Mark) bool { return m.Below }) {
			c.YMin -= 2 * (low - c.YMin)
		}
	}
	if !divisible(c.YMin, c.YMax) {
		return nil, fmt.Errorf("a chart whose y runs from %v to %v: YMax must be greater than YMin, by as much as float64 can divide, and neither beyond ±%v", c.YMin, c.YMax, largest)
	}
	p.x.low, p.x.high, p.x.ticks = c.XMin, c.XMax, ticks{whole: c.wholeX, most: 10}.Ticks(c.XMin, c.XMax)
	p.y.low, p.y.high, p.y.ticks = c.YMin, c.YMax, ticks{most: 7}.Ticks(c.YMin, c.YMax)
	return p, nil
}

// largest bounds the numbers of an axis, so that sums of them are finite.
const largest = 1e300

// divisible reports whether an axis from low to high has room for ticks that float64 can tell apart.
func divisible(low, high float64) bool {
	const narrowest, relative = 1e-290, 1e-12
	size := max(math.Abs(low), math.Abs(high))
	return size <= largest && high-low >= max(narrowest, relative*size)
}

// widened returns a range with a share of it added at both ends. Numbers that are all but one are in the middle of it.
func widened(low, high, share float64) (float64, float64) {
	switch {
	case low > high: // there was none
		return -0.5, 0.5
	case max(math.Abs(low), math.Abs(high)) > largest: // as it is, for an error to say so
		return low, high
	case divisible(low, high):
		room := share * (high - low)
		return low - room, high + room
	}
	middle := low/2 + high/2
	room := max(0.5, math.Abs(middle)/100)
	return middle - room, middle + room
}

// rangeOfX returns the range of the points' x; of none, one whose low end is the higher.
func (c Chart) rangeOfX() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, line := range c.Lines {
		for _, x := range line.X {
			if finite(x) {
				low, high = min(low, x), max(high, x)
			}
		}
	}
	if low > high {
		return low, high
	}
	share := 0.0
	if slices.ContainsFunc(c.Lines, func(l Line) bool { return l.Points }) { // which the frame would cut
		share = 0.04
	}
	return widened(low, high, share)
}

func finite(v float64) bool { return !math.IsNaN(v - v) }

// A point of a chart.
type point struct{ x, y float64 }

// pieces returns the runs of points that can be drawn.
func (l Line) pieces(low, high float64) ([][]point, error) {
	xs, ys := l.X, l.Y
	if l.F != nil {
		xs, ys = nil, nil
		for i := range samples {
			x := low + (high-low)*float64(i)/(samples-1)
			xs, ys = append(xs, x), append(ys, l.F(x))
		}
	}
	if len(xs) != len(ys) {
		return nil, fmt.Errorf("line %q has %d x and %d y", l.Name, len(xs), len(ys))
	}
	var pieces [][]point
	var piece []point
	for i := range xs {
		if finite(xs[i]) && finite(ys[i]) {
			piece = append(piece, point{xs[i], ys[i]})
			continue
		}
		if len(piece) > 0 {
			pieces, piece = append(pieces, piece), nil
		}
	}
	if len(piece) > 0 {
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

// thinned leaves out points of a line that nobody could see: where many share a column of dots, the first, the lowest,
// the highest and the last of them draw the same. A line that turns back is left as it is.
func thinned(points []point, low, high float64) []point {
	const columns = 1000
	if len(points) <= 4*columns || !slices.IsSortedFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) }) {
		return points
	}
	column := func(p point) float64 { return math.Floor((p.x - low) / (high - low) * columns) }
	var kept []point
	for len(points) > 0 {
		n, lowest, highest := 1, 0, 0
		for ; n < len(points) && column(points[n]) == column(points[0]); n++ {
			if points[n].y < points[lowest].y {
				lowest = n
			}
			if points[n].y > points[highest].y {
				highest = n
			}
		}
		places := []int{0, min(lowest, highest), max(lowest, highest), n - 1}
		for _, i := range slices.Compact(places) {
			kept = append(kept, points[i])
		}
		points = points[n:]
	}
	return kept
}

// join draws a line through points, in parts if they are many: what a part costs grows with its square.
func (f area) join(line []point, style draw.LineStyle) {
	part := len(line)
	if part > 2000 {
		part = 64
	}
	points := make([]vg.Point, len(line))
	for i, p := range line {
		points[i] = f.at(p.x, p.y)
	}
	for _, run := range f.ClipLinesXY(points) {
		for len(run) > 1 {
			n := min(len(run), part)
			f.StrokeLines(style, run[:n])
			for i := range n - 1 { // dashes go on where the last part ended
				d := run[i+1].Sub(run[i])
				style.DashOffs += vg.Length(math.Hypot(float64(d.X), float64(d.Y)))
			}
			run = run[n-1:]
		}
	}
}

// mark draws points one by one.
func (f area) mark(points []point, glyph draw.GlyphStyle) {
	for _, p := range points {
		if at := f.at(p.x, p.y); f.Contains(at) {
			f.DrawGlyph(glyph, at)
		}
	}
}

// style is the look of the i-th line.
func (l Line) style(i int) draw.LineStyle {
	style := draw.LineStyle{Color: palette[i%len(palette)], Width: 1.8}
	switch {
	case l.Dashed:
		style.Dashes = []vg.Length{6, 4}
	case i >= len(palette): // the colours begin again
		style.Dashes = []vg.Length{2, 3}
	}
	return style
}

func (l Line) glyph(i int) draw.GlyphStyle {
	style := draw.GlyphStyle{Color: palette[i%len(palette)], Radius: 2.6, Shape: draw.CircleGlyph{}}
	if l.Points { // where no line leads from one to the next, shapes tell them apart too
		style.Radius, style.Shape = 3, shapes[i%len(shapes)]
	}
	return style
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}, draw.CrossGlyph{}, draw.RingGlyph{}, draw.TriangleGlyph{}, draw.PlusGlyph{}}

// write draws what marks say, over the lines.
func (f area) write(marks []Mark) {
	for _, m := range marks {
		style, at := label(sans(10), plain, 0, 0), f.at(m.X, m.Y).Add(vg.Point{X: 6, Y: 4})
		if m.Below {
			style, at = label(sans(10), plain, -0.5, -1), f.at(m.X, m.Y).Sub(vg.Point{Y: 7})
		}
		style = fitting(style, m.Text, f.Size().X)
		// Beside the frame it would be cut.
		area := style.Rectangle(m.Text).Add(at)
		shift := vg.Point{X: max(f.Min.X-area.Min.X, 0) + min(f.Max.X-area.Max.X, 0)}
		if shift.X < 0 && !m.Below {
			shift.Y = 4 // over the point
		}
		at, area = at.Add(shift), area.Add(shift)
		fill(f.Canvas, vg.Rectangle{Min: area.Min.Sub(vg.Point{X: 1}), Max: area.Max.Add(vg.Point{X: 1})}, color.NRGBA{255, 255, 255, 200})
		f.FillText(style, at, m.Text)
	}
}

// drawLegend draws the names of the lines along the lower edge, in as many rows as they need, and returns the height.
func (c Chart) drawLegend(canvas draw.Canvas) vg.Length {
	const sample, gap, between, row vg.Length = 24, 5, 18, 16
	style := label(sans(10), plain, 0, -0.5)
	for _, line := range c.Lines {
		style = fitting(style, line.Name, canvas.Size().X-sample-gap)
	}
	var rows [][]int
	var widths []vg.Length
	for i, line := range c.Lines {
		if line.Name == "" {
			continue
		}
		width := sample + gap + style.Width(line.Name) + between
		if n := len(rows); n > 0 && widths[n-1]+width-between <= canvas.Size().X {
			rows[n-1], widths[n-1] = append(rows[n-1], i), widths[n-1]+width
		} else {
			rows, widths = append(rows, []int{i}), append(widths, width)
		}
	}
	if len(rows) == 0 {
		return 0
	}
	for r, lines := range rows {
		x := canvas.Center().X - (widths[r]-between)/2
		y := canvas.Min.Y + row*(vg.Length(len(rows)-1-r)+0.5)
		for _, i := range lines {
			line := c.Lines[i]
			if !line.Points {
				canvas.StrokeLine2(line.style(i), x, y, x+sample, y)
			}
			if line.Points || line.Dots {
				canvas.DrawGlyph(line.glyph(i), vg.Point{X: x + sample/2, Y: y})
			}
			canvas.FillText(style, vg.Point{X: x + sample + gap, Y: y}, line.Name)
			x += sample + gap + style.Width(line.Name) + between
		}
	}
	return row*vg.Length(len(rows)) + 6
}

// ticks marks round numbers: multiples of 1, 2 or 5 times a power of ten.
type ticks struct {
	most  int  // how many at most
	whole bool // only whole numbers
}

func (t ticks) Ticks(low, high float64) []tick {
	exponent := math.Floor(math.Log10((high - low) / float64(t.most)))
	if t.whole {
		exponent = max(exponent, 0)
	}
	step := math.Pow(10, exponent)
	for _, factor := range []float64{1, 2, 5, 10} {
		step = factor * math.Pow(10, exponent)
		if (high-low)/step <= float64(t.most) {
			break
		}
	}
	write := writer(step, max(math.Abs(low), math.Abs(high)))
	var marks []tick
	const slack = 1e-9 // of a step, for what rounding does to the ends
	first := math.Ceil(low/step - slack)
	for k := range t.most + 2 { // which is enough: sums beyond 2⁵³ would never come to an end
		i := first + float64(k)
		if !(i <= high/step+slack) {
			break
		}
		text := write(i * step)
		if number, negative := strings.CutPrefix(text, "-"); negative {
			text = "−" + number
			if strings.Trim(number, "0.") == "" {
				text = number
			}
		}
		marks = append(marks, tick{i * step, text})
	}
	return marks
}

// writer returns how multiples of a step are written, up to a largest one: with as many digits as the step has, and in
// units of a power of ten if they would be long.
func writer(step, largest float64) func(float64) string {
	magnitude := func(v float64) int { return int(math.Floor(math.Log10(v) + 1e-9)) }
	digits, exponent := -magnitude(step), magnitude(largest)
	if digits <= 5 && largest < 1e7 {
		return func(v float64) string { return strconv.FormatFloat(v, 'f', max(digits, 0), 64) }
	}
	return func(v float64) string {
		if math.Abs(v) < step/2 {
			return "0"
		}
		return fmt.Sprintf("%.*fe%d", exponent+digits, v/math.Pow10(exponent), exponent)
	}
}
