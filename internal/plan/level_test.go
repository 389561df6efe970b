package plan

import (
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
)

// A noted kernel takes down which of its tasks are done, and its inspection, which is of two, by numbers from 100 on. After that it has
// one task more.
type noted struct {
	name, tasks int
	done        *[][2]int
}

func (k *noted) Tasks() int              { return k.tasks }
func (k *noted) Run(p *par.Pool)         { p.Run(k, k.tasks) }
func (k *noted) Do(_, i int)             { *k.done = append(*k.done, [2]int{k.name, i}) }
func (k *noted) Look() (par.Job, int)    { k.tasks++; return inspection{k}, 2 }
func (k *noted) Finish(*par.Pool)        {}
func (k inspection) Do(worker, task int) { k.noted.Do(worker, 100+task) }

type inspection struct{ *noted }

// Of each kernel half of the tasks come first and half last, those of the first kernel at both ends; inspections come before all.
func TestALevelDoesEachTaskInItsOrder(t *testing.T) {
	var done [][2]int
	var kernels []weighed
	for i, tasks := range []int{2, 0, 1, 3} {
		kernels = append(kernels, weighed{&noted{i, tasks, &done}, 100 - i})
	}
	calls := levelOf(kernels)
	if len(calls) != 2 || calls[0] != kernels[1].Kernel {
		t.Fatalf("calls are %v, want what has no tasks, and a level", calls)
	}
	calls[1].Run(nil)
	want := [][2]int{
		{2, 100},
		{2, 101},
		{0, 100},
		{0, 101},
		{3, 100},
		{3, 101},
		{2, 0},
		{0, 0},
		{0, 1},
		{3, 0},
		{3, 1},
		{3, 2},
		{3, 3},
		{0, 2},
		{2, 1},
	}
	if !slices.Equal(done, want) {
		t.Errorf("done: %v\nwant: %v", done, want)
	}
}
