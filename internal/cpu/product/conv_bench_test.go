package product

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// convShape is a square convolution in two dimensions.
type convShape struct {
	name                                                     string
	batch, size, channels, filters, taps, stride, pad, group int
}

func (s convShape) window() Window {
	one := [3]int{1, 1, 1}
	w := Window{
		Batch: s.batch, Image: [3]int{1, s.size, s.size}, Taps: [3]int{1, s.taps, s.taps}, Stride: [3]int{1, s.stride, s.stride},
		Dilation: one, Low: [3]int{0, s.pad, s.pad}, Channels: s.channels, Filters: s.filters, Groups: max(s.group, 1),
	}
	places := (s.size+2*s.pad-s.taps)/s.stride + 1
	w.Places = [3]int{1, places, places}
	return w
}

// convShapes are layers of the book's network, of VGG, ResNet-50, MobileNet and ResNet-20, and what is at the edges.
var convShapes = []convShape{
	{"book1", 128, 28, 1, 64, 3, 1, 0, 1},
	{"book2", 128, 13, 64, 64, 3, 1, 0, 1},
	{"book3", 128, 5, 64, 64, 3, 1, 0, 1},
	{"vgg1", 1, 224, 3, 64, 3, 1, 1, 1},
	{"vgg3", 1, 112, 64, 128, 3, 1, 1, 1},
	{"vgg8", 4, 28, 512, 512, 3, 1, 1, 1},
	{"resnet1", 4, 224, 3, 64, 7, 2, 3, 1},
	{"resnet2", 8, 56, 64, 64, 3, 1, 1, 1},
	{"resnet4", 8, 14, 256, 256, 3, 1, 1, 1},
	{"resnet5", 8, 7, 512, 512, 3, 1, 1, 1},
	{"resnet5one", 1, 7, 512, 512, 3, 1, 1, 1},
	{"reduce", 8, 56, 256, 64, 1, 1, 0, 1},
	{"down", 8, 56, 256, 512, 1, 2, 0, 1},
	{"groups", 8, 28, 128, 128, 3, 1, 1, 4},
	{"depthwise", 8, 56, 128, 128, 3, 1, 1, 128},
	{"large", 8, 28, 16, 16, 11, 1, 5, 1},
	{"cifar1", 128, 32, 3, 16, 3, 1, 1, 1},
	{"cifar2", 128, 32, 16, 16, 3, 1, 1, 1},
	{"cifar3", 128, 16, 32, 32, 3, 1, 1, 1},
	{"cifar4", 128, 8, 64, 64, 3, 1, 1, 1},
	{"pixel", 128, 1, 256, 256, 3, 1, 1, 1},
}

// BenchmarkConv measures convolutions and their gradients against the peak of the same minute. The multiply-adds
// that count are those of taps inside the image.
func BenchmarkConv(b *testing.B) {
	for _, s := range convShapes {
		w := s.window()
		r := rand.New(rand.NewPCG(1, 2))
		normal := func(n int) []float32 {
			var x []float32
			for i := range grow(&x, n) {
				x[i] = float32(r.NormFloat64())
			}
			return x
		}
		x, k, y := normal(w.Batch*volume(w.Image)*w.Channels), normal(volume(w.Taps)*w.Channels/w.Groups*w.Filters), normal(w.Batch*volume(w.Places)*w.Filters)
		inside := 1
		for d := range 3 {
			n := 0
			for o := range w.Places[d] {
				t0, t1 := w.inside(d, o)
				n += t1 - t0
			}
			inside *= n
		}
		flops := 2 * float64(w.Batch*inside) * float64(w.Channels/w.Groups*w.Filters)
		for _, kernel := range []struct {
			name string
			cpu.Kernel
		}{
			{"forward", &Conv{Window: w, X: x, K: k, Y: slices.Clone(y)}},
			{"image", &ConvInputGrad{Window: w, DY: y, K: k, DX: slices.Clone(x)}},
			{"kernel", &ConvKernelGrad{Window: w, X: x, DY: y, DK: slices.Clone(k)}},
		} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%s/threads=%d", s.name, kernel.name, threads), func(b *testing.B) {
					p := par.New(threads)
					defer p.Close()
					kernel.Run(p)
					runs := max(int(2e7/flops), 1)
					peak := isa.PeakFMA(threads)
					var rates []float64
					for b.Loop() {
						start := time.Now()
						for range runs {
							kernel.Run(p)
						}
						rates = append(rates, flops*float64(runs)/time.Since(start).Seconds()/1e9)
					}
					slices.Sort(rates)
					median, best := rates[len(rates)/2], rates[len(rates)-1]
					b.ReportMetric(median, "GFLOP/s")
					b.ReportMetric(median/peak, "median/peak")
					b.ReportMetric(best/peak, "best/peak")
				})
			}
		}
	}
}

// BenchmarkConvZeros measures the gradients of the book's second convolution behind its pool and relu, where one number in eight isn't
// zero. All multiply-adds count.
func BenchmarkConvZeros(b *testing.B) {
	w := convShapes[1].window()
	r := rand.New(rand.NewPCG(1, 2))
	x, k, y := make([]float32, w.Batch*volume(w.Image)*w.Channels), make([]float32, volume(w.Taps)*w.Channels*w.Filters), make([]float32, w.Batch*volume(w.Places)*w.Filters)
	for _, list := range [][]float32{x, k, y} {
		for i := range list {
			list[i] = r.Float32()
		}
	}
	for i := range y {
		if r.IntN(8) > 0 {
			y[i] = 0
		}
	}
	flops := 2 * float64(len(y)) * float64(volume(w.Taps)*w.Channels)
	for _, zeros := range []Zeros{NoZeros, ZerosUnstructured} {
		for _, kernel := range []struct {
			name string
			cpu.Kernel
		}{
			{"image", &ConvInputGrad{Window: w, DY: y, K: k, DX: slices.Clone(x), Zeros: zeros}},
			{"kernel", &ConvKernelGrad{Window: w, X: x, DY: y, DK: slices.Clone(k), Zeros: zeros}},
		} {
			b.Run(fmt.Sprintf("%s/left-out=%v", kernel.name, zeros != NoZeros), func(b *testing.B) {
				p := par.New(1)
				defer p.Close()
				kernel.Run(p)
				peak, best := isa.PeakFMA(1), math.Inf(1)
				for b.Loop() {
					start := time.Now()
					kernel.Run(p)
					best = min(best, time.Since(start).Seconds())
				}
				b.ReportMetric(flops/best/1e9/peak, "best/peak")
			})
		}
	}
}
