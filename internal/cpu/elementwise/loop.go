package elementwise

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// This file lets kernels of other packages run the loop of a program on what they have at hand.

// A Loop runs a program that has a loop of its own over rows and columns. What is set stays until it is set again.
type Loop struct {
	run func(*fusedLoop)
	arg fusedLoop
}

// Bind looks for the active tier's loop of the program with this name in ../_gen/fused, and reports whether there is one.
func (l *Loop) Bind(name string) bool {
	l.run = nil
	for i := range fusedPrograms {
		if f := &fusedPrograms[i]; f.name == name {
			l.run = f.loop(isa.Active())
			break
		}
	}
	return l.run != nil
}

// Size sets how many rows and columns there are.
func (l *Loop) Size(rows, cols int) { l.arg.rows, l.arg.cols = rows, cols }

// In sets where operand i begins and how many elements further its next row does.
func (l *Loop) In(i int, x *float32, rowStride int) { l.arg.in[i], l.arg.inStride[i] = x, 4*rowStride }

// Out sets where output i begins and how many elements further its next row does.
func (l *Loop) Out(i int, y *float32, rowStride int) {
	l.arg.out[i], l.arg.outStride[i] = y, 4*rowStride
}

// Run computes the outputs; Bind has found the loop.
func (l *Loop) Run() { l.run(&l.arg) }
