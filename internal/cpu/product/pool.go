package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file pools images, and goes the way back. A kernel walks over the touches of its
// window, a tap at a pixel, and does the channels there by the primitives of elementwise
// programs.

// A PoolOp is what a [Pool] kernel computes.
type PoolOp uint8

// The pools: of an image, a number for each place and channel.
const (
	MaxPool     PoolOp = iota // Go's max
	ArgMaxPool                // the first tap that is at the maximum; NaN counts as the maximum
	AveragePool               // the sum, from +0 in the order of the taps, over their number
	PoolTake                  // what is at tap Arg; +0 if that isn't a tap inside
)

// The ways back: an image, each pixel of which is a sum from +0 in the order of the places.
const (
	PoolPut         = iota + PoolTake + 1 // of Y where Arg is the tap
	AveragePoolGrad                       // of Y over the number of taps inside at the place
)

// A Pool kernel computes Y [Batch, Places..., Channels] from an image X [Batch, Image...,
// Channels], or on the way back X from Y. Arg has the form of Y, without gaps, and holds numbers of taps.
// There is a tap inside the image at each place, and Dilation is 1.
type Pool struct {
	Op PoolOp
	Window
	X, Y, Arg []float32

	tasks   rowTasksOf
	scratch [par.MaxWorkers]*poolScratch
}

// poolTile is how many channels are pooled at the same time.
const poolTile = 512

// poolScratch is what one worker needs.
type poolScratch struct {
	best, mask, number [poolTile]float32
	loop               elementwise.Loop
}

func (k *Pool) back() bool { return k.Op >= PoolPut }

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *Pool) Prepare() {
	k.close(k.Channels, k.Channels)
	places := k.Batch * volume(k.Places)
	cpu.Reaches("the image of a pool", k.X, extent(k.Batch*volume(k.Image), k.ImageStride, k.Channels))
	cpu.Reaches("the result of a pool", k.Y, extent(places, k.ResultStride, k.Channels))
	if k.Op == PoolTake || k.Op == PoolPut {
		cpu.Reaches("the taps of a pool", k.Arg, places*k.Channels)
	}
	if k.back() {
		k.tasks.cut(k.Batch*k.Image[0]*k.Image[1], k.Image[2]*k.Channels, ceilDiv(volume(k.Taps), volume(k.Stride)))
	} else {
		k.tasks.cut(k.Batch*k.Places[0]*k.Places[1], k.Places[2]*k.Channels, volume(k.Taps))
	}
}

// Tasks returns the number of tasks that Run is made of.
func (k *Pool) Tasks() int {
	if !k.tasks.known {
		k.Prepare()
	}
	return k.tasks.count
}

// Run computes Y, or on the way back X.
func (k *Pool) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task: some rows of places, or of pixels.
func (k *Pool) Do(worker, index int) {
	s := k.scratch[worker]
	if s == nil {
		s = new(poolScratch)
		k.scratch[worker] = s
	}
	r0, r1 := k.tasks.rows(index, 1)
	ops := elementwise.Primitives(isa.Active())
	fours := k.inFours() && s.loop.Bind("PoolPut")
	for row := r0; row < r1; row++ {
		if fours {
			k.toFours(&s.loop, row, k.X[row*k.Image[2]*k.ImageStride:], k.ImageStride)
			continue
		}
		for c := 0; c < k.Channels; c += poolTile {
			if n := min(poolTile, k.Channels-c); k.back() {
				k.toPixels(s, ops, row, c, n)
			} else {
				k.toPlaces(s, ops, row, c, n)
			}
		}
	}
}

// toPlaces computes n channels from c on at a row of places, which is counted through the batch.
func (k *Pool) toPlaces(s *poolScratch, ops *[elementwise.NumOps]elementwise.Primitive, row, c, n int) {
	oh, od, sample := row%k.Places[1], row/k.Places[1]%k.Places[0], row/k.Places[1]/k.Places[0]
	d0, d1 := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	for ow := range k.Places[2] {
		w0, w1 := k.inside(2, ow)
		at, arg := (row*k.Places[2]+ow)*k.ResultStride+c, (row*k.Places[2]+ow)*k.Channels+c
		y, best, mask, number := &k.Y[at], &s.best[0], &s.mask[0], &s.number[0]
		if k.Op == AveragePool || k.Op == PoolTake {
			move.SetAll(k.Y[at:at+n], 0)
		}
		first := true
		for td := d0; td < d1; td++ {
			for th := h0; th < h1; th++ {
				tap := float32((td*k.Taps[1]+th)*k.Taps[2] + w0)
				from := (k.pixelRow(sample, od, oh, td, th)+k.pixel(2, ow, w0))*k.ImageStride + c
				for range w1 - w0 {
					x := &k.X[from]
					switch {
					case k.Op == AveragePool:
						ops[elementwise.OpAdd](y, y, x, x, n)
					case k.Op == PoolTake:
						move.SetAll(s.number[:n], tap)
						ops[elementwise.OpEqual](mask, &k.Arg[arg], number, number, n)
						ops[elementwise.OpSelect](y, mask, x, y, n)
					case k.Op == MaxPool && first:
						copy(k.Y[at:at+n], k.X[from:])
					case k.Op == MaxPool:
						ops[elementwise.OpMax](y, y, x, x, n)
					case first:
						copy(s.best[:n], k.X[from:])
						move.SetAll(k.Y[at:at+n], tap)
					default:
						move.SetAll(s.number[:n], tap)
						ops[elementwise.OpLess](mask, best, x, x, n)
						ops[elementwise.OpSelect](y, mask, number, y, n)
						ops[elementwise.OpMax](best, best, x, x, n)
					}
					first = false
					tap++
					from += k.ImageStride
				}
			}
		}
		switch k.Op {
		case AveragePool:
			move.SetAll(s.number[:n], float32((d1-d0)*(h1-h0)*(w1-w0)))
			ops[elementwise.OpDiv](y, y, number, number, n)
		case ArgMaxPool:
			for i, v := range s.best[:n] {
				if v != v {
					k.Y[at+i] = k.firstNaN(sample, od, oh, ow, c+i)
				}
			}
		}
	}
}

// pixelRow returns the number of the first pixel of the row, in the batch, that taps td and th
// are at.
func (k *Pool) pixelRow(sample, od, oh, td, th int) int {
	return ((sample*k.Image[0]+k.pixel(0, od, td))*k.Image[1] + k.pixel(1, oh, th)) * k.Image[2]
}

// firstNaN returns the first tap that is at a NaN, of which there is one.
func (k *Pool) firstNaN(sample, od, oh, ow, channel int) float32 {
	d0, _ := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	for td := d0; ; td++ {
		for th := h0; th < h1; th++ {
			for tw := w0; tw < w1; tw++ {
				pixel := k.pixelRow(sample, od, oh, td, th) + k.pixel(2, ow, tw)
				if v := k.X[pixel*k.ImageStride+channel]; v != v {
					return float32((td*k.Taps[1]+th)*k.Taps[2] + tw)
				}
			}
		}
	}
}

// toPixels computes n channels from c on at a row of pixels, which is counted through the batch.
// It comes to each pixel in the order of the places: along the row that is the order of the
// taps turned around.
func (k *Pool) toPixels(s *poolScratch, ops *[elementwise.NumOps]elementwise.Primitive, row, c, n int) {
	h, d, sample := row%k.Image[1], row/k.Image[1]%k.Image[0], row/k.Image[1]/k.Image[0]
	d0, d1 := k.touching(0, d)
	h0, h1 := k.touching(1, h)
	mask, number, zero := &s.mask[0], &s.number[0], &s.best[0]
	for w := range k.Image[2] {
		move.SetAll(k.X[(row*k.Image[2]+w)*k.ImageStride+c:][:n], 0)
	}
	move.SetAll(s.best[:n], 0)
	for od := d0; od < d1; od++ {
		for oh := h0; oh < h1; oh++ {
			td, th := d-k.pixel(0, od, 0), h-k.pixel(1, oh, 0)
			places := ((sample*k.Places[0]+od)*k.Places[1] + oh) * k.Places[2]
			for tw := k.Taps[2] - 1; tw >= 0; tw-- {
				move.SetAll(s.number[:n], float32((td*k.Taps[1]+th)*k.Taps[2]+tw))
				o0, o1 := k.visiting(2, tw)
				for ow := o0; ow < o1; ow++ {
					at := (places+ow)*k.ResultStride + c
					if k.Op == PoolPut {
						ops[elementwise.OpEqual](mask, &k.Arg[(places+ow)*k.Channels+c], number, number, n)
						ops[elementwise.OpSelect](mask, mask, &k.Y[at], zero, n)
					} else {
						move.SetAll(s.number[:n], float32(k.count(od, oh, ow)))
						ops[elementwise.OpDiv](mask, &k.Y[at], number, number, n)
					}
					x := &k.X[(row*k.Image[2]+k.pixel(2, ow, tw))*k.ImageStride+c]
					ops[elementwise.OpAdd](x, x, mask, mask, n)
				}
			}
		}
	}
}

// inFours reports whether the kernel puts by windows of 2×2 pixels that are inside the image and side by side.
func (k *Pool) inFours() bool {
	return k.Op == PoolPut && k.Taps == [3]int{1, 2, 2} && k.Stride[1] == 2 && k.Stride[2] == 2 && k.Low == [3]int{} && k.Image[0] == 1 &&
		k.Places[1]*k.Places[2]*k.Channels > 0 && 2*k.Places[1] <= k.Image[1] && 2*k.Places[2] <= k.Image[2]
}

// toFours computes two rows of pixels, which are counted through the batch, if row is the first of those that a row of places
// sees; the second is computed with it. What no place sees is cleared. The first pixel of the row is where x begins, the next is
// stride further.
func (k *Pool) toFours(put *elementwise.Loop, row int, x []float32, stride int) {
	h, sample := row%k.Image[1], row/k.Image[1]
	seen := 2 * k.Places[2]
	switch {
	case h >= 2*k.Places[1]:
		seen = 0
	case h%2 == 0:
		place := (sample*k.Places[1] + h/2) * k.Places[2]
		put.Size(k.Places[2], k.Channels)
		put.In(0, &k.Y[place*k.ResultStride], k.ResultStride)
		put.In(1, &k.Arg[place*k.Channels], k.Channels)
		for i := range poolNumbers {
			put.In(2+i, &poolNumbers[i], 0)
			put.Out(i, &x[(i/2*k.Image[2]+i%2)*stride], 2*stride)
		}
		put.Run()
	}
	for w := seen; w < k.Image[2]; w++ {
		move.SetAll(x[w*stride:][:k.Channels], 0)
	}
}

// count returns how many taps are inside the image at a place.
func (k *Pool) count(od, oh, ow int) int {
	d0, d1 := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	return (d1 - d0) * (h1 - h0) * (w1 - w0)
}
