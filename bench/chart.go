package main

// This file draws the chart: bars of times, and curves of the products' share of the peak, as SVG.

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// The chart's measures, in pixels.
const (
	panelWidth  = 430
	panelHeight = 262
	barHeight   = 15
	barPitch    = 21
	nameWidth   = 138
	barWidth    = 200
)

// cut is how many times as long as Cornu's a bar may be. The others are cut, and end in a point.
const cut = 16

// colours of the curves and the bars. They are legible on white and on black.
var colours = map[string]string{cornuName: "#c8891a", "OpenBLAS": "#5b7fa6", "oneDNN": "#6f9c62"}

const grey = "#8c959f"

func colour(who string) string {
	if c, ok := colours[who]; ok {
		return c
	}
	return grey
}

// A drawing is an SVG in the making.
type drawing struct{ strings.Builder }

func (d *drawing) text(x, y float64, class, text string) {
	fmt.Fprintf(d, "<text x=\"%.0f\" y=\"%.0f\" class=\"%s\">%s</text>\n", x, y, class, html.EscapeString(text))
}

// chart returns the picture of a run.
func chart(r *Results) string {
	var d drawing
	d.panel(0, 0)
	d.bars(r, "An epoch of the listing, two threads", "listing", anEpoch, 2)
	d.panel(1, 0)
	d.bars(r, "The whole program: 20 epochs, from start to exit", "program", twentyEpochs, 2)
	d.panel(0, 1)
	d.bars(r, "Predicting one row, one thread", "listing", oneRow, 1)
	d.panel(1, 1)
	d.curves(r, "Matrix products, one thread: share of the FMA peak", 1)
	about := fmt.Sprintf("%s, %d cores, %s", r.Processor, r.Cores, r.Runs["listing"].Date)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="-apple-system,'Segoe UI',Helvetica,Arial,sans-serif" font-size="12">
<style>text{fill:#57606a}.title{font-weight:600;font-size:13px;fill:#24292f}.name{text-anchor:end}.tick{text-anchor:middle;font-size:11px}.foot{font-size:11px}.cornu{font-weight:600}
@media (prefers-color-scheme:dark){text{fill:#9da7b1}.title{fill:#e6edf3}}</style>
%s</g>
<text x="12" y="%d" class="foot">%s</text>
</svg>
`, 2*panelWidth, 2*panelHeight+24, strings.TrimPrefix(d.String(), "</g>\n"), 2*panelHeight+14, html.EscapeString(about))
}

func (d *drawing) panel(column, row int) {
	fmt.Fprintf(d, "</g>\n<g transform=\"translate(%d %d)\">\n", column*panelWidth, row*panelHeight)
}

// bars draws a bar for each contender's time, shortest first.
func (d *drawing) bars(r *Results, title, suite, name string, threads int) {
	d.text(12, 22, "title", title)
	var rows []*Row
	longest := 0.0
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Suite == suite && row.Case == name && row.Threads == threads && row.Who != avx2Name {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b *Row) int { return int(math.Copysign(1, a.Median-b.Median)) })
	limit := cut * r.value(suite, name, cornuName, threads)
	for _, row := range rows {
		longest = max(longest, min(row.Median, limit))
	}
	for i, row := range rows {
		y := 36 + float64(i)*barPitch
		width := barWidth * min(row.Median, limit) / longest
		class := "name"
		if row.Who == cornuName {
			class = "name cornu"
		}
		d.text(nameWidth, y+12, class, row.Who)
		point := 0.0
		if row.Median > limit {
			point = barHeight / 2
		}
		fmt.Fprintf(d, "<path d=\"M%d %.0fh%.1fl%.1f %.1fl%.1f %.1fh%.1fz\" fill=\"%s\"/>\n",
			nameWidth+8, y, width, point, barHeight/2.0, -point, barHeight/2.0, -width, colour(row.Who))
		d.text(nameWidth+8+width+point+6, y+12, class[4:], seconds(row.Median))
	}
}

// curves draws the share of the peak of square products against their size.
func (d *drawing) curves(r *Results, title string, threads int) {
	d.text(12, 22, "title", title)
	const left, top, width, height = 44.0, 42.0, 360.0, 150.0
	y := func(share float64) float64 { return top + height*(1-share) }
	for share := 0.0; share <= 1; share += 0.25 {
		fmt.Fprintf(d, "<path d=\"M%.0f %.0fh%.0f\" stroke=\"%s\" stroke-opacity=\".35\"/>\n", left, y(share), width, grey)
		d.text(left-6, y(share)+4, "name", percent(share))
	}
	var squares []shape
	for _, s := range shapes() {
		if n := s.square(); n > 0 && n&(n-1) == 0 && !s.transA && !s.transB {
			squares = append(squares, s)
		}
	}
	x := func(i int) float64 { return left + width*(float64(i)+0.5)/float64(len(squares)) }
	for i, s := range squares {
		d.text(x(i), top+height+16, "tick", fmt.Sprint(s.m))
	}
	at := left
	for _, who := range append([]string{cornuName}, r.libraries(threads)...) {
		var points []string
		for i, s := range squares {
			if row := r.find("gemm", s.String(), who, threads); row != nil {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x(i), y(min(row.OfPeak, 1))))
			}
		}
		fmt.Fprintf(d, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", strings.Join(points, " "), colour(who))
		fmt.Fprintf(d, "<path d=\"M%.0f %.0fh16\" stroke=\"%s\" stroke-width=\"3\"/>\n", at, top+height+32, colour(who))
		d.text(at+22, top+height+36, "", who)
		at += 110
	}
}
