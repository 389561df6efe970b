package product

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// productWindows are geometries of several tasks, steps and panels for the tiles, beside those that the
// definition is tested with.
func productWindows() []Window {
	list := convWindows()
	for _, s := range []convShape{
		{"several tasks", 9, 9, 20, 33, 3, 1, 0, 1},
		{"a border", 3, 13, 17, 40, 3, 1, 1, 1},
		{"one channel", 7, 17, 1, 64, 3, 1, 1, 1},
		{"three channels", 2, 15, 3, 70, 7, 2, 3, 1},
		{"several steps", 2, 5, 130, 34, 3, 1, 1, 1},
		{"chains that are cut", 1, 3, 700, 17, 3, 1, 1, 1},
		{"rows of few pixels", 20, 5, 16, 33, 3, 1, 1, 1},
		{"rows of few pixels, chains that are cut", 6, 3, 1100, 17, 2, 1, 0, 1},
		{"one tap", 3, 7, 65, 50, 1, 1, 0, 1},
		{"one tap, strided", 3, 9, 65, 50, 1, 2, 0, 1},
		{"one tap, five chains", 5, 58, 30, 31, 1, 1, 0, 1},
		{"groups", 2, 8, 36, 72, 3, 2, 1, 4},
		{"depthwise", 2, 9, 37, 37, 3, 1, 1, 37},
		{"depthwise, two chains", 6, 31, 5, 5, 3, 1, 1, 5},
		{"depthwise, strided", 2, 12, 131, 131, 5, 2, 1, 131},
		{"a border, two chains", 2, 46, 33, 2, 3, 1, 1, 1},
		{"a border, many channels, two chains", 6, 27, 34, 40, 3, 1, 1, 1},
		{"a large kernel", 2, 9, 5, 6, 9, 1, 4, 1},
		{"one pixel", 40, 1, 30, 35, 3, 1, 1, 1},
		{"few channels", 2, 21, 3, 19, 3, 1, 1, 1},
		{"few channels, strided", 2, 45, 2, 9, 3, 2, 1, 1},
		{"few filters", 3, 20, 17, 4, 5, 1, 1, 1},
		{"few filters of more channels", 2, 12, 18, 7, 3, 1, 0, 1},
		{"few filters of more channels, a border", 2, 9, 16, 12, 3, 1, 1, 1},
		{"few filters of more channels, a border, two chains", 6, 27, 16, 16, 3, 1, 1, 1},
		{"one channel to one filter", 1, 40, 1, 1, 3, 1, 0, 1},
		{"three channels, two chains", 5, 31, 3, 17, 3, 1, 1, 1},
		{"two channels, strided, two chains", 9, 45, 2, 9, 5, 2, 2, 1},
	} {
		list = append(list, s.window())
	}
	dilated := convShape{"", 2, 14, 9, 33, 3, 1, 0, 1}.window()
	dilated.Dilation, dilated.Low, dilated.Places = [3]int{1, 3, 2}, [3]int{0, 2, 3}, [3]int{1, 12, 15}
	depthwise := dilated
	depthwise.Channels, depthwise.Filters, depthwise.Groups = 19, 19, 19
	low := convShape{"taps beside each other", 3, 20, 6, 16, 3, 1, 0, 1}.window()
	low.Taps[1], low.Low[2], low.Places = 1, 1, [3]int{1, 20, 20}
	series := low
	series.Image, series.Places = [3]int{1, 1, 900}, [3]int{1, 1, 900}
	return append(list, dilated, depthwise, low, series)
}

// long reports whether plain Go takes a second for a window: that is for .ci/run.
func long(w *Window) bool { return longer(w, 2_000_000) }

// longer reports whether a window takes more than so many multiply-adds, but where tests are thorough.
func longer(w *Window, products int) bool {
	return w.Batch*volume(w.Places)*volume(w.Taps)*w.Channels/w.Groups*w.Filters > products && !choice.Thorough()
}

// Tiles of products come to the bits of the definition, whatever the tier, and the caches.
func TestConvolutionsByProductsHaveTheBitsOfTheirDefinition(t *testing.T) {
	before := isa.Caches()
	pool := par.New(3)
	defer pool.Close()
	defer cputest.Force(t, isa.Active())
	defer isa.ForceCaches(before)
	cases := cputest.SampleOf(3)
	for number, w := range productWindows() {
		if !cases.Has() || long(&w) {
			continue
		}
		r := rand.New(rand.NewPCG(3, uint64(number)))
		x, k, y := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, volume(w.Taps)*w.Channels/w.Groups*w.Filters), cputest.WithZeros(r, w.Batch*volume(w.Places)*w.Filters)
		run := func(pool *par.Pool) (out [3][]float32) {
			out = [3][]float32{make([]float32, len(y)), make([]float32, len(x)), make([]float32, len(k))}
			for i := range out {
				for j := range out[i] {
					out[i][j] = 12345
				}
			}
			(&Conv{Window: w, X: x, K: k, Y: out[0]}).Run(pool)
			(&ConvInputGrad{Window: w, DY: y, K: k, DX: out[1]}).Run(pool)
			(&ConvKernelGrad{Window: w, X: x, DY: y, DK: out[2]}).Run(pool)
			return out
		}
		cputest.Force(t, isa.Generic)
		want := run(nil)
		for _, tier := range isa.Supported()[1:] {
			cputest.Force(t, tier)
			for _, caches := range []isa.CacheSizes{before, {L1: 4 << 10, L2: 16 << 10, L3: 64 << 10}} {
				isa.ForceCaches(caches)
				for _, p := range []*par.Pool{nil, pool} {
					got := run(p)
					for i, name := range []string{"result", "gradient of the image", "gradient of the kernel"} {
						for j, v := range want[i] {
							if math.Float32bits(got[i][j]) != math.Float32bits(v) {
								t.Fatalf("%v, caches %v, window %d %+v: element %d of the %s is %v, want %v", tier, caches, number, w, j, name, got[i][j], v)
							}
						}
					}
				}
			}
		}
	}
}

// Convolutions read and write nothing beside their operands.
func TestConvolutionsByProductsStayWithinTheirOperands(t *testing.T) {
	copyTo := func(to, from []float32) []float32 { copy(to, from); return to }
	cases := cputest.SampleOf(5)
	for number, w := range productWindows() {
		if w.Batch == 0 || !cases.Has() {
			continue
		}
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, uint64(number)))
			x, k, y := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, volume(w.Taps)*w.Channels/w.Groups*w.Filters), cputest.WithZeros(r, w.Batch*volume(w.Places)*w.Filters)
			for _, atStart := range []bool{false, true} {
				x, k, y := copyTo(cputest.Fenced[float32](t, len(x), atStart), x), copyTo(cputest.Fenced[float32](t, len(k), atStart), k), copyTo(cputest.Fenced[float32](t, len(y), atStart), y)
				cputest.EachTier(t, func(t *testing.T) {
					if isa.Active() == isa.Generic {
						return
					}
					(&Conv{Window: w, X: x, K: k, Y: y}).Run(nil)
					(&ConvInputGrad{Window: w, DY: y, K: k, DX: x}).Run(nil)
					(&ConvKernelGrad{Window: w, X: x, DY: y, DK: k}).Run(nil)
				})
			}
		})
	}
}

func TestEveryPixelIsInOneClass(t *testing.T) {
	for number, w := range productWindows() {
		for name, all := range map[string][]class{
			"places": classes(along(w.placeSpans), 1, func(_ int, spans [3]*span) *patches {
				return patchesOf(nil, w.Batch, w.Channels, 0, 1, w.Image, w.Places, spans, func(_, _, _ int) int { return 0 })
			}),
			"pixels": classes(along(w.pixelSpans), 1, func(_ int, spans [3]*span) *patches {
				return patchesOf(nil, w.Batch, w.Filters, 0, 1, w.Places, w.Image, spans, func(_, _, _ int) int { return 0 })
			}),
		} {
			seen := make([]int, w.Batch*volume(map[string][3]int{"places": w.Places, "pixels": w.Image}[name]))
			for _, c := range all {
				for r := range c.patches[0].lattice.rows {
					_, to, _ := c.patches[0].lattice.at(r)
					seen[to]++
				}
			}
			if len(seen) > 0 && (slices.Min(seen) != 1 || slices.Max(seen) != 1) {
				t.Errorf("window %d %+v: %s are in %d to %d classes", number, w, name, slices.Min(seen), slices.Max(seen))
			}
		}
	}
}
