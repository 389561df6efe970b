package cornu_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

// A training that is called again goes on from its folder, whatever has ended it. Here it had ended, and there are more
// epochs.
func ExampleCheckpoint() {
	folder, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for _, epochs := range []int{2, 3} {
		source, err := data.FromRows([][]float32{{1}, {2}, {3}}, [][]float32{{2}, {4}, {6}})
		if err != nil {
			log.Fatal(err)
		}
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1})
		if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
			log.Fatal(err)
		}
		history, err := model.Fit(context.Background(), source, cornu.FitConfig{
			Epochs: epochs, Quiet: true, Checkpoint: cornu.Checkpoint{Dir: folder},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(history.Epoch)
	}
	// Output:
	// [0 1]
	// [0 1 2]
}
