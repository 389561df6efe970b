package kerasfile_test

// What Cornu has of Keras is in files that Keras wrote.

import (
	"archive/zip"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
)

// classes returns the names of all classes in testdata/*.keras, and those of activations, which are functions.
func classes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.keras")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	name := regexp.MustCompile(`"(?:class_name|activation)": ?"(\w+)"`)
	var all []string
	for _, file := range files {
		z, err := zip.OpenReader(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := z.Open("config.json")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		z.Close()
		for _, m := range name.FindAllSubmatch(b, -1) {
			all = append(all, string(m[1]))
		}
	}
	return all
}

// Whoever adds a layer adds it to a model in testdata/make.py, which says how to make one file anew.
func TestEveryLayerIsInAFileThatKerasWrote(t *testing.T) {
	written := classes(t)
	for _, class := range layer.Classes() {
		// Keras 3.15 leaves images as large as they are when it predicts, has no models with an Equalization, and no keras_hub.
		// The classes of an Operation are those of keras.ops.
		if class == "Operation" || class == "RandomCrop" || class == "Equalization" || strings.HasPrefix(class, "keras_hub>") {
			continue
		}
		if !slices.Contains(written, class) {
			t.Errorf("no model of testdata/make.py has a %s", class)
		}
	}
}

func TestEveryMemberOfAFamilyIsInAFileThatKerasWrote(t *testing.T) {
	var written []string
	for _, class := range classes(t) {
		written = append(written, strings.ReplaceAll(strings.ToLower(class), "_", ""))
	}
	// What Keras calls otherwise, and "" for what no file can show: a confusion matrix is none of its metrics, and Mean and
	// Sum measure no model; of activations it saves no threshold that is not a layer, takes what glu puts out for twice as
	// wide, and has a sparsemax that is wrong where more than one element is left (docs/differences.md).
	other := map[string]string{
		"exact_accuracy": "accuracy", "logcosh": "logcosherror", "confusion_matrix": "", "mean": "", "sum": "",
		"threshold": "", "glu": "", "sparsemax": "",
	}
	for family, names := range map[string][]string{
		"optimizers": optimizer.Names(), "schedules": optimizer.ScheduleNames(), "initializers": initializer.Names(), "losses": loss.Names(),
		"metrics": metric.Names(), "regularizers": regularizer.Names(), "constraints": constraint.Names(), "activations": activation.Names(),
	} {
		for _, name := range names {
			if saved, ok := other[name]; ok && saved == "" {
				continue
			} else if ok {
				name = saved
			}
			if !slices.Contains(written, strings.ToLower(strings.ReplaceAll(name, "_", ""))) {
				t.Errorf("%s: no model of testdata/make.py has %s", family, name)
			}
		}
	}
}
