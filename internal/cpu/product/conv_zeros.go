package product

import (
	"math"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file leaves out what the gradients of a convolution multiply by zero. Behind a max pool three in four of the gradients
// of the result are zero and more, behind relu half of them, anywhere: so the factor that is read number by number is that
// gradient, a list says which of its numbers aren't zero, and lanes lie along the channels of the image.
//
// No bit changes, for the reasons that gemm_zeros.go gives, as long as the other factor is finite, which is looked at, and
// no chain is at -0 or not finite when a tile is left: then all is computed again with its zeros.

// sparseGrad is what both have in common, convolutions in one or two dimensions.
type sparseGrad struct {
	window  *Window
	kernels *gemmKernels
	dy      []float32
	bad     atomic.Bool // all is to be computed again
	scratch [par.MaxWorkers]*sparseScratch
	words   int // of bits of a list
	room    int // elements of a list
	rows    int // of places that are gone through at once
	sampled int // places that are looked at to find out whether it is worthwhile
}

// sparseScratch is what one worker needs: the lists of a few rows of places.
type sparseScratch struct {
	bits      []uint64
	lists, ks []int32
	words     []uint64  // of bits of the places
	dy        []float32 // of the places, as pixels are numbered
	padded    []float32 // an image with what is around it
}

const (
	// So many places are looked at, to find out how many of their gradients are zero.
	sparseLooks = 64
	// They are so far apart, around the batch.
	sparsePrime = 1_000_003
	// Gradients of fewer multiply-adds, channels or filters aren't looked at.
	sparseWork, sparseChannels, sparseFilters = 1 << 21, 16, 16
)

// newSparse returns what leaves out zeros of dy, or nil where they are multiplied.
func newSparse(w *Window, dy []float32, zeros Zeros) *sparseGrad {
	places := w.Batch * volume(w.Places)
	if zeros == NoZeros || w.Groups != 1 || w.Taps[0]*w.Image[0]*w.Places[0] != 1 || w.Channels < sparseChannels || w.Filters < sparseFilters ||
		places*volume(w.Taps)*w.Channels*w.Filters < sparseWork || !w.multiplies() || w.pointwise() ||
		w.ImageStride != w.Channels || w.ResultStride != w.Filters {
		return nil
	}
	return &sparseGrad{window: w, kernels: gemmTiers[isa.Active()], dy: dy, sampled: min(sparseLooks, places)}
}

// worthwhile reports whether enough of some places' gradients are zero.
func (z *sparseGrad) worthwhile() bool {
	places, filters := z.window.Batch*volume(z.window.Places), z.window.Filters
	left := 0
	for i := range z.sampled {
		for _, v := range z.dy[i*sparsePrime%places*filters:][:filters] {
			if v != 0 {
				left++
			}
		}
	}
	return float64(left) <= worthwhile[ZerosUnstructured]*float64(z.sampled*filters)
}

// of returns a worker's scratch, with room for so many lists.
func (z *sparseGrad) of(worker, lists int) *sparseScratch {
	s := z.scratch[worker]
	if s == nil {
		s = &sparseScratch{bits: make([]uint64, lists*z.words), lists: make([]int32, lists*z.room), ks: make([]int32, lists)}
		z.scratch[worker] = s
	}
	return s
}

// list lists what isn't zero in each of count rows of x, of so many columns.
func (z *sparseGrad) list(s *gemmScratch, to *sparseScratch, x matrix, count, cols int) {
	l := &s.listing
	l.words = (cols + 63) / 64
	for first := 0; first < count; first += 64 {
		n := min(64, count-first)
		for word := range l.words {
			z.search(s, &s.words[0], matrix{data: x.data[first*x.ld+64*word:], ld: x.ld}, n, min(64, cols-64*word))
			for i, w := range s.words[:n] {
				to.bits[i*l.words+word] = w
			}
		}
		z.listBits(s, to, first, n)
	}
}

// search sets the bits of what isn't zero in rows of at most 64 columns.
func (z *sparseGrad) search(s *gemmScratch, bits *uint64, x matrix, rows, cols int) {
	f := &s.search
	f.bits, f.x, f.ldx, f.rows, f.cols = bits, &x.data[0], 4*x.ld, rows, cols
	z.kernels.nonzero(f)
}

// listBits makes lists of bits, of as many words as the listing says.
func (z *sparseGrad) listBits(s *gemmScratch, to *sparseScratch, first, count int) {
	l := &s.listing
	for i := range count {
		l.list, l.bits = &to.lists[(first+i)*z.room], &to.bits[i*l.words]
		z.kernels.list(l)
		to.ks[first+i] = int32(l.n)
	}
}

// multiply computes count rows of c, from those of a at listed k and b. The lists begin with number first; a negative listStep goes on to those before.
func (z *sparseGrad) multiply(s *gemmScratch, lists *sparseScratch, first, listStep int, a, b, c matrix, count, aStep, cStep, cols int) {
	t, k := &s.tile, z.kernels
	t.listStep, t.ksStep, t.aStep, t.bStep, t.cStep = 4*listStep*z.room, 4*listStep, 4*aStep, 0, 4*cStep
	for col := 0; col < cols; {
		m, width := k.widest(k.listed.of(a.trans, 1), math.MaxInt, cols-col)
		width = min(cols-col, width)
		t.list, t.ks, t.count = &lists.lists[first*z.room], &lists.ks[first], count
		if s.multiply(m, a, b.from(0, col), c.from(0, col), width); t.count != 0 {
			z.bad.Store(true)
		}
		col += width
	}
}

// A sparseImage computes the gradient of an image: each place adds to the pixels of its taps. To a pixel the first tap is added
// first, as its chain wants it, if later places come first.
type sparseImage struct {
	*sparseGrad
	grad   *ConvInputGrad
	kernel []float32 // [Taps, Filters, Taps, Channels] of the first taps and those of the last dimension, while it runs
}

// newSparseImage returns it, or nil where zeros are multiplied.
func newSparseImage(k *ConvInputGrad) *sparseImage {
	w := &k.Window
	z := &sparseImage{sparseGrad: newSparse(w, k.DY, k.Zeros), grad: k}
	if z.sparseGrad == nil || volume(w.Taps)*w.Filters > chain || w.Batch < 2 {
		return nil
	}
	_, l2, _ := cacheElements()
	z.words = (w.Filters + 63) / 64
	z.room = 64*z.words + 16
	z.rows = min(max(l2/4/(w.Places[2]*w.Filters+w.Stride[1]*w.Image[2]*w.Channels), 1), w.Places[1])
	return z
}

// run computes the gradient, if it is worthwhile without zeros, and reports whether it did.
func (z *sparseImage) run(p *par.Pool) bool {
	if z == nil || !z.worthwhile() || !reduce.Finite(z.grad.K[:volume(z.window.Taps)*z.window.Channels*z.window.Filters]) {
		return false
	}
	space := gemmSpaces.Get()
	z.kernel = grow(&space.b, volume(z.window.Taps)*z.window.Channels*z.window.Filters)
	z.bad.Store(false)
	p.Run((*sparseKernel)(z), volume(z.window.Taps))
	p.Run(z, z.window.Batch)
	z.kernel = nil
	gemmSpaces.Put(space)
	return !z.bad.Load()
}

// sparseKernel is the job of transposing the taps of the kernel.
type sparseKernel sparseImage

// Do transposes a tap.
func (j *sparseKernel) Do(worker, tap int) {
	w := j.window
	s := acquireScratch(worker, j.kernels)
	to := (*sparseImage)(j).tap(tap/w.Taps[2], tap%w.Taps[2])
	s.transpose(to, matrix{data: j.grad.K[tap*w.Channels*w.Filters:], ld: w.Filters}, w.Channels, w.Filters)
	releaseScratch(worker, s)
}

// tap is the kernel of a tap, transposed: what is multiplied by a filter's gradient is a row, and goes on with the next taps of the last dimension.
func (z *sparseImage) tap(th, tw int) matrix {
	w := z.window
	row := w.Taps[2] * w.Channels
	return matrix{data: z.kernel[th*w.Filters*row+tw*w.Channels:], ld: row}
}

// Do computes the gradient of an image of the batch.
func (z *sparseImage) Do(worker, sample int) {
	w := z.window
	pixels, places := volume(w.Image), volume(w.Places)
	dx, dy := z.grad.DX[sample*pixels*w.Channels:][:pixels*w.Channels], z.dy[sample*places*w.Filters:]
	s := acquireScratch(worker, z.kernels)
	lists := z.of(worker, z.rows*w.Places[2])
	clear(dx)
	s.tile.resume = 1
	for end := w.Places[1]; end > 0; {
		begin := max(end-z.rows, 0)
		first := begin * w.Places[2]
		z.list(s, lists, matrix{data: dy[first*w.Filters:], ld: w.Filters}, (end-begin)*w.Places[2], w.Filters)
		for th := range w.Taps[1] {
			h0, h1 := w.visiting(1, th)
			for h := max(begin, h0); h < min(end, h1); h++ {
				z.row(s, lists, first, h, th, dy[h*w.Places[2]*w.Filters:], dx[w.pixel(1, h, th)*w.Image[2]*w.Channels:])
			}
		}
		end = begin
	}
	releaseScratch(worker, s)
	if z.grad.Epilogue != nil && !z.bad.Load() {
		z.grad.Epilogue.Region(worker, sample*pixels, (sample+1)*pixels, 0, w.Channels)
	}
}

// row adds what row h of the places adds by the taps th to their row of the image. The lists begin with place first.
func (z *sparseImage) row(s *gemmScratch, lists *sparseScratch, first, h, th int, dy, dx []float32) {
	w := z.window
	add := func(place, count, t0, t1 int) { // by taps t0 … t1-1, of a place and those before it
		z.multiply(s, lists, h*w.Places[2]+place-first, -1, matrix{data: dy[place*w.Filters:], ld: w.Filters}, z.tap(th, t0),
			matrix{data: dx[w.pixel(2, place, t0)*w.Channels:], ld: w.Channels}, count, -w.Filters, -w.Stride[2]*w.Channels, (t1-t0)*w.Channels)
	}
	if w.Dilation[2] != 1 {
		for tw := range w.Taps[2] {
			if w0, w1 := w.visiting(2, tw); w0 < w1 {
				add(w1-1, w1-w0, tw, tw+1)
			}
		}
		return
	}
	// Taps that are side by side are added at once. Places at which all are inside the image follow each other.
	w0, _ := w.visiting(2, 0)
	_, w1 := w.visiting(2, w.Taps[2]-1)
	for place := w.Places[2] - 1; place >= 0; {
		count := 1
		if place >= w0 && place < w1 {
			count = place - w0 + 1
		}
		if t0, t1 := w.inside(2, place); t0 < t1 {
			add(place, count, t0, t1)
		}
		place -= count
	}
}

// A sparseTaps computes the gradient of a kernel, transposed: a row for each filter, from lists of the places at which it has a
// gradient. Places are numbered as the pixels are that the first tap sees, so that one number says where both factors are.
//
// What is outside the image is multiplied as zeros, of an image that is copied into a larger one. It is in no chain, but to add it
// can but turn -0 into +0, or makes of a gradient that isn't finite a chain that isn't.
type sparseTaps struct {
	*sparseGrad
	grad   *ConvKernelGrad
	inner  Window // over the larger image, which all taps are inside of everywhere
	pitch  int    // from one row of places to the next
	chains int
	block  int       // filters of a task
	sums   []float32 // of each chain, while it runs
}

// newSparseTaps returns it, or nil where zeros are multiplied.
func newSparseTaps(k *ConvKernelGrad) *sparseTaps {
	z := &sparseTaps{sparseGrad: newSparse(&k.Window, k.DY, k.Zeros), grad: k}
	if z.sparseGrad == nil {
		return nil
	}
	z.inner = k.Window
	w := &z.inner
	for d := range 3 {
		if t0, t1 := w.inside(d, 0); t0 > 0 || t1 < w.Taps[d] || w.pixel(d, w.Places[d]-1, w.Taps[d]-1) >= w.Image[d] {
			w.Image[d] = w.Low[d] + max(w.Image[d], w.pixel(d, w.Places[d]-1, w.Taps[d]-1)+1)
			w.Low[d] = 0
		}
	}
	if z.pads() {
		for w.Stride[1]*w.Image[2]%w.Stride[2] != 0 {
			w.Image[2]++
		}
	}
	if w.Stride[1]*w.Image[2]%w.Stride[2] != 0 {
		return nil
	}
	_, l2, _ := cacheElements()
	z.pitch = w.Stride[1] * w.Image[2] / w.Stride[2]
	z.chains = ceilDiv(w.Batch*volume(w.Places), chain)
	z.block = min(64, max(ceilDiv(ceilDiv(w.Filters*z.chains, implicitTasks), 16), 2)*16)
	z.rows = min(max(l2/4/(w.Stride[1]*w.Image[2]*w.Channels+z.pitch*z.block), 1), w.Places[1])
	z.words = (z.rows*z.pitch + 63) / 64
	z.room = 64*z.words + 16
	if z.chains*w.Filters*z.width() > zerosRoom {
		return nil
	}
	return z
}

// pads reports whether the image is copied into a larger one.
func (z *sparseTaps) pads() bool { return z.inner.Image != z.window.Image }

// pad returns an image with zeros around it.
func (z *sparseTaps) pad(to *sparseScratch, image []float32) []float32 {
	w, inner := z.window, &z.inner
	if to.padded == nil {
		to.padded = make([]float32, volume(inner.Image)*w.Channels)
	}
	row := w.Image[2] * w.Channels
	for h := range w.Image[1] {
		copy(to.padded[((h+w.Low[1]-inner.Low[1])*inner.Image[2]+w.Low[2]-inner.Low[2])*w.Channels:], image[h*row:][:row])
	}
	return to.padded
}

// width is that of a row of the transposed gradient.
func (z *sparseTaps) width() int { return volume(z.window.Taps) * z.window.Channels }

// run computes the gradient, if it is worthwhile without zeros, and reports whether it did.
func (z *sparseTaps) run(p *par.Pool) bool {
	if z == nil || !z.worthwhile() {
		return false
	}
	space := gemmSpaces.Get()
	z.sums = grow(&space.c, z.chains*z.window.Filters*z.width())
	z.bad.Store(false)
	blocks := ceilDiv(z.window.Filters, z.block)
	if p.Run(z, blocks*z.chains); !z.bad.Load() {
		p.Run((*sparseSums)(z), ceilDiv(z.window.Filters, sparseSum))
	}
	z.sums = nil
	gemmSpaces.Put(space)
	return !z.bad.Load()
}

// Do computes a chain of some filters.
func (z *sparseTaps) Do(worker, index int) {
	w := &z.inner
	blocks := ceilDiv(w.Filters, z.block)
	number, f0 := index/blocks, index%blocks*z.block
	f1 := min(f0+z.block, w.Filters)
	s := acquireScratch(worker, z.kernels)
	lists := z.of(worker, z.block)
	size, across := z.width(), w.Taps[2]
	if w.Dilation[2] != 1 {
		across = 1 // taps that are computed at once
	}
	s.tile.resume = 0
	var image []float32
	of := -1 // its sample
	for place, end := number*chain, min((number+1)*chain, w.Batch*volume(w.Places)); place < end; {
		sample, h, l := place/volume(w.Places), place/w.Places[2]%w.Places[1], place%w.Places[2]
		last := min(place-l+min(z.rows, w.Places[1]-h)*w.Places[2], end)
		a := z.places(s, lists, place, last, f0, f1)
		if of != sample {
			of = sample
			image = z.grad.X[sample*volume(z.window.Image)*w.Channels:][:volume(z.window.Image)*w.Channels]
			if f0 == 0 && !reduce.Finite(image) {
				z.bad.Store(true)
			}
			if z.pads() {
				image = z.pad(lists, image)
			}
		}
		for th := range w.Taps[1] {
			for tw := 0; tw < w.Taps[2]; tw += across {
				pixel := w.pixel(1, h, th)*w.Image[2] + w.pixel(2, 0, tw)
				c := matrix{data: z.sums[(number*w.Filters+f0)*size+(th*w.Taps[2]+tw)*w.Channels:], ld: size}
				z.multiply(s, lists, 0, 1, a, matrix{data: image[pixel*w.Channels:], ld: w.Stride[2] * w.Channels}, c, f1-f0, 1, size, across*w.Channels)
			}
		}
		s.tile.resume = 1
		place = last
	}
	releaseScratch(worker, s)
}

// places copies the gradients of some rows of places to where pixels that the first tap sees would be: a column for each filter.
// Of each it lists the rows that aren't zero.
func (z *sparseTaps) places(s *gemmScratch, lists *sparseScratch, place, end, f0, f1 int) matrix {
	w, filters := &z.inner, f1-f0
	first := place - place%w.Places[2]
	rows := ceilDiv(end-first, w.Places[2]) * z.pitch
	a := matrix{data: grow(&lists.dy, 64*z.words*z.block), ld: z.block, trans: true}
	words := 64 * ceilDiv(rows, 64)
	if len(lists.words) < words {
		lists.words = make([]uint64, 64*z.words)
	}
	clear(lists.words[:words])
	for o0 := place; o0 < end; {
		o1 := min(o0-o0%w.Places[2]+w.Places[2], end)
		dy, at := matrix{data: z.dy[o0*w.Filters+f0:], ld: w.Filters}, (o0-first)/w.Places[2]*z.pitch+o0%w.Places[2]
		s.copyWide(matrix{data: a.data[at*a.ld:], ld: a.ld}, dy, o1-o0, filters)
		z.search(s, &lists.words[at], dy, o1-o0, filters)
		o0 = o1
	}
	l := &s.listing
	l.words = words / 64
	for word := range l.words {
		square := (*[64]uint64)(lists.words[64*word:])
		transposeBits(square)
		for i, bits := range square[:filters] {
			lists.bits[i*l.words+word] = bits
		}
	}
	z.listBits(s, lists, 0, filters)
	return a
}

// sparseSums is the job of adding up chains and of transposing what comes of it.
type sparseSums sparseTaps

// sparseSum is how many filters are added up at once.
const sparseSum = 16

// Do adds the chains of some filters in order.
func (j *sparseSums) Do(worker, index int) {
	z := (*sparseTaps)(j)
	w, size := z.window, z.width()
	f0 := index * sparseSum
	f1 := min(f0+sparseSum, w.Filters)
	s := acquireScratch(worker, z.kernels)
	sum := matrix{data: z.sums[f0*size:], ld: size}
	for i := 1; i < z.chains; i++ {
		addRows(sum, matrix{data: z.sums[(i*w.Filters+f0)*size:], ld: size}, f1-f0, size)
	}
	s.transpose(matrix{data: z.grad.DK[f0:], ld: w.Filters}, sum, f1-f0, size)
	releaseScratch(worker, s)
	if z.grad.Epilogue != nil {
		z.grad.Epilogue.Region(worker, 0, size, f0, f1)
	}
}
