package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file goes back through a max pool of 2×2 to the kernel and the bias of the convolution before it without storing what the pool puts,
// which is four times as much as what there is to put: to write it, and to read it twice, takes longer than to multiply where there are few
// channels. Some rows of places are put at a time, where they are multiplied or added up from the first-level cache.

// PutsInFours reports whether a pool puts by windows of 2×2 pixels side by side, by a loop that the active tier has: then what it puts
// needn't be stored.
func (w *Window) PutsInFours() bool {
	k := Pool{Op: PoolPut, Window: *w}
	return isa.Active() != isa.Generic && w.Batch > 0 && k.inFours()
}

// TakesPut reports whether a [ConvKernelGrad] of the window takes a gradient that isn't stored: all taps are inside the image
// everywhere, and there are too few channels for zeros to be left out.
func (w *Window) TakesPut() bool {
	for d := range 3 {
		if w.Low[d] != 0 || w.pixel(d, w.Places[d]-1, w.Taps[d]-1) >= w.Image[d] {
			return false
		}
	}
	return w.multiplies() && w.Groups == 1 && w.Channels < sparseChannels && w.Filters <= inPlaceFilters && !w.pointwise()
}

// checkPut sets the strides, and panics if what is put is of more than its arrays hold.
func (k *Pool) checkPut() {
	k.close(k.Channels, k.Channels)
	places := k.Batch * volume(k.Places)
	cpu.Reaches("the result of a pool", k.Y, extent(places, k.ResultStride, k.Channels))
	cpu.Reaches("the taps of a pool", k.Arg, places*k.Channels)
}

// endOfStep returns where a step of places ends that begins at one of them, at the latest at an end: with rows that are put together.
func (k *kernelGrad) endOfStep(place, end int) int {
	across, down := k.put.Image[2], k.put.Image[1]
	row := place / across
	h, rows := row%down, max(k.stepK/(2*across), 1)*2
	return min((row-h+min((h/rows+1)*rows, down))*across, end)
}

// putPlaces puts the gradients of places p0 … p1-1, which are counted through the batch, and returns them.
func (k *kernelGrad) putPlaces(s *gemmScratch, p0, p1 int) []float32 {
	z := k.put
	across, down, pooled := z.Image[2], z.Image[1], 2*z.Places[1]
	first, last := p0/across, (p1-1)/across
	if h := first % down; h < pooled { // two rows are put together
		first -= h % 2
	}
	if h := last % down; h < pooled {
		last += 1 - h%2
	}
	line := across * z.Channels
	to := grow(&s.b, (last+1-first)*line)
	s.put.Bind("PoolPut")
	for row := first; row <= last; row++ {
		z.toFours(&s.put, row, to[(row-first)*line:], z.Channels)
	}
	return to[(p0-first*across)*z.Channels:]
}

// addPlaces adds the gradients of the places of a step to the sums of a chain. To multiply by 1 and to add is to add.
func (k *kernelGrad) addPlaces(s *gemmScratch, dy panels, chain int) {
	row := k.tileSize
	row.vectors = 4 // as many chains as the multiply-add's latency asks for
	row.down(s, row.kernels.tiles.by(false), ones(s, s.tile.k), dy.panel(0), matrix{data: k.partial[chain*k.n:], ld: k.n}, 1, k.n)
}

// addUp adds the sums of the chains in order.
func (k *kernelGrad) addUp() {
	copy(k.total, k.partial[:k.n])
	for i := k.n; i < len(k.partial); i += k.n {
		addRows(matrix{data: k.total, ld: k.n}, matrix{data: k.partial[i:], ld: k.n}, 1, k.n)
	}
}

// A PutSum kernel computes Y [Channels], the sums over all pixels of what a pool puts, in the order of a reduce.Reduction over rows of
// channels: blocks of 4096 pixels are chains.
type PutSum struct {
	Put *Pool
	Y   []float32

	way kernelGrad
}

// Prepare cuts the work into tasks. It is to be called once before Run, when the fields are set.
func (k *PutSum) Prepare() {
	k.Put.checkPut()
	cpu.Reaches("the sums of what a pool puts", k.Y, k.Put.Channels)
	one := [3]int{1, 1, 1}
	w := &Window{
		Batch: k.Put.Batch, Image: k.Put.Image, Places: k.Put.Image, Taps: one, Stride: one, Dilation: one,
		Channels: 1, Filters: k.Put.Channels, Groups: 1,
	}
	w.close(1, w.Filters)
	// A sum is the gradient of a kernel of one tap over an image of ones: to multiply by 1 and to add is to add.
	k.way = kernelGrad{window: w, n: w.Filters, c: k.Y, put: k.Put}
	k.way.tapClasses(nil)
	k.way.prepare()
	k.way.vectors = 4 // of the only row: as many chains as the multiply-add's latency asks for
	k.way.panel = k.way.vectors * k.way.kernels.lanes
}

// Run computes the sums.
func (k *PutSum) Run(p *par.Pool) { k.way.Run(p) }

// ones is a row of so many ones.
func ones(s *gemmScratch, n int) matrix {
	a := matrix{data: grow(&s.a, n), ld: n}
	move.SetAll(a.data, 1)
	return a
}
