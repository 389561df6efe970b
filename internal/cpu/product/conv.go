package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file is the definition of convolutions and of their gradients: straight loops.
//
// They sum as products do: every element of a result is made of chains of fused
// multiply-adds in increasing k, each from +0 and cut where k passes a multiple of 4096;
// the chains are added in order. What k is each kernel says. A product of what is outside
// the image is in no chain, but has its number k; a chain without any product is not
// added, and where there is none at all the element is +0. So where a chain is cut depends
// on the place of a product in the kernel, or in the batch, alone, and whatever computes a
// convolution comes to the same bits: these loops, products of packed patches, or products
// of rows of the image where they are.

// A Conv kernel computes a convolution: X [Batch, Image..., Channels] with K [Taps...,
// Channels/Groups, Filters] gives Y [Batch, Places..., Filters]. k counts the taps in
// row-major order, then the channels of the group.
type Conv struct {
	Window
	X, K, Y  []float32
	Epilogue cpu.Epilogue // or nil; its rows are places, its columns filters

	tasks rowTasksOf
	way   way // on the tiles of products, or nil
}

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *Conv) Prepare() {
	k.check(k.X, k.K, k.Y)
	k.tasks.cut(k.Batch*k.Places[0]*k.Places[1], k.Places[2]*k.Filters, volume(k.Taps)*k.Channels/k.Groups)
	k.way = k.product()
}

// Tasks returns the number of tasks that Run is made of, or 0 if they come in steps.
func (k *Conv) Tasks() int {
	if !k.tasks.known {
		k.Prepare()
	}
	if k.way != nil {
		return 0
	}
	return k.tasks.count
}

// Run computes Y.
func (k *Conv) Run(p *par.Pool) {
	if n := k.Tasks(); k.way != nil {
		k.way.Run(p)
	} else {
		p.Run(k, n)
	}
}

// Do does one task: some rows of places.
func (k *Conv) Do(worker, index int) {
	r0, r1 := k.tasks.rows(index, k.Places[2])
	for place := r0; place < r1; place++ {
		for group := range k.Groups {
			k.at(place, group)
		}
	}
	if k.Epilogue != nil {
		k.Epilogue.Region(worker, r0, r1, 0, k.Filters)
	}
}

// at computes the filters of a group at a place, which is counted through the batch.
func (k *Conv) at(place, group int) {
	channels, filters := k.Channels/k.Groups, k.Filters/k.Groups
	sample := place / volume(k.Places)
	od, oh, ow := split(place%volume(k.Places), k.Places)
	d0, d1 := k.inside(0, od)
	h0, h1 := k.inside(1, oh)
	w0, w1 := k.inside(2, ow)
	for f := 0; f < filters; f += strip {
		s := chains{n: min(strip, filters-f)}
		first := group*filters + f
		for td := d0; td < d1; td++ {
			for th := h0; th < h1; th++ {
				for tw := w0; tw < w1; tw++ {
					pixel := ((sample*k.Image[0]+k.pixel(0, od, td))*k.Image[1]+k.pixel(1, oh, th))*k.Image[2] + k.pixel(2, ow, tw)
					tap := (td*k.Taps[1]+th)*k.Taps[2] + tw
					for c, x := range k.X[pixel*k.ImageStride+group*channels:][:channels] {
						s.add(tap*channels+c, x, k.K[(tap*channels+c)*k.Filters+first:], 1)
					}
				}
			}
		}
		s.store(k.Y[place*k.ResultStride+first:])
	}
}

// A ConvInputGrad kernel computes the gradient of the image of a convolution: DY [Batch,
// Places..., Filters] and K [Taps..., Channels/Groups, Filters] give DX [Batch, Image...,
// Channels]. k counts the taps in row-major order, then the filters of the group; of a tap
// that is at the pixel from no place there is no product.
type ConvInputGrad struct {
	Window
	DY, K, DX []float32
	Epilogue  cpu.Epilogue // or nil; its rows are pixels, its columns channels
	Zeros     Zeros        // where DY has many

	tasks  rowTasksOf
	way    way // on the tiles of products, or nil
	sparse *sparseImage
}

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *ConvInputGrad) Prepare() {
	k.check(k.DX, k.K, k.DY)
	k.tasks.cut(k.Batch*k.Image[0]*k.Image[1], k.Image[2]*k.Channels, volume(k.Taps)*k.Filters/k.Groups)
	k.way = k.product()
	k.sparse = newSparseImage(k)
}

// Tasks returns the number of tasks that Run is made of, or 0 if they come in steps.
func (k *ConvInputGrad) Tasks() int {
	if !k.tasks.known {
		k.Prepare()
	}
	if k.way != nil {
		return 0
	}
	return k.tasks.count
}

// Run computes DX.
func (k *ConvInputGrad) Run(p *par.Pool) {
	if n := k.Tasks(); k.sparse.run(p) {
		return
	} else if k.way != nil {
		k.way.Run(p)
	} else {
		p.Run(k, n)
	}
}

// Do does one task: some rows of pixels.
func (k *ConvInputGrad) Do(worker, index int) {
	r0, r1 := k.tasks.rows(index, k.Image[2])
	for pixel := r0; pixel < r1; pixel++ {
		for group := range k.Groups {
			k.at(pixel, group)
		}
	}
	if k.Epilogue != nil {
		k.Epilogue.Region(worker, r0, r1, 0, k.Channels)
	}
}

// at computes the channels of a group at a pixel, which is counted through the batch.
func (k *ConvInputGrad) at(pixel, group int) {
	channels, filters := k.Channels/k.Groups, k.Filters/k.Groups
	sample := pixel / volume(k.Image)
	d, h, w := split(pixel%volume(k.Image), k.Image)
	for c := 0; c < channels; c += strip {
		s := chains{n: min(strip, channels-c)}
		for tap := range volume(k.Taps) {
			td, th, tw := split(tap, k.Taps)
			od, okD := k.place(0, d, td)
			oh, okH := k.place(1, h, th)
			ow, okW := k.place(2, w, tw)
			if !okD || !okH || !okW {
				continue
			}
			place := ((sample*k.Places[0]+od)*k.Places[1]+oh)*k.Places[2] + ow
			for f, dy := range k.DY[place*k.ResultStride+group*filters:][:filters] {
				s.add(tap*filters+f, dy, k.K[(tap*channels+c)*k.Filters+group*filters+f:], k.Filters)
			}
		}
		s.store(k.DX[pixel*k.ImageStride+group*channels+c:])
	}
}

// A ConvKernelGrad kernel computes the gradient of the kernel of a convolution: X [Batch,
// Image..., Channels] and DY [Batch, Places..., Filters] give DK [Taps...,
// Channels/Groups, Filters]. k counts the places in row-major order through the batch.
type ConvKernelGrad struct {
	Window
	X, DY, DK []float32
	Put       *Pool        // of which DY is what it puts, if that isn't stored (conv_put.go); then DY is nil
	Sums      []float32    // with Put: the sums of DY over all places, as PutSum has them; or nil
	Epilogue  cpu.Epilogue // or nil; its rows are channels of taps, its columns filters
	Zeros     Zeros        // where DY has many

	tasks  rowTasksOf
	way    way // on the tiles of products, or nil
	sparse *sparseTaps
}

// Prepare cuts the work into tasks. It is to be called once after the fields are set; Run
// calls it if need be.
func (k *ConvKernelGrad) Prepare() {
	if k.Put == nil {
		k.check(k.X, k.DK, k.DY)
	} else {
		k.Put.checkPut()
		k.checkOperands(k.X, k.DK)
		if k.Sums != nil {
			cpu.Reaches("the sums of what a pool puts", k.Sums, k.Filters)
		}
	}
	k.tasks.cut(volume(k.Taps)*k.Channels/k.Groups, k.Filters, k.Batch*volume(k.Places))
	k.way = k.product()
	k.sparse = newSparseTaps(k)
}

// Tasks returns the number of tasks that Run is made of, or 0 if they come in steps.
func (k *ConvKernelGrad) Tasks() int {
	if !k.tasks.known {
		k.Prepare()
	}
	if k.way != nil {
		return 0
	}
	return k.tasks.count
}

// Run computes DK.
func (k *ConvKernelGrad) Run(p *par.Pool) {
	if n := k.Tasks(); k.sparse.run(p) {
		return
	} else if k.way != nil {
		k.way.Run(p)
	} else {
		p.Run(k, n)
	}
}

// Do does one task: some channels of taps.
func (k *ConvKernelGrad) Do(worker, index int) {
	r0, r1 := k.tasks.rows(index, 1)
	for r := r0; r < r1; r++ {
		for group := range k.Groups {
			k.at(r, group)
		}
	}
	if k.Epilogue != nil {
		k.Epilogue.Region(worker, r0, r1, 0, k.Filters)
	}
}

// at computes the filters of a group at row r of the kernel: for a channel of a tap.
func (k *ConvKernelGrad) at(r, group int) {
	channels, filters := k.Channels/k.Groups, k.Filters/k.Groups
	td, th, tw := split(r/channels, k.Taps)
	channel := group*channels + r%channels
	d0, d1 := k.visiting(0, td)
	h0, h1 := k.visiting(1, th)
	w0, w1 := k.visiting(2, tw)
	for f := 0; f < filters; f += strip {
		s := chains{n: min(strip, filters-f)}
		first := group*filters + f
		for sample := range k.Batch {
			for od := d0; od < d1; od++ {
				for oh := h0; oh < h1; oh++ {
					for ow := w0; ow < w1; ow++ {
						place := ((sample*k.Places[0]+od)*k.Places[1]+oh)*k.Places[2] + ow
						pixel := ((sample*k.Image[0]+k.pixel(0, od, td))*k.Image[1]+k.pixel(1, oh, th))*k.Image[2] + k.pixel(2, ow, tw)
						s.add(place, k.X[pixel*k.ImageStride+channel], k.DY[place*k.ResultStride+first:], 1)
					}
				}
			}
		}
		s.store(k.DK[r*k.Filters+first:])
	}
}

// check sets the strides, and panics if a convolution is of more than its arrays hold.
func (w *Window) check(image, kernel, result []float32) {
	w.checkOperands(image, kernel)
	cpu.Reaches("the result of a convolution", result, extent(w.Batch*volume(w.Places), w.ResultStride, w.Filters))
}

// checkOperands does so, but for the result.
func (w *Window) checkOperands(image, kernel []float32) {
	w.close(w.Channels, w.Filters)
	cpu.Reaches("the image of a convolution", image, extent(w.Batch*volume(w.Image), w.ImageStride, w.Channels))
	cpu.Reaches("the kernel of a convolution", kernel, volume(w.Taps)*w.Channels/w.Groups*w.Filters)
}

// strip is how many elements of a result are summed at the same time.
const strip = 64

// chains are the sums of up to strip neighbouring elements of a result.
type chains struct {
	n          int
	sum, chain [strip]float32
	begun      bool // there is a chain
	added      bool // there is a sum
	block      int  // k / 4096 of the chain
}

// add adds product k of each element: x times the elements of y, which are step apart.
func (s *chains) add(k int, x float32, y []float32, step int) {
	if block := k / chain; !s.begun || block != s.block {
		s.end()
		s.begun, s.block = true, block
	}
	for i := range s.chain[:s.n] {
		s.chain[i] = fmath.FMA(x, y[i*step], s.chain[i])
	}
}

// end adds the chain to those before it.
func (s *chains) end() {
	switch {
	case s.begun && s.added:
		for i, v := range s.chain[:s.n] {
			s.sum[i] += v
		}
	case s.begun:
		s.sum = s.chain
		s.added = true
	}
	s.chain, s.begun = [strip]float32{}, false
}

// store ends the last chain and stores the sums.
func (s *chains) store(y []float32) {
	s.end()
	copy(y, s.sum[:s.n])
}
