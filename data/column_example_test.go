package data_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

// Hours is a column of one's own: hours of the day, which enter the network as
// points on a circle, so that 23 lies beside 0.
type Hours []uint8

func (h Hours) Len() int          { return len(h) }
func (Hours) Shape() tensor.Shape { return tensor.Shape{2} }

func (h Hours) Kernel(dst []float32, rows []int32) data.Kernel { return &circle{h, dst, rows} }

// A circle writes the points of some rows.
type circle struct {
	hours Hours
	dst   []float32
	rows  []int32
}

func (c *circle) Run(*data.Pool) {
	for i, row := range c.rows {
		sin, cos := math.Sincos(2 * math.Pi * float64(c.hours[row]) / 24)
		c.dst[2*i], c.dst[2*i+1] = float32(cos), float32(sin)
	}
}

// A source of one's own columns gives the batches that training reads.
func ExampleColumn() {
	source := &data.Arrays{X: []data.Column{Hours{0, 6, 12, 18, 23}}}
	batches, err := source.Epoch(context.Background(), data.EpochConfig{BatchSize: 5})
	if err != nil {
		log.Fatal(err)
	}
	defer batches.Close()
	n, err := batches.Next()
	if err != nil {
		log.Fatal(err)
	}
	x := make([]float32, 2*n)
	if err := batches.Read(&data.Batch{X: [][]float32{x}}, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f\n", x)
	// Output: [1.00 0.00 0.00 1.00 -1.00 0.00 -0.00 -1.00 0.97 -0.26]
}
