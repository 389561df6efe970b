package reduce

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// What softmax divides by multiplying has the bits of a division, whatever its last bits are and however small it is.
func TestAShareIsAQuotient(t *testing.T) {
	rounds := 2000
	if choice.Thorough() {
		rounds = 1 << 20
	}
	cputest.EachTier(t, func(t *testing.T) {
		if tier := isa.Active(); tier != isa.AVX2 && tier != isa.AVX512 {
			t.Skip("it divides")
		}
		r := rand.New(rand.NewPCG(1, 2))
		var x, y [61]float32
		for range rounds {
			// Of sums, and of what is divided, those that are just below a power of two are likelier than by chance.
			mantissa := func() uint32 { return r.Uint32()>>9 ^ 0x7FFFFF>>r.IntN(24) }
			sum := math.Float32frombits(uint32(127+r.IntN(24))<<23 | mantissa())
			for i := range x {
				switch r.IntN(8) {
				case 0:
					x[i] = 0
				case 1:
					x[i] = math.Float32frombits(r.Uint32() >> r.IntN(32) % (127 << 23)) // denormal ones too
				default:
					x[i] = math.Float32frombits(uint32(126-r.IntN(90))<<23 | mantissa())
				}
			}
			x[r.IntN(len(x))] = 1
			copy(y[:], x[:])
			share(y[:], sum)
			for i, v := range x {
				if want := v / sum; !cputest.SameBits(y[i], want) {
					t.Fatalf("%v/%v (%x, %x) is %v, want %v", v, sum, math.Float32bits(v), math.Float32bits(sum), y[i], want)
				}
			}
		}
	})
}
