package slab

// This file lets packages that compute with the variables of package layer reach their memory, which is no part of what
// layer exports.

var (
	store   func(variables []any) error
	placeOf func(variable any) Place
)

// Variables says how *layer.Variables are stored and found. Package layer calls it when it is initialized.
func Variables(storeAll func(variables []any) error, placeOfOne func(variable any) Place) {
	store, placeOf = storeAll, placeOfOne
}

// Store gives the variables, which are *layer.Variables, that have no memory some, next to each other: those that are
// trained first, in order. If that takes more memory than the limit, it does nothing and returns an error.
func Store[V any](variables ...V) error {
	list := make([]any, len(variables))
	for i, v := range variables {
		list[i] = v
	}
	return store(list)
}

// PlaceOf returns where a *layer.Variable lies. Its Value is that memory.
func PlaceOf(variable any) Place { return placeOf(variable) }
