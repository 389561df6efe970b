// Package pictures has what the examples have in common: small gray pictures to learn from, and grids of the pictures that
// a network made.
package pictures

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"

	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/dataset/fashionmnist"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/viz"
)

// Main runs an example that draws a picture, with its flags, until it ends or Ctrl-C is pressed.
func Main(run func(ctx context.Context, folder, out string, epochs, limit int) error) {
	log.SetFlags(0)
	folder := flag.String("data", "", "the `folder` of Fashion-MNIST; without it MNIST")
	out := flag.String("o", ".", "the `folder` of the picture")
	epochs := flag.Int("epochs", 10, "how often to go through the pictures")
	limit := flag.Int("limit", 0, "use only the first pictures, so many; 0 uses all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *folder, *out, *epochs, *limit); err != nil {
		log.Fatal(err)
	}
}

// Load returns pictures of 28 × 28 pixels and ten classes to train on, at most so many if limit isn't 0, and others to
// test with: those of Fashion-MNIST in the folder, where they are downloaded to if they aren't there, or without a folder
// the digits of MNIST.
func Load(ctx context.Context, folder string, limit int) (train, test *dataset.Set, err error) {
	if folder == "" {
		train, test, err = mnist.Load()
	} else if err = fashionmnist.Download(ctx, folder); err == nil {
		train, test, err = fashionmnist.Load(folder)
	}
	if err == nil && limit > 0 {
		train, test = train.Limit(limit), test.Limit(limit)
	}
	return train, test, err
}

// Save draws pictures of 28 × 28 numbers from 0, black, to 1, so many to a row, into a file.
func Save(path string, columns int, pictures ...[]float32) error {
	grid := viz.Grid{Width: mnist.Columns, Height: mnist.Rows, Columns: columns, Scale: 1, Gap: 2}
	for _, list := range pictures {
		for ; len(list) >= mnist.Rows*mnist.Columns; list = list[mnist.Rows*mnist.Columns:] {
			image := make([]uint8, mnist.Rows*mnist.Columns)
			for i := range image {
				image[i] = uint8(float32(255*min(max(list[i], 0), 1)) + 0.5)
			}
			grid.Images = append(grid.Images, image)
		}
	}
	return viz.Save(path, grid)
}
