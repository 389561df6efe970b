package main

// This file measures single convolutions and their gradients: layers of well-known networks, by Cornu's kernels and by what
// libraries have for them.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
)

// A convolution is a square one in two dimensions.
type convolution struct {
	name                                                      string
	batch, size, channels, filters, taps, stride, pad, groups int
}

// convolutions lists layers of the book's network, VGG-16, ResNet-50, MobileNet and ResNet-20, and what is at the edges.
func convolutions() []convolution {
	return []convolution{
		{"the book's first", 128, 28, 1, 64, 3, 1, 0, 1},
		{"the book's second", 128, 13, 64, 64, 3, 1, 0, 1},
		{"the book's third", 128, 5, 64, 64, 3, 1, 0, 1},
		{"VGG 1.1", 1, 224, 3, 64, 3, 1, 1, 1},
		{"VGG 1.2", 1, 224, 64, 64, 3, 1, 1, 1},
		{"VGG 2.1", 1, 112, 64, 128, 3, 1, 1, 1},
		{"VGG 3.2", 2, 56, 256, 256, 3, 1, 1, 1},
		{"VGG 4.2", 4, 28, 512, 512, 3, 1, 1, 1},
		{"VGG 5.1", 8, 14, 512, 512, 3, 1, 1, 1},
		{"ResNet 1", 4, 224, 3, 64, 7, 2, 3, 1},
		{"ResNet 2, reduce", 8, 56, 256, 64, 1, 1, 0, 1},
		{"ResNet 2, taps", 8, 56, 64, 64, 3, 1, 1, 1},
		{"ResNet 2, expand", 8, 56, 64, 256, 1, 1, 0, 1},
		{"ResNet 3, taps", 8, 28, 128, 128, 3, 1, 1, 1},
		{"ResNet 3, down", 8, 56, 256, 512, 1, 2, 0, 1},
		{"ResNet 3, taps down", 8, 56, 128, 128, 3, 2, 1, 1},
		{"ResNet 4, taps", 8, 14, 256, 256, 3, 1, 1, 1},
		{"ResNet 4, expand", 8, 14, 256, 1024, 1, 1, 0, 1},
		{"ResNet 5, taps", 8, 7, 512, 512, 3, 1, 1, 1},
		{"ResNet 5, one image", 1, 7, 512, 512, 3, 1, 1, 1},
		{"MobileNet 1", 8, 224, 3, 32, 3, 2, 1, 1},
		{"MobileNet 3, depthwise", 8, 56, 128, 128, 3, 1, 1, 128},
		{"MobileNet 3, pointwise", 8, 56, 128, 128, 1, 1, 0, 1},
		{"MobileNet 7, depthwise", 8, 14, 512, 512, 3, 1, 1, 512},
		{"MobileNet 7, pointwise", 8, 14, 512, 512, 1, 1, 0, 1},
		{"CIFAR 1", 128, 32, 3, 16, 3, 1, 1, 1},
		{"CIFAR 2", 128, 32, 16, 16, 3, 1, 1, 1},
		{"CIFAR 3", 128, 16, 32, 32, 3, 1, 1, 1},
		{"11 taps", 8, 28, 16, 16, 11, 1, 5, 1},
		{"one pixel", 128, 1, 256, 256, 3, 1, 1, 1},
	}
}

// directions are what is computed of a convolution.
var directions = []string{"forward", "image", "kernel"}

// words are the question for a direction.
func (c convolution) words(direction string) string {
	return fmt.Sprintf("%s %d %d %d %d %d %d %d %d", direction, c.batch, c.size, c.channels, c.filters, c.taps, c.stride, c.pad, c.groups)
}

func (c convolution) window() product.Window {
	n := (c.size+2*c.pad-c.taps)/c.stride + 1
	return product.Window{
		Batch: c.batch, Image: [3]int{1, c.size, c.size}, Places: [3]int{1, n, n}, Taps: [3]int{1, c.taps, c.taps},
		Stride: [3]int{1, c.stride, c.stride}, Dilation: [3]int{1, 1, 1}, Low: [3]int{0, c.pad, c.pad},
		Channels: c.channels, Filters: c.filters, Groups: c.groups,
	}
}

// flops is the arithmetic of each direction: of the taps that are inside the image.
func (c convolution) flops() float64 {
	inside := 0
	for o := -c.pad; o <= c.size+c.pad-c.taps; o += c.stride {
		inside += min(o+c.taps, c.size) - max(o, 0)
	}
	return 2 * float64(c.batch) * float64(inside*inside) * float64(c.channels/c.groups*c.filters)
}

// convolve returns the seconds of a direction: the median of calls in 0.1 s.
func convolve(direction string, n []int) (Answer, error) {
	if len(n) != 8 {
		return Answer{}, errors.New("not measured")
	}
	c := convolution{"", n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]}
	w := c.window()
	fill := func(n int) []float32 {
		x := mem.Make[float32](n)
		for i := range x {
			x[i] = float32(i*7919%1000)/1000 - 0.5
		}
		return x
	}
	x, k, y := fill(c.batch*c.size*c.size*c.channels), fill(c.taps*c.taps*c.channels/c.groups*c.filters), fill(c.batch*w.Places[1]*w.Places[2]*c.filters)
	var kernel cpu.Kernel = &product.Conv{Window: w, X: x, K: k, Y: y}
	switch direction {
	case "image":
		kernel = &product.ConvInputGrad{Window: w, DY: y, K: k, DX: x}
	case "kernel":
		kernel = &product.ConvKernelGrad{Window: w, X: x, DY: y, DK: k}
	}
	pool := par.Default()
	kernel.Run(pool)
	var times []float64
	for end := time.Now().Add(100 * time.Millisecond); len(times) < 3 || time.Now().Before(end); {
		start := time.Now()
		kernel.Run(pool)
		times = append(times, time.Since(start).Seconds())
	}
	return Answer{Seconds: median(times)}, nil
}

// conv measures convolutions.
func conv(ctx context.Context, b *bench) error {
	var questions []question
	for _, c := range convolutions() {
		if b.quick && c.flops() > 1e9 {
			continue
		}
		for _, direction := range directions {
			questions = append(questions, question{c.words(direction), c.name + ", " + direction, c.flops()})
		}
	}
	for _, threads := range b.threads {
		if err := b.interleave(ctx, "conv", b.of("conv"), threads, min(b.rounds, 3), questions); err != nil {
			return err
		}
	}
	return nil
}

// convLibraries returns the peers of the convolutions.
func (r *Results) convLibraries() []string {
	return slices.DeleteFunc(r.who("conv"), func(who string) bool { return who == cornuName || who == avx2Name })
}

// convRatio returns Cornu's rate over the best of the libraries'; NaN without libraries.
func (r *Results) convRatio(name string, threads int) float64 {
	best := math.NaN()
	for _, who := range r.convLibraries() {
		if theirs := r.value("conv", name, who, threads); !(theirs >= best) {
			best = theirs
		}
	}
	return best / r.value("conv", name, cornuName, threads)
}

func convTables(w *strings.Builder, r *Results) {
	if len(r.who("conv")) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Convolutions\n\nGFLOP/s in float32 of layers of well-known networks: forward, the gradient of the image and that of the kernel, as numbers of the "+
		"batch, the image's edge, its channels, the filters, the taps along an edge, the stride, the padding and the groups. What would be multiplied outside the image "+
		"doesn't count. No number is zero. oneDNN chooses its layouts, and to bring anything into them counts nothing. The ratio is Cornu's rate over that of the best of the libraries. %s\n", r.when("conv"))
	for _, threads := range []int{1, 2} {
		if r.find("conv", r.cases("conv")[0], cornuName, threads) == nil {
			continue
		}
		head := slices.Concat([]string{plural(threads, "thread"), "direction", cornuName, "of peak"}, r.convLibraries(), []string{"ratio", avx2Name, "of AVX2 peak"})
		lines := [][]string{head}
		for _, c := range convolutions() {
			for i, direction := range directions {
				name := c.name + ", " + direction
				ours := r.find("conv", name, cornuName, threads)
				if ours == nil {
					continue
				}
				line := []string{"", direction, rate(ours), percent(ours.OfPeak)}
				if i == 0 {
					line[0] = c.name + ": " + strings.Join(strings.Fields(c.words("")), " ")
				}
				for _, who := range r.convLibraries() {
					line = append(line, rate(r.find("conv", name, who, threads)))
				}
				line = append(line, ratio(r.convRatio(name, threads)))
				lines = append(lines, r.appendAVX2(line, "conv", name, threads))
			}
		}
		table(w, lines)
	}
	fmt.Fprint(w, "\nGeometric means of Cornu's rate over the best of theirs, and of its share of the peak:\n")
	lines := [][]string{{"", "1 thread", "of peak", "2 threads", "of peak"}}
	for _, direction := range append(slices.Clone(directions), "all") {
		line := []string{direction}
		for _, threads := range []int{1, 2} {
			ratios, shares := r.convMeans(direction, threads)
			line = append(line, ratio(geometricMean(ratios)), percent(geometricMean(shares)))
		}
		lines = append(lines, line)
	}
	table(w, lines)
}

// convMeans lists the ratios to the best library, and the shares of the peak, of a direction or of all.
func (r *Results) convMeans(direction string, threads int) (ratios, shares []float64) {
	for _, name := range r.cases("conv") {
		if ours := r.find("conv", name, cornuName, threads); ours != nil && (direction == "all" || strings.HasSuffix(name, direction)) {
			ratios, shares = append(ratios, r.convRatio(name, threads)), append(shares, ours.OfPeak)
		}
	}
	return ratios, shares
}
