package kerasfile_test

// Operations between layers: what Keras computes with them is in testdata/applications.keras.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/kerasfile"
)

// tensorOf is what a layer of that name returns, of a type and a shape.
func tensorOf(name, kind, shape string) string {
	return `{"class_name": "__keras_tensor__", "config": {"shape": [null, ` + shape + `], "dtype": "` + kind + `", "keras_history": ["` + name + `", 0, 0]}}`
}

// between is a model of an operation on its inputs a and b, of 4 steps of 3 numbers each.
func between(operation string) string {
	input := `{"class_name": "InputLayer", "name": %[1]q, "config": {"name": %[1]q, "batch_shape": [null, 4, 3]}, "inbound_nodes": []},`
	return `{"class_name": "Functional", "config": {"name": "m", "layers": [` + fmt.Sprintf(input, "a") + fmt.Sprintf(input, "b") +
		`{"class_name": "Masking", "name": "masking", "config": {"name": "masking"}, "inbound_nodes": [{"args": [` + tensorOf("a", "float32", "4, 3") + `], "kwargs": {}}]},` +
		operation + `], "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["op", 0, 0]]}}`
}

func TestOperationsBetweenLayersAreReadAsLayers(t *testing.T) {
	a, b := tensorOf("a", "float32", "4, 3"), tensorOf("b", "float32", "4, 3")
	whole := `{"class_name": "__slice__", "config": {"start": null, "stop": null, "step": null}}`
	modern := func(class, config, args string) string {
		return `{"module": "keras.src.ops.numpy", "class_name": "` + class + `", "name": "op", "config": {"name": "op"` + config + `}, "inbound_nodes": [{"args": [` + args + `], "kwargs": {}}]}`
	}
	old := func(function, call string) string {
		return `{"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "trainable": true, "dtype": "float32", "function": "` + function + `"}, "inbound_nodes": [` + call + `]}`
	}
	for _, test := range []struct{ operation, want string }{
		{modern("Add", "", a+", "+b), "op Add of a, b"},
		{modern("Multiply", "", a+", "+tensorOf("b", "int32", "4, 3")), "keras.ops.Multiply"},
		{modern("Maximum", "", a+", "+tensorOf("b", "float32", "4")), "op Operation of a, b: op Maximum"},
		{modern("Add", "", "3.0, "+a), "op Rescaling of a: offset 3, scale 1"},
		{modern("Subtract", "", a+", 2"), "op Rescaling of a: offset -2, scale 1"},
		{modern("Subtract", "", "2, "+a), "op Rescaling of a: offset 2, scale -1"},
		{modern("Multiply", "", a+", 0.5"), "op Rescaling of a: offset 0, scale 0.5"},
		{modern("Multiply", "", a+", 0"), "op Operation of a: number 0, op Multiply"},
		{modern("TrueDivide", "", a+", 4"), "op Rescaling of a: offset 0, scale 0.25"},
		{modern("TrueDivide", "", a+", 0"), "op Operation of a: number 0, op TrueDivide"},
		{modern("TrueDivide", "", "1, "+a), "op Operation of a: before true, number 1, op TrueDivide"},
		{modern("TrueDivide", "", a+", "+b), "op Operation of a, b: op TrueDivide"},
		{modern("Power", "", a+", 2"), "op Operation of a: number 2, op Power"},
		{modern("Power", "", a+", ["+b+"]"), "keras.ops.Power"},
		{modern("Power", "", tensorOf("a", "int32", "4, 3")+", 2"), "keras.ops.Power"},
		{modern("Hypot", "", a+", "+b), "keras.ops.Hypot"},
		{modern("Sqrt", "", tensorOf("masking", "float32", "4, 3")), "op Operation of masking: op Sqrt"},
		{modern("Gelu", `, "approximate": true`, a), "op Operation of a: approximate true, op Gelu"},
		{modern("Normalize", `, "axis": -1, "order": 2, "epsilon": null`, a), "op Operation of a: axis -1, op Normalize"},
		{modern("Normalize", `, "axis": -1, "order": 1, "epsilon": null`, a), "keras.ops.Normalize"},
		{modern("Max", `, "axis": 2, "keepdims": false, "initial": 0.0`, a), "keras.ops.Max"},
		{modern("Split", `, "axis": 2, "indices_or_sections": [1]`, a), "op Operation of a: axis 2, indices [1], op Split"},
		{modern("Split", `, "axis": 2, "indices_or_sections": 3`, a), "op Operation of a: axis 2, op Split, sections 3"},
		{modern("Stack", `, "axis": 2`, "["+a+", "+b+"]"), "op Operation of a, b: axis 2, op Stack"},
		{modern("Relu", "", a), "op Activation of a: activation relu"},
		{modern("Relu", "", tensorOf("masking", "float32", "4, 3")), "its input has a mask"},
		{modern("Concatenate", `, "axis": -1`, "["+a+", "+b+"]"), "op Concatenate of a, b: axis -1"},
		{modern("Concatenate", `, "axis": 0`, "["+a+", "+b+"]"), "keras.ops.Concatenate"},
		{modern("Reshape", `, "newshape": [-1, 12]`, a), "op Reshape of a: target_shape [12]"},
		{modern("Reshape", `, "newshape": [2, -1]`, a), "keras.ops.Reshape"},
		{modern("Mean", `, "axis": 1, "keepdims": false`, a), "op GlobalAveragePooling1D of a: keepdims false"},
		{modern("Mean", `, "axis": [1, 2], "keepdims": false`, a), "op Operation of a: axis [1 2], keepdims false, op Mean"},
		{modern("Mean", `, "axis": 1e300`, a), "op Operation of a: axis 1e+300, op Mean"},
		{modern("Sum", `, "axis": -2, "keepdims": true`, a), "op_mean GlobalAveragePooling1D of a: keepdims true; op Rescaling of op_mean: scale 4"},
		{modern("Transpose", `, "axes": [0, 2, 1]`, a), "op Permute of a: dims [2 1]"},
		{modern("Transpose", `, "axes": [1, 0, 2]`, a), "keras.ops.Transpose"},
		{modern("Swapaxes", `, "axis1": -1, "axis2": 1`, a), "op Permute of a: dims [2 1]"},
		{modern("Swapaxes", `, "axis1": 0, "axis2": 1`, a), "keras.ops.Swapaxes"},
		{modern("Pad", `, "pad_width": [[0, 0], [1, 2], [0, 0]], "mode": "constant"`, a), "op ZeroPadding1D of a: padding [1 2]"},
		{modern("Pad", `, "pad_width": [[0, 0], [1, 2], [1, 0]], "mode": "constant"`, a), "keras.ops.Pad"},
		{modern("Pad", `, "pad_width": [[0, 0], [1, 2], [0, 0]], "mode": "reflect"`, a), "keras.ops.Pad"},
		{modern("TrueDivide", "", a+`, {"class_name": "__tensor__", "config": {"value": 4.0, "dtype": "float32"}}`), "op Rescaling of a: offset 0, scale 0.25"},
		{modern("TrueDivide", "", a+`, {"class_name": "__tensor__", "config": {"value": [4.0], "dtype": "float32"}}`), "keras.ops.TrueDivide"},
		{modern("ExpandDims", `, "axis": -1`, a), "op Reshape of a: target_shape [4 3 1]"},
		{modern("GetItem", "", a+", ["+whole+", -1]"), "op_step Cropping1D of a: cropping [3 0]; op Reshape of op_step: target_shape [3]"},
		{modern("GetItem", "", a+", ["+whole+", 4]"), "op Operation of a: key :, 4, op GetItem"},
		{modern("GetItem", "", a+", 0"), "op Operation of a: key 0, op GetItem"},
		{modern("GetItem", "", a+`, [{"class_name": "__ellipsis__", "config": {}}, null, {"class_name": "__slice__", "config": {"start": 1, "stop": -1, "step": 2}}]`), "op Operation of a: key ..., None, 1:-1:2, op GetItem"},
		{modern("GetItem", "", a+", "+b), "keras.ops.GetItem"},
		{modern("GetItem", "", a+", [0.5]"), "keras.ops.GetItem"},
		{old("__operators__.add", `["a", 0, 0, {"y": 3.0, "name": null}]`), "op Rescaling of a: offset 3, scale 1"},
		{old("math.multiply", `["a", 0, 0, {"y": ["b", 0, 0], "name": null}]`), "op Multiply of a, b"},
		{old("math.subtract", `["_CONSTANT_VALUE", -1, 1.0, {"y": ["a", 0, 0], "name": null}]`), "op Rescaling of a: offset 1, scale -1"},
		{old("nn.relu", `[["a", 0, 0, {"name": null}]]`), "op Activation of a: activation relu"},
		{old("nn.silu", `["a", 0, 0, {"beta": 2.0}]`), "TFOpLambda of tf.nn.silu"},
		{old("math.l2_normalize", `["a", 0, 0, {"axis": 1, "epsilon": 0.25}]`), "op Operation of a: axis 1, epsilon 0.5, op Normalize"},
		{old("math.pow", `["a", 0, 0, {"y": ["b", 0, 0]}]`), "op Operation of a, b: op Power"},
		{old("linalg.matmul", `["a", 0, 0, {"b": ["b", 0, 0], "transpose_b": true}]`), "TFOpLambda of tf.linalg.matmul"},
		{old("split", `["a", 0, 0, {"axis": 2, "num_or_size_splits": [1, 2]}]`), "op Operation of a: axis 2, indices [1], op Split"},
		{old("split", `["a", 0, 0, {"axis": 2, "num_or_size_splits": [-1, 2]}]`), "TFOpLambda of tf.split"},
		{old("stack", `[["a", 0, 0, {"axis": 2}], ["b", 0, 0, {"axis": 2}]]`), "op Operation of a, b: axis 2, op Stack"},
		{old("__operators__.getitem", `["a", 0, 0, {"slice_spec": [{"start": null, "stop": null, "step": null}, {"start": null, "stop": 2, "step": null}]}]`), "op Operation of a: key :, :2, op GetItem"},
		{old("sets.size", `["a", 0, 0, {}]`), "TFOpLambda of tf.sets.size"},
		{old("math.add", `["a", 0]`), "TFOpLambda of tf.math.add"},
	} {
		m, err := kerasfile.ReadConfig([]byte(between(test.operation)), kerasfile.Limits{})
		if err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s\nerror %.300v, want %s", test.operation, err, test.want)
			}
			continue
		}
		var got []string
		for _, one := range m.Network.Layers[3:] {
			var from, settings []string
			for _, at := range one.Inbound[0] {
				from = append(from, at.Layer)
			}
			for _, key := range []string{"activation", "approximate", "axis", "before", "cropping", "dims", "epsilon", "indices", "keepdims", "key", "number", "offset", "op", "padding", "scale", "sections", "target_shape"} {
				if v, ok := one.Config[key]; ok && v != false || key == "keepdims" && ok {
					settings = append(settings, fmt.Sprint(key, " ", v))
				}
			}
			text := one.Name + " " + one.Class + " of " + strings.Join(from, ", ")
			if len(settings) > 0 {
				text += ": " + strings.Join(settings, ", ")
			}
			got = append(got, text)
		}
		if got := strings.Join(got, "; "); got != test.want {
			t.Errorf("%s\nis read as %s, want %s", test.operation, got, test.want)
		}
	}
}

// What Keras keeps of an .h5 file has no modules: a layer that adds has a list of what it is applied to, an operation each of them.
func TestOperationsInH5FilesAreTold(t *testing.T) {
	a, b := tensorOf("a", "float32", "4, 3"), tensorOf("b", "float32", "4, 3")
	for call, config := range map[string]string{a + ", " + b: "", "[" + a + ", " + b + "]": `, "trainable": true`} {
		m, err := kerasfile.ReadConfig([]byte(between(`{"class_name": "Add", "name": "op", "config": {"name": "op"`+config+`}, "inbound_nodes": [{"args": [`+call+`], "kwargs": {}}]}`)), kerasfile.Limits{})
		if err != nil {
			t.Error(err)
			continue
		}
		if one := m.Network.Layers[3]; one.Class != "Add" || len(one.Inbound[0]) != 2 {
			t.Errorf("%s is read as %+v", call, one)
		}
	}
}
