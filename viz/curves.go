package viz

// This file draws how a training went.

import (
	"errors"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/cornu-ml/cornu/train"
)

// Curves shows what was measured at the end of each epoch of a training: a chart for the loss and one for each metric,
// one below the other, with the values of validation dashed.
type Curves struct {
	Title   string
	History *train.History
	Names   []string // which measures and in which order; nil is all, the loss first
}

func (c Curves) drawing() (*drawing, error) {
	if c.History == nil || len(c.History.Epoch) == 0 {
		return nil, errors.New("the history holds no epoch")
	}
	names := c.Names
	if names == nil {
		names = measures(c.History)
	}
	if len(names) == 0 {
		return nil, errors.New("curves of no measure; the history has " + strings.Join(measures(c.History), ", "))
	}
	const each = 2.6 * vg.Inch // the height of a chart
	var charts []Chart
	var plots []*plot
	fullest := 0 // the chart whose legend is everyone's
	for _, name := range names {
		if found, err := train.Find(name, measures(c.History)); err == nil {
			name = found
		}
		chart := Chart{YLabel: strings.ReplaceAll(name, "_", " "), wholeX: true}
		for _, key := range []string{name, "val_" + name} {
			values, ok := c.History.Values[key]
			if !ok {
				continue
			}
			line := Line{Name: "training", Y: values, Dots: len(values) <= 40}
			if key != name {
				line.Name, line.Dashed = "validation", true
			}
			for _, epoch := range c.History.Epochs(key) {
				line.X = append(line.X, float64(epoch+1))
			}
			chart.Lines = append(chart.Lines, line)
		}
		if len(chart.Lines) == 0 {
			return nil, errors.New("the history holds no " + name + "; it has " + strings.Join(measures(c.History), ", "))
		}
		if len(charts) == 0 {
			chart.Title = c.Title
		}
		if len(charts) == len(names)-1 {
			chart.XLabel = "epoch"
		}
		p, err := chart.plot(each)
		if err != nil {
			return nil, err
		}
		charts, plots = append(charts, chart), append(plots, p)
		if len(chart.Lines) > len(charts[fullest].Lines) {
			fullest = len(charts) - 1
		}
	}

	const legend vg.Length = 24
	return &drawing{width: chartWidth, height: vg.Length(len(plots))*each + legend, paint: func(canvas draw.Canvas) {
		canvas = draw.Crop(canvas, margin, -margin, margin, -margin)
		height := charts[fullest].drawLegend(canvas)
		stack(draw.Crop(canvas, 0, 0, height, 0), plots, 12)
	}}, nil
}

// measures lists what a history holds of training: the loss first, then the others by name.
func measures(h *train.History) []string {
	var names []string
	for name := range h.Values {
		if !strings.HasPrefix(name, "val_") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		switch {
		case a == "loss":
			return -1
		case b == "loss":
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}
