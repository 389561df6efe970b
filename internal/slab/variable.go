package slab

import "github.com/cornu-ml/cornu/internal/number"

// This file gives other packages access to the memory of a layer.Variable and of a train.Slot, which packages layer and train
// don't export.

var (
	store  func(variables []any) error
	spanOf func(variable any) Span
	fill   func(variables []any, threads int, write func(i int, dst []float32) error) error
	keep   func(variable any, kind number.Kind)

	spanOfSlot func(slot any) Span
)

// Variables registers how *layer.Variables are allocated, found and set. Package layer calls it when it is initialized.
func Variables(storeAll func(variables []any) error, spanOfOne func(variable any) Span, fillAll func(variables []any, threads int, write func(i int, dst []float32) error) error, keepOne func(variable any, kind number.Kind)) {
	store, spanOf, fill, keep = storeAll, spanOfOne, fillAll, keepOne
}

// Slots registers how the memory of a train.Slot is found. Package train calls it when it is initialized.
func Slots(spanOf func(slot any) Span) { spanOfSlot = spanOf }

// Store allocates memory for those of the variables, *layer.Variables, that have none yet. They lie next to each other in
// order, the trainable ones first. If that takes more memory than the limit, it does nothing and returns an error.
func Store[V any](variables ...V) error { return store(list(variables)) }

func list[V any](variables []V) []any {
	list := make([]any, len(variables))
	for i, v := range variables {
		list[i] = v
	}
	return list
}

// SpanOf returns the memory of a *layer.Variable.
func SpanOf(variable any) Span { return spanOf(variable) }

// Fill calls write to set the numbers of each of the *layer.Variables, on at most so many goroutines. Their initializers will then not set
// them any more. The caller has locked the variables' slabs. After an error no other is begun; that of the first in order is returned.
func Fill[V any](variables []V, threads int, write func(i int, dst []float32) error) error {
	return fill(list(variables), threads, write)
}

// SpanOfSlot returns the memory of a train.Slot.
func SpanOfSlot(slot any) Span { return spanOfSlot(slot) }

// Keep sets the type as which a *layer.Variable that has no memory yet will be stored: Float32, BFloat16 or Float16. A
// variable that is not Float32 can't be trained.
func Keep(variable any, kind number.Kind) { keep(variable, kind) }
