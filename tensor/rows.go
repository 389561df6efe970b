package tensor

// This file goes from rows, as Go programs have them, to tensors and back.

import "fmt"

// FromRows makes a tensor of shape (len(rows), len(rows[0])) and copies the rows
// into it. They have the same number of elements, and there is at least one.
func FromRows[T Element](rows [][]T) (*Tensor, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("tensor: FromRows: there are no rows, so it is not known how long they are")
	}
	shape := Shape{len(rows), len(rows[0])}
	for i, row := range rows {
		if len(row) != shape[1] {
			return nil, fmt.Errorf("tensor: FromRows: row %d has %d elements, row 0 has %d", i, len(row), shape[1])
		}
	}
	if err := shape.Check(); err != nil {
		return nil, fmt.Errorf("tensor: FromRows: %w", err)
	}
	data := make([]T, 0, shape.Numel())
	for _, row := range rows {
		data = append(data, row...)
	}
	return wrap(data, shape)
}

// ToRows returns the rows of t: for each index of its first dimension the
// elements that it has. They are t's own, not copies. It is an error if T is not
// t's element type; Cast converts.
func ToRows[T Element](t *Tensor) ([][]T, error) {
	data, err := Data[T](t)
	if err != nil {
		return nil, err
	}
	if len(t.shape) == 0 {
		return nil, fmt.Errorf("tensor: ToRows: a scalar has no rows")
	}
	rows, width := make([][]T, t.shape[0]), t.shape[1:].Numel()
	for i := range rows {
		rows[i] = data[i*width : (i+1)*width : (i+1)*width]
	}
	return rows, nil
}
