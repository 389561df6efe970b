package plan

// This file runs the units of one level as one parallel call.

import (
	"cmp"
	"slices"

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

// An inspector is a tiled kernel that inspects its operands first, as a job of so many
// tasks, and knows its Tasks only then: a product, of the zeros in its left factor. Finish
// is called after the tasks.
type inspector interface {
	tiled
	Look() (job par.Job, tasks int)
	Finish(p *par.Pool)
}

// A level is kernels that don't depend on each other: one hand-off to the other
// cores instead of one each, and their tasks fill each other's gaps.
//
// The pool's workers claim tasks from both ends. So each kernel has half of its
// tasks before those of the kernels after it and half behind them, and the
// kernels with the greatest tasks come first: each core keeps to its half of the
// rows, and the last tasks to be claimed, which decide how long one core waits
// for the other, are the smallest.
type level struct {
	kernels []tiled
	tasks   []int // of each kernel
	total   int
	small   bool // not worth a hand-off
	first   inspections
}

// Run does all tasks.
func (l *level) Run(p *par.Pool) {
	if l.small {
		p = nil
	}
	if len(l.first.kernels) > 0 {
		l.first.run(p)
		l.total = 0
		for i, k := range l.kernels {
			l.tasks[i] = k.Tasks()
			l.total += l.tasks[i]
		}
	}
	p.Run(l, l.total)
	for _, k := range l.first.kernels {
		k.Finish(p)
	}
}

// inspections is the job of all inspections of a level.
type inspections struct {
	kernels []inspector
	jobs    []par.Job // of each kernel
	tasks   []int
}

func (l *inspections) run(p *par.Pool) {
	total := 0
	for i, k := range l.kernels {
		l.jobs[i], l.tasks[i] = k.Look()
		total += l.tasks[i]
	}
	if total > 0 {
		p.Run(l, total)
	}
}

// Do does one task of one inspection.
func (l *inspections) Do(worker, index int) {
	for i, n := range l.tasks {
		if index < n {
			l.jobs[i].Do(worker, index)
			return
		}
		index -= n
	}
}

// Do does one task of one kernel.
func (l *level) Do(worker, index int) {
	behind := l.total - 1 - index
	for i, n := range l.tasks {
		half := (n + 1) / 2
		if index < half {
			l.kernels[i].Do(worker, index)
			return
		}
		if behind < n-half {
			l.kernels[i].Do(worker, n-1-behind)
			return
		}
		index -= half
		behind -= n - half
	}
}

// A weighed kernel is one with an estimate of its cost.
type weighed struct {
	cpu.Kernel
	cost int // in nanoseconds on one core, roughly
}

// levelOf puts kernels that may run in any order into as few calls as it can.
func levelOf(kernels []weighed) []cpu.Kernel {
	var calls []cpu.Kernel
	type entry struct {
		tiled
		tasks, cost int // cost of a task
	}
	var list []entry
	cost := 0
	for _, k := range kernels {
		t, ok := k.Kernel.(tiled)
		if !ok || t.Tasks() == 0 {
			calls = append(calls, k.Kernel)
			continue
		}
		list = append(list, entry{t, t.Tasks(), k.cost / t.Tasks()})
		cost += k.cost
	}
	switch len(list) {
	case 0:
		return calls
	case 1:
		return append(calls, list[0].tiled)
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(b.cost, a.cost) })
	l := &level{small: cost < smallCost}
	for _, p := range list {
		l.kernels = append(l.kernels, p.tiled)
		if k, ok := p.tiled.(inspector); ok {
			l.first.kernels = append(l.first.kernels, k)
			l.first.jobs, l.first.tasks = append(l.first.jobs, nil), append(l.first.tasks, 0)
		}
		l.tasks = append(l.tasks, p.tasks)
		l.total += p.tasks
	}
	return append(calls, l)
}

// A task is small kernels that run one after the other on one core.
type task []cpu.Kernel

// Tasks returns 1.
func (t task) Tasks() int { return 1 }

// Run runs the kernels.
func (t task) Run(*par.Pool) { t.Do(0, 0) }

// Do runs the kernels.
func (t task) Do(_, _ int) {
	for _, k := range t {
		k.Run(nil)
	}
}

// A sequence is kernels that run one after the other, each on all cores.
type sequence []cpu.Kernel

// Run runs them.
func (s sequence) Run(p *par.Pool) {
	for _, k := range s {
		k.Run(p)
	}
}
