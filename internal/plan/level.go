package plan

// This file runs the units of one level as one parallel call.

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/par"
)

// A tiled kernel is one whose Run is a job of so many tasks, which a level can
// mix with those of others. Tasks is 0 for a kernel that must run on its own.
type tiled interface {
	cpu.Kernel
	par.Job
	Tasks() int
}

// A level is kernels that don't depend on each other: one hand-off to the other
// cores instead of one each, and their tasks fill each other's gaps.
type level struct {
	kernels []tiled
	ends    []int // the index after each kernel's last task
}

// Run does all tasks. Kernels that all find themselves too small to share are
// not worth a hand-off together either.
func (l *level) Run(p *par.Pool) {
	tasks := l.ends[len(l.ends)-1]
	if tasks == len(l.kernels) {
		p = nil
	}
	p.Run(l, tasks)
}

// Do does one task of one kernel.
func (l *level) Do(worker, index int) {
	begin := 0
	for i, end := range l.ends {
		if index < end {
			l.kernels[i].Do(worker, index-begin)
			return
		}
		begin = end
	}
}

// levelOf puts kernels that may run in any order into as few calls as it can.
func levelOf(kernels []cpu.Kernel) []cpu.Kernel {
	l := &level{}
	var calls []cpu.Kernel
	tasks := 0
	for _, k := range kernels {
		t, ok := k.(tiled)
		if !ok || t.Tasks() == 0 {
			calls = append(calls, k)
			continue
		}
		tasks += t.Tasks()
		l.kernels = append(l.kernels, t)
		l.ends = append(l.ends, tasks)
	}
	switch len(l.kernels) {
	case 0:
	case 1:
		calls = append(calls, l.kernels[0])
	default:
		calls = append(calls, l)
	}
	return calls
}

// A sequence is kernels that run one after the other.
type sequence []cpu.Kernel

// Run runs them.
func (s sequence) Run(p *par.Pool) {
	for _, k := range s {
		k.Run(p)
	}
}
