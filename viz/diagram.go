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

// boxes lists the layers, and the edges between them in Keras's order.
func (d Diagram) boxes() ([]box, []layered.Edge, error) {
	if config.IsNil(d.Model) || d.Model.Network() == nil {
		return nil, nil, errors.New("the diagram of a model that is not built: its first layer should be an Input, or Build should tell the shape of the data first")
	}
	n := d.Model.Network()
	_, sequential := d.Model.(*cornu.Sequential)
	number := map[layer.Layer]int{}
	var boxes []box
	for _, l := range n.Layers() {
		if _, ok := l.(*layer.Input); ok && sequential && d.Style == layer.Keras3 {
			continue
		}
		number[l] = len(boxes)
		boxes = append(boxes, d.box(n, l))
	}
	var edges []layered.Edge
	for _, l := range n.Layers() {
		to, shown := number[l]
		if !shown {
			continue
		}
		for _, x := range n.Nodes() {
			if x.Layer() != l {
				continue
			}
			for _, y := range x.Inputs() {
				if from, shown := number[y.Layer()]; shown {
					edges = append(edges, layered.Edge{From: from, To: to})
				}
			}
		}
	}
	return boxes, edges, nil
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

func (d Diagram) box(n *layer.Network, l layer.Layer) box {
	b := box{name: n.Name(l), class: layer.Class(l), weights: len(layer.Variables(l)) > 0, frozen: layer.Frozen(l)}
	b.activation = activationOf(l)
	var inputs, outputs []string
	for _, x := range n.Nodes() {
		if x.Layer() == l {
			inputs, outputs = append(inputs, shapesOf(x.Inputs())), append(outputs, shapesOf(x.Results()))
		}
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

// shapesOf writes the shapes of nodes as Python would.
func shapesOf(nodes []*layer.Node) string {
	var all []string
	for _, x := range nodes {
		all = append(all, x.Shape().String())
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
	boxes, edges, err := d.boxes()
	if err != nil {
		return nil, err
	}
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
	return &drawing{
		width:  vg.Length(l.Width) + 2*margin,
		height: vg.Length(l.Height) + 2*margin,
		dpi:    look.dpi,
		paint: func(c draw.Canvas) {
			at := func(p layered.Point) vg.Point { // the layout's y grows downwards, the canvas's upwards
				return vg.Point{X: c.Min.X + margin + vg.Length(p.X), Y: c.Max.Y - margin - vg.Length(p.Y)}
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
