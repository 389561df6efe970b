package viz

// This file draws the diagram of a network, as Keras's plot_model does: boxes that are tables, and arrows.

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"reflect"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz/internal/layered"
)

// A Diagram shows the layers of a model from top to bottom: a box for each, with its name, its class and its shapes, and
// an arrow from each to those that take its output. A layer that is used twice is one box; if it takes what it has put
// out itself, directly or by way of others, an arrow leads back.
type Diagram struct {
	Model       Model
	Style       layer.SummaryStyle // Keras 3's look, black titles and right angles, or Keras 2.2's, records and curves
	HideShapes  bool
	HideNames   bool // boxes show the class alone
	Activations bool // boxes show the activation that a layer has; in Keras 3's look
	Trainable   bool // boxes show whether weights are trained; in Keras 3's look

	ExpandNested bool // models that are layers are frames around their own layers
}

// A Model is what a diagram can be made of: a *cornu.Model or a *cornu.Sequential.
type Model interface {
	// Network returns the network, nil before it is built.
	Network() *layer.Network
}

// A box is what the diagram says of a layer.
type box struct {
	name, class, activation string
	input, output           string // shapes; no input shape for an Input in Keras 3's look
	weights, frozen         bool
}

// A frame is what a diagram draws around the layers of a model that is a layer.
type frame struct {
	name    string
	members []int // boxes
	inner   int   // how deep frames are nested within it
}

// A chart is what a diagram draws.
type chart struct {
	boxes  []box
	edges  []layered.Edge // in Keras's order
	frames []frame        // each behind those within it
}

// A part is where arrows to a layer end and those from it begin: in its box, or in those of its inputs and outputs if its
// layers are drawn in its place.
type part struct{ inputs, outputs []int }

// at returns an element, the last one if there are fewer.
func at(list []int, i int) int { return list[min(i, len(list)-1)] }

// chart lists the layers, and the edges between them.
func (d Diagram) chart() (chart, error) {
	var c chart
	if config.IsNil(d.Model) || d.Model.Network() == nil {
		return c, errors.New("the diagram of a model that is not built: its first layer should be an Input, or Build should tell the shape of the data first")
	}
	_, sequential := d.Model.(*cornu.Sequential)
	d.add(&c, d.Model.Network(), sequential && d.Style == layer.Keras3)
	return c, nil
}

// add adds the layers of a network, without those that are inputs if they are hidden. It returns where its own inputs
// and outputs are, and how deep frames are nested within it.
func (d Diagram) add(c *chart, n *layer.Network, hidden bool) (whole part, depth int) {
	parts, calls := map[layer.Layer]part{}, map[layer.Layer][]*layer.Node{}
	for _, x := range n.Nodes() {
		calls[x.Layer()] = append(calls[x.Layer()], x)
	}
	for _, l := range n.Layers() {
		if _, ok := l.(*layer.Input); ok && hidden {
			continue
		}
		if m, ok := l.(*layer.Model); ok && d.ExpandNested && m.Network() != nil {
			first := len(c.boxes)
			inner, deep := d.add(c, m.Network(), false)
			f := frame{name: n.Name(l), inner: deep}
			for i := first; i < len(c.boxes); i++ {
				f.members = append(f.members, i)
			}
			c.frames = append(c.frames, f)
			parts[l], depth = inner, max(depth, deep+1)
			continue
		}
		parts[l] = part{[]int{len(c.boxes)}, []int{len(c.boxes)}}
		c.boxes = append(c.boxes, d.box(n, l, calls[l]))
	}
	for _, l := range n.Layers() {
		to, shown := parts[l]
		if !shown {
			continue
		}
		for _, x := range calls[l] {
			for i, y := range x.Inputs() {
				if from, shown := parts[y.Layer()]; shown {
					c.edges = append(c.edges, layered.Edge{From: at(from.outputs, y.Output()), To: at(to.inputs, i)})
				}
			}
		}
	}
	for _, x := range n.Inputs() {
		whole.inputs = append(whole.inputs, parts[x.Layer()].inputs...)
	}
	for _, x := range n.Outputs() {
		if p := parts[x.Layer()]; len(p.outputs) > 0 {
			whole.outputs = append(whole.outputs, at(p.outputs, x.Output()))
		}
	}
	return whole, depth
}

// distinct returns each edge once.
func distinct(edges []layered.Edge) []layered.Edge {
	var list []layered.Edge
	seen := map[layered.Edge]bool{}
	for _, e := range edges {
		if !seen[e] {
			list = append(list, e)
		}
		seen[e] = true
	}
	return list
}

// box says what there is to say of a layer, whose calls these are.
func (d Diagram) box(n *layer.Network, l layer.Layer, calls []*layer.Node) box {
	b := box{name: n.Name(l), class: layer.Class(l), weights: len(layer.Variables(l)) > 0, frozen: layer.Frozen(l)}
	b.activation = activationOf(l)
	var inputs, outputs []string
	for _, x := range calls {
		inputs, outputs = append(inputs, shapesText(n.ShapesOf(x.Inputs()))), append(outputs, shapesText(n.ShapesOf(x.Results())))
	}
	b.input, b.output = inputs[0], outputs[0]
	if _, ok := l.(*layer.Input); ok {
		b.input = ""
		if d.Style == layer.Keras2 {
			b.input = b.output
		}
	}
	if d.Style == layer.Keras2 { // which says so if a layer is used for several shapes; Keras 3 shows the first
		if len(slices.Compact(inputs)) > 1 {
			b.input = "multiple"
		}
		if len(slices.Compact(outputs)) > 1 {
			b.output = "multiple"
		}
	}
	return b
}

// shapesText writes shapes as Python would.
func shapesText(shapes []tensor.Shape) string {
	var all []string
	for _, s := range shapes {
		all = append(all, s.String())
	}
	if len(all) == 1 {
		return all[0]
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// activationOf returns Keras's name of the activation that a layer has, "" if it has none.
func activationOf(l layer.Layer) string {
	if l, ok := l.(*layer.Activation); ok {
		if l.Func != nil {
			return l.Func.Name()
		}
		return ""
	}
	field := reflect.Indirect(reflect.ValueOf(l)).FieldByName("Activation")
	if !field.IsValid() || field.Type() != reflect.TypeFor[activation.Activation]() {
		return ""
	}
	if f, ok := field.Interface().(activation.Activation); ok {
		return f.Name()
	}
	return activation.Linear{}.Name()
}

func (d Diagram) drawing() (*drawing, error) {
	chart, err := d.chart()
	if err != nil {
		return nil, err
	}
	boxes, edges := chart.boxes, chart.edges
	look := &keras3
	if d.Style == layer.Keras2 {
		look = &keras2
	}
	tables := make([]table, len(boxes))
	sizes := make([]layered.Size, len(boxes))
	for i, b := range boxes {
		tables[i] = look.table(d, b)
		size := tables[i].size()
		sizes[i] = layered.Size{Width: float64(size.X), Height: float64(size.Y)}
	}
	l, err := layered.Layout(sizes, distinct(edges), layered.Options{BoxGap: 24, RankGap: 36, TrackGap: 12, Curved: look.curved})
	if err != nil {
		return nil, err
	}
	margin := margin // wide enough for the outermost frame
	for _, f := range chart.frames {
		margin = max(margin, f.gap()+frameTitle)
	}
	return &drawing{
		width:  vg.Length(l.Width) + 2*margin,
		height: vg.Length(l.Height) + 2*margin,
		dpi:    look.dpi,
		paint: func(c draw.Canvas) {
			at := func(p layered.Point) vg.Point { // the layout's y grows downwards, the canvas's upwards
				return vg.Point{X: c.Min.X + margin + vg.Length(p.X), Y: c.Max.Y - margin - vg.Length(p.Y)}
			}
			for _, f := range slices.Backward(chart.frames) {
				if len(f.members) == 0 {
					continue
				}
				var around vg.Rectangle
				for k, i := range f.members {
					half, centre := tables[i].size().Scale(0.5), at(l.Boxes[i])
					low, high := centre.Sub(half), centre.Add(half)
					if k == 0 {
						around = vg.Rectangle{Min: low, Max: high}
					}
					around.Min = vg.Point{X: min(around.Min.X, low.X), Y: min(around.Min.Y, low.Y)}
					around.Max = vg.Point{X: max(around.Max.X, high.X), Y: max(around.Max.Y, high.Y)}
				}
				f.paint(c, around)
			}
			for _, route := range l.Routes {
				points := make([]vg.Point, len(route))
				for i, p := range route {
					points[i] = at(p)
				}
				look.arrow(c, points)
			}
			for i, t := range tables {
				size, centre := t.size(), at(l.Boxes[i])
				t.paint(c, vg.Point{X: centre.X - size.X/2, Y: centre.Y + size.Y/2})
			}
		},
	}, nil
}

// frameTitle is the height of a frame's title, which is above its boxes.
const frameTitle vg.Length = 13

// gap is the room between a frame and its boxes, in which the frames within it are.
func (f frame) gap() vg.Length { return 5 + vg.Length(f.inner)*(frameTitle+2) }

// paint draws the frame around a rectangle, with its name in the upper left corner.
func (f frame) paint(c draw.Canvas, around vg.Rectangle) {
	gap := f.gap()
	around.Min = around.Min.Sub(vg.Point{X: gap, Y: gap})
	around.Max = around.Max.Add(vg.Point{X: gap, Y: gap + frameTitle})
	fill(c, around, color.Gray{Y: max(0xF4-0x10*uint8(min(f.inner, 4)), 0xB0)})
	c.SetLineStyle(draw.LineStyle{Color: color.Gray{Y: 0x80}, Width: 1})
	c.Stroke(around.Path())
	name := label(sans(10), color.Black, 0, -1)
	c.FillText(name, vg.Point{X: around.Min.X + 4, Y: around.Max.Y - 1}, f.name)
}

// A look is what Keras's two diagrams don't have in common.
type look struct {
	dpi    int
	curved bool
	pen    vg.Length // of arrows
	head   vg.Length // the length of an arrow's head
	table  func(Diagram, box) table
}

var (
	keras3 = look{dpi: 200, pen: 2, head: 12, table: keras3Table}
	keras2 = look{dpi: 96, curved: true, pen: 1, head: 10, table: keras2Table}
)

// arrow draws an edge with its head at the end.
func (k *look) arrow(c draw.Canvas, points []vg.Point) {
	tip := points[len(points)-1]
	before := points[len(points)-2]
	// The edge arrives upright or level: its line ends where the head begins.
	along := before.Sub(tip)
	along = along.Scale(1 / vg.Length(math.Hypot(float64(along.X), float64(along.Y))))
	across := vg.Point{X: -along.Y, Y: along.X}
	neck := tip.Add(along.Scale(k.head))
	var path vg.Path
	path.Move(points[0])
	if k.curved {
		for i := 1; i+2 < len(points); i += 3 {
			end := points[i+2]
			if i+3 >= len(points) {
				end = neck
			}
			path.CubeTo(points[i], points[i+1], end)
		}
	} else {
		for _, p := range points[1 : len(points)-1] {
			path.Line(p)
		}
		path.Line(neck)
	}
	c.SetLineStyle(draw.LineStyle{Color: color.Black, Width: k.pen})
	c.Stroke(path)
	wing := across.Scale(k.head * 0.36)
	c.FillPolygon(color.Black, []vg.Point{tip, neck.Add(wing), neck.Sub(wing)})
}

// A table is a box on the canvas: cells in rows or, turned, in columns. Where a row has room left, its cells share it.
type table struct {
	background color.Color
	border     vg.Length // of the background around the cells and between them
	rows       [][]cell
	turned     bool // the rows are columns, and their cells stand below each other
}

// A cell holds text, parts of which may be bold, in its middle.
type cell struct {
	runs      []run
	ink, fill color.Color
	pad       vg.Point // between text and border
}

type run struct {
	text string
	font font.Font
}

func (r run) style(ink color.Color) draw.TextStyle { return label(r.font, ink, 0, 0) }

func (c cell) size() vg.Point {
	var w, h vg.Length
	for _, r := range c.runs {
		extents := r.style(c.ink).FontExtents()
		w, h = w+r.style(c.ink).Width(r.text), max(h, extents.Height)
	}
	return vg.Point{X: w + 2*c.pad.X, Y: h + 2*c.pad.Y}
}

// turn exchanges the directions if the table is turned.
func (t table) turn(p vg.Point) vg.Point {
	if t.turned {
		p.X, p.Y = p.Y, p.X
	}
	return p
}

// row returns the size of a row: along it the sum of its cells, across it the largest. Borders are between the cells.
func (t table) row(row []cell) (along, across vg.Length) {
	along = -t.border
	for _, c := range row {
		size := t.turn(c.size())
		along, across = along+size.X+t.border, max(across, size.Y)
	}
	return along, across
}

func (t table) size() vg.Point {
	size := vg.Point{Y: t.border}
	for _, row := range t.rows {
		along, across := t.row(row)
		size.X, size.Y = max(size.X, along+2*t.border), size.Y+across+t.border
	}
	return t.turn(size)
}

// paint draws the table with its upper left corner at a point.
func (t table) paint(c draw.Canvas, corner vg.Point) {
	// area is the rectangle from a to b, counted from the corner, along and across the rows.
	area := func(a, b vg.Point) vg.Rectangle {
		a, b = t.turn(a), t.turn(b)
		return vg.Rectangle{Min: vg.Point{X: corner.X + a.X, Y: corner.Y - b.Y}, Max: vg.Point{X: corner.X + b.X, Y: corner.Y - a.Y}}
	}
	whole := t.turn(t.size())
	fill(c, area(vg.Point{}, whole), t.background)
	y := t.border
	for _, row := range t.rows {
		along, across := t.row(row)
		x, share := t.border, (whole.X-2*t.border-along)/vg.Length(len(row))
		for _, cell := range row {
			end := x + t.turn(cell.size()).X + share
			cell.paint(c, area(vg.Point{X: x, Y: y}, vg.Point{X: end, Y: y + across}))
			x = end + t.border
		}
		y += across + t.border
	}
}

func (c cell) paint(canvas draw.Canvas, area vg.Rectangle) {
	fill(canvas, area, c.fill)
	x := (area.Min.X+area.Max.X-c.size().X)/2 + c.pad.X
	for _, r := range c.runs {
		style := r.style(c.ink)
		// Capitals, which are 0.72 of a font's size, stand in the middle.
		baseline := (area.Min.Y+area.Max.Y)/2 - 0.36*r.font.Size
		canvas.FillText(style, vg.Point{X: x, Y: baseline}, r.text)
		x += style.Width(r.text)
	}
}

// keras3Table is the table that Keras 3 writes as HTML: a black title, white cells below.
func keras3Table(d Diagram, b box) table {
	regular := sans(14)
	bold, title := regular, sans(16)
	bold.Weight = xfont.WeightBold
	titleBold := title
	titleBold.Weight = xfont.WeightBold
	pad := vg.Point{X: 11, Y: 11}

	head := cell{ink: color.White, fill: color.Black, pad: pad}
	if d.HideNames {
		head.runs = []run{{b.class, titleBold}}
	} else {
		head.runs = []run{{b.name, titleBold}, {fmt.Sprintf(" (%s)", b.class), title}}
	}
	t := table{background: color.Black, border: 2.5, rows: [][]cell{{head}}}
	white := func(what, value string) cell {
		return cell{runs: []run{{what + ": ", regular}, {value, bold}}, ink: color.Black, fill: color.White, pad: pad}
	}
	if d.Activations && b.activation != "" {
		t.rows = append(t.rows, []cell{white("Activation", b.activation)})
	}
	var cells []cell
	if !d.HideShapes {
		if b.input != "" {
			cells = append(cells, white("Input shape", b.input))
		}
		cells = append(cells, white("Output shape", b.output))
	}
	if d.Trainable && b.weights {
		c := cell{runs: []run{{"Trainable", bold}}, ink: color.White, fill: color.RGBA{0x22, 0x8B, 0x22, 0xFF}, pad: pad}
		if b.frozen {
			c.runs[0].text, c.fill = "Non-trainable", color.RGBA{0xB2, 0x22, 0x22, 0xFF}
		}
		cells = append(cells, c)
	}
	if len(cells) > 0 {
		t.rows = append(t.rows, cells)
	}
	return t
}

// keras2Table is the record that Keras 2.2 has graphviz draw: the name, and beside it two rows of shapes.
func keras2Table(d Diagram, b box) table {
	times := font.Font{Typeface: "Liberation", Variant: "Serif", Size: 14}
	text := func(s string) cell {
		return cell{runs: []run{{s, times}}, ink: color.Black, fill: color.White, pad: vg.Point{X: 8, Y: 4}}
	}
	title := text(b.name + ": " + b.class)
	if d.HideNames {
		title = text(b.class)
	}
	t := table{background: color.Black, border: 1, turned: true}
	if d.HideShapes {
		title.pad.Y = 10
		t.rows = [][]cell{{title}}
		return t
	}
	t.rows = [][]cell{{title}, {text("input:"), text("output:")}, {text(b.input), text(b.output)}}
	return t
}
