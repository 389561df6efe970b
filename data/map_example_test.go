package data_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/cornu-ml/cornu/data"
)

// Images that are mirrored half of the time, on other cores than those that the network computes on.
func ExampleMap() {
	const rows, columns = 1, 3
	x, err := data.Floats([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, rows, columns, 1)
	if err != nil {
		log.Fatal(err)
	}
	source := data.Map(&data.Arrays{X: []data.Column{x}}, func(sample data.Sample, r *data.Random) error {
		if r.IntN(2) == 1 {
			image := sample.X[0]
			for row := range rows {
				slices.Reverse(image[row*columns:][:columns])
			}
		}
		return nil
	})
	for epoch := range 2 {
		batches, err := data.Epoch(context.Background(), data.Prefetch(source, 2), data.EpochConfig{BatchSize: 3, Epoch: uint64(epoch)})
		if err != nil {
			log.Fatal(err)
		}
		defer batches.Close()
		n, err := batches.Next()
		if err != nil {
			log.Fatal(err)
		}
		batch := data.Batch{X: [][]float32{make([]float32, n*rows*columns)}}
		if err := batches.Read(&batch, nil); err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.X[0])
	}
	// Output:
	// [1 2 3 6 5 4 7 8 9]
	// [1 2 3 4 5 6 9 8 7]
}
