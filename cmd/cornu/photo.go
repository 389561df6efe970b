package main

// This file makes of a picture of one handwritten digit what MNIST has: the digit bright on black, scaled into a box of
// 20 × 20 pixels, its center of mass in the middle of 28 × 28; see LeCun, Bottou, Bengio and Haffner (1998), III.A.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/data/imagefolder"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/tensor"
)

const (
	box      = 20   // pixels, of the side of the square that a digit is scaled into
	decoded  = 2048 // pixels, of the longer side of a picture that is decoded
	working  = 512  // of the one that is looked at
	faint    = 0.25 // of the ink of most strokes: what is fainter is none
	thinnest = 0.1  // of the digit's longer side: strokes are made no thinner than MNIST's
)

// readDigit returns the pixels of MNIST's kind of the digit in a picture file.
func readDigit(path string) ([]uint8, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := decodeGray(f)
	if errors.Is(err, image.ErrFormat) {
		err = fmt.Errorf("it is no picture that is read, .png or .jpeg, but %s", file.Describe(f, math.MaxInt64))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pixels, err := p.digit()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pixels, nil
}

// A plane is an image of one number for each pixel.
type plane struct {
	width, height int
	at            []float64
}

func newPlane(width, height int) *plane { return &plane{width, height, make([]float64, width*height)} }

// decodeGray reads the brightness of a picture, from 0 to 255, turned as its camera says. What is transparent has the
// color that the rest stands out from.
func decodeGray(r io.ReadSeeker) (*plane, error) {
	cfg, _, err := image.DecodeConfig(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	width, height := cfg.Width, cfg.Height
	if longest := max(width, height); longest > decoded {
		width, height = max(width*decoded/longest, 1), max(height*decoded/longest, 1)
	}
	t, err := imagefolder.Decode(r, imagefolder.Config{Width: width, Height: height, Color: imagefolder.RGBA})
	if err != nil {
		return nil, err
	}
	values, err := tensor.Data[float32](t)
	if err != nil {
		return nil, err
	}
	p := newPlane(width, height)
	opaque, brightness := 0.0, 0.0
	for i := range p.at {
		red, green, blue, alpha := float64(values[4*i]), float64(values[4*i+1]), float64(values[4*i+2]), float64(values[4*i+3])/255
		p.at[i] = float64(0.299*red) + float64(0.587*green) + float64(0.114*blue)
		opaque, brightness = opaque+alpha, brightness+float64(alpha*p.at[i])
	}
	behind := 255.0
	if brightness > 127.5*opaque {
		behind = 0
	}
	for i := range p.at {
		alpha := float64(values[4*i+3]) / 255
		p.at[i] = float64(alpha*p.at[i]) + float64((1-alpha)*behind)
	}
	return p.turned(orientationOf(head[:n])).within(working), nil
}

// within returns the plane scaled down until its longer side has at most so many pixels.
func (p *plane) within(size int) *plane {
	longest := max(p.width, p.height)
	if longest <= size {
		return p
	}
	return p.scaled(max(p.width*size/longest, 1), max(p.height*size/longest, 1))
}

// scaled returns the plane in another size: each pixel is the mean of the area that it covers.
func (p *plane) scaled(width, height int) *plane {
	across := newPlane(width, p.height)
	for y := range p.height {
		average(across.at[y*width:], 1, width, p.at[y*p.width:], 1, p.width)
	}
	out := newPlane(width, height)
	for x := range width {
		average(out.at[x:], width, height, across.at[x:], width, p.height)
	}
	return out
}

// average writes n means of m numbers, each of m/n of them. The numbers lie step apart. Where n is greater than m they go
// over into each other.
func average(dst []float64, dstStep, n int, src []float64, srcStep, m int) {
	reach := max(float64(m)/float64(n), 1)
	for i := range n {
		center := (float64(i) + 0.5) * float64(m) / float64(n)
		low, high := max(center-reach/2, 0), min(center+reach/2, float64(m))
		sum := 0.0
		for k := int(low); k < m && float64(k) < high; k++ {
			share := min(float64(k+1), high) - max(float64(k), low)
			sum += float64(share * src[k*srcStep])
		}
		dst[i*dstStep] = sum / (high - low)
	}
}

// digit finds the digit.
func (p *plane) digit() ([]uint8, error) {
	if p.width < 4 || p.height < 4 {
		return nil, fmt.Errorf("the picture has %d × %d pixels: there is no digit to be seen", p.width, p.height)
	}
	ink, ok := p.ink()
	if !ok {
		return nil, errors.New("the picture is of one color: there is no digit to be seen")
	}
	shape := ink.largest()
	if shape == nil {
		return nil, errors.New("there is no digit to be seen: nothing stands out from the paper")
	}
	return shape.thickened().centered(), nil
}

// ink returns how much each pixel stands out from the paper, from 0 to 1. The paper is a smooth surface, since light
// falls unevenly; whether the ink is darker or brighter than it is seen.
func (p *plane) ink() (*plane, bool) {
	paper, noise := p.paper()
	darker, brighter := 0.0, 0.0
	for i, v := range p.at {
		if d := v - paper.at[i]; d > 3*noise {
			brighter += d
		} else if d < -3*noise {
			darker -= d
		}
	}
	sign := 1.0
	if darker > brighter {
		sign = -1
	}
	ink := newPlane(p.width, p.height)
	for i, v := range p.at {
		ink.at[i] = max(sign*(v-paper.at[i]), 0)
	}
	threshold := otsu(ink.at)
	var strokes []float64
	for _, v := range ink.at {
		if v > threshold {
			strokes = append(strokes, v)
		}
	}
	if len(strokes) == 0 {
		return nil, false
	}
	slices.Sort(strokes)
	full := strokes[len(strokes)/2]
	empty := max(3*noise, 0.12*full)
	if full < 8 || empty >= full {
		return nil, false
	}
	for i, v := range ink.at {
		ink.at[i] = min(max((v-empty)/(full-empty), 0), 1)
	}
	return ink, true
}

// paper returns the surface of the paper and the standard deviation of its noise. The surface is of second degree, fitted
// to a small copy: at first to its edge, and then to all pixels that are near.
func (p *plane) paper() (*plane, float64) {
	small := p.within(64)
	used := make([]bool, len(small.at))
	edge := max(min(small.width, small.height)/10, 1)
	for i := range used {
		x, y := i%small.width, i/small.width
		used[i] = x < edge || y < edge || x >= small.width-edge || y >= small.height-edge
	}
	var s surface
	for range 6 {
		s = small.fit(used)
		var deviations []float64
		for i, v := range small.at {
			if used[i] {
				deviations = append(deviations, math.Abs(v-s.at(i, small)))
			}
		}
		noise := noiseOf(deviations)
		for i, v := range small.at {
			used[i] = math.Abs(v-s.at(i, small)) < 3*noise
		}
	}
	paper := newPlane(p.width, p.height)
	var deviations []float64
	for i := range paper.at {
		paper.at[i] = s.at(i, p)
		if every := len(p.at)/10_000 + 1; i%every == 0 {
			deviations = append(deviations, math.Abs(p.at[i]-paper.at[i]))
		}
	}
	return paper, noiseOf(deviations)
}

// noiseOf returns the standard deviation of what most of the distances from a mean have, at least 1: 1.4826 of their
// median.
func noiseOf(distances []float64) float64 {
	slices.Sort(distances)
	return max(1.4826*distances[len(distances)/2], 1)
}

// A surface is one of second degree over the width and the height of a plane, each from -1 to 1.
type surface [6]float64

func terms(i int, p *plane) surface {
	x, y := 2*float64(i%p.width)/float64(p.width)-1, 2*float64(i/p.width)/float64(p.height)-1
	return surface{1, x, y, x * x, x * y, y * y}
}

func (s surface) at(i int, p *plane) float64 {
	sum := 0.0
	for k, t := range terms(i, p) {
		sum += float64(s[k] * t)
	}
	return sum
}

// fit returns the surface that is nearest to the pixels that are used, by least squares.
func (p *plane) fit(used []bool) (s surface) {
	const n = len(s)
	var a [n][n + 1]float64
	for i, v := range p.at {
		if !used[i] {
			continue
		}
		t := terms(i, p)
		for r := range n {
			for c := range n {
				a[r][c] += float64(t[r] * t[c])
			}
			a[r][n] += float64(t[r] * v)
		}
	}
	for c := range n { // Gauss and Jordan's elimination
		pivot := c
		for r := c; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[pivot][c]) {
				pivot = r
			}
		}
		a[c], a[pivot] = a[pivot], a[c]
		if math.Abs(a[c][c]) < 1e-9 { // the pixels don't tell
			a[c] = [n + 1]float64{}
			a[c][c] = 1
		}
		for r := range n {
			if f := a[r][c] / a[c][c]; r != c {
				for k := range n + 1 {
					a[r][k] -= float64(f * a[c][k])
				}
			}
		}
	}
	for c := range n {
		s[c] = a[c][n] / a[c][c]
	}
	return s
}

// otsu returns the threshold between the two kinds of numbers that lie farthest apart for their spread: N. Otsu, "A
// threshold selection method from gray-level histograms" (1979).
func otsu(values []float64) float64 {
	const bins = 256
	top := slices.Max(values)
	if top <= 0 {
		return 0
	}
	var counts [bins]float64
	total := 0.0
	for _, v := range values {
		k := min(int(v/top*bins), bins-1)
		counts[k]++
		total += float64(k)
	}
	below, sum, best, at := 0.0, 0.0, -1.0, 0
	for k, n := range counts[:bins-1] {
		below += n
		sum += float64(float64(k) * n)
		above := float64(len(values)) - below
		if below == 0 || above == 0 {
			continue
		}
		d := sum/below - (total-sum)/above
		if v := float64(below*above) * float64(d*d); v > best {
			best, at = v, k
		}
	}
	return float64(at+1) / bins * top
}

// largest returns the ink of the digit alone, cut out: its greatest connected part, and those beside it that aren't much
// smaller, as the bar of a 5. What goes over the picture's edge is no digit if something else may be one.
func (p *plane) largest() *plane {
	part := make([]int, len(p.at)) // 0 for none
	type found struct {
		area int
		edge bool
	}
	parts := []found{{}}
	var stack []int
	for start, v := range p.at {
		if v <= faint || part[start] != 0 {
			continue
		}
		id := len(parts)
		parts = append(parts, found{})
		part[start] = id
		stack = append(stack[:0], start)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			parts[id].area++
			x, y := i%p.width, i/p.width
			if x == 0 || y == 0 || x == p.width-1 || y == p.height-1 {
				parts[id].edge = true
			}
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					if x+dx < 0 || y+dy < 0 || x+dx >= p.width || y+dy >= p.height {
						continue
					}
					if k := i + dy*p.width + dx; p.at[k] > faint && part[k] == 0 {
						part[k] = id
						stack = append(stack, k)
					}
				}
			}
		}
	}
	most, inner := 0, 0
	for _, f := range parts {
		most = max(most, f.area)
		if !f.edge {
			inner = max(inner, f.area)
		}
	}
	if most == 0 {
		return nil
	}
	onlyInner := 20*inner >= most && 2000*inner >= len(p.at)
	if onlyInner {
		most = inner
	}
	left, right, top, bottom := p.width, -1, p.height, -1
	keep := make([]bool, len(p.at))
	for i, id := range part {
		if id == 0 || parts[id].area*12 < most || onlyInner && parts[id].edge {
			continue
		}
		x, y := i%p.width, i/p.width
		left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
		// The soft edge of a stroke is ink too.
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if x+dx >= 0 && y+dy >= 0 && x+dx < p.width && y+dy < p.height {
					keep[i+dy*p.width+dx] = true
				}
			}
		}
	}
	out := newPlane(right-left+1, bottom-top+1)
	for y := range out.height {
		for x := range out.width {
			if i := (top+y)*p.width + left + x; keep[i] {
				out.at[y*out.width+x] = p.at[i]
			}
		}
	}
	return out
}

// thickened returns the digit with strokes of at least MNIST's width: those of a pen would be lost in 20 pixels.
func (p *plane) thickened() *plane {
	area, outline := 0.0, 0.0
	for i, v := range p.at {
		if v <= 0.5 {
			continue
		}
		area++
		x, y := i%p.width, i/p.width
		if x == 0 || y == 0 || x == p.width-1 || y == p.height-1 ||
			p.at[i-1] <= 0.5 || p.at[i+1] <= 0.5 || p.at[i-p.width] <= 0.5 || p.at[i+p.width] <= 0.5 {
			outline++
		}
	}
	if outline == 0 {
		return p
	}
	stroke := 2 * area / outline // a stroke has an outline on both sides
	r := int(math.Round((thinnest*float64(max(p.width, p.height)) - stroke) / 2))
	if r < 1 {
		return p
	}
	out := newPlane(p.width+2*r, p.height+2*r)
	for i, v := range p.at {
		if v == 0 {
			continue
		}
		x, y := i%p.width+r, i/p.width+r
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if dx*dx+dy*dy <= r*r {
					to := &out.at[(y+dy)*out.width+x+dx]
					*to = max(*to, v)
				}
			}
		}
	}
	return out
}

// centered returns the digit in MNIST's form.
func (p *plane) centered() []uint8 {
	longest := max(p.width, p.height)
	s := p.scaled(max(int(math.Round(float64(p.width*box)/float64(longest))), 1), max(int(math.Round(float64(p.height*box)/float64(longest))), 1))
	top := slices.Max(s.at)
	sum, cx, cy := 0.0, 0.0, 0.0
	for i, v := range s.at {
		sum += v
		cx += float64(v * (float64(i%s.width) + 0.5))
		cy += float64(v * (float64(i/s.width) + 0.5))
	}
	// The middle is that of pixel 14, counted from 0.
	left := min(max(int(math.Round(mnist.Columns/2+0.5-cx/sum)), 0), mnist.Columns-s.width)
	above := min(max(int(math.Round(mnist.Rows/2+0.5-cy/sum)), 0), mnist.Rows-s.height)
	pixels := make([]uint8, mnist.Rows*mnist.Columns)
	for i, v := range s.at {
		pixels[(above+i/s.width)*mnist.Columns+left+i%s.width] = uint8(math.Round(255 * v / top))
	}
	return pixels
}

// orientationOf returns how a camera was held, from 1 to 8, by the Exif data of a JPEG file; 1 is upright.
func orientationOf(head []byte) int {
	if !bytes.HasPrefix(head, []byte("\xFF\xD8")) {
		return 1
	}
	for at := 2; at+4 <= len(head) && head[at] == 0xFF && head[at+1] != 0xDA; {
		size := int(binary.BigEndian.Uint16(head[at+2:]))
		end := at + 2 + size
		if head[at+1] == 0xE1 && end <= len(head) && size > 8 && bytes.HasPrefix(head[at+4:end], []byte("Exif\x00\x00")) {
			return tiffOrientation(head[at+10 : end])
		}
		at = end
	}
	return 1
}

func tiffOrientation(b []byte) int {
	var order binary.ByteOrder
	switch {
	case len(b) < 8:
		return 1
	case string(b[:2]) == "II":
		order = binary.LittleEndian
	case string(b[:2]) == "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at+2 > len(b) {
		return 1
	}
	for i := range int(order.Uint16(b[at:])) {
		entry := at + 2 + 12*i
		if entry+12 > len(b) {
			break
		}
		if order.Uint16(b[entry:]) == 0x0112 {
			if v := int(order.Uint16(b[entry+8:])); v >= 1 && v <= 8 {
				return v
			}
		}
	}
	return 1
}

// turned returns the plane upright, given how the camera was held.
func (p *plane) turned(orientation int) *plane {
	if orientation == 1 {
		return p
	}
	out := newPlane(p.width, p.height)
	if orientation >= 5 {
		out = newPlane(p.height, p.width)
	}
	for i := range out.at {
		x, y := i%out.width, i/out.width
		if orientation >= 5 {
			x, y = y, x
		}
		if orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 {
			x = p.width - 1 - x
		}
		if orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 {
			y = p.height - 1 - y
		}
		out.at[i] = p.at[y*p.width+x]
	}
	return out
}
