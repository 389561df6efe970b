package cornu_test

// These tests save models to disks that fail.

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/faulty"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// Whatever operation fails, the old file is there or the new one, and the error names it.
func TestASavedModelIsWholeOrTheOldOneWhateverFails(t *testing.T) {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &layer.Dense{Units: 2})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
		t.Fatal(err)
	}
	for name, save := range map[string]func(string) error{
		"m.keras": model.Save, "m.h5": model.Save,
		"m.weights.h5": model.SaveWeights, "w.h5": model.SaveWeights, "m.safetensors": model.SaveWeights, "m.npz": model.SaveWeights,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, name)
			faulty.Replaces(t, folder, func() error { return save(path) })
			if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
				t.Fatal(err)
			}
			faulty.Replaces(t, folder, func() error { return save(path) })
		})
	}
}
