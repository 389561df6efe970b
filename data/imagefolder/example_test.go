package imagefolder_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"testing/fstest"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/imagefolder"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A classifier of pictures, and what it says of a new one. Here the folder is in
// memory; os.DirFS("flowers") is one on disk.
func Example() {
	folder := fstest.MapFS{}
	for i := range 40 {
		folder[fmt.Sprintf("day/%d.png", i)] = &fstest.MapFile{Data: picture(uint8(160 + 2*i))}
		folder[fmt.Sprintf("night/%d.png", i)] = &fstest.MapFile{Data: picture(uint8(2 * i))}
	}
	cfg := imagefolder.Config{Height: 8, Width: 8, High: 1, LabelMode: imagefolder.Categorical}
	pictures, err := imagefolder.Open(folder, cfg)
	check(err)
	train, test, err := pictures.StratifiedSplit(0.25, 1)
	check(err)

	model := cornu.NewSequential(&layer.Flatten{}, &layer.Dense{Units: 2, Activation: activation.Softmax{}})
	check(model.Compile(cornu.CompileConfig{Loss: loss.CategoricalCrossentropy{}, Optimizer: optimizer.Adam{LearningRate: 0.02}}))
	_, err = model.Fit(context.Background(), data.Prefetch(train, 2), cornu.FitConfig{Epochs: 20, ValidationData: test, Quiet: true})
	check(err)

	x, err := pictures.Decode(bytes.NewReader(picture(30))) // or, without the folder, imagefolder.Decode with cfg
	check(err)
	y, err := model.Predict(context.Background(), x)
	check(err)
	labels, err := tensor.ToLabels(y, pictures.Classes)
	check(err)
	fmt.Println(labels)
	// Output: [night]
}

// picture is a file of a picture of 20 × 10 pixels, as bright as that.
func picture(brightness uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, 20, 10))
	for i := range img.Pix {
		img.SetGray(i%20, i/20, color.Gray{Y: brightness})
	}
	var file bytes.Buffer
	check(png.Encode(&file, img))
	return file.Bytes()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
