package imagefolder

// This file decodes pictures, within a budget of memory: a small file can claim to
// be a large picture, and a picture can take many times its pixels to decode.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // what pictures may be
	_ "image/png"
	"io"
	"sync"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/tensor"
)

// Decode reads one picture as Open and Epoch read those of a folder: float32 of
// shape (1, Height, Width, channels), the input of a network that was trained on
// such pictures. r is read to its end.
func Decode(r io.Reader, cfg Config) (*tensor.Tensor, error) {
	cfg, err := cfg.resolved()
	if err != nil {
		return nil, err
	}
	f := &Folder{cfg: cfg, gate: newGate(cfg.MaxMemory)}
	return f.Decode(r)
}

// Decode reads one picture as those of the folder are read: float32 of shape
// (1, Height, Width, channels), which Predict takes. r is read to its end.
func (f *Folder) Decode(r io.Reader) (*tensor.Tensor, error) {
	switch {
	case f == nil || f.gate == nil:
		return nil, errNotOpen
	case config.IsNil(r):
		return nil, errors.New("imagefolder: there is no picture to read")
	}
	// A quarter, since what is read is copied as it grows.
	limit := f.cfg.MaxMemory / 4
	content, err := io.ReadAll(io.LimitReader(file.Steady(r), limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("the file has more than %d bytes: see MaxMemory", limit)
	}
	shape := f.Spec().X[0]
	dst := make([]float32, shape.Numel())
	if err == nil {
		err = f.decode(dst, bytes.NewReader(content), int64(len(content)))
	}
	if err != nil {
		return nil, fmt.Errorf("imagefolder: %w", err)
	}
	return tensor.Of(dst, append(tensor.Shape{1}, shape...)...)
}

// maxHead is more than what stands before the size of a picture: a profile of its
// colors, a thumbnail.
const maxHead = 16 << 20

// decode puts the pixels of a picture into dst, which is in a file of size bytes.
func (f *Folder) decode(dst []float32, r io.Reader, size int64) error {
	var head bytes.Buffer
	cfg, kind, err := image.DecodeConfig(io.TeeReader(io.LimitReader(r, maxHead), &head))
	switch {
	case err != nil && head.Len() == maxHead:
		return fmt.Errorf("after %d bytes it isn't known how large the picture is: %w", maxHead, err)
	case errors.Is(err, image.ErrFormat):
		return fmt.Errorf("it is no picture that is read, .png or .jpeg, but %s: %w", file.Describe(bytes.NewReader(head.Bytes()), int64(head.Len())), err)
	case err != nil:
		return err
	case cfg.Width <= 0 || cfg.Height <= 0:
		return errors.New("the picture has no pixels")
	case cfg.Width > f.cfg.MaxPixels/cfg.Height:
		return fmt.Errorf("a %s of %d × %d has more than %d pixels: see MaxPixels", kind, cfg.Width, cfg.Height, f.cfg.MaxPixels)
	}
	memory, least := footprint(kind, cfg, head.Bytes())
	if size < least {
		return fmt.Errorf("a %s of %d × %d can't be in a file of %d bytes: unexpected EOF", kind, cfg.Width, cfg.Height, size)
	}
	memory += int64(head.Cap())
	if memory > f.cfg.MaxMemory {
		return fmt.Errorf("a %s of %d × %d takes %d bytes to decode, more than %d: see MaxMemory", kind, cfg.Width, cfg.Height, memory, f.cfg.MaxMemory)
	}
	f.gate.enter(memory)
	defer f.gate.leave(memory)
	img, _, err := image.Decode(&scanLimiter{r: io.MultiReader(&head, io.LimitReader(r, size)), jpeg: kind == "jpeg"})
	if err != nil {
		return err
	}
	area, to := img.Bounds(), image.Rect(0, 0, f.cfg.Width, f.cfg.Height)
	switch {
	case f.cfg.CropToAspectRatio:
		area = cropped(area, f.cfg.Height, f.cfg.Width)
	case f.cfg.PadToAspectRatio:
		to = padded(area, f.cfg.Height, f.cfg.Width)
	}
	resize(dst, f.cfg.Width, to, img, area, f.cfg.Interpolation, f.cfg.Color)
	if high := f.cfg.High; high != 255 {
		for i, v := range dst {
			dst[i] = float32(float64(v) * high / 255)
		}
	}
	return nil
}

// A scanLimiter reads a picture, and ends a JPEG file of more than maxScans scans: each may go through all blocks of the picture and
// be of a few bytes, so a small file could take hours.
type scanLimiter struct {
	r    io.Reader
	jpeg bool
	last byte
	n    int
}

// maxScans is many times what programs write: a dozen.
const maxScans = 500

func (s *scanLimiter) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if s.jpeg {
		for _, c := range b[:n] {
			if s.last == 0xFF && c == 0xDA {
				s.n++
			}
			s.last = c
		}
		if s.n > maxScans {
			return 0, fmt.Errorf("it has more than %d scans", maxScans)
		}
	}
	return n, err
}

// footprint returns how many bytes of memory it takes to decode a picture at most,
// and how many bytes its file has at least, given what stands at the file's
// beginning.
func footprint(kind string, cfg image.Config, head []byte) (memory, least int64) {
	width, height := int64(cfg.Width), int64(cfg.Height)
	if kind == "png" {
		// https://www.w3.org/TR/png-3/#11IHDR. With a transparent color, grey pixels are
		// decoded to colors.
		depth, interlaced := int64(head[24]), head[28] != 0
		samples := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[head[25]]
		pixel := int64(4)
		if head[25] == 3 {
			pixel = 1
		} else if depth == 16 {
			pixel = 8
		}
		memory = width * height * pixel
		if interlaced { // each pass is decoded to a picture of its own
			memory *= 2
		}
		// Deflate packs 258 bytes into 2 bits at best.
		return memory + 1<<20, height * (width*samples*depth/8 + 1) / 1100
	}
	samples := int64(3)
	switch cfg.ColorModel {
	case color.GrayModel:
		samples = 1
	case color.CMYKModel:
		samples = 4
	}
	pixel := samples // the planes
	if samples == 4 || cfg.ColorModel == color.RGBAModel {
		pixel += 4 // and the picture that is made of them
	}
	if progressive(head) {
		pixel += 4 * samples // the coefficients of all blocks, until the last scan
	}
	round := func(n int64) int64 { return (n + 31) / 32 * 32 } // to whole units of the largest size
	// A block of 8 × 8 takes a bit at the very least, wherever its samples aren't
	// shared.
	return round(width)*round(height)*pixel + 1<<20, width / 8 * (height / 8) / 8 / 4
}

// progressive reports whether the beginning of a JPEG file says that it is
// progressive, or doesn't say that it isn't.
func progressive(head []byte) bool {
	for at := 2; at+4 <= len(head) && head[at] == 0xFF; {
		switch marker := head[at+1]; {
		case marker == 0xFF: // a fill byte
			at++
		case marker == 0xC0 || marker == 0xC1:
			return false
		case marker == 0xC2:
			return true
		default:
			at += 2 + int(binary.BigEndian.Uint16(head[at+2:]))
		}
	}
	return true
}

// A gate lets in as many pictures at once as there is memory for.
type gate struct {
	mu     sync.Mutex
	change *sync.Cond
	free   int64
}

func newGate(bytes int64) *gate {
	g := &gate{free: bytes}
	g.change = sync.NewCond(&g.mu)
	return g
}

// enter waits until so many bytes are free, which are at most as many as there are.
func (g *gate) enter(bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.free < bytes {
		g.change.Wait()
	}
	g.free -= bytes
}

func (g *gate) leave(bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += bytes
	g.change.Broadcast()
}
