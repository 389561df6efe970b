package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/config"
)

type member interface{ Name() string }

type plain struct {
	Size float64 `default:"3"`
}

func (plain) Name() string { return "plain" }

type other struct{}

func (other) Name() string { return "other" }

type group struct {
	Depth int `keras:"group_depth" default:"2"`
}

type everything struct {
	Rate   float64 `default:"0.5"`
	Offset float64
	NoBias bool   `keras:"use_bias,not"`
	Kind   member `default:"plain"`
	Extra  bool   `keras:",ours"`
	Limit  *int
	Shape  []int
	Within group
}

var registry = config.NewRegistry[member]("member", plain{}, other{})

func TestResolvePutsDefaultsInAndReadsZero(t *testing.T) {
	if got, want := config.Resolve(everything{}), (everything{Rate: 0.5, Kind: plain{}, Within: group{2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := config.Resolve(everything{Rate: config.Zero, Offset: config.Zero}); got.Rate != 0 || got.Offset != 0 {
		t.Errorf("Zero is read as %v and %v", got.Rate, got.Offset)
	}
	var m member = plain{}
	if got := config.Resolve(m); got != (plain{3}) || m != (plain{}) {
		t.Errorf("in an interface %v becomes %v", m, got)
	}
}

func TestEncodeWritesKerasNamesAndDecodeReadsThem(t *testing.T) {
	v := everything{Rate: config.Zero, NoBias: true, Kind: plain{config.Zero}, Limit: new(0), Shape: []int{1, -1}, Within: group{5}}
	want := map[string]any{
		"rate": 0.0, "offset": 0.0, "use_bias": false, "limit": 0, "shape": []any{1, -1}, "group_depth": 5,
		"kind": map[string]any{"class_name": "plain", "config": map[string]any{"size": 0.0}},
	}
	got, err := config.Encode(v)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	var back everything
	if err := config.Decode(got, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%+v comes back as %+v, %v", v, back, err)
	}
	v.Extra = true
	if got, err := config.Encode(v); err != nil || got["extra"] != true {
		t.Errorf("what Keras lacks is written where it is set: %v, %v", got, err)
	}
}

func TestANameStandsForAMemberAndAScalarForAList(t *testing.T) {
	var v everything
	if err := config.Decode(map[string]any{"kind": "other", "shape": 4.0}, &v); err != nil || v.Kind != (other{}) || !reflect.DeepEqual(v.Shape, []int{4}) {
		t.Errorf("%+v, %v", v, err)
	}
	if err := config.Decode(map[string]any{"group_depth": 0}, &v); err == nil || !strings.Contains(err.Error(), "0 cannot be said") {
		t.Errorf("a 0 that means a default: %v", err)
	}
}

func TestNamesAreKerasSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"Dense": "dense", "Conv2DTranspose": "conv2d_transpose", "ReLU": "re_lu", "PReLU": "p_re_lu", "LeakyReLU": "leaky_re_lu",
		"InputLayer": "input_layer", "SpatialDropout1D": "spatial_dropout1d", "L1": "l1", "GRUCell": "gru_cell", "LSTM": "lstm",
	} {
		if got := config.Snake(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

func TestARegistryAnswersByNameClassAndAlias(t *testing.T) {
	registry.Register(other{}, "alias")
	for _, name := range []string{"other", "alias"} {
		if m, err := registry.ByName(name); err != nil || m != (other{}) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if _, err := registry.ByName("none"); err == nil || err.Error() != `unknown member "none": the known ones are other, plain` {
		t.Error(err)
	}
}
