package layer_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/regularizer"
)

// fill sets every field of the configuration to a value that is not its default.
func fill(t *testing.T, l layer.Layer) {
	t.Helper()
	s := reflect.ValueOf(l).Elem()
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		fillValue(t, fmt.Sprintf("%T.%s", l, f.Name), s.Field(i))
	}
}

func fillValue(t *testing.T, what string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Uint8: // an element type
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(0.375)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(t, what, v.Elem())
	case reflect.String:
		v.SetString("other")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(t, what, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fillValue(t, what, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(t, what+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(another[v.Type()]))
	default:
		t.Fatalf("%s: this test doesn't know how to fill a %v", what, v.Type())
	}
}

func TestEveryRegisteredLayerSurvivesTheRoundTripThroughJSON(t *testing.T) {
	for _, class := range layer.Classes() {
		for _, filled := range []bool{false, true} {
			l, err := layer.New(class)
			if err != nil {
				t.Fatal(err)
			}
			if filled {
				fill(t, l)
			}
			cfg, err := layer.Config(l)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var back map[string]any
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			got, err := layer.FromConfig(class, back)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if !reflect.DeepEqual(got, l) {
				t.Errorf("%s\ngives %+v\nwant  %+v", text, got, l)
			}
		}
	}
}

func TestConfigurationsThatDoNotFitAreErrors(t *testing.T) {
	for _, test := range []struct {
		class string
		cfg   map[string]any
		want  string
	}{
		{"Dens", nil, `unknown layer "Dens": the known ones are Activation, `},
		{"Dense", map[string]any{"unit": 3}, `unknown field of Dense "unit": the known ones are name, trainable, units, `},
		{"Dense", map[string]any{"units": "3"}, "units: 3 (string) is no int"},
		{"Dense", map[string]any{"units": 2.5}, "units: 2.5 (float64) is no int"},
		{"Dense", map[string]any{"activation": "rleu"}, `activation: unknown activation "rleu": the known ones are `},
		{"Dense", map[string]any{"kernel_regularizer": map[string]any{"class_name": "L2", "config": map[string]any{"l3": 1.0}}}, `kernel_regularizer: L2: unknown field of L2 "l3": the known ones are l2`},
		{"Dropout", map[string]any{"rate": []any{}}, "rate: [] ([]interface {}) is no float64"},
	} {
		_, err := layer.FromConfig(test.class, test.cfg)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: %v, want %s", test.class, test.cfg, err, test.want)
		}
	}
	if _, err := layer.Config(&layer.Dropout{Rate: math.NaN()}); err == nil {
		t.Error("a NaN was written")
	}
}

func TestANetworkSurvivesTheRoundTripThroughItsSpec(t *testing.T) {
	n := branched(t)
	spec, err := n.Spec()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var back layer.Spec
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := back.Network()
	if err != nil {
		t.Fatal(err)
	}
	check(t, again, layer.SummaryConfig{Model: "branched"}, golden.Load(t, "texts").Case(t, "branched").Texts["summary"])

	back.Outputs[0].Index = 3
	if _, err := back.Network(); err == nil || !strings.Contains(err.Error(), `no output 0 of application 3 of layer "kind"`) {
		t.Errorf("a reference to nothing gives %v", err)
	}
}

// A file may have its layers in any order: the time that takes grows as their number.
func TestLayersMayStandBeforeTheirInputs(t *testing.T) {
	const n = 4000
	s := &layer.Spec{Inputs: []layer.NodeSpec{{Layer: "0"}}, Outputs: []layer.NodeSpec{{Layer: fmt.Sprint(n)}}}
	for i := n; i > 0; i-- {
		s.Layers = append(s.Layers, layer.LayerSpec{Class: "Activation", Name: fmt.Sprint(i), Config: map[string]any{"activation": "relu"}, Inbound: [][]layer.NodeSpec{{{Layer: fmt.Sprint(i - 1)}}}})
	}
	s.Layers = append(s.Layers, layer.LayerSpec{Class: "InputLayer", Name: "0", Config: map[string]any{"shape": []any{2.0}}, Inbound: [][]layer.NodeSpec{nil}})
	net, err := s.Network()
	if err != nil || len(net.Layers()) != n+1 {
		t.Fatal(err)
	}
}

func TestAValueOfNoRegisteredClassHasNoConfiguration(t *testing.T) {
	_, err := layer.Config(&layer.Dense{Units: 1, KernelRegularizer: unregistered{}})
	if err == nil || !strings.Contains(err.Error(), `kernel_regularizer: "unregistered", a layer_test.unregistered, is of no registered class: Register of package regularizer`) {
		t.Errorf("got %v", err)
	}
}

type unregistered struct{ regularizer.L2 }

// another holds a member of each family that is the default of no field.
var another = map[reflect.Type]any{
	reflect.TypeFor[activation.Activation]():   activation.ReLU{MaxValue: new(6.0)},
	reflect.TypeFor[initializer.Initializer](): initializer.RandomUniform{Maxval: new(0.0)},
	reflect.TypeFor[regularizer.Regularizer](): regularizer.L1{},
	reflect.TypeFor[constraint.Constraint]():   constraint.NonNeg{},
	reflect.TypeFor[layer.Layer]():             &layer.Dense{Name: "inner", Units: 3},
	reflect.TypeFor[layer.Cell]():              &layer.LSTMCell{Name: "inner", Units: 3},
}
