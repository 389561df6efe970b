package csv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data/csv"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A regression from a file with categories, dates and gaps: prices of houses, in
// thousands.
func Example() {
	table, err := csv.ReadFile("testdata/houses.csv", csv.Config{})
	check(err)
	train, test, err := table.TrainTestSplit(0.2, 1)
	check(err)
	prep, err := csv.Fit(train, csv.Schema{
		Inputs: []csv.Column{
			{Name: "area", Missing: csv.Median, Scale: csv.Standard},
			{Name: "rooms", Scale: csv.Standard},
			{Name: "district", Kind: csv.Category, Missing: csv.MostFrequent, Unknown: csv.Ignore},
			{Name: "built", Kind: csv.Date, Scale: csv.Standard},
		},
		Targets: []csv.Column{{Name: "price", Scale: csv.Standard}},
	})
	check(err)
	source, err := prep.Source(train)
	check(err)
	held, err := prep.Source(test)
	check(err)

	model := cornu.NewSequential(&layer.Dense{Units: 16, Activation: activation.ReLU{}}, &layer.Dense{Units: 1})
	check(model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{LearningRate: 0.01}}))
	_, err = model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 100, ValidationData: held, Quiet: true})
	check(err)

	rows, err := csv.New([]string{"area", "rooms", "district", "built"}, []string{"80", "3", "Hafen", "1985-06-01"}, []string{"", "3", "Nord", "1930-01-01"})
	check(err)
	x, err := prep.Input(rows)
	check(err)
	y, err := model.Predict(context.Background(), x)
	check(err)
	prices, err := prep.Values(y)
	check(err)
	fmt.Printf("%.0f\n", prices)
	// Output: [[340] [296]]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// What was learnt of a table is stored beside the weights, for the program that
// predicts.
func ExamplePreparation() {
	table, err := csv.New([]string{"size", "color"}, []string{"1", "red"}, []string{"3", "green"}, []string{"", "red"})
	check(err)
	fitted, err := csv.Fit(table, csv.Schema{Inputs: []csv.Column{
		{Name: "size", Missing: csv.Mean},
		{Name: "color", Kind: csv.Category},
	}})
	check(err)
	file, err := json.MarshalIndent(fitted, "", " ")
	check(err)

	var stored csv.Preparation
	check(json.Unmarshal(file, &stored))
	names, err := stored.Names()
	check(err)
	x, err := stored.Input(table)
	check(err)
	rows, err := tensor.ToRows[float32](x)
	check(err)
	fmt.Println(names, rows)
	// Output: [size color=green color=red] [[1 0 1] [3 1 0] [2 0 1]]
}
