package slab

import "github.com/cornu-ml/cornu/internal/number"

// This file lets packages reach the memory of variables, of package layer, and of optimizers' slots, of package train,
// which is no part of what those export.

var (
	store  func(variables []any) error
	spanOf func(variable any) Span
	fill   func(variable any, write func(dst []float32) error) error
	keep   func(variable any, kind number.Kind)

	spanOfSlot func(slot any) Span
)

// Variables says how *layer.Variables are stored, found and set. Package layer calls it when it is initialized.
func Variables(storeAll func(variables []any) error, spanOfOne func(variable any) Span, fillOne func(variable any, write func(dst []float32) error) error, keepOne func(variable any, kind number.Kind)) {
	store, spanOf, fill, keep = storeAll, spanOfOne, fillOne, keepOne
}

// Slots says what a train.Slot holds. Package train calls it when it is initialized.
func Slots(spanOf func(slot any) Span) { spanOfSlot = spanOf }

// Store gives the variables, which are *layer.Variables, that have no memory some, next to each other: those that are
// trained first, in order. If that takes more memory than the limit, it does nothing and returns an error.
func Store[V any](variables ...V) error {
	list := make([]any, len(variables))
	for i, v := range variables {
		list[i] = v
	}
	return store(list)
}

// SpanOf returns what a *layer.Variable holds.
func SpanOf(variable any) Span { return spanOf(variable) }

// Fill lets write set what a *layer.Variable holds, which is then no more to be initialized. Who calls it holds the
// variable's slab.
func Fill(variable any, write func(dst []float32) error) error { return fill(variable, write) }

// SpanOfSlot returns what a train.Slot holds.
func SpanOfSlot(slot any) Span { return spanOfSlot(slot) }

// Keep says what a *layer.Variable is to be stored as, if it has no memory yet: Float32, BFloat16 or Float16. One that is
// not Float32 can't be trained.
func Keep(variable any, kind number.Kind) { keep(variable, kind) }
