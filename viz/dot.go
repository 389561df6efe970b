package viz

// This file writes diagrams in the language of graphviz, letter by letter as Keras does.

import (
	"fmt"
	"html"
	"strings"

	"github.com/cornu-ml/cornu/layer"
)

// DOT returns the diagram as text for graphviz.
func (d Diagram) DOT() (string, error) {
	chart, err := d.chart()
	if err != nil {
		return "", fmt.Errorf("viz: %w", err)
	}
	boxes, edges := chart.boxes, chart.edges
	var b strings.Builder
	if d.Style == layer.Keras2 {
		b.WriteString("digraph G {\nconcentrate=True;\nrankdir=TB;\nnode [shape=record];\n")
		for i, box := range boxes {
			fmt.Fprintf(&b, "n%d [label=\"%s\"];\n", i, d.record(box))
		}
		for _, e := range edges {
			fmt.Fprintf(&b, "n%d -> n%d;\n", e.From, e.To)
		}
	} else {
		b.WriteString("digraph G {\nrankdir=TB;\nconcentrate=true;\ndpi=200;\nsplines=ortho;\nnode [shape=record];\n")
		for i, box := range boxes {
			fmt.Fprintf(&b, "n%d [label=<%s>, fontname=Helvetica, border=0, margin=0];\n", i, d.html(box))
		}
		for _, e := range distinct(edges) {
			fmt.Fprintf(&b, "n%d -> n%d [penwidth=2];\n", e.From, e.To)
		}
	}
	for i := range chart.frames {
		chart.cluster(&b, i)
	}
	b.WriteString("}\n")
	return b.String(), nil
}

// cluster draws a frame around boxes, which graphviz keeps together.
func (c chart) cluster(b *strings.Builder, i int) {
	fmt.Fprintf(b, "subgraph cluster_%d {\nlabel=%q;\n", i, c.frames[i].name)
	for _, n := range c.frames[i].members {
		fmt.Fprintf(b, "n%d;\n", n)
	}
	b.WriteString("}\n")
}

// record is the label that Keras 2.2 gives a box.
func (d Diagram) record(b box) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "{", `\{`, "}", `\}`, "|", `\|`, "<", `\<`, ">", `\>`).Replace
	title := b.name + ": " + b.class
	if d.HideNames {
		title = b.class
	}
	if d.HideShapes {
		return escape(title)
	}
	return fmt.Sprintf(`%s\n|{input:|output:}|{{%s}|{%s}}`, escape(title), b.input, b.output)
}

// html is the label that Keras 3 gives a box.
func (d Diagram) html(b box) string {
	columns := 0
	if d.Trainable {
		columns++
	}
	if !d.HideShapes {
		columns += 2
	}
	columns = max(columns, 1)
	title := fmt.Sprintf("<b>%s</b> (%s)", html.EscapeString(b.name), html.EscapeString(b.class))
	if d.HideNames {
		title = fmt.Sprintf("<b>%s</b>", html.EscapeString(b.class))
	}
	var t strings.Builder
	fmt.Fprintf(&t, `<table border="0" cellborder="1" bgcolor="black" cellpadding="10"><tr><td colspan="%d" bgcolor="black">`+
		`<font point-size="16" color="white">%s</font></td></tr>`, columns, title)
	if d.Activations && b.activation != "" {
		fmt.Fprintf(&t, `<tr><td bgcolor="white" colspan="%d"><font point-size="14">Activation: <b>%s</b></font></td></tr>`, columns, b.activation)
	}
	var cells []string
	if !d.HideShapes {
		white := `<td bgcolor="white"><font point-size="14">%s shape: <b>%s</b></font></td>`
		if b.input != "" {
			cells = append(cells, fmt.Sprintf(white, "Input", b.input))
		}
		cells = append(cells, fmt.Sprintf(white, "Output", b.output))
	}
	if d.Trainable && b.weights {
		ground, text := "forestgreen", "Trainable"
		if b.frozen {
			ground, text = "firebrick", "Non-trainable"
		}
		cells = append(cells, fmt.Sprintf(`<td bgcolor="%s"><font point-size="14" color="white"><b>%s</b></font></td>`, ground, text))
	}
	if len(cells) > 0 {
		t.WriteString("<tr>" + strings.Join(cells, "") + "</tr>")
	}
	return t.String() + "</table>"
}
