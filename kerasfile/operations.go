package kerasfile

// This file reads operations that stand between the layers of a functional model, such as x + y or keras.ops.relu(x), as the
// layers that compute the same: those of keras.ops, and those of TensorFlow that the last releases of Keras 2 wrote.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/layer"
)

// activationOf has the activations that are operations of one tensor.
var activationOf = map[string]string{
	"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "silu", "Selu": "selu", "Softplus": "softplus",
	"Softsign": "softsign", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "LogSigmoid": "log_sigmoid", "Exp": "exponential",
}

// asLayers returns the entries of a network's layers with layers in the place of operations, and the names of those of Keras's layers, which
// may pass masks on where operations lose them.
func asLayers(entries []any) (out []any, stand []string) {
	for _, x := range entries {
		o, _ := x.(object)
		var with []object
		if isBetween(o) {
			with = replace(o)
		}
		if with == nil {
			out = append(out, x)
		}
		for _, one := range with {
			out = append(out, one)
			if one["class_name"] == ofOperations {
				continue
			}
			name, _ := one["name"].(string)
			stand = append(stand, name)
		}
	}
	return out, stand
}

// isBetween reports whether an entry is an operation that may compute what a layer does. An .h5 file has no modules, but what it
// says of layers: whether they are trained.
func isBetween(o object) bool {
	class, _ := o["class_name"].(string)
	if _, ok := o["module"].(string); ok || isFunction(class) {
		return isFunction(class) || isOperation(o)
	}
	cfg, _ := o["config"].(object)
	if class == "" || cfg["trainable"] != nil {
		return false
	}
	_, err := layer.New(class)
	return err != nil || cfg["newshape"] != nil || merges(class) && len(operands(o)) == 2
}

// isFunction reports whether a class is one of those that Keras 2 gave to functions of TensorFlow.
func isFunction(class string) bool { return class == "TFOpLambda" || class == "SlicingOpLambda" }

// operands returns what an operation is applied to, numbers and tensors, if it is applied once, and everything else that it was told is its
// configuration.
func operands(o object) []any {
	calls, _ := o["inbound_nodes"].([]any)
	if len(calls) != 1 {
		return nil
	}
	call, _ := calls[0].(object)
	args, _ := call["args"].([]any)
	kwargs, _ := call["kwargs"].(object)
	for _, v := range kwargs {
		if v != nil {
			return nil
		}
	}
	in := slices.Clone(args)
	for i, x := range in {
		if n, ok := constant(x); ok {
			in[i] = n
		}
	}
	return in
}

// constant returns the number that an array without axes holds, as keras.ops.sqrt(2.0) is one.
func constant(v any) (n float64, ok bool) {
	o, _ := v.(object)
	if o["class_name"] != "__tensor__" && o["class_name"] != "__numpy__" {
		return 0, false
	}
	cfg, _ := o["config"].(object)
	n, ok = cfg["value"].(float64)
	return n, ok
}

// oldOperand returns a number, or a tensor as Keras 3 writes it.
func oldOperand(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	if len(list) == 3 && list[0] == "_CONSTANT_VALUE" {
		return list[2]
	}
	return object{"class_name": "__keras_tensor__", "config": object{"keras_history": list}}
}

// ofNumbers reports whether v is a tensor of the network which isn't said to be of another type than one of floating-point numbers,
// and returns its shape if it is known.
func ofNumbers(v any) (shape []any, ok bool) {
	if _, ok := tensorIn(v); !ok {
		return nil, false
	}
	inner, _ := v.(object)["config"].(object)
	shape, _ = inner["shape"].([]any)
	kind, said := inner["dtype"].(string)
	return shape, !said || strings.Contains(kind, "float")
}

// entry returns a layer as an entry of a network, applied to tensors.
func entry(class, name string, cfg object, in ...any) object {
	cfg["name"] = name
	if merges(class) || len(in) > 1 {
		in = []any{in}
	}
	return object{"class_name": class, "name": name, "config": cfg, "inbound_nodes": []any{object{"args": in, "kwargs": object{}}}}
}

// result is what a layer of this name returns, as a tensor of the network.
func result(name string) object {
	return object{"class_name": "__keras_tensor__", "config": object{"keras_history": []any{name, 0.0, 0.0}}}
}

// replace returns the layers that compute what an operation does, none if there are no such layers.
func replace(o object) []object {
	class, _ := o["class_name"].(string)
	cfg, _ := o["config"].(object)
	name, _ := o["name"].(string)
	in := operands(o)
	if isFunction(class) {
		class, cfg, in = oldOperation(o)
	}
	if len(in) == 0 {
		return nil
	}
	if with := layersOf(class, name, cfg, in); with != nil {
		return with
	}
	return operationOf(class, name, cfg, in)
}

// layersOf returns the layers of Keras's that compute what an operation does, none if there are no such layers.
func layersOf(class, name string, cfg object, in []any) []object {
	if list, ok := in[0].([]any); ok {
		if class == "Concatenate" && len(in) == 1 {
			return concatenate(name, cfg, list)
		}
		return nil
	}
	if len(in) == 2 && class != "GetItem" {
		return arithmetic(class, name, in[0], in[1])
	}
	shape, ok := ofNumbers(in[0])
	switch {
	case !ok:
		return nil
	case class == "GetItem" && len(in) == 2:
		return step(name, in[0], shape, in[1])
	case len(in) == 1:
		return ofOne(class, name, cfg, in[0], shape)
	}
	return nil
}

// ofOne is an operation of one tensor.
func ofOne(class, name string, cfg object, x any, shape []any) []object {
	one := func(class string, cfg object) []object { return []object{entry(class, name, cfg, x)} }
	if activation, ok := activationOf[class]; ok {
		return one("Activation", object{"activation": activation})
	}
	switch class {
	case "Negative":
		return one("Rescaling", object{"scale": -1.0})
	case "LeakyRelu":
		return one("LeakyReLU", object{"negative_slope": cfg["negative_slope"]})
	case "Softmax":
		return one("Softmax", object{"axis": cfg["axis"]})
	case "Square":
		return []object{entry("Multiply", name, object{}, x, x)}
	case "Absolute": // relu(x) + relu(-x), whose gradient at 0 is 0 too
		plus, turned, minus := name+"_plus", name+"_turned", name+"_minus"
		return []object{
			entry("Activation", plus, object{"activation": "relu"}, x),
			entry("Rescaling", turned, object{"scale": -1.0}, x),
			entry("Activation", minus, object{"activation": "relu"}, result(turned)),
			entry("Add", name, object{}, result(plus), result(minus)),
		}
	case "Reshape":
		// The batch's size is unknown, so one dimension is left to be found: the first, if the samples stay apart.
		if shape, ok := cfg["newshape"].([]any); ok && len(shape) > 0 && (shape[0] == nil || shape[0] == -1.0) && !slices.Contains(shape[1:], nil) {
			return one("Reshape", object{"target_shape": shape[1:]})
		}
	case "ExpandDims":
		if axis, ok := axisOf(cfg["axis"], len(shape)+1); ok && axis > 0 && len(shape) > 0 {
			return reshaped(one, slices.Insert(slices.Clone(shape), axis, any(1.0)))
		}
	case "Squeeze":
		if axis, ok := axisOf(cfg["axis"], len(shape)); ok && axis > 0 && shape[axis] == 1.0 {
			return reshaped(one, slices.Delete(slices.Clone(shape), axis, axis+1))
		}
	case "Transpose":
		if axes, ok := cfg["axes"].([]any); ok && len(axes) > 1 && axes[0] == 0.0 {
			return one("Permute", object{"dims": axes[1:]})
		}
	case "Swapaxes":
		a, ok := axisOf(cfg["axis1"], len(shape))
		b, alsoOK := axisOf(cfg["axis2"], len(shape))
		if ok && alsoOK && a > 0 && b > 0 {
			dims := make([]any, len(shape)-1)
			for i := range dims {
				dims[i] = float64(i + 1)
			}
			dims[a-1], dims[b-1] = dims[b-1], dims[a-1]
			return one("Permute", object{"dims": dims})
		}
	case "Pad":
		return padded(name, cfg, x)
	case "Mean", "Max", "Sum":
		return pooled(class, name, cfg, x, shape)
	}
	return nil
}

// padded puts zeros around the steps or places.
func padded(name string, cfg object, x any) []object {
	widths, _ := cfg["pad_width"].([]any)
	dims := len(widths) - 2
	if dims < 1 || dims > 3 || cfg["mode"] != "constant" {
		return nil
	}
	for _, end := range []any{widths[0], widths[dims+1]} {
		if pair, ok := end.([]any); !ok || slices.ContainsFunc(pair, func(v any) bool { return v != 0.0 }) {
			return nil
		}
	}
	var padding any = widths[1 : dims+1]
	if dims == 1 {
		padding = widths[1]
	}
	return []object{entry("ZeroPadding"+strconv.Itoa(dims)+"D", name, object{"padding": padding}, x)}
}

// pooled is the mean, the greatest or the sum over all axes but the batch and the last.
func pooled(class, name string, cfg object, x any, shape []any) []object {
	dims := len(shape) - 2
	if dims < 1 || dims > 3 || !overPlaces(cfg["axis"], len(shape)) || cfg["initial"] != nil {
		return nil
	}
	pool := "GlobalAveragePooling"
	if class == "Max" {
		pool = "GlobalMaxPooling"
	}
	pool += strconv.Itoa(dims) + "D"
	keep := object{"keepdims": cfg["keepdims"] == true}
	if class != "Sum" {
		return []object{entry(pool, name, keep, x)}
	}
	n := 1.0
	for _, d := range shape[1 : len(shape)-1] {
		size, _ := d.(float64) // 0 if it is open
		n *= size
	}
	if n == 0 {
		return nil
	}
	mean := name + "_mean"
	return []object{entry(pool, mean, keep, x), entry("Rescaling", name, object{"scale": n}, result(mean))}
}

// axisOf returns which of so many axes is meant by a number, or by a list of one.
func axisOf(v any, axes int) (int, bool) {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	f, ok := v.(float64)
	axis := int(f)
	if axis < 0 {
		axis += axes
	}
	return axis, ok && float64(int(f)) == f && axis >= 0 && axis < axes
}

// overPlaces reports whether axes are all but the batch and the channels, which are last.
func overPlaces(v any, axes int) bool {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	seen := make([]bool, axes)
	for _, x := range list {
		axis, ok := axisOf(x, axes)
		if !ok || axis == 0 || axis == axes-1 || seen[axis] {
			return false
		}
		seen[axis] = true
	}
	return len(list) == axes-2
}

// reshaped returns a Reshape to a shape of which no more than one dimension beside the batch may be open.
func reshaped(one func(string, object) []object, shape []any) []object {
	target := slices.Clone(shape[1:])
	open := 0
	for i, d := range target {
		if d == nil {
			target[i] = -1.0
			open++
		}
	}
	if open > 1 {
		return nil
	}
	return one("Reshape", object{"target_shape": target})
}

// arithmetic joins two tensors, or a tensor and a number.
func arithmetic(class, name string, a, b any) []object {
	n, first := a.(float64)
	m, second := b.(float64)
	if !first && !second {
		s, ok1 := ofNumbers(a)
		t, ok2 := ofNumbers(b)
		// Layers of Keras's that join several inputs keep the batch apart, where an operation puts shapes together at their ends.
		if !ok1 || !ok2 || len(s) != len(t) || !slices.Contains([]string{"Add", "Subtract", "Multiply", "Maximum", "Minimum"}, class) {
			return nil
		}
		return []object{entry(class, name, object{}, a, b)}
	}
	x := a
	if first {
		x = b
	}
	if _, ok := ofNumbers(x); !ok {
		return nil
	}
	scale, offset := 1.0, 0.0
	switch {
	case class == "Add":
		offset = n + m // one of which is 0
	case class == "Subtract" && second:
		offset = -m
	case class == "Subtract":
		scale, offset = -1, n
	case class == "Multiply":
		scale = n + m
	case (class == "Divide" || class == "TrueDivide") && second && m != 0:
		scale = 1 / m
	default:
		return nil
	}
	if scale == 0 { // which no Rescaling has
		return nil
	}
	return []object{entry("Rescaling", name, object{"scale": scale, "offset": offset}, x)}
}

func concatenate(name string, cfg object, list []any) []object {
	axis, ok := cfg["axis"].(float64)
	if !ok || axis == 0 || len(list) < 2 {
		return nil
	}
	for _, x := range list {
		if _, ok := ofNumbers(x); !ok {
			return nil
		}
	}
	return []object{entry("Concatenate", name, object{"axis": axis}, list...)}
}

// step is one step of a sequence, x[:, 0] or x[:, -1].
func step(name string, x any, shape []any, key any) []object {
	list, _ := key.([]any)
	if len(shape) != 3 || len(list) < 2 || len(list) > 3 || !isWhole(list[0]) || len(list) == 3 && !isWhole(list[2]) {
		return nil
	}
	steps, known := shape[1].(float64)
	features, alsoKnown := shape[2].(float64)
	if !known || !alsoKnown {
		return nil
	}
	at, ok := axisOf(list[1], int(steps))
	if _, isNumber := list[1].(float64); !ok || !isNumber {
		return nil
	}
	cut := name + "_step"
	return []object{
		entry("Cropping1D", cut, object{"cropping": []any{float64(at), steps - 1 - float64(at)}}, x),
		entry("Reshape", name, object{"target_shape": []any{features}}, result(cut)),
	}
}

// isWhole reports whether v is the slice of everything, as it is in a file.
func isWhole(v any) bool {
	o, _ := v.(object)
	cfg, _ := o["config"].(object)
	return o["class_name"] == "__slice__" && cfg["start"] == nil && cfg["stop"] == nil && (cfg["step"] == nil || cfg["step"] == 1.0)
}
