package graph

import "reflect"

// What tests of other packages' names may see of the table.

// NumOps is one more than the greatest Op.
const NumOps = int(numOps)

// TableEntry reports what the table lacks of op, and whether it has a derivative.
func TableEntry(op Op) (missing []string, differentiable bool) {
	info := opTable[op]
	if info.name == "" {
		missing = append(missing, "name")
	}
	if info.shape == nil && op != OpInvalid {
		missing = append(missing, "shape rule")
	}
	if info.vjp == nil {
		missing = append(missing, "derivative")
	}
	return missing, reflect.ValueOf(info.vjp).Pointer() != reflect.ValueOf(noGradient).Pointer()
}
