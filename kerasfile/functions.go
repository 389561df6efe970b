package kerasfile

// This file reads operations that no layer of Keras's computes as layer.Operation, and writes these as operations of keras.ops; and
// says what the functions of TensorFlow, which the last releases of Keras 2 wrote, are in keras.ops.

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/layer"
)

// ofOperations is the class of layer.Operation.
const ofOperations = "Operation"

// A kerasFunction is where Keras has a class of operations, and its settings.
type kerasFunction struct {
	module   string
	settings []string
}

// alongAxes are the settings of what is done over axes.
var alongAxes = []string{"axis", "keepdims"}

// kerasFunctions are those that layer.Operation has.
var kerasFunctions = map[string]kerasFunction{
	"Sqrt": {"numpy", nil}, "Log": {"numpy", nil}, "Log1p": {"numpy", nil}, "Expm1": {"numpy", nil}, "Sin": {"numpy", nil}, "Cos": {"numpy", nil},
	"Sign": {"numpy", nil}, "Reciprocal": {"numpy", nil}, "Rsqrt": {"math", nil}, "Erf": {"math", nil}, "Gelu": {"nn", []string{"approximate"}},
	"Add": {"numpy", nil}, "Subtract": {"numpy", nil}, "Multiply": {"numpy", nil}, "Divide": {"numpy", nil}, "TrueDivide": {"numpy", nil},
	"Power": {"numpy", nil}, "Maximum": {"numpy", nil}, "Minimum": {"numpy", nil}, "Matmul": {"numpy", nil},
	"Clip": {"numpy", []string{"x_min", "x_max"}},
	"Mean": {"numpy", alongAxes}, "Sum": {"numpy", alongAxes}, "Max": {"numpy", alongAxes}, "Min": {"numpy", alongAxes},
	"Var": {"numpy", alongAxes}, "Std": {"numpy", alongAxes},
	"LogSoftmax": {"nn", []string{"axis"}}, "Normalize": {"nn", []string{"axis", "epsilon"}}, "Flip": {"numpy", []string{"axis"}},
	"ExpandDims": {"numpy", []string{"axis"}}, "Squeeze": {"numpy", []string{"axis"}}, "Stack": {"numpy", []string{"axis"}},
	"Split": {"numpy", []string{"indices_or_sections", "axis"}}, "GetItem": {"numpy", nil},
}

// operationOf returns the layer.Operation of an operation of keras.ops, nil if there is none.
func operationOf(class, name string, cfg object, in []any) []object {
	f, ok := kerasFunctions[class]
	if !ok || len(in) == 0 {
		return nil
	}
	own := object{"op": class}
	for key, v := range cfg {
		switch {
		case key == "name" || v == nil || class == "Normalize" && key == "order" && v == 2.0:
		case !slices.Contains(f.settings, key):
			return nil
		case key == "indices_or_sections" && isList(v):
			own["indices"] = v
		case key == "indices_or_sections":
			own["sections"] = v
		default:
			own[key] = v
		}
	}
	switch list, ok := in[0].([]any); {
	case class == "GetItem" && len(in) == 2:
		key, ok := keyOf(in[1])
		if !ok {
			return nil
		}
		own["key"], in = key, in[:1]
	case ok && class == "Stack" && len(in) == 1:
		in = list
	}
	var tensors []any
	for i, x := range in {
		if n, ok := x.(float64); ok && own["number"] == nil && len(in) == 2 {
			own["number"], own["before"] = n, i == 0
		} else if _, ok := ofNumbers(x); ok {
			tensors = append(tensors, x)
		} else {
			return nil
		}
	}
	return []object{entry(ofOperations, name, own, tensors...)}
}

// keyOf writes what an item is taken by as Python does.
func keyOf(v any) (string, bool) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var parts []string
	for _, x := range list {
		o, _ := x.(object)
		cfg, inner := o["config"].(object)
		if !inner {
			cfg = o // as Keras 2 writes a slice
		}
		n, isNumber := whole(x)
		switch {
		case x == nil:
			parts = append(parts, "None")
		case isNumber:
			parts = append(parts, n)
		case o["class_name"] == "__ellipsis__":
			parts = append(parts, "...")
		case o["class_name"] == "__slice__" || !inner && hasOnly(o, "start", "stop", "step"):
			part, ok := sliceOf(cfg)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		default:
			return "", false
		}
	}
	return strings.Join(parts, ", "), true
}

// hasOnly reports whether o has these entries and no other.
func hasOnly(o object, keys ...string) bool {
	for _, key := range keys {
		if _, ok := o[key]; !ok {
			return false
		}
	}
	return len(o) == len(keys)
}

// sliceOf writes a slice as Python does.
func sliceOf(cfg object) (string, bool) {
	var ends [3]string
	for i, key := range []string{"start", "stop", "step"} {
		if cfg[key] == nil {
			continue
		}
		var ok bool
		if ends[i], ok = whole(cfg[key]); !ok {
			return "", false
		}
	}
	if ends[2] == "" {
		return ends[0] + ":" + ends[1], true
	}
	return strings.Join(ends[:], ":"), true
}

// whole writes a whole number.
func whole(v any) (string, bool) {
	f, ok := v.(float64)
	return strconv.FormatFloat(f, 'f', 0, 64), ok && f == math.Trunc(f) && math.Abs(f) < 1<<31
}

// keyIn is what a key of a tensor of so many axes is in a file. Keras reads no ellipsis of an .h5 file: what it stands for is written.
func keyIn(key string, axes int) []any {
	var list []any
	number := func(text string) any {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
		return nil
	}
	slice := func(start, stop, step string) any {
		return object{"class_name": "__slice__", "config": object{"start": number(start), "stop": number(stop), "step": number(step)}}
	}
	parts := strings.Split(strings.ReplaceAll(key, " ", ""), ",")
	for _, part := range parts {
		if part != "None" && part != "..." {
			axes--
		}
	}
	for _, part := range parts {
		switch ends := strings.Split(part, ":"); {
		case part == "...":
			list = append(list, slices.Repeat([]any{slice("", "", "")}, max(axes, 0))...)
		case len(ends) == 1:
			list = append(list, number(part)) // None is null
		default:
			ends = append(ends, "")
			list = append(list, slice(ends[0], ends[1], ends[2]))
		}
	}
	return list
}

// asOperation is a layer.Operation as Keras has it.
func asOperation(one layer.LayerSpec) object {
	op, _ := one.Config["op"].(string)
	f := kerasFunctions[op]
	cfg := object{"name": one.Name}
	for _, key := range f.settings {
		v := one.Config[key]
		if list, ok := v.([]any); ok && len(list) == 1 && key == "axis" {
			v = list[0]
		}
		if key == "indices_or_sections" {
			if v = one.Config["indices"]; v == nil {
				v = one.Config["sections"]
			}
		}
		cfg[key] = v
	}
	o := class(op, "keras.src.ops."+f.module, cfg)
	o["registered_name"] = op
	return o
}

// operationArgs returns the arguments of the call of a layer.Operation.
func operationArgs(one layer.LayerSpec, tensors []any) []any {
	switch n := one.Config["number"]; {
	case one.Config["op"] == "Stack":
		return []any{tensors}
	case one.Config["op"] == "GetItem":
		key, _ := one.Config["key"].(string)
		axes := 0
		if len(one.Shapes) > 0 {
			axes = len(one.Shapes[0])
		}
		return append(tensors, keyIn(key, axes))
	case n == nil:
		return tensors
	case one.Config["before"] == true:
		return append([]any{n}, tensors...)
	default:
		return append(tensors, n)
	}
}

// A tensorFlowFunction is what a function of TensorFlow is in keras.ops.
type tensorFlowFunction struct {
	class   string
	operand string            // the name of the argument that is the second operand
	names   map[string]string // of settings
	plain   object            // settings that change nothing
	unsaid  object            // what settings are that aren't said
}

// overAxes has the names of the settings of reductions.
var overAxes = map[string]string{"axis": "axis", "keepdims": "keepdims"}

// tensorFlow has what the functions of TensorFlow are.
var tensorFlow = map[string]tensorFlowFunction{
	"__operators__.add": {class: "Add", operand: "y"}, "math.add": {class: "Add", operand: "y"}, "math.subtract": {class: "Subtract", operand: "y"},
	"math.multiply": {class: "Multiply", operand: "y"}, "math.truediv": {class: "Divide", operand: "y"}, "math.divide": {class: "Divide", operand: "y"},
	"math.maximum": {class: "Maximum", operand: "y"}, "math.minimum": {class: "Minimum", operand: "y"}, "math.pow": {class: "Power", operand: "y"},
	"linalg.matmul": {class: "Matmul", operand: "b", plain: object{"transpose_a": false, "transpose_b": false, "adjoint_a": false, "adjoint_b": false, "a_is_sparse": false, "b_is_sparse": false}},
	"math.negative": {class: "Negative"}, "math.exp": {class: "Exp"}, "math.sqrt": {class: "Sqrt"}, "math.rsqrt": {class: "Rsqrt"}, "math.log": {class: "Log"},
	"math.log1p": {class: "Log1p"}, "math.expm1": {class: "Expm1"}, "math.sin": {class: "Sin"}, "math.cos": {class: "Cos"}, "math.erf": {class: "Erf"},
	"math.sign": {class: "Sign"}, "math.reciprocal": {class: "Reciprocal"}, "math.abs": {class: "Absolute"}, "math.square": {class: "Square"},
	"nn.relu": {class: "Relu"}, "nn.relu6": {class: "Relu6"}, "nn.selu": {class: "Selu"}, "nn.silu": {class: "Silu", plain: object{"beta": 1.0}},
	"math.sigmoid": {class: "Sigmoid"}, "nn.sigmoid": {class: "Sigmoid"}, "math.tanh": {class: "Tanh"}, "nn.tanh": {class: "Tanh"},
	"math.softplus": {class: "Softplus"}, "nn.softplus": {class: "Softplus"}, "nn.softsign": {class: "Softsign"},
	"nn.gelu": {class: "Gelu", names: map[string]string{"approximate": "approximate"}}, "nn.leaky_relu": {class: "LeakyRelu", names: map[string]string{"alpha": "negative_slope"}, unsaid: object{"alpha": 0.2}},
	"nn.softmax": {class: "Softmax", names: map[string]string{"axis": "axis"}}, "nn.log_softmax": {class: "LogSoftmax", names: map[string]string{"axis": "axis"}, unsaid: object{"axis": -1.0}},
	"math.reduce_mean": {class: "Mean", names: overAxes}, "math.reduce_sum": {class: "Sum", names: overAxes}, "math.reduce_max": {class: "Max", names: overAxes},
	"math.reduce_min": {class: "Min", names: overAxes}, "math.reduce_variance": {class: "Var", names: overAxes}, "math.reduce_std": {class: "Std", names: overAxes},
	"math.l2_normalize": {class: "Normalize", names: map[string]string{"axis": "axis", "epsilon": "epsilon"}, unsaid: object{"epsilon": 1e-12}},
	"clip_by_value":     {class: "Clip", names: map[string]string{"clip_value_min": "x_min", "clip_value_max": "x_max"}},
	"reshape":           {class: "Reshape", names: map[string]string{"shape": "newshape"}},
	"expand_dims":       {class: "ExpandDims", names: map[string]string{"axis": "axis"}}, "compat.v1.squeeze": {class: "Squeeze", names: map[string]string{"axis": "axis"}},
	"compat.v1.transpose": {class: "Transpose", names: map[string]string{"perm": "axes"}, plain: object{"conjugate": false}},
	"concat":              {class: "Concatenate", names: map[string]string{"axis": "axis"}}, "stack": {class: "Stack", names: map[string]string{"axis": "axis"}},
	"split": {class: "Split", names: map[string]string{"num_or_size_splits": "indices_or_sections", "axis": "axis"}}, "reverse": {class: "Flip", names: map[string]string{"axis": "axis"}},
	"__operators__.getitem": {class: "GetItem", operand: "slice_spec"},
}

// oldOperation returns the class, the settings and the operands of a function of TensorFlow as those of one of keras.ops, no operands if
// it is none.
func oldOperation(o object) (class string, cfg object, in []any) {
	old, _ := o["config"].(object)
	function, _ := old["function"].(string)
	f, known := tensorFlow[function]
	calls, _ := o["inbound_nodes"].([]any)
	if !known || len(calls) != 1 {
		return "", nil, nil
	}
	first, settings := oldCall(calls[0])
	if first == nil {
		return "", nil, nil
	}
	all := maps.Clone(f.unsaid)
	if all == nil {
		all = object{}
	}
	maps.Copy(all, settings)
	cfg, in = object{}, []any{first}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		switch {
		case name == f.operand && f.class == "GetItem":
			in = append(in, v)
		case name == f.operand:
			in = append(in, oldOperand(v))
		case name == "name" || v == nil || f.plain[name] == v:
		case f.names[name] != "":
			cfg[f.names[name]] = v
		default:
			return "", nil, nil
		}
	}
	if e, ok := cfg["epsilon"].(float64); ok && f.class == "Normalize" {
		cfg["epsilon"] = math.Sqrt(e) // that of TensorFlow is of the sum of squares
	}
	if sizes, ok := cfg["indices_or_sections"].([]any); ok {
		indices, ok := indicesOf(sizes)
		if !ok {
			return "", nil, nil
		}
		cfg["indices_or_sections"] = indices
	}
	return f.class, cfg, in
}

// indicesOf returns where to cut for parts of these sizes.
func indicesOf(sizes []any) (indices []any, ok bool) {
	at := 0.0
	for _, size := range sizes {
		n, ok := size.(float64)
		if !ok || n < 0 {
			return nil, false
		}
		at += n
		indices = append(indices, at)
	}
	return indices[:max(len(indices)-1, 0)], len(indices) > 1
}

// oldCall reads a call as Keras 2 writes one: what it is applied to, a tensor, a number or a list of tensors, and its other arguments.
func oldCall(v any) (first any, settings object) {
	call, _ := v.([]any)
	if len(call) == 0 {
		return nil, nil
	}
	if _, list := call[0].([]any); !list {
		call = []any{call}
	}
	var all []any
	for _, x := range call {
		one, _ := x.([]any)
		if len(one) != 4 {
			return nil, nil
		}
		all = append(all, oldOperand(one[:3]))
		settings, _ = one[3].(object)
	}
	if len(all) == 1 {
		return all[0], settings
	}
	return all, settings
}
