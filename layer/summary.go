package layer

// This file writes the summary of a network as text, in Keras's two tables.

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cornu-ml/cornu/tensor"
)

// A SummaryStyle is one of Keras's two tables.
type SummaryStyle uint8

// The styles.
const (
	Keras3 SummaryStyle = iota // boxes, as Keras 3 draws them
	Keras2                     // lines of _ and =, as Keras 2.2 draws them
)

// A SummaryConfig says how a summary looks. The zero value is Keras 3's, of a
// functional model that isn't compiled.
type SummaryConfig struct {
	Style      SummaryStyle
	Model      string // its name; "": sequential or functional
	Sequential bool   // inputs are not listed
	// Width is the length of lines, Keras's line_length. 0: 88 (Keras 2: 65), or
	// 108 (98) if layers branch.
	Width int
	// Columns, if not 0, is the width of the terminal: without a Width, Keras 3
	// keeps 4 columns less.
	Columns int
	// ExpandNested lists the layers of models that are layers below them. Keras 3 alone does so.
	ExpandNested bool
	Trainable    bool // a last column says which layers are trained; Keras 3 alone has it
	// Optimizer is the number of the optimizer's parameters, once they exist: its
	// slots, the count of steps and the learning rate. Keras 3 alone shows them.
	Optimizer int
}

// Summary writes a table of the network's layers, with the shapes that they put
// out, their parameters and, if layers branch, what they are connected to.
func Summary(w io.Writer, n *Network, cfg SummaryConfig) error {
	const most = 10_000
	switch {
	case w == nil || n == nil:
		return errors.New("layer: a summary needs a network and a writer")
	case cfg.Width < 0 || cfg.Width > most:
		return fmt.Errorf("layer: a summary can't be %d characters wide: at most %d", cfg.Width, most)
	}
	s := summary{n: n, cfg: cfg, branched: n.branched(), name: n.name}
	if cfg.Sequential {
		s.branched = false
	}
	if cfg.Style == Keras2 {
		s.keras2()
	} else {
		s.keras3()
	}
	_, err := io.WriteString(w, s.text.String())
	return err
}

type summary struct {
	n        *Network
	cfg      SummaryConfig
	branched bool
	name     map[Layer]string
	text     strings.Builder
}

// branched reports whether the network is more than one path of distinct layers.
func (n *Network) branched() bool {
	for _, x := range n.nodes {
		if len(x.in) > 1 {
			return true
		}
	}
	used := map[*Node]int{}
	for _, x := range n.nodes {
		for _, y := range x.in {
			used[y]++
		}
	}
	// One path: every node but the last is used once, and no layer twice.
	ends := 0
	for _, x := range n.nodes {
		if used[x] > 1 {
			return true
		}
		if used[x] == 0 {
			ends++
		}
	}
	return ends != 1 || len(n.layers) != len(n.nodes)
}

// A row is what the table says of a layer.
type row struct {
	layer       Layer
	name        string
	frozen      bool // or a layer around it is
	shape       tensor.Shape
	shapes      []tensor.Shape // of all outputs
	many        bool           // the shape depends on where it is applied
	parameters  int
	connections []string
}

func (s *summary) rows() []row {
	applied := s.n.applications()
	var rows []row
	for _, l := range s.n.layers {
		if _, ok := l.(*Input); ok && s.cfg.Sequential {
			continue
		}
		r := rowOf(s.n, l, applied[l])
		for _, x := range applied[l] {
			for _, y := range x.in {
				r.connections = append(r.connections, fmt.Sprintf("%s[%d][%d]", s.name[y.layer], slices.Index(applied[y.layer], y.first()), y.Output()))
			}
		}
		rows = append(rows, r)
		if s.cfg.ExpandNested {
			rows = append(rows, nested(l, 1, r.frozen)...)
		}
	}
	return rows
}

// rowOf describes a layer of a network, without its connections.
func rowOf(n *Network, l Layer, applied []*Node) row {
	r := row{layer: l, name: n.name[l], frozen: Frozen(l)}
	for i, x := range applied {
		shape := n.ShapesOf([]*Node{x})[0]
		r.many = r.many || i > 0 && !shape.Equal(r.shape)
		r.shape, r.shapes = shape, n.ShapesOf(x.results)
	}
	for _, v := range Variables(l) {
		r.parameters += v.Shape.Numel()
	}
	return r
}

// nested describes the layers of a Model, and of those in it.
func nested(l Layer, depth int, frozen bool) []row {
	m, ok := l.(*Model)
	if !ok || m.network == nil {
		return nil
	}
	applied := m.network.applications()
	var rows []row
	for _, inner := range m.network.layers {
		if _, ok := inner.(*Input); ok && m.sequential {
			continue
		}
		r := rowOf(m.network, inner, applied[inner])
		r.name = strings.Repeat("   ", depth) + "└ " + r.name
		r.frozen = r.frozen || frozen
		rows = append(append(rows, r), nested(inner, depth+1, r.frozen)...)
	}
	return rows
}

// output writes the shapes that a layer puts out, as Keras 3 does.
func (r row) output() string {
	var list []string
	for _, s := range r.shapes {
		list = append(list, strings.Replace(s.String(), ",)", ")", 1))
	}
	if len(list) == 1 {
		return list[0]
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// trained says whether the layer's variables are: Y, N, or - if it has none.
func (r row) trained() string {
	switch {
	case len(Variables(r.layer)) == 0:
		return "-"
	case r.frozen:
		return "N"
	}
	return "Y"
}

// counts returns the numbers of parameters that are trained and that are not.
func (s *summary) counts() (trainable, rest int) {
	for _, v := range s.n.variables {
		if s.n.Trainable(v) {
			trainable += v.Shape.Numel()
		} else {
			rest += v.Shape.Numel()
		}
	}
	return trainable, rest
}

// keras3 writes what print_summary of keras/src/utils/summary_utils.py does, the
// table as the library rich lays it out.
func (s *summary) keras3() {
	name := s.cfg.Model
	if name == "" {
		name = map[bool]string{true: "sequential", false: "functional"}[s.cfg.Sequential]
	}
	length, stops := 88, []float64{0.45, 0.80, 1}
	header := []string{"Layer (type)", "Output Shape", "Param #"}
	if s.branched {
		length, stops = 108, []float64{0.3, 0.56, 0.74, 1}
		header = append(header, "Connected to")
	}
	if s.cfg.Trainable {
		length += 12
		for i := range stops {
			stops[i] *= 0.9
		}
		stops = append(stops, 1)
		header = append(header, "Trainable")
	}
	if s.cfg.Columns > 0 {
		length = min(length, s.cfg.Columns-4)
	}
	if s.cfg.Width > 0 {
		length = s.cfg.Width
	}
	t := table{widths: columns(length, stops), centered: -1}
	if s.cfg.Trainable {
		t.centered = len(header) - 1
	}
	s.text.WriteString("Model: \"" + name + "\"\n")
	t.rule(&s.text, "┏━┳┓")
	t.row(&s.text, "┃", header, true)
	t.rule(&s.text, "┡━╇┩")
	for i, r := range s.rows() {
		if i > 0 {
			t.rule(&s.text, "├─┼┤")
		}
		cells := []string{
			fmt.Sprintf("%s (%s)", r.name, Class(r.layer)),
			r.output(),
			commas(r.parameters),
		}
		if s.branched {
			connections := strings.Join(r.connections, ", ")
			if connections == "" {
				connections = "-"
			}
			cells = append(cells, connections)
		}
		if s.cfg.Trainable {
			cells = append(cells, r.trained())
		}
		t.row(&s.text, "│", cells, false)
	}
	t.rule(&s.text, "└─┴┘")

	trainable, rest := s.counts()
	line := func(what string, count int) {
		fmt.Fprintf(&s.text, " %s params: %s (%s)\n", what, commas(count), memory(4*count))
	}
	line("Total", trainable+rest+s.cfg.Optimizer)
	line("Trainable", trainable)
	line("Non-trainable", rest)
	if s.cfg.Optimizer > 0 {
		line("Optimizer", s.cfg.Optimizer)
	}
}

// columns returns the widths of the table's columns, with a blank on both sides
// of each: Keras asks for more than fits, and rich takes what is too much from
// the columns evenly.
func columns(length int, stops []float64) []int {
	widths := make([]int, len(stops))
	at := 0
	for i, stop := range stops {
		widths[i] = int(stop*float64(length)) - at + 2
		at = int(stop * float64(length))
	}
	excess := 3*len(stops) + 1
	for i := range widths {
		take := int(math.RoundToEven(float64(excess) / float64(len(widths)-i)))
		widths[i] = max(widths[i]-take, 2)
		excess -= take
	}
	return widths
}

// A table draws boxes around cells, numbers (in the third column) on the right.
type table struct {
	widths   []int
	centered int // the column whose text is in the middle, or -1
}

// rule draws a line of the left corner, the dash, the crossing and the right
// corner that glyphs hold.
func (t table) rule(b *strings.Builder, glyphs string) {
	g := []rune(glyphs)
	b.WriteRune(g[0])
	for i, width := range t.widths {
		if i > 0 {
			b.WriteRune(g[2])
		}
		b.WriteString(strings.Repeat(string(g[1]), width))
	}
	b.WriteRune(g[3])
	b.WriteByte('\n')
}

// row draws cells, whose text begins in the first line, or ends in the last as that
// of headers.
func (t table) row(b *strings.Builder, side string, cells []string, bottom bool) {
	lines := make([][]string, len(cells))
	height := 0
	for i, cell := range cells {
		lines[i] = wrap(cell, t.widths[i]-2)
		height = max(height, len(lines[i]))
	}
	for k := range height {
		b.WriteString(side)
		for i := range cells {
			at, text := k, ""
			if bottom {
				at -= height - len(lines[i])
			}
			if at >= 0 && at < len(lines[i]) {
				text = lines[i][at]
			}
			gap, left := max(t.widths[i]-2-utf8.RuneCountInString(text), 0), 0
			switch i {
			case 2:
				left = gap
			case t.centered:
				left = gap / 2
			}
			b.WriteString(strings.Repeat(" ", 1+left) + text + strings.Repeat(" ", gap-left+1) + side)
		}
		b.WriteByte('\n')
	}
}

// wrap breaks text at blanks into lines of the width. A word that is longer ends
// in an ellipsis.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	rest := strings.TrimLeft(text, " ")
	indent := text[:len(text)-len(rest)]
	for i, word := range strings.Fields(rest) {
		if i == 0 {
			word = indent + word
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	lines = append(lines, line)
	for i, line := range lines {
		if r := []rune(line); len(r) > width {
			lines[i] = string(r[:max(width-1, 0)]) + "…"
		}
	}
	return lines
}

// commas writes n with a comma before every three digits.
func commas(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// memory writes a number of bytes as Keras 3 does.
func memory(n int) string {
	size := float64(n)
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	for _, unit := range units[:len(units)-1] {
		if size < 1024 {
			return fmt.Sprintf("%.2f %s", size, unit)
		}
		size /= 1024
	}
	return fmt.Sprintf("%.2f PB", size)
}

// keras2 writes what print_summary of Keras 2.2.4's keras/utils/layer_utils.py does.
func (s *summary) keras2() {
	length, stops := 65, []float64{.45, .85, 1}
	header := []string{"Layer (type)", "Output Shape", "Param #"}
	if s.branched {
		length, stops = 98, []float64{.33, .55, .67, 1}
		header = append(header, "Connected to")
	}
	if s.cfg.Width > 0 {
		length = s.cfg.Width
	}
	line := func(cells []string) {
		text := ""
		for i, cell := range cells {
			if i > 0 {
				text = text[:max(len(text)-1, 0)] + " "
			}
			stop := int(float64(length) * stops[i])
			text += cell
			text = text[:min(stop, len(text))]
			text += strings.Repeat(" ", stop-len(text))
		}
		s.text.WriteString(text + "\n")
	}
	thin, thick := strings.Repeat("_", length)+"\n", strings.Repeat("=", length)+"\n"
	s.text.WriteString(thin)
	line(header)
	s.text.WriteString(thick)
	rows := s.rows()
	for i, r := range rows {
		shape := r.shape.String()
		if len(r.shapes) > 1 {
			shape = r.output()
		}
		if r.many {
			shape = "multiple"
		}
		cells := []string{fmt.Sprintf("%s (%s)", r.name, Class(r.layer)), shape, strconv.Itoa(r.parameters)}
		if s.branched {
			first := ""
			if len(r.connections) > 0 {
				first = r.connections[0]
			}
			cells = append(cells, first)
		}
		line(cells)
		if s.branched && len(r.connections) > 1 {
			for _, connection := range r.connections[1:] {
				line([]string{"", "", "", connection})
			}
		}
		if i == len(rows)-1 {
			s.text.WriteString(thick)
		} else {
			s.text.WriteString(thin)
		}
	}
	trainable, rest := s.counts()
	fmt.Fprintf(&s.text, "Total params: %s\nTrainable params: %s\nNon-trainable params: %s\n", commas(trainable+rest), commas(trainable), commas(rest))
	s.text.WriteString(thin)
}
