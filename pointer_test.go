package cornu_test

// This file tests that nothing that has the type of a loss, an optimizer or the
// like is taken and then not used.

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// uses are the ways by which each family gets into a model.
func uses(member any) []error {
	compile := func(dense layer.Dense, cfg cornu.CompileConfig) error {
		dense.Units = 2
		if cfg.Loss == nil {
			cfg.Loss = loss.MeanSquaredError{}
		}
		return cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &dense).Compile(cfg)
	}
	var errs []error
	try := func(dense layer.Dense, cfg cornu.CompileConfig) { errs = append(errs, compile(dense, cfg)) }
	if m, ok := member.(activation.Activation); ok {
		try(layer.Dense{Activation: m}, cornu.CompileConfig{})
	}
	if m, ok := member.(initializer.Initializer); ok {
		try(layer.Dense{KernelInitializer: m}, cornu.CompileConfig{})
		try(layer.Dense{BiasInitializer: m}, cornu.CompileConfig{})
	}
	if m, ok := member.(regularizer.Regularizer); ok {
		try(layer.Dense{KernelRegularizer: m}, cornu.CompileConfig{})
		try(layer.Dense{ActivityRegularizer: m}, cornu.CompileConfig{})
	}
	if m, ok := member.(constraint.Constraint); ok {
		try(layer.Dense{BiasConstraint: m}, cornu.CompileConfig{})
	}
	if m, ok := member.(loss.Loss); ok {
		try(layer.Dense{}, cornu.CompileConfig{Loss: m})
		try(layer.Dense{}, cornu.CompileConfig{Losses: []loss.Loss{m}})
		try(layer.Dense{}, cornu.CompileConfig{Metrics: []metric.Metric{metric.OfLoss(m)}})
	}
	if m, ok := member.(metric.Metric); ok {
		try(layer.Dense{}, cornu.CompileConfig{Metrics: []metric.Metric{m}})
		try(layer.Dense{}, cornu.CompileConfig{WeightedMetrics: []metric.Metric{m}})
		try(layer.Dense{}, cornu.CompileConfig{OutputMetrics: [][]metric.Metric{{m}}})
		try(layer.Dense{}, cornu.CompileConfig{Metrics: []metric.Metric{metric.Named("mine", m)}})
	}
	if m, ok := member.(optimizer.Optimizer); ok {
		try(layer.Dense{}, cornu.CompileConfig{Optimizer: m})
	}
	if m, ok := member.(optimizer.Schedule); ok {
		try(layer.Dense{}, cornu.CompileConfig{Optimizer: optimizer.Adam{Schedule: m}})
	}
	return errs
}

func TestAPointerToAConfigurationIsRefused(t *testing.T) {
	for _, c := range configurations(t) {
		v := reflect.ValueOf(c)
		if v.Kind() != reflect.Struct {
			continue // a layer or a callback, which are pointers
		}
		for _, p := range []struct {
			pointer reflect.Value
			want    string
		}{
			{reflect.New(v.Type()), " is a pointer to " + v.Type().String() + ", which is a value: write " + v.Type().String() + "{…} without &"},
			{reflect.Zero(reflect.PointerTo(v.Type())), " is a nil *" + v.Type().String()},
		} {
			errs := uses(p.pointer.Interface())
			if len(errs) == 0 {
				t.Errorf("this test has no use for a %T", c)
			}
			for _, err := range errs {
				if err == nil || !strings.Contains(err.Error(), p.want) {
					t.Errorf("&%T: the error is %v, want %q in it", c, err, p.want)
				}
			}
		}
	}
}
