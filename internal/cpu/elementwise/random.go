package elementwise

import (
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/rng"
)

// This file draws random numbers.

// RandomUniform fills Dst with numbers in [0, 1): element i is number i of the
// stream at the present step.
type RandomUniform struct {
	Dst        []float32
	Seed, Step *uint64
	Stream     uint16
}

// randomGrain is the numbers of one task.
const randomGrain = 1 << 13

// Tasks returns the number of tasks that Run is made of.
func (k *RandomUniform) Tasks() int { return (len(k.Dst) + randomGrain - 1) / randomGrain }

// Run fills Dst.
func (k *RandomUniform) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *RandomUniform) Do(_, index int) {
	source := rng.New(*k.Seed, k.Stream, *k.Step)
	for i := index * randomGrain; i < min((index+1)*randomGrain, len(k.Dst)); i++ {
		k.Dst[i] = source.Float32(uint64(i))
	}
}
