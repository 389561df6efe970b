package move

import "github.com/cornu-ml/cornu/internal/par"

// This file holds the kernels on rows of a table that indices name: lookup (GatherRows), sums by index (ScatterAdd,
// GroupSum) and update (StoreRows). An Embedding, its gradient and its sparse update are made of them.

// Indices are numbers of rows of a table, in one of three types: two of the fields are nil. A number that is not an integer
// from 0 to the number of rows less 1 names no row. Unless Each is 0,
// they name rows of several tables, which lie one after another and have EachRows rows: Each indices belong to the first, as many to
// the next, and so on.
type Indices struct {
	Floats []float32
	Ints   []int32
	Bytes  []uint8

	Each, EachRows int
}

// Len returns how many indices there are.
func (x *Indices) Len() int { return len(x.Floats) + len(x.Ints) + len(x.Bytes) }

// Row returns the row, of the n rows of all tables, that the i-th index names, or -1 if it names none.
func (x *Indices) Row(i, n int) int {
	first := 0
	if x.Each > 0 {
		first, n = i/x.Each*x.EachRows, x.EachRows
	}
	row := -1
	switch {
	case len(x.Floats) > 0:
		row = LabelIndex(x.Floats[i], n)
	case len(x.Ints) > 0:
		row = int(x.Ints[i])
	default:
		row = int(x.Bytes[i])
	}
	if uint(row) < uint(n) {
		return first + row
	}
	return -1
}

// begin returns the first index of the table that index i belongs to.
func (x *Indices) begin(i int32) int32 {
	if x.Each == 0 {
		return 0
	}
	return i / int32(x.Each) * int32(x.Each)
}

// A GatherRows kernel sets row i of Dst to the row of Src, [Rows, Width], that the i-th index names, or to zeros if it names
// none.
type GatherRows struct {
	Src, Dst    []float32
	Rows, Width int
	Indices
}

// Tasks returns the number of tasks that Run is made of.
func (k *GatherRows) Tasks() int { return par.RowTasks(k.Len(), k.Width) }

// Run computes Dst.
func (k *GatherRows) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *GatherRows) Do(_, index int) {
	r0, r1 := par.TaskRows(index, k.Len(), k.Width)
	for i := r0; i < r1; i++ {
		dst := k.Dst[i*k.Width:][:k.Width]
		if row := k.Row(i, k.Rows); row >= 0 {
			copy(dst, k.Src[row*k.Width:][:k.Width])
		} else {
			SetAll(dst, 0)
		}
	}
}

// A StoreRows kernel sets the row of Dst, [Rows, Width], that the i-th index names to row i of Src. Rows of Src that have the
// same index must be equal.
type StoreRows struct {
	Src, Dst    []float32
	Rows, Width int
	Indices
}

// storeTasks bounds the number of tasks of a StoreRows, each of which reads all indices.
const storeTasks = 4

// Tasks returns the number of tasks that Run is made of.
func (k *StoreRows) Tasks() int { return min(par.RowTasks(k.Len(), k.Width), storeTasks) }

// Run sets the rows.
func (k *StoreRows) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task: the rows of Dst whose numbers are index modulo the number of tasks. So no two tasks write the same row.
func (k *StoreRows) Do(_, index int) {
	tasks := k.Tasks()
	for i := range k.Len() {
		if row := k.Row(i, k.Rows); row >= 0 && row%tasks == index {
			copy(k.Dst[row*k.Width:][:k.Width], k.Src[i*k.Width:][:k.Width])
		}
	}
}

// sumBlock is the number of indices in a block. As in matrix products, each block is summed from +0, then the blocks' sums are
// added.
const sumBlock = 4096

// groups are indices sorted by the rows that they name. Indices of the same row keep their order.
type groups struct {
	Indices
	Rows int // of the table, or of all

	rows  []int32    // the rows that are named, rising, once for each index
	at    []int32    // for each of rows the position of its index; after these, in any order, the positions of indices that name no row
	spare [2][]int32 // scratch memory for sorting
}

// newGroups allocates the lists.
func newGroups(indices Indices, rows int) groups {
	n := indices.Len()
	return groups{
		Indices: indices, Rows: rows,
		rows: make([]int32, n), at: make([]int32, n), spare: [2][]int32{make([]int32, n), make([]int32, n)},
	}
}

// Look returns the inspection: the indices are sorted.
func (g *groups) Look() (job par.Job, tasks int) { return g, 1 }

// Finish has nothing left to do.
func (*groups) Finish(*par.Pool) {}

// Do sorts the indices: a radix sort, least significant byte first.
func (g *groups) Do(_, _ int) {
	n := g.Len()
	rows, at := g.rows[:n], g.at[:n]
	named, none := 0, n
	for i := range n {
		if row := g.Row(i, g.Rows); row >= 0 {
			rows[named], at[named] = int32(row), int32(i)
			named++
		} else {
			none--
			at[none] = int32(i)
		}
	}
	rest := at[none:]
	rows, at = rows[:named], at[:named]
	otherRows, otherAt := g.spare[0][:n], g.spare[1][:n]
	for shift := 0; (g.Rows-1)>>shift > 0; shift += 8 {
		var begin [256]int32
		for _, row := range rows {
			begin[row>>shift&255]++
		}
		next := int32(0)
		for digit, count := range begin {
			begin[digit] = next
			next += count
		}
		for i, row := range rows {
			to := begin[row>>shift&255]
			begin[row>>shift&255]++
			otherRows[to], otherAt[to] = row, at[i]
		}
		copy(otherAt[named:], rest)
		g.rows, g.spare[0] = otherRows, g.rows
		g.at, g.spare[1] = otherAt, g.at
		rows, otherRows = otherRows[:named], g.spare[0][:n]
		at, otherAt = otherAt[:named], g.spare[1][:n]
		rest = g.at[named:]
	}
	g.rows = g.rows[:named]
}

// first returns the first position in rows that holds at least row.
func (g *groups) first(row int) int {
	low, high := 0, len(g.rows)
	for low < high {
		if middle := int(uint(low+high) >> 1); int(g.rows[middle]) < row {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// end returns the position in rows after the group that begins at first.
func (g *groups) end(first int) int {
	end := first + 1
	for end < len(g.rows) && g.rows[end] == g.rows[first] {
		end++
	}
	return end
}

// A ScatterAdd kernel sets each row of Y, [Rows, Width], to the sum of the rows of X whose index names it, and to zeros if
// there are none. It adds in the order of the indices: each block of sumBlock indices of a table is summed from +0, then the blocks'
// sums are added in order.
type ScatterAdd struct {
	X, Y  []float32
	Width int
	groups
}

// NewScatterAdd returns the kernel with its scratch memory.
func NewScatterAdd(x, y []float32, indices Indices, rows, width int) *ScatterAdd {
	return &ScatterAdd{X: x, Y: y, Width: width, groups: newGroups(indices, rows)}
}

// Tasks returns the number of tasks that follow the inspection.
func (k *ScatterAdd) Tasks() int { return par.RowTasks(k.Rows+k.Len(), k.Width) }

// Run computes Y.
func (k *ScatterAdd) Run(p *par.Pool) {
	k.groups.Do(0, 0)
	p.Run(k, k.Tasks())
}

// Do does one task: a range of rows of Y. Rows of Y and rows of X that are added to them are together about as many in each
// task.
func (k *ScatterAdd) Do(_, index int) {
	from, to := par.TaskRows(index, k.Rows+k.Len(), k.Width)
	r0, r1 := k.cut(from), k.cut(to)
	if index == k.Tasks()-1 {
		r1 = k.Rows
	}
	i := k.first(r0)
	for r0 < r1 {
		row := r1
		if i < len(k.rows) {
			row = min(row, int(k.rows[i]))
		}
		SetAll(k.Y[r0*k.Width:row*k.Width], 0)
		if row == r1 {
			return
		}
		end := k.end(i)
		sumRows(k.Y[row*k.Width:][:k.Width], k.X, k.at[i:end], k.begin(k.at[i]))
		i, r0 = end, row+1
	}
}

// cut returns the smallest row r for which the rows of Y before r and the rows of X that are added to those are together at
// least n.
func (k *ScatterAdd) cut(n int) int {
	low, high := 0, k.Rows
	for low < high {
		if middle := int(uint(low+high) >> 1); middle+k.first(middle) < n {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// A GroupSum kernel sets row i of Y to the sum of all rows of X that have the same index as row i, added as ScatterAdd adds
// them, and to zeros if that index names no row of the table.
type GroupSum struct {
	X, Y  []float32
	Width int
	groups
}

// NewGroupSum returns the kernel with its scratch memory.
func NewGroupSum(x, y []float32, indices Indices, rows, width int) *GroupSum {
	return &GroupSum{X: x, Y: y, Width: width, groups: newGroups(indices, rows)}
}

// Tasks returns the number of tasks that follow the inspection.
func (k *GroupSum) Tasks() int { return par.RowTasks(k.Len(), k.Width) }

// Run computes Y.
func (k *GroupSum) Run(p *par.Pool) {
	k.groups.Do(0, 0)
	p.Run(k, k.Tasks())
}

// Do does one task, a range of positions in the sorted order: the groups that begin there, and zeros where an index names no
// row.
func (k *GroupSum) Do(_, index int) {
	from, to := par.TaskRows(index, k.Len(), k.Width)
	named := len(k.rows)
	row := func(i int) []float32 { return k.Y[int(k.at[i])*k.Width:][:k.Width] }
	i := from
	for 0 < i && i < min(to, named) && k.rows[i] == k.rows[i-1] { // the group began in another task, which sums it
		i++
	}
	for i < min(to, named) {
		end := k.end(i)
		sum := row(i)
		sumRows(sum, k.X, k.at[i:end], k.begin(k.at[i]))
		for i++; i < end; i++ {
			copy(row(i), sum)
		}
	}
	for i = max(from, named); i < to; i++ {
		SetAll(row(i), 0)
	}
}

// sumRows sets dst to the sum of the rows of x that rows lists, block by block from begin on.
func sumRows(dst, x []float32, rows []int32, begin int32) {
	SetAll(dst, 0)
	for first := true; len(rows) > 0; first = false {
		n := 1
		for n < len(rows) && (rows[n]-begin)/sumBlock == (rows[0]-begin)/sumBlock {
			n++
		}
		if first {
			for _, row := range rows[:n] {
				add(dst, x[int(row)*len(dst):])
			}
		} else {
			addBlock(dst, x, rows[:n])
		}
		rows = rows[n:]
	}
}

// addBlock adds to dst the sum of the rows of x that rows lists, which are of one block.
func addBlock(dst, x []float32, rows []int32) {
	const columns = 64
	for c := 0; c < len(dst); c += columns {
		var sum [columns]float32
		part := sum[:min(columns, len(dst)-c)]
		for _, row := range rows {
			add(part, x[int(row)*len(dst)+c:])
		}
		add(dst[c:][:len(part)], part)
	}
}

// add adds the first len(dst) elements of x to dst.
func add(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += x[i]
	}
}
