package number

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

func TestHalvesAreRoundedToTheNearest(t *testing.T) {
	for _, kind := range []struct {
		name   string
		narrow func(float32) uint16
		widen  func(uint16) float32
	}{
		{"bfloat16", ToBFloat16, func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }},
		{"float16", ToFloat16, FromFloat16},
	} {
		for i := range 1 << 16 {
			h := uint16(i)
			x := kind.widen(h)
			if x != x {
				if y := kind.widen(kind.narrow(x)); y == y {
					t.Fatalf("%s: %04x is no number, and comes back as %v", kind.name, h, y)
				}
				continue
			}
			if got := kind.narrow(x); got != h {
				t.Fatalf("%s: %04x is %v, and comes back as %04x", kind.name, h, x, got)
			}
			if next := kind.widen(h + 1); h&0x7fff < 0x7bff && h>>15 == 0 && next == next {
				middle := float32((float64(x) + float64(next)) / 2) // exact
				even := h + h&1
				below, above := math.Nextafter32(middle, x), math.Nextafter32(middle, next)
				if kind.narrow(middle) != even || kind.narrow(below) != h || kind.narrow(above) != h+1 || kind.narrow(-below) != h|1<<15 {
					t.Fatalf("%s: around %v, between %04x and %04x: %04x %04x %04x", kind.name, middle, h, h+1, kind.narrow(below), kind.narrow(middle), kind.narrow(above))
				}
			}
		}
	}
	if ToFloat16(65519.99) != 0x7bff || ToFloat16(65520) != 0x7c00 || ToFloat16(-1e9) != 0xfc00 || ToFloat16(1e-9) != 0 {
		t.Error("numbers beyond binary16's are not rounded as IEEE 754 says")
	}
}

func TestNumbersComeBackFromTheirBytes(t *testing.T) {
	x := []float64{math.Pi, math.Inf(-1), math.Copysign(0, -1)}
	b := Append([]byte{7}, x)
	if len(b) != 25 || b[0] != 7 || binary.LittleEndian.Uint64(b[1:]) != math.Float64bits(math.Pi) {
		t.Fatal(b)
	}
	y, put := make([]float64, len(x)), make([]byte, 24)
	Copy(y, b[1:])
	if Put(put, y); !bytes.Equal(put, b[1:]) {
		t.Errorf("%v became %v, bytes %v", x, y, put)
	}
	if len(Append[int64](nil, nil)) != 0 || len(Bytes[float32](nil)) != 0 {
		t.Error("no numbers have bytes")
	}
}
