package product

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// A touch is a product of a convolution: the elements of the image, of the kernel and
// of the result that belong together, with the tap, place and channel numbers.
type touch struct {
	x, k, y    int
	tap, place int // the place is counted through the batch
	c, f       int // within their group
}

// touches lists all products of a convolution, in no special order, straight from
// what a Window says.
func touches(w *Window) []touch {
	var list []touch
	channels, filters := w.Channels/w.Groups, w.Filters/w.Groups
	for i := range w.Batch * volume(w.Places) * volume(w.Taps) {
		sample, rest := i/(volume(w.Places)*volume(w.Taps)), i%(volume(w.Places)*volume(w.Taps))
		place, tap := rest/volume(w.Taps), rest%volume(w.Taps)
		var o, t, p [3]int
		o[0], o[1], o[2] = split(place, w.Places)
		t[0], t[1], t[2] = split(tap, w.Taps)
		outside := false
		for d := range p {
			p[d] = o[d]*w.Stride[d] - w.Low[d] + t[d]*w.Dilation[d]
			outside = outside || p[d] < 0 || p[d] >= w.Image[d]
		}
		if outside {
			continue
		}
		pixel := sample*volume(w.Image) + (p[0]*w.Image[1]+p[1])*w.Image[2] + p[2]
		place += sample * volume(w.Places)
		for g := range w.Groups {
			for c := range channels {
				for f := range filters {
					list = append(list, touch{
						x: pixel*w.Channels + g*channels + c, y: place*w.Filters + g*filters + f,
						k:   (tap*channels+c)*w.Filters + g*filters + f,
						tap: tap, place: place, c: c, f: f,
					})
				}
			}
		}
	}
	return list
}

// A term is product a·b, of number k, of an element.
type term struct {
	k    int
	a, b float32
}

// summed sums as products of matrices do.
func summed(terms []term) float32 {
	slices.SortFunc(terms, func(a, b term) int { return a.k - b.k })
	var total, sum float32
	begun := false
	for i, t := range terms {
		sum = fmath.FMA(t.a, t.b, sum)
		if i+1 < len(terms) && terms[i+1].k/4096 == t.k/4096 {
			continue
		}
		if begun {
			total += sum
		} else {
			total, begun = sum, true
		}
		sum = 0
	}
	return total
}

// sums computes n elements, each from what element and term say of the products.
func sums(n int, list []touch, of func(touch) (element int, t term)) []float32 {
	all := make([][]term, n)
	for _, t := range list {
		i, term := of(t)
		all[i] = append(all[i], term)
	}
	y := make([]float32, n)
	for i := range all {
		y[i] = summed(all[i])
	}
	return y
}

// convWindows are geometries: plain, odd, strided, dilated, padded, in groups, of one
// to three dimensions, with one pixel, with chains that are cut, with empty ones.
func convWindows() []Window {
	one := [3]int{1, 1, 1}
	window := func(batch int, image, taps, stride, dilation, low, high [3]int, channels, filters, groups int) Window {
		w := Window{Batch: batch, Image: image, Taps: taps, Stride: stride, Dilation: dilation, Low: low, Channels: channels, Filters: filters, Groups: groups}
		for d := range w.Places {
			w.Places[d] = (image[d]+low[d]+high[d]-(taps[d]-1)*dilation[d]-1)/stride[d] + 1
		}
		return w
	}
	none := [3]int{}
	list := []Window{
		window(2, [3]int{1, 7, 6}, [3]int{1, 3, 3}, one, one, none, none, 3, 5, 1),
		window(1, [3]int{1, 9, 8}, [3]int{1, 3, 3}, one, one, [3]int{0, 1, 1}, [3]int{0, 1, 1}, 17, 33, 1),
		window(2, [3]int{1, 8, 9}, [3]int{1, 3, 2}, [3]int{1, 2, 3}, one, [3]int{0, 1, 0}, [3]int{0, 2, 1}, 4, 16, 1),
		window(1, [3]int{1, 9, 11}, [3]int{1, 3, 4}, one, [3]int{1, 2, 3}, [3]int{0, 3, 4}, [3]int{0, 2, 5}, 2, 70, 1),
		window(2, [3]int{1, 5, 5}, [3]int{1, 3, 3}, one, one, [3]int{0, 1, 1}, [3]int{0, 1, 1}, 6, 12, 3),
		window(2, [3]int{1, 5, 5}, [3]int{1, 3, 3}, [3]int{1, 2, 2}, one, [3]int{0, 1, 1}, [3]int{0, 1, 1}, 5, 10, 5),
		window(3, [3]int{1, 1, 1}, one, one, one, none, none, 1, 1, 1),
		window(2, [3]int{1, 1, 1}, [3]int{1, 3, 3}, one, one, [3]int{0, 1, 1}, [3]int{0, 1, 1}, 2, 3, 1),
		window(2, [3]int{1, 4, 5}, one, one, one, none, none, 20, 40, 1),
		window(2, [3]int{1, 1, 13}, [3]int{1, 1, 4}, [3]int{1, 1, 2}, one, none, none, 3, 4, 1),
		window(2, [3]int{3, 4, 5}, [3]int{2, 3, 2}, [3]int{1, 2, 1}, [3]int{2, 1, 1}, [3]int{1, 0, 1}, none, 2, 3, 1),
		window(1, [3]int{1, 3, 4}, [3]int{1, 2, 2}, one, one, none, [3]int{0, 1, 0}, 1300, 2, 1),                        // chains are cut within a tap
		window(1, [3]int{1, 2, 3}, [3]int{1, 3, 3}, one, one, [3]int{0, 1, 1}, [3]int{0, 2, 1}, 1500, 1, 1),             // and between taps
		window(1, [3]int{1, 2, 3}, [3]int{1, 3, 3}, one, one, [3]int{0, 2, 2}, [3]int{0, 2, 2}, 3, 4100, 1),             // of the gradient of the image
		window(2, [3]int{1, 50, 46}, [3]int{1, 2, 1}, one, one, none, none, 1, 2, 1),                                    // and of the kernel
		window(1, [3]int{1, 2, 2}, [3]int{1, 1, 3}, [3]int{1, 1, 3}, one, [3]int{0, 0, 4}, [3]int{0, 0, 6}, 4096, 1, 1), // some places see nothing
		window(0, [3]int{1, 4, 4}, [3]int{1, 3, 3}, one, one, none, none, 2, 3, 1),
	}
	return list
}

// visits counts how often an epilogue is given each element.
type visits struct {
	data []float32
	cols int
}

func (s *visits) Region(_, r0, r1, c0, c1 int) {
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			s.data[r*s.cols+c]++
		}
	}
}

func TestConvolutionsAreTheirDefinition(t *testing.T) {
	pools := []*par.Pool{nil, par.New(3)}
	defer pools[1].Close()
	for number, w := range convWindows() {
		r := rand.New(rand.NewPCG(1, uint64(number)))
		list := touches(&w)
		sizeX, sizeK, sizeY := w.Batch*volume(w.Image)*w.Channels, volume(w.Taps)*w.Channels/w.Groups*w.Filters, w.Batch*volume(w.Places)*w.Filters
		x, k, y := cputest.WithZeros(r, sizeX), cputest.WithZeros(r, sizeK), cputest.WithZeros(r, sizeY)
		channels, filters := w.Channels/w.Groups, w.Filters/w.Groups
		wantY := sums(sizeY, list, func(t touch) (int, term) { return t.y, term{t.tap*channels + t.c, x[t.x], k[t.k]} })
		wantX := sums(sizeX, list, func(t touch) (int, term) { return t.x, term{t.tap*filters + t.f, y[t.y], k[t.k]} })
		wantK := sums(sizeK, list, func(t touch) (int, term) { return t.k, term{t.place, x[t.x], y[t.y]} })
		cputest.EachTier(t, func(t *testing.T) {
			for i, pool := range pools {
				if i != (number+int(isa.Active()))%2 && !choice.Thorough() {
					continue
				}
				check := func(name string, want []float32, cols int, run func(out []float32, e cpu.Epilogue)) {
					t.Helper()
					got := make([]float32, len(want))
					for i := range got {
						got[i] = float32(math.NaN())
					}
					e := &visits{make([]float32, len(want)), cols}
					run(got, e)
					for i, v := range want {
						if math.Float32bits(got[i]) != math.Float32bits(v) {
							t.Fatalf("%s of window %d %+v: element %d is %v, want %v", name, number, w, i, got[i], v)
						}
						if e.data[i] != 1 {
							t.Fatalf("%s of window %d %+v: the epilogue is given element %d %v times", name, number, w, i, e.data[i])
						}
					}
				}
				check("result", wantY, w.Filters, func(out []float32, e cpu.Epilogue) {
					(&Conv{Window: w, X: x, K: k, Y: out, Epilogue: e}).Run(pool)
				})
				check("gradient of the image", wantX, w.Channels, func(out []float32, e cpu.Epilogue) {
					(&ConvInputGrad{Window: w, DY: y, K: k, DX: out, Epilogue: e}).Run(pool)
				})
				check("gradient of the kernel", wantK, w.Filters, func(out []float32, e cpu.Epilogue) {
					(&ConvKernelGrad{Window: w, X: x, DY: y, DK: out, Epilogue: e}).Run(pool)
				})
			}
		})
	}
}

func TestConvolutionsOfWhatIsNotFiniteAreNot(t *testing.T) {
	// A tap outside the image is left out, not multiplied by zero.
	w := Window{Batch: 1, Image: [3]int{1, 1, 3}, Places: [3]int{1, 1, 3}, Taps: [3]int{1, 1, 3}, Stride: [3]int{1, 1, 1}, Dilation: [3]int{1, 1, 1}, Low: [3]int{0, 0, 1}, Channels: 1, Filters: 1, Groups: 1}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cputest.EachTier(t, func(t *testing.T) {
		y := make([]float32, 3)
		(&Conv{Window: w, X: []float32{1, 2, 3}, K: []float32{inf, 1, 1}, Y: y}).Run(nil)
		if y[0] != 3 || y[1] != inf || y[2] != inf {
			t.Errorf("an infinite tap gives %v, want [3 Inf Inf]", y)
		}
		(&Conv{Window: w, X: []float32{0, 2, nan}, K: []float32{inf, 1, 1}, Y: y}).Run(nil)
		if y[0] != 2 || y[1] == y[1] || y[2] == y[2] {
			t.Errorf("0·∞ gives %v, want [2 NaN NaN]", y)
		}
	})
}

func TestPoolsAreTheirDefinition(t *testing.T) {
	pools := []*par.Pool{nil, par.New(3)}
	defer pools[1].Close()
	one := [3]int{1, 1, 1}
	for number, w := range []Window{
		{Batch: 2, Image: [3]int{1, 6, 5}, Places: [3]int{1, 3, 2}, Taps: [3]int{1, 2, 2}, Stride: [3]int{1, 2, 2}, Channels: 3},
		{Batch: 2, Image: [3]int{1, 5, 5}, Places: [3]int{1, 5, 3}, Taps: [3]int{1, 3, 3}, Stride: [3]int{1, 1, 2}, Low: [3]int{0, 1, 1}, Channels: 33},
		{Batch: 3, Image: [3]int{3, 4, 4}, Places: [3]int{2, 2, 4}, Taps: [3]int{2, 3, 1}, Stride: [3]int{2, 2, 1}, Low: [3]int{0, 1, 0}, Channels: 2},
		{Batch: 1, Image: [3]int{1, 1, 1}, Places: one, Taps: one, Stride: one, Channels: 1},
		{Batch: 3, Image: [3]int{1, 7, 9}, Places: [3]int{1, 3, 4}, Taps: [3]int{1, 2, 2}, Stride: [3]int{1, 2, 2}, Channels: 21},
		{Batch: 1, Image: [3]int{1, 5, 6}, Places: [3]int{1, 2, 2}, Taps: [3]int{1, 2, 2}, Stride: [3]int{1, 3, 3}, Channels: 600},
		{Batch: 0, Image: [3]int{1, 3, 3}, Places: [3]int{1, 2, 2}, Taps: [3]int{1, 2, 2}, Stride: one, Channels: 2},
	} {
		w.Dilation, w.Filters, w.Groups = one, w.Channels, w.Channels
		list := touches(&w)
		r := rand.New(rand.NewPCG(2, uint64(number)))
		sizeX, sizeY := w.Batch*volume(w.Image)*w.Channels, w.Batch*volume(w.Places)*w.Channels
		x, dy := cputest.WithZeros(r, sizeX), cputest.WithZeros(r, sizeY)
		for i := range x {
			switch r.IntN(8) {
			case 0:
				x[i] = float32(math.NaN())
			case 1, 2, 3:
				x[i] = float32(math.Round(float64(x[i]))) // ties
			}
		}
		top, arg, sum, taken, count := make([]float32, sizeY), make([]float32, sizeY), make([]float32, sizeY), make([]float32, sizeY), make([]float32, sizeY)
		for y := range top {
			top[y], arg[y] = float32(math.Inf(-1)), -1
		}
		best := make([]float32, sizeY)
		for _, t := range list { // by place, then by tap
			v := x[t.x]
			if arg[t.y] < 0 || v > best[t.y] || v != v && best[t.y] == best[t.y] {
				best[t.y], arg[t.y] = v, float32(t.tap)
			}
			top[t.y] = max(top[t.y], v)
			sum[t.y] += v
			count[t.y]++
		}
		for y := range sum {
			sum[y] /= count[y]
		}
		put, spread := make([]float32, sizeX), make([]float32, sizeX)
		for _, t := range list {
			if arg[t.y] == float32(t.tap) {
				put[t.x] += dy[t.y]
				taken[t.y] = x[t.x]
			}
			spread[t.x] += dy[t.y] / count[t.y]
		}
		cputest.EachTier(t, func(t *testing.T) {
			for _, pool := range pools {
				for _, c := range []struct {
					op   PoolOp
					want []float32
				}{{MaxPool, top}, {ArgMaxPool, arg}, {AveragePool, sum}, {PoolTake, taken}, {PoolPut, put}, {AveragePoolGrad, spread}} {
					got := make([]float32, len(c.want))
					k := &Pool{Op: c.op, Window: w, X: x, Y: got, Arg: arg}
					if k.back() {
						k.X, k.Y = got, dy
					}
					for range 2 {
						for i := range got {
							got[i] = 12345
						}
						k.Run(pool)
						for i, v := range c.want {
							if !cputest.SameBits(got[i], v) {
								t.Fatalf("pool %d of window %d %+v: element %d is %v, want %v", c.op, number, w, i, got[i], v)
							}
						}
					}
				}
			}
		})
	}
}

func TestConvolutionsAndPoolsAllocateNothing(t *testing.T) {
	w := Window{Batch: 2, Image: [3]int{1, 6, 6}, Places: [3]int{1, 4, 4}, Taps: [3]int{1, 3, 3}, Stride: [3]int{1, 1, 1}, Dilation: [3]int{1, 1, 1}, Channels: 8, Filters: 8, Groups: 1}
	x, k, y := make([]float32, 2*36*8), make([]float32, 9*8*8), make([]float32, 2*16*8)
	for _, kernel := range []cpu.Kernel{
		&Conv{Window: w, X: x, K: k, Y: y}, &ConvInputGrad{Window: w, DX: x, K: k, DY: y}, &ConvKernelGrad{Window: w, X: x, DK: k, DY: y},
		&Pool{Op: ArgMaxPool, Window: w, X: x, Y: y}, &Pool{Op: PoolPut, Window: w, X: x, Y: y, Arg: y},
	} {
		if n := testing.AllocsPerRun(10, func() { kernel.Run(nil) }); n != 0 {
			t.Errorf("%s allocates %v times", fmt.Sprintf("%T", kernel), n)
		}
	}
}
