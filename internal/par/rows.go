package par

// This file cuts rows into tasks.

// rowGrain is about the number of elements in one task, where each takes some ten instructions: fewer are not worth handing to
// another core.
const rowGrain = 2048

// RowTasks returns the number of tasks of a kernel that works on rows of n elements.
func RowTasks(rows, n int) int {
	per := max(rowGrain/max(n, 1), 1)
	return (rows + per - 1) / per
}

// TaskRows returns the rows r0 … r1-1 of task index of these.
func TaskRows(index, rows, n int) (r0, r1 int) {
	per := max(rowGrain/max(n, 1), 1)
	return index * per, min((index+1)*per, rows)
}
