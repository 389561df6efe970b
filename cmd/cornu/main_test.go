package main

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/optimizer"
)

// call runs a command line and returns what it prints.
func call(args ...string) (status int, out, errs string) {
	return callUntil(context.Background(), args...)
}

func callUntil(ctx context.Context, args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(ctx, args, &o, &e)
	return status, o.String(), e.String()
}

// small is a training that takes a moment.
var small = []string{"--epochs", "1", "--limit", "640", "--hidden", "16", "--seed", "7"}

// fewDigits are the digits without most of those to test with, of which all take seconds.
func fewDigits() (train, test *mnist.Set, err error) {
	train, test, err = mnist.Load()
	return train, test.Limit(200), err
}

// allDigits gives a test the digits that the program has.
func allDigits(t *testing.T) {
	few := loadDigits
	t.Cleanup(func() { loadDigits = few })
	loadDigits = mnist.Load
}

func TestAMistakeInTheCommandLineListsWhatIsKnown(t *testing.T) {
	allDigits(t)
	for _, test := range []struct {
		args []string
		want []string // all of them are in the message
	}{
		{[]string{"mnst"}, []string{`unknown command "mnst"`, `did you mean "mnist"?`, "convert, doctor, evaluate, figures, fit, inspect, mnist, plot, predict, summary, version"}},
		{[]string{"mnist", "trian"}, []string{`unknown command "trian"`, "plan, predict, samples, table, train"}},
		{[]string{"mnist", "--foo"}, []string{"unknown flag: --foo", "--hidden", "--activation", "--quiet"}},
		{[]string{"mnist", "train", "--foo"}, []string{"unknown flag: --foo", "--limit"}},
		{[]string{"mnist", "samples", "--foo"}, []string{"unknown flag: --foo", "--output"}},
		{[]string{"doctor", "--foo"}, []string{"unknown flag: --foo"}},
		{[]string{"version", "now"}, []string{"takes no argument", "now"}},
		{[]string{"mnist", "--activation", "rleu"}, append([]string{"--activation", "rleu"}, activation.Names()...)},
		{[]string{"mnist", "--optimizer", "adm"}, append([]string{"--optimizer", "adm"}, optimizers()...)},
		{[]string{"mnist", "--optimizer", "lossscaleoptimizer"}, []string{"--optimizer", "unknown", "adam"}},
		{[]string{"mnist", "--seed", "-1"}, []string{`--seed: want a whole number from 0 to 18446744073709551615, got "-1"`}},
		{[]string{"mnist", "--limit", "99999999999999999999"}, []string{"--limit: want a whole number of a size that"}},
		{[]string{"mnist", "--epochs", "many"}, []string{`--epochs: want a whole number, got "many"`}},
		{[]string{"mnist", "--lr", "fast"}, []string{`--lr: want a number, got "fast"`}},
		{[]string{"mnist", "--lr", "1e-300"}, []string{"--lr", "float32"}},
		{[]string{"mnist", "--lr", "Inf"}, []string{"--lr", "float32"}},
		{[]string{"mnist", "--l1", "1e39"}, []string{"--l1", "float32"}},
		{[]string{"mnist", "--l2", "Inf"}, []string{"--l2", "float32"}},
		{[]string{"mnist", "--plot", "x.svg", "--curves", "./x.svg"}, []string{"--plot and --curves", "x.svg"}},
		{[]string{"mnist", "--save", "none/m.keras"}, []string{"--save: there is no folder none"}},
		{[]string{"mnist", "predict", "m.keras", "--epochs", "3"}, []string{"--epochs has no meaning"}},
		{[]string{"mnist", "plan", "--epochs", "2"}, []string{"unknown flag: --epochs", "--batch"}},
		{[]string{"help", "mnst"}, []string{`unknown command "mnst"`, `did you mean "mnist"?`, "convert, doctor, evaluate, figures, fit, inspect, mnist, plot, predict, summary, version"}},
		{[]string{"help", "mnist", "trian"}, []string{`unknown command "trian"`, "plan, predict, samples, table, train"}},
		{[]string{"mnist", "--model", "gan"}, []string{"--model", `unknown network "gan"`, "mlp, cnn and rnn"}},
		{[]string{"mnist", "--model", "rnn", "--hidden", "256"}, []string{"--hidden", "which --model rnn doesn't have", "256 units"}},
		{[]string{"mnist", "--model", "cnn", "--hidden", "256"}, []string{"--hidden", "which --model cnn doesn't have", "64 filters"}},
		{[]string{"mnist", "predict", "--maps", "x.svg"}, []string{"--maps", "no convolution", "--model cnn"}},
		{[]string{"mnist", "predict", "--filters", "x.svg"}, []string{"--filters", "no convolution", "--model cnn"}},
		{[]string{"mnist", "--hidden", "256,x"}, []string{"--hidden", "256,256"}},
		{[]string{"mnist", "--hidden", "0"}, []string{"--hidden", "at least 1"}},
		{[]string{"mnist", "--batch", "0"}, []string{"--batch", "at least 1", "got 0"}},
		{[]string{"mnist", "--batch", "-3"}, []string{"--batch", "at least 1", "got -3"}},
		{[]string{"mnist", "--epochs", "0"}, []string{"--epochs", "at least 1"}},
		{[]string{"mnist", "--dropout", "1"}, []string{"--dropout", "less than 1"}},
		{[]string{"mnist", "--dropout", "NaN"}, []string{"--dropout", "less than 1"}},
		{[]string{"mnist", "--l1", "-1"}, []string{"--l1", "negative"}},
		{[]string{"mnist", "--l2", "NaN"}, []string{"--l2", "negative"}},
		{[]string{"mnist", "--lr", "-1"}, []string{"--lr", "positive"}},
		{[]string{"mnist", "--limit", "-1"}, []string{"--limit", "negative"}},
		{[]string{"mnist", "--threads", "-1"}, []string{"--threads", "negative"}},
		{[]string{"mnist", "predict", "--index", "10000"}, []string{"--index", "0 to 9999"}},
	} {
		status, out, errs := call(test.args...)
		if status != misused || out != "" {
			t.Errorf("cornu %s: status %d, output %q", strings.Join(test.args, " "), status, out)
		}
		for _, want := range test.want {
			if !strings.Contains(errs, want) {
				t.Errorf("cornu %s: %q doesn't say %q", strings.Join(test.args, " "), errs, want)
			}
		}
	}
}

func TestEveryOptimizerTakesALearningRate(t *testing.T) {
	for _, name := range optimizers() {
		o, err := optimizer.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if rate := optimizer.CommonOf(withRate(o, 0.125)).LearningRate; rate != 0.125 {
			t.Errorf("that of %s is %v", name, rate)
		}
	}
}

// The advice is about flags, for that is what there is here.
func TestErrorsOfTheLibraryAreTheCommands(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
		not  []string
	}{
		{[]string{"--lr", "1e30"}, "lower --lr, --l1 or --l2", []string{"AllowNonFinite", "the data"}},
		{[]string{"--hidden", "999999999999"}, `cornu: layer "dense" (Dense)`, []string{".go:"}},
		{[]string{"--batch", "99999999999"}, "cornu: Fit: the batch size is 99999999999", []string{"cornu: cornu"}},
	} {
		status, out, errs := call(append(append([]string{"mnist", "--quiet"}, small...), test.args...)...)
		if status != failed || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%v: status %d, %q", test.args, status, errs)
		}
		for _, not := range test.not {
			if strings.Contains(errs, not) {
				t.Errorf("%v: %q says %q", test.args, errs, not)
			}
		}
	}
}

// The names of layers are the same wherever they stand in what the program writes.
func TestNamesAgreeInOneRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "network.svg")
	_, out, _ := call(append([]string{"mnist", "--plot", file}, small...)...)
	diagram, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^([a-z]\w*) \((\w+)\)`).FindAllStringSubmatch(out, -1) {
		names[row[1]] = true
		if label := `aria-label="` + row[1] + ": " + row[2] + `"`; !strings.Contains(string(diagram), label) {
			t.Errorf("the diagram has no %s", label)
		}
	}
	for _, want := range []string{"dense", "dense_1", "activation", "dropout"} {
		if !names[want] {
			t.Errorf("there is no %s in\n%s", want, out)
		}
	}
	_, plan, _ := call("mnist", "plan", "--hidden", "16")
	for _, name := range regexp.MustCompile(`\b(dense|activation|dropout)(_\d+)?\b`).FindAllString(plan, -1) {
		if !names[name] {
			t.Errorf("the plan has %s, the summary has not", name)
		}
	}
	_, _, errs := call("mnist", "--quiet", "--limit", "640", "--hidden", "16", "--lr", "1e30")
	layer := regexp.MustCompile(`layer "(\w+)"`).FindStringSubmatch(errs)
	if layer == nil || !names[layer[1]] {
		t.Errorf("the error is %q", errs)
	}
}

func TestQuietTrainingPrintsTheAccuracyAndTheHash(t *testing.T) {
	status, out, errs := call(append([]string{"mnist", "train", "--quiet"}, small...)...)
	if status != 0 || errs != "" {
		t.Fatalf("status %d: %s", status, errs)
	}
	if !regexp.MustCompile(`^Test accuracy: \d+\.\d%\nweights sha256:[0-9a-f]{64}\n$`).MatchString(out) {
		t.Errorf("printed %q", out)
	}
	if _, again, _ := call(append([]string{"mnist", "--quiet", "--threads", "1"}, small...)...); again != out {
		t.Errorf("on one thread, and without the word train, it printed %q, before %q", again, out)
	}
	if _, other, _ := call(append(append([]string{"mnist", "--quiet"}, small...), "--seed", "8")...); other == out {
		t.Error("another seed gave the same weights")
	}
}

func TestTrainingShowsTheChaptersSummaryAndAnEpochALine(t *testing.T) {
	status, out, errs := call("mnist", "--epochs", "2", "--limit", "640")
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	for _, want := range []string{
		"dense (Dense)                (None, 256)               200960    \n",
		"dense_1 (Dense)              (None, 256)               65792     \n",
		"dense_2 (Dense)              (None, 10)                2570      \n",
		"Total params: 269,322\n",
		"Epoch 1/2 - 5/5 - ",
		"Epoch 2/2 - 5/5 - ",
		"\n\nTest accuracy: ",
		"\nweights sha256:",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.ContainsAny(out, "\r\x1b\b") {
		t.Error("control characters though this is no terminal")
	}
}

func TestTheConvolutionalNetworkIsTrainedAndPredicts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cnn.keras")
	status, out, errs := call("mnist", "train", "--model", "cnn", "--limit", "64", "--batch", "32", "--epochs", "1", "--save", file)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	for _, want := range []string{
		"conv2d (Conv2D)              (None, 26, 26, 64)        640       \n",
		"max_pooling2d_1 (MaxPooling2 (None, 5, 5, 64)          0         \n",
		"conv2d_2 (Conv2D)            (None, 3, 3, 64)          36928     \n",
		"dropout (Dropout)            (None, 576)               0         \n",
		"Total params: 80,266\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	maps, filters := filepath.Join(t.TempDir(), "maps.svg"), filepath.Join(t.TempDir(), "filters.svg")
	status, out, errs = call("mnist", "predict", file, "--index", "3", "--maps", maps, "--filters", filters)
	for _, name := range []string{maps, filters} {
		if drawn, err := os.ReadFile(name); err != nil || !strings.Contains(string(drawn), "<image") {
			t.Errorf("no picture in %s: %v", name, err)
		}
	}
	if status != 0 || !strings.Contains(out, "test digit 3 is a 0, the network says ") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	s := settings{network: cnn, activation: "relu", optimizer: "adam", epochs: 20, dropout: 0.45, batch: 1, said: func(flag string) bool { return flag == "dropout" }}
	if err := s.check(); err != nil || s.epochs != 10 || s.dropout != 0.45 {
		t.Errorf("what isn't said is 10 epochs, what is said stays: %d epochs, dropout %v, %v", s.epochs, s.dropout, err)
	}
}

func TestAnInterruptedTrainingSaysWhatWasKept(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	status, _, errs := callUntil(ctx, append([]string{"mnist", "--quiet"}, small...)...)
	if status != interrupted || !strings.Contains(errs, "interrupted") {
		t.Errorf("status %d: %q", status, errs)
	}
}

func TestPredictDrawsTheDigitAndTellsTheProbabilities(t *testing.T) {
	status, out, errs := call(append([]string{"mnist", "predict", "--index", "3", "--quiet"}, small...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	if !strings.Contains(out, "test digit 3 is a 0, the network says ") || !strings.Contains(out, "@") {
		t.Errorf("printed\n%s", out)
	}
	lines := regexp.MustCompile(`(?m)^(\d)  (\d\.\d{4})`).FindAllStringSubmatch(out, -1)
	if len(lines) != 10 {
		t.Errorf("%d probabilities in\n%s", len(lines), out)
	}
}

func TestSamplesCountsTheLabelsAndWritesThePicture(t *testing.T) {
	allDigits(t)
	file := filepath.Join(t.TempDir(), "digits.png")
	status, out, errs := call("mnist", "samples", "-o", file)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	// As the book prints them.
	want := "Train labels:  {0: 5923, 1: 6742, 2: 5958, 3: 6131, 4: 5842, 5: 5421, 6: 5918, 7: 6265, 8: 5851, 9: 5949}\n" +
		"Test labels:  {0: 980, 1: 1135, 2: 1032, 3: 1010, 4: 982, 5: 892, 6: 958, 7: 1028, 8: 974, 9: 1009}\n"
	if out != want {
		t.Errorf("printed\n%swant\n%s", out, want)
	}
	picture := decode(t, file)
	if size := picture.Bounds().Size(); size != image.Pt(504, 504) {
		t.Errorf("the picture has %v pixels", size)
	}
}

func TestSamplesThatCannotBeWrittenLeaveNothing(t *testing.T) {
	folder := t.TempDir()
	for _, file := range []string{filepath.Join(folder, "none", "digits.png"), filepath.Join(folder, "digits.gif"), "", folder} {
		status, _, errs := call("mnist", "samples", "-o", file)
		if status != misused || !strings.Contains(errs, "--output") {
			t.Errorf("%s: status %d, %q", file, status, errs)
		}
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("%s was left", left[0].Name())
	}
}

func TestThePlanListsKernelCalls(t *testing.T) {
	status, out, errs := call("mnist", "plan")
	if status != 0 || !strings.Contains(out, "matmul") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
}

func TestVersionAndDoctorKnowTheMachine(t *testing.T) {
	if _, out, _ := call("version"); !regexp.MustCompile(`^cornu \d+\.\d+\.\d+ \(go`).MatchString(out) {
		t.Errorf("version printed %q", out)
	}
	status, out, errs := call("doctor")
	if status != 0 || !regexp.MustCompile(`FMA peak   \d+\.\d GFLOP/s on 1 thread`).MatchString(out) {
		t.Errorf("doctor: status %d: %s%s", status, out, errs)
	}
}

func TestADigitIsDrawnInShades(t *testing.T) {
	pixels := make([]uint8, 28*28)
	pixels[0], pixels[28] = 255, 255 // a white column of two pixels at the upper left
	pixels[1] = 255                  // beside it a white pixel over a black one
	var plain, colour bytes.Buffer
	drawDigit(&plain, pixels, false)
	if want := "@=" + strings.Repeat("\n", 14); plain.String() != want {
		t.Errorf("plain: %q", plain.String())
	}
	drawDigit(&colour, pixels, true)
	if want := "\x1b[38;5;255;48;5;255m▀\x1b[38;5;255;48;5;232m▀\x1b[38;5;232;48;5;232m▀"; !strings.HasPrefix(colour.String(), want) {
		t.Errorf("coloured: %q", colour.String()[:80])
	}
}

func TestTheHashCoversNamesShapesAndBits(t *testing.T) {
	s := settings{hidden: sizes{4}, activation: "relu", optimizer: "adam", epochs: 1, batch: 1, threads: 0}
	hash := func(change func(values []float32)) string {
		model, err := s.model()
		if err != nil {
			t.Fatal(err)
		}
		variables, err := model.Variables()
		if err != nil {
			t.Fatal(err)
		}
		values := variables[1].Value()
		change(values)
		if err := variables[1].Assign(values); err != nil {
			t.Fatal(err)
		}
		sum, err := hashOf(model)
		if err != nil {
			t.Fatal(err)
		}
		return string(sum)
	}
	same := hash(func([]float32) {})
	if hash(func([]float32) {}) != same {
		t.Error("equal models have unequal hashes")
	}
	if hash(func(v []float32) { v[0] = float32(math.Copysign(0, -1)) }) == same {
		t.Error("the hash doesn't see the sign of a zero")
	}
}

func decode(t *testing.T, name string) image.Image {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
