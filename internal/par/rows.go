package par

// This file cuts rows into tasks.

// rowGrain is the number of elements that are worth handing to another core, where each takes some ten instructions.
const rowGrain = 2048

// RowTasks returns the number of tasks of a kernel over so many rows of n elements.
func RowTasks(rows, n int) int {
	per := max(rowGrain/max(n, 1), 1)
	return (rows + per - 1) / per
}

// TaskRows returns the rows of one of these tasks: the first, and the one behind the last.
func TaskRows(index, rows, n int) (r0, r1 int) {
	per := max(rowGrain/max(n, 1), 1)
	return index * per, min((index+1)*per, rows)
}
