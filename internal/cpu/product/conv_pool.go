package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file pools what a convolution computes before anybody stores it: of four places the maximum is kept, and which it
// was. A task computes whole rows of pooled places, in memory of its worker that stays in the second-level cache.

// A ConvPool kernel computes a convolution in two dimensions, what follows it element by element, and the max pool of 2×2 places of
// that: of Conv's X and K it computes Max and Arg [Batch, Places/2..., Filters]. The window's Places are those that are
// pooled, and all taps are inside the image there.
type ConvPool struct {
	Window
	X, K     []float32
	Max, Arg []float32 // Arg is the number of the place in its pool, in row-major order; nil: it is not stored
	MaxStep  int       // from place to place of Max; 0 if there is nothing between them
	ArgStep  int

	// Then returns what follows on so many rows of filters, which y holds and is to hold then; or nil.
	Then func(rows int, y []float32) cpu.Epilogue

	way     *implicit
	blocks  [par.MaxWorkers]*poolBlock
	most    int // rows of a block
	samples int // tasks where the definition is the way
}

// A poolBlock is what one worker computes and pools.
type poolBlock struct {
	y      []float32
	then   cpu.Epilogue
	loop   elementwise.Loop
	unread []float32 // where Arg goes if it is nil
}

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *ConvPool) Prepare() {
	k.checkOperands(k.X, k.K)
	k.MaxStep, k.ArgStep = max(k.MaxStep, k.Filters), max(k.ArgStep, k.Filters)
	pooled := k.Batch * volume(k.Places) / 4
	cpu.Reaches("the maxima of a pool", k.Max, extent(pooled, k.MaxStep, k.Filters))
	if k.Arg != nil {
		cpu.Reaches("the taps of a pool", k.Arg, extent(pooled, k.ArgStep, k.Filters))
	}
	k.way, k.samples = nil, k.Batch
	k.most = volume(k.Places)
	if k.multiplies() {
		k.way = (&Conv{Window: k.Window, X: k.X, K: k.K}).patches()
		k.way.pool = k
		k.way.prepare()
		k.most = 0
		for i := range k.way.tasks {
			for _, b := range k.way.tasks[i].blocks {
				k.most = max(k.most, b.r1-b.r0)
			}
		}
	}
}

// Run computes Max and Arg.
func (k *ConvPool) Run(p *par.Pool) {
	switch {
	case k.samples == 0 && k.way == nil:
		k.Prepare()
		k.Run(p)
	case k.way != nil:
		k.way.Run(p)
	default:
		p.Run(k, k.samples)
	}
}

// Do computes a sample by the definition.
func (k *ConvPool) Do(worker, sample int) {
	y := k.block(worker).y
	image, places := volume(k.Image)*k.ImageStride, volume(k.Places)
	c := Conv{Window: k.Window, X: k.X[sample*image:], K: k.K, Y: y}
	c.Batch, c.ResultStride = 1, k.Filters
	for place := range places {
		c.at(place, 0)
	}
	k.finish(worker, sample*places, (sample+1)*places)
}

// row is how many places a row of pooled places is made of.
func (k *ConvPool) row() int { return 2 * k.Places[2] }

// block returns a worker's memory.
func (k *ConvPool) block(worker int) *poolBlock {
	b := k.blocks[worker]
	if b == nil {
		b = &poolBlock{y: make([]float32, k.most*k.Filters), unread: make([]float32, k.Filters)}
		if k.Then != nil {
			b.then = k.Then(k.most, b.y)
		}
		k.blocks[worker] = b
	}
	return b
}

// finish runs the epilogue on places r0 … r1-1, counted through the batch, which a worker's block holds, and pools them.
func (k *ConvPool) finish(worker, r0, r1 int) {
	b := k.block(worker)
	if b.then != nil {
		b.then.Region(worker, 0, r1-r0, 0, k.Filters)
	}
	n, line := k.Filters, k.Places[2]*k.Filters
	pool := &b.loop
	fast := pool.Bind("MaxPool")
	for at := r0; at < r1; at += k.row() {
		y, place := b.y[(at-r0)*n:], at/4
		arg, step := b.unread, 0
		if k.Arg != nil {
			arg, step = k.Arg[place*k.ArgStep:], k.ArgStep
		}
		maxima := k.Max[place*k.MaxStep:]
		four := func(i, j int) [4]float32 { // what pool i of the row is of
			return [4]float32{y[2*i*n+j], y[(2*i+1)*n+j], y[line+2*i*n+j], y[line+(2*i+1)*n+j]}
		}
		if !fast {
			for i := range k.Places[2] / 2 {
				for j := range n {
					maxima[i*k.MaxStep+j], arg[i*step+j] = greatest(four(i, j))
				}
			}
			continue
		}
		pool.Size(k.Places[2]/2, n)
		for i, from := range [4]int{0, n, line, line + n} {
			pool.In(i, &y[from], 2*n)
		}
		pool.In(4, &poolNumbers[2], 0)
		pool.In(5, &poolNumbers[3], 0)
		pool.Out(0, &maxima[0], k.MaxStep)
		pool.Out(1, &arg[0], step)
		pool.Run()
		if across := k.Places[2] / 2; k.MaxStep == n && reduce.Finite(maxima[:across*n]) {
			continue
		}
		for i := range k.Places[2] / 2 {
			if reduce.Finite(maxima[i*k.MaxStep:][:n]) {
				continue
			}
			for j := range n {
				_, arg[i*step+j] = greatest(four(i, j))
			}
		}
	}
}

// poolNumbers are those of the taps.
var poolNumbers = [...]float32{0, 1, 2, 3}

// greatest returns the maximum, and which of the four is the first that is.
func greatest(x [4]float32) (value, tap float32) {
	value = x[0]
	for i, v := range x[1:] {
		if v > value || v != v && value == value {
			tap = float32(i + 1)
		}
		value = max(value, v)
	}
	return value, tap
}
