package viz

// This file draws which class was taken for which.

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Confusion shows a confusion matrix: a row for each true class, a column for each predicted one, the counts in the
// cells, which are the darker the larger a share of their row they are. Of more than 100 classes it shows the shades
// alone, and the labels for which there is room; of more than 4096, nothing.
type Confusion struct {
	Title  string
	Counts [][]float64 // Counts[true][predicted]; metric.Rows makes them of what Evaluate gives
	Labels []string    // of the classes; nil: their numbers
}

// written is the number of classes up to which counts are written into the cells, mostClasses that up to which there
// are cells.
const written, mostClasses = 100, 4096

var titleStyle = label(sans(13), color.Black, -0.5, -1)

func (c Confusion) drawing() (*drawing, error) {
	n := len(c.Counts)
	if n == 0 {
		return nil, errors.New("a confusion matrix without classes")
	}
	for i, row := range c.Counts {
		if len(row) != n {
			return nil, fmt.Errorf("a confusion matrix has as many columns as rows, row %d of %d has %d", i, n, len(row))
		}
		for j, v := range row {
			if !(v >= 0 && finite(v)) {
				return nil, fmt.Errorf("a confusion matrix with %v in row %d, column %d, which is no count", v, i, j)
			}
		}
	}
	if n > mostClasses {
		return nil, fmt.Errorf("a confusion matrix of %d classes; at most %d can be drawn", n, mostClasses)
	}
	if c.Labels == nil {
		for i := range n {
			c.Labels = append(c.Labels, strconv.Itoa(i))
		}
	}
	if len(c.Labels) != n {
		return nil, fmt.Errorf("%d labels for %d classes", len(c.Labels), n)
	}

	small := label(sans(10), plain, 0, 0)
	var widest vg.Length
	for _, text := range c.Labels {
		widest = max(widest, small.Width(text))
	}
	cell := vg.Length(max(1000/n, 1))
	if n <= written {
		cell = max(34, c.widestCount()+10)
	}
	left, below, above := 2*margin+16+widest, vg.Length(44), 2*margin
	if c.Title != "" {
		above += 22
	}
	every := 1 // so many classes share a label
	if room := 14 / cell; room > 1 {
		every = int(math.Ceil(float64(room)))
	}
	turned := widest > cell*vg.Length(every)-4 // column labels that would run into each other are written upwards
	if turned {
		below += widest - 10
	}
	side := cell * vg.Length(n)
	right := 2 * margin
	// A title that is wider than all else, in the middle of the matrix, sticks out on either side.
	half := titleStyle.Width(c.Title)/2 + margin - side/2
	moreLeft, moreRight := max(half-left, 0), max(half-right, 0)
	return &drawing{
		width:  moreLeft + left + side + right + moreRight,
		height: below + side + above,
		paint: func(canvas draw.Canvas) {
			canvas = draw.Crop(canvas, moreLeft, -moreRight, 0, 0)
			origin := vg.Point{X: canvas.Min.X + left, Y: canvas.Min.Y + below}
			c.paint(canvas, origin, cell, every, turned)
		},
	}, nil
}

func (c Confusion) widestCount() (widest vg.Length) {
	style := label(sans(10), plain, 0, 0)
	for _, row := range c.Counts {
		for _, v := range row {
			widest = max(widest, style.Width(count(v)))
		}
	}
	return widest
}

func (c Confusion) paint(canvas draw.Canvas, origin vg.Point, cell vg.Length, every int, turned bool) {
	n := len(c.Counts)
	side := cell * vg.Length(n)
	at := func(row, column float64) vg.Point {
		return vg.Point{X: origin.X + cell*vg.Length(column), Y: origin.Y + side - cell*vg.Length(row)}
	}
	if n <= written {
		c.cells(func(i, j int, v, share float64) {
			fill(canvas, vg.Rectangle{Min: at(float64(i+1), float64(j)), Max: at(float64(i), float64(j+1))}, shadeOf(share))
			ink := color.Color(plain)
			if share > 0.5 {
				ink = color.White
			}
			canvas.FillText(label(sans(10), ink, -0.5, -0.5), at(float64(i)+0.5, float64(j)+0.5), count(v))
		})
	} else {
		canvas.DrawImage(vg.Rectangle{Min: at(float64(n), 0), Max: at(0, float64(n))}, c.shades(int(cell)))
	}
	frame := draw.LineStyle{Color: plain, Width: 0.8}
	canvas.StrokeLines(frame, []vg.Point{at(0, 0), at(0, float64(n)), at(float64(n), float64(n)), at(float64(n), 0), at(0, 0)})

	right, centre := label(sans(10), plain, -1, -0.5), label(sans(10), plain, -0.5, -1)
	up := label(sans(10), plain, -1, -0.5)
	up.Rotation = math.Pi / 2
	for i, text := range c.Labels {
		if i%every != 0 {
			continue
		}
		p := at(float64(i)+0.5, 0)
		canvas.FillText(right, vg.Point{X: p.X - 6, Y: p.Y}, text)
		p = at(float64(n), float64(i)+0.5)
		if turned {
			canvas.FillText(up, vg.Point{X: p.X, Y: p.Y - 6}, text)
		} else {
			canvas.FillText(centre, vg.Point{X: p.X, Y: p.Y - 4}, text)
		}
	}
	axis := label(sans(11), color.Black, -0.5, 0)
	middle := at(float64(n)/2, float64(n)/2)
	canvas.FillText(axis, vg.Point{X: middle.X, Y: canvas.Min.Y + margin}, "predicted")
	axis.Rotation, axis.YAlign = math.Pi/2, -1
	canvas.FillText(axis, vg.Point{X: canvas.Min.X + margin, Y: middle.Y}, "true")
	if c.Title != "" {
		canvas.FillText(titleStyle, vg.Point{X: middle.X, Y: canvas.Max.Y - margin}, c.Title)
	}
}

// cells visits the cells with their counts and what share of their rows they are.
func (c Confusion) cells(visit func(i, j int, v, share float64)) {
	for i, row := range c.Counts {
		total := 0.0
		for _, v := range row {
			total += v
		}
		for j, v := range row {
			share := 0.0
			if total > 0 {
				share = v / total
			}
			visit(i, j, v, share)
		}
	}
}

// shades is the matrix as an image, a square of pixels for each cell.
func (c Confusion) shades(side int) image.Image {
	n := len(c.Counts)
	picture := image.NewRGBA(image.Rect(0, 0, n*side, n*side))
	c.cells(func(i, j int, _, share float64) {
		shade := shadeOf(share)
		for y := range side {
			for x := range side {
				picture.SetRGBA(j*side+x, i*side+y, shade)
			}
		}
	})
	return picture
}

// count writes a cell's number: whole if it is, else with two digits.
func count(v float64) string {
	switch {
	case v >= 1e15:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// shadeOf runs from white to blue.
func shadeOf(share float64) color.RGBA {
	blue := palette[0]
	mix := func(to uint8) uint8 { return uint8(math.Round(255 + (float64(to)-255)*share)) }
	return color.RGBA{mix(blue.R), mix(blue.G), mix(blue.B), 255}
}
