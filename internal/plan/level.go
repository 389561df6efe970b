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
	// How many of each kernel's tasks come before those of the kernels after it, and how many behind.
	before, behind counts
	small          bool // not worth a hand-off
	first          inspections
}

// Run does all tasks.
func (l *level) Run(p *par.Pool) {
	if l.small {
		p = nil
	}
	if len(l.first.kernels) > 0 {
		l.first.run(p)
		l.count()
	}
	p.Run(l, l.before.all()+l.behind.all())
	for _, k := range l.first.kernels {
		k.Finish(p)
	}
}

// count asks the kernels how many tasks they have.
func (l *level) count() {
	l.before, l.behind = l.before[:0], l.behind[:0]
	for i, k := range l.kernels {
		n := k.Tasks()
		l.tasks[i], l.before, l.behind = n, l.before.and((n+1)/2), l.behind.and(n/2)
	}
}

// Do does one task of one kernel.
func (l *level) Do(worker, index int) {
	if index < l.before.all() {
		i, task := l.before.find(index)
		l.kernels[i].Do(worker, task)
		return
	}
	i, task := l.behind.find(l.before.all() + l.behind.all() - 1 - index)
	l.kernels[i].Do(worker, l.tasks[i]-1-task)
}

// inspections is the job of all inspections of a level.
type inspections struct {
	kernels []inspector
	jobs    []par.Job // of each kernel
	tasks   counts
}

func (l *inspections) run(p *par.Pool) {
	l.tasks = l.tasks[:0]
	for i, k := range l.kernels {
		job, n := k.Look()
		l.jobs[i], l.tasks = job, l.tasks.and(n)
	}
	if n := l.tasks.all(); n > 0 {
		p.Run(l, n)
	}
}

// Do does one task of one inspection.
func (l *inspections) Do(worker, index int) {
	i, task := l.tasks.find(index)
	l.jobs[i].Do(worker, task)
}

// counts are numbers of tasks, one for each of several kernels, each added to those before it. So the kernel of a task
// is found without going through all of them: a product of a batch of matrices has hundreds.
type counts []int

// and returns the counts with a further one.
func (c counts) and(n int) counts { return append(c, c.all()+n) }

// all returns the number of all tasks.
func (c counts) all() int {
	if len(c) == 0 {
		return 0
	}
	return c[len(c)-1]
}

// find returns the kernel that has a task, and the number of the task among those of the kernel.
func (c counts) find(index int) (kernel, task int) {
	kernel, _ = slices.BinarySearch(c, index+1)
	return kernel, index - c[:kernel].all()
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
		cost int // of a task
	}
	var list []entry
	cost := 0
	for _, k := range kernels {
		t, ok := k.Kernel.(tiled)
		if !ok || t.Tasks() == 0 {
			calls = append(calls, k.Kernel)
			continue
		}
		list = append(list, entry{t, k.cost / t.Tasks()})
		cost += k.cost
	}
	switch len(list) {
	case 0:
		return calls
	case 1:
		return append(calls, list[0].tiled)
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(b.cost, a.cost) })
	l := &level{small: cost < smallCost, tasks: make([]int, len(list)), before: make(counts, 0, len(list)), behind: make(counts, 0, len(list))}
	for _, p := range list {
		l.kernels = append(l.kernels, p.tiled)
		if k, ok := p.tiled.(inspector); ok {
			l.first.kernels = append(l.first.kernels, k)
		}
	}
	l.first.jobs, l.first.tasks = make([]par.Job, len(l.first.kernels)), make(counts, 0, len(l.first.kernels))
	l.count()
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
