package cpu

import "github.com/cornu-ml/cornu/internal/par"

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
// Channels], or on the way back X from Y. Arg has the form of Y and holds numbers of taps.
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
type poolScratch struct{ best, mask, number [poolTile]float32 }

func (k *Pool) back() bool { return k.Op >= PoolPut }

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *Pool) Prepare() {
	results := k.Batch * volume(k.Places) * k.Channels
	reaches("the image of a pool", k.X, k.Batch*volume(k.Image)*k.Channels)
	reaches("the result of a pool", k.Y, results)
	if k.Op == PoolTake || k.Op == PoolPut {
		reaches("the taps of a pool", k.Arg, results)
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
	do, width := k.toPlace, k.Places[2]
	if k.back() {
		do, width = k.toPixel, k.Image[2]
	}
	r0, r1 := k.tasks.rows(index, width)
	ops := opsOf(Active())
	for i := r0; i < r1; i++ {
		for c := 0; c < k.Channels; c += poolTile {
			do(s, ops, i, c, min(poolTile, k.Channels-c))
		}
	}
}

// toPlace computes n channels from c on at a place, which is counted through the batch.
func (k *Pool) toPlace(s *poolScratch, ops *[numEOps]primitive, place, c, n int) {
	sample := place / volume(k.Places)
	od, oh, ow := split(place%volume(k.Places), k.Places)
	d0, d1 := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	at := place*k.Channels + c
	y, best, mask, number := &k.Y[at], &s.best[0], &s.mask[0], &s.number[0]
	if k.Op == AveragePool || k.Op == PoolTake {
		fill(k.Y[at:at+n], 0)
	}
	first := true
	for td := d0; td < d1; td++ {
		for th := h0; th < h1; th++ {
			for tw := w0; tw < w1; tw++ {
				pixel := ((sample*k.Image[0]+k.pixel(0, od, td))*k.Image[1]+k.pixel(1, oh, th))*k.Image[2] + k.pixel(2, ow, tw)
				x, tap := &k.X[pixel*k.Channels+c], float32((td*k.Taps[1]+th)*k.Taps[2]+tw)
				switch {
				case k.Op == AveragePool:
					ops[OpAdd](y, y, x, x, n)
				case k.Op == PoolTake:
					fill(s.number[:n], tap)
					ops[OpEqual](mask, &k.Arg[at], number, number, n)
					ops[OpSelect](y, mask, x, y, n)
				case k.Op == MaxPool && first:
					copy(k.Y[at:at+n], k.X[pixel*k.Channels+c:])
				case k.Op == MaxPool:
					ops[OpMax](y, y, x, x, n)
				case first:
					copy(s.best[:n], k.X[pixel*k.Channels+c:])
					fill(k.Y[at:at+n], tap)
				default:
					fill(s.number[:n], tap)
					ops[OpLess](mask, best, x, x, n)
					ops[OpSelect](y, mask, number, y, n)
					ops[OpMax](best, best, x, x, n)
				}
				first = false
			}
		}
	}
	switch k.Op {
	case AveragePool:
		fill(s.number[:n], float32((d1-d0)*(h1-h0)*(w1-w0)))
		ops[OpDiv](y, y, number, number, n)
	case ArgMaxPool:
		for i, v := range s.best[:n] {
			if v != v {
				k.Y[at+i] = k.firstNaN(sample, od, oh, ow, c+i)
			}
		}
	}
}

// firstNaN returns the first tap that is at a NaN, of which there is one.
func (k *Pool) firstNaN(sample, od, oh, ow, channel int) float32 {
	d0, _ := k.inside(0, od)
	h0, _ := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	_, h1 := k.inside(1, oh)
	for td := d0; ; td++ {
		for th := h0; th < h1; th++ {
			for tw := w0; tw < w1; tw++ {
				pixel := ((sample*k.Image[0]+k.pixel(0, od, td))*k.Image[1]+k.pixel(1, oh, th))*k.Image[2] + k.pixel(2, ow, tw)
				if v := k.X[pixel*k.Channels+channel]; v != v {
					return float32((td*k.Taps[1]+th)*k.Taps[2] + tw)
				}
			}
		}
	}
}

// toPixel computes n channels from c on at a pixel, which is counted through the batch.
func (k *Pool) toPixel(s *poolScratch, ops *[numEOps]primitive, pixel, c, n int) {
	sample := pixel / volume(k.Image)
	d, h, w := split(pixel%volume(k.Image), k.Image)
	d0, d1 := k.touching(0, d)
	h0, h1 := k.touching(1, h)
	w0, w1 := k.touching(2, w)
	x, mask, number := &k.X[pixel*k.Channels+c], &s.mask[0], &s.number[0]
	fill(k.X[pixel*k.Channels+c:][:n], 0)
	for od := d0; od < d1; od++ {
		for oh := h0; oh < h1; oh++ {
			for ow := w0; ow < w1; ow++ {
				at := (((sample*k.Places[0]+od)*k.Places[1]+oh)*k.Places[2]+ow)*k.Channels + c
				if k.Op == PoolPut {
					tap := ((d-k.pixel(0, od, 0))*k.Taps[1]+h-k.pixel(1, oh, 0))*k.Taps[2] + w - k.pixel(2, ow, 0)
					fill(s.number[:n], float32(tap))
					ops[OpEqual](mask, &k.Arg[at], number, number, n)
					fill(s.number[:n], 0)
					ops[OpSelect](mask, mask, &k.Y[at], number, n)
				} else {
					fill(s.number[:n], float32(k.count(od, oh, ow)))
					ops[OpDiv](mask, &k.Y[at], number, number, n)
				}
				ops[OpAdd](x, x, mask, mask, n)
			}
		}
	}
}

// count returns how many taps are inside the image at a place.
func (k *Pool) count(od, oh, ow int) int {
	d0, d1 := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	return (d1 - d0) * (h1 - h0) * (w1 - w0)
}
