package plan

// This file makes the kernels of convolutions and pools.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/tensor"
)

// windowOf returns the geometry of a window over an image that gives a result of the
// shape out. Where they have fewer than three spatial dimensions, the first ones are 1; where they have four, the first stacks
// images.
func windowOf(w *graph.Window, image, out tensor.Shape) product.Window {
	dims := len(image) - 2
	one := [3]int{1, 1, 1}
	g := product.Window{
		Batch: image[0], Channels: image[dims+1], Filters: out[dims+1], Groups: w.Groups,
		Image: one, Places: one, Taps: one, Stride: one, Dilation: one,
	}
	if dims > 3 {
		g.Batch *= image[1]
	}
	fill := func(to *[3]int, from []int) { copy(to[max(3-dims, 0):], from[max(dims-3, 0):]) }
	fill(&g.Image, image[1:][:dims])
	fill(&g.Places, out[1:][:dims])
	fill(&g.Taps, w.Size)
	fill(&g.Stride, w.Stride)
	fill(&g.Dilation, w.Dilation)
	fill(&g.Low, w.Low)
	return g
}

// pixelStride is how far apart pixels of x are, 0 if there is nothing between them.
func pixelStride(x *value) int {
	if x.apart() {
		return x.stride
	}
	return 0
}

// leastChannels is how many channels pixels have that are packed tap by tap as fast as if they were
// copied before, so that taps side by side are one run.
const leastChannels = 64

// takesImage is for convolutions, which read an image whose pixels are apart, but no such kernel.
func takesImage(v, x *value) bool {
	size := v.attr.Window.Size
	one := size[len(size)-1] == 1
	return x != v.in[1] && takesRows(v, x) && (one || x.shape[len(x.shape)-1] >= leastChannels)
}

// takesImages is for the gradient of a convolution's kernel: its second operand is not packed tap by tap.
func takesImages(v, x *value) bool {
	return takesImage(v, x) || x == v.in[1] && x != v.in[0] && takesRows(v, x)
}

// takesPooled is for pools, which read an image whose pixels are apart, but no such taps.
func takesPooled(v, x *value) bool {
	return x == v.in[len(v.in)-1] && (len(v.in) == 1 || x != v.in[0]) && takesRows(v, x)
}

func emitConv(c *call) []cpu.Kernel {
	x, kernel := c.in[0], c.in[1]
	k := &product.Conv{
		Window: windowOf(&c.attr.Window, x.shape, c.shape), Epilogue: c.epilogue,
		X: c.data(x), K: c.data(kernel), Y: c.data(c.value),
	}
	k.ImageStride, k.ResultStride = pixelStride(x), pixelStride(c.value)
	k.Prepare()
	return []cpu.Kernel{k}
}

// poolsResult reports whether convolution v has a kernel that pools its result: in two dimensions 2×2 without gaps, where all
// taps are inside the image.
func poolsResult(v, pool *value) bool {
	a, w := &v.attr.Window, &pool.attr.Window
	taps := 1
	for _, n := range a.Size {
		taps *= n
	}
	return len(v.shape) == 4 && a.Groups == 1 && taps > 1 && none(a.Low) && none(a.High) &&
		slices.Equal(w.Size, []int{2, 2}) && slices.Equal(w.Stride, w.Size) && none(w.Low) && none(w.High)
}

// sameWindow reports whether two windows are one.
func sameWindow(a, b *graph.Window) bool {
	return slices.Equal(a.Size, b.Size) && slices.Equal(a.Stride, b.Stride) && slices.Equal(a.Dilation, b.Dilation) &&
		slices.Equal(a.Low, b.Low) && slices.Equal(a.High, b.High)
}

// none reports whether nothing is padded.
func none(padding []int) bool {
	return !slices.ContainsFunc(padding, func(n int) bool { return n != 0 })
}

// emitPooled makes a convolution that pools what follows from it.
func emitPooled(c *call, u *unit) []cpu.Kernel {
	x, kernel, pool := c.in[0], c.in[1], u.pools[0]
	k := &product.ConvPool{Window: windowOf(&c.attr.Window, x.shape, c.shape), X: c.data(x), K: c.data(kernel)}
	k.ImageStride = pixelStride(x)
	k.Places[1], k.Places[2] = 2*pool.shape[1], 2*pool.shape[2]
	for _, v := range u.pools {
		if v.traits().pooled == theMaximum {
			k.Max, k.MaxStep = c.data(v), pixelStride(v)
		} else {
			k.Arg, k.ArgStep = c.data(v), pixelStride(v)
		}
	}
	if len(u.members) > 0 {
		k.Then = func(rows int, y []float32) cpu.Epilogue {
			data := func(v *value) []float32 {
				if v.unit == u {
					return y
				}
				return c.data(v)
			}
			return u.programOf(rows, []*value{pool.in[0]}, data, c.exec)
		}
	}
	k.Prepare()
	return []cpu.Kernel{k}
}

func emitConvInputGrad(c *call) []cpu.Kernel {
	dy, kernel := c.in[0], c.in[1]
	k := &product.ConvInputGrad{
		Window: windowOf(&c.attr.Window, c.shape, dy.shape), Epilogue: c.epilogue,
		DY: c.data(dy), K: c.data(kernel), DX: c.data(c.value), Zeros: c.zeros(dy),
	}
	k.ImageStride, k.ResultStride = pixelStride(c.value), pixelStride(dy)
	k.Prepare()
	return []cpu.Kernel{k}
}

func emitConvKernelGrad(c *call) []cpu.Kernel {
	x, dy := c.in[0], c.in[1]
	k := &product.ConvKernelGrad{
		Window: windowOf(&c.attr.Window, x.shape, dy.shape), Epilogue: c.epilogue,
		X: c.data(x), DK: c.data(c.value), Zeros: c.zeros(dy),
	}
	if dy.unstored {
		k.Put = putOf(c, dy)
		if gradient, sum := together(dy); gradient == c.value {
			k.Sums = c.data(sum)
		}
	} else {
		k.DY = c.data(dy)
	}
	k.ImageStride, k.ResultStride = pixelStride(x), pixelStride(dy)
	k.Prepare()
	return []cpu.Kernel{k}
}

// productsOf is how many products a convolution that has this result, or gradient of
// its result, takes with a kernel of the shape: about.
func productsOf(result *value, kernel tensor.Shape) int {
	return result.n * max(kernel[:len(kernel)-1].Numel(), product.StoreWork)
}

func costOfConv(v *value) int           { return productsOf(v, v.in[1].shape) / 128 }
func costOfConvInputGrad(v *value) int  { return productsOf(v.in[0], v.in[1].shape) / 128 }
func costOfConvKernelGrad(v *value) int { return productsOf(v.in[1], v.shape) / 128 }

// emitPool makes a pool, of the taps that are to be taken, if it has such, and an image.
func emitPool(op product.PoolOp) func(c *call) []cpu.Kernel {
	return func(c *call) []cpu.Kernel {
		x := c.in[len(c.in)-1]
		k := &product.Pool{Op: op, Window: windowOf(&c.attr.Window, x.shape, c.shape), X: c.data(x), Y: c.data(c.value)}
		k.ImageStride, k.ResultStride = pixelStride(x), pixelStride(c.value)
		if len(c.in) > 1 {
			k.Arg = c.data(c.in[0])
		}
		k.Prepare()
		return []cpu.Kernel{k}
	}
}

// emitPoolBack makes a pool that computes its image.
func emitPoolBack(op product.PoolOp) func(c *call) []cpu.Kernel {
	return func(c *call) []cpu.Kernel {
		y := c.in[len(c.in)-1]
		k := &product.Pool{Op: op, Window: windowOf(&c.attr.Window, c.shape, y.shape), X: c.data(c.value), Y: c.data(y)}
		k.ImageStride, k.ResultStride = pixelStride(c.value), pixelStride(y)
		if len(c.in) > 1 {
			k.Arg = c.data(c.in[0])
		}
		k.Prepare()
		return []cpu.Kernel{k}
	}
}

// together returns the gradient of a kernel that multiplies by x, which isn't stored, and a sum of x on the same level, which is computed
// with it. Both are nil if there are no two.
func together(x *value) (gradient, sum *value) {
	for _, v := range x.users {
		switch v.traits().ofPut {
		case itsSum:
			if sum == nil && v.unit.next == nil {
				sum = v
			}
		case itsProduct:
			if gradient == nil {
				gradient = v
			}
		}
	}
	if gradient == nil || sum == nil || gradient.unit.index != sum.unit.index {
		return nil, nil
	}
	return gradient, sum
}

// putsInFours reports whether what pool v puts can be computed where it is read.
func putsInFours(v *value) bool {
	return len(v.shape) == 4 && putWindow(v).PutsInFours()
}

// putWindow returns the geometry of a pool whose image is v.
func putWindow(v *value) *product.Window {
	w := windowOf(&v.attr.Window, v.shape, v.in[1].shape)
	return &w
}

// putOf returns the pool that puts v, which isn't stored.
func putOf(c *call, v *value) *product.Pool {
	arg, y := v.in[0], v.in[1]
	k := &product.Pool{Op: product.PoolPut, Window: *putWindow(v), Y: c.data(y), Arg: c.data(arg)}
	k.ResultStride = pixelStride(y)
	return k
}

// multipliesPut is for the gradient of a convolution's kernel: it takes the gradient of a result that a pool puts.
func multipliesPut(v, x *value) bool {
	image := v.in[0]
	if image == x || x != v.in[1] || len(x.shape) != 4 {
		return false
	}
	w := windowOf(&v.attr.Window, image.shape, x.shape)
	return w.TakesPut()
}

// sumsPut is for sums over all pixels.
func sumsPut(v, x *value) bool {
	last := len(x.shape) - 1
	return len(v.attr.Axes) == last && v.attr.Axes[last-1] == last-1 && x.shape[last] > 1
}

func costOfPool(v *value) int { return (v.n + v.in[0].n) / 4 }
