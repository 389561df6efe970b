package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/config"
)

type member interface{ Name() string }

type plain struct {
	Size *float64 `default:"3"`
}

func (plain) Name() string { return "plain" }

type other struct{}

func (other) Name() string { return "other" }

type group struct {
	Depth int `keras:"group_depth" zero:"2"`
}

type everything struct {
	Rate   *float64 `default:"0.5"`
	Offset float64
	NoBias bool   `keras:"use_bias,not"`
	Kind   member `default:"plain"`
	Extra  bool   `keras:",ours"`
	Limit  *int
	TopK   int `zero:"none"`
	Shape  []int
	Within group
}

var registry = config.NewRegistry[member]("member", plain{}, other{})

func TestResolvePutsDefaultsIn(t *testing.T) {
	if got, want := config.Resolve(everything{}), (everything{Rate: new(0.5), Kind: plain{}, Within: group{2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := config.Resolve(everything{Rate: new(0.0)}); *got.Rate != 0 {
		t.Errorf("0 is read as %v", *got.Rate)
	}
	var m member = plain{}
	if got := config.Resolve(m); *got.(plain).Size != 3 || m != (plain{}) {
		t.Errorf("in an interface %v becomes %v", m, got)
	}
}

func TestWhatIsResolvedChangesWithNobody(t *testing.T) {
	rate, limit := 0.25, 7
	got := config.Resolve(everything{Rate: &rate, Limit: &limit})
	rate, limit = 0.5, 8
	if *got.Rate != 0.25 || *got.Limit != 7 {
		t.Errorf("a number changed after the struct was resolved changes it to %v, %v", *got.Rate, *got.Limit)
	}
}

func TestEncodeWritesKerasNamesAndDecodeReadsThem(t *testing.T) {
	v := everything{Rate: new(0.0), NoBias: true, Kind: plain{new(0.0)}, Limit: new(0), Shape: []int{1, -1}, Within: group{5}}
	want := map[string]any{
		"rate": 0.0, "offset": 0.0, "use_bias": false, "limit": 0, "top_k": nil, "shape": []any{1, -1}, "group_depth": 5,
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

func TestNullIsATextThatIsNotTheDefault(t *testing.T) {
	type mode struct {
		Mode string `default:"both" keras:"mode,null"`
	}
	for want, v := range map[any]mode{nil: {"none"}, "both": {}, "one": {"one"}} {
		m, err := config.Encode(v)
		if err != nil || m["mode"] != want {
			t.Errorf("%v is written as %v, %v", v, m, err)
		}
		var back mode
		if err := config.Decode(m, &back); err != nil || back != v {
			t.Errorf("%v comes back as %v, %v", v, back, err)
		}
	}
}

// A 0 that a struct would read as another value is no legal one.
func TestANumberInAFileIsNeverReadAsAnother(t *testing.T) {
	for _, name := range []string{"group_depth", "top_k"} {
		var v everything
		if err := config.Decode(map[string]any{name: 0}, &v); err == nil || !strings.Contains(err.Error(), name+": 0 is not a value that it can have") {
			t.Errorf("%v", err)
		}
	}
}

func TestASliceHasADefault(t *testing.T) {
	type axes struct {
		Axis []int `default:"0,1"`
	}
	got, err := config.Encode(axes{})
	if want := map[string]any{"axis": []any{0, 1}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it is %v, %v, want %v", got, err, want)
	}
	var back axes
	if err := config.Decode(got, &back); err != nil || back.Axis != nil {
		t.Errorf("it comes back as %v, %v", back.Axis, err)
	}
}

func TestAnArrayHasADefaultAndANumberStandsForAllOfIt(t *testing.T) {
	type sides struct {
		Size    [2]int   `default:"2"`
		Edges   *[2]int  `default:"1"`
		Padding [][2]int `default:"1,1"`
		Nothing *[2][2]int
	}
	plain := map[string]any{"size": []any{2, 2}, "edges": []any{1, 1}, "padding": []any{[]any{1, 1}, []any{1, 1}}, "nothing": nil}
	got, err := config.Encode(sides{})
	if err != nil || !reflect.DeepEqual(got, plain) {
		t.Errorf("it is %v, %v, want %v", got, err, plain)
	}
	var back sides
	if err := config.Decode(got, &back); err != nil || !reflect.DeepEqual(back, sides{}) {
		t.Errorf("it comes back as %v, %v", back, err)
	}
	want := sides{Size: [2]int{3, 3}, Edges: &[2]int{0, 0}, Padding: [][2]int{{2, 2}, {0, 5}}, Nothing: &[2][2]int{{1, 2}, {3, 4}}}
	err = config.Decode(map[string]any{"size": 3, "edges": 0.0, "padding": []any{2, []any{0, 5}}, "nothing": []any{[]any{1, 2}, []any{3, 4}}}, &back)
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("got %v, %v, want %v", back, err, want)
	}
	for _, bad := range []map[string]any{{"size": []any{1, 2, 3}}, {"size": []any{1, nil}}, {"size": []any{}}, {"size": "x"}, {"size": 0}} {
		if err := config.Decode(bad, &sides{}); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestATagThatWouldReadANumberAsAnotherPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"a default of a plain number": func() {
			config.Resolve(struct {
				F float64 `default:"3"`
			}{})
		},
		"a zero of a pointer": func() {
			config.Resolve(struct {
				F *float64 `zero:"3"`
			}{})
		},
		"a zero of what is no number": func() {
			config.Resolve(struct {
				F string `zero:"x"`
			}{})
		},
		"a default that is no number": func() {
			config.Resolve(struct {
				F *int `default:"x"`
			}{})
		},
		"a default of a boolean": func() {
			config.Resolve(struct {
				F bool `default:"true"`
			}{})
		},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), "config: field F: ") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			f()
		}()
	}
}

func TestANameStandsForAMemberAndAScalarForAList(t *testing.T) {
	var v everything
	if err := config.Decode(map[string]any{"kind": "other", "shape": 4.0}, &v); err != nil || v.Kind != (other{}) || !reflect.DeepEqual(v.Shape, []int{4}) {
		t.Errorf("%+v, %v", v, err)
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

func TestANilInDisguiseIsNil(t *testing.T) {
	for _, v := range []any{nil, (*plain)(nil), (func())(nil), map[int]int(nil), []int(nil)} {
		if !config.IsNil(v) {
			t.Errorf("%#v is not nil", v)
		}
	}
	for _, v := range []any{plain{}, &plain{}, 0, []int{}} {
		if config.IsNil(v) {
			t.Errorf("%#v is nil", v)
		}
	}
}
