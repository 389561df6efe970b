package layer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
)

// This file stores variables next to each other.

// storing is held by who stores or draws variables, which networks may share.
var storing sync.Mutex

func init() {
	slab.Variables(func(variables []any) error {
		storing.Lock()
		defer storing.Unlock()
		list := make([]*Variable, len(variables))
		for i, v := range variables {
			list[i] = v.(*Variable)
		}
		return store(list...)
	}, func(variable any) slab.Span {
		return variable.(*Variable).span()
	}, func(variables []any, threads int, write func(i int, dst []float32) error) error {
		storing.Lock()
		defer storing.Unlock()
		return file.Each(len(variables), threads, func(i int) error {
			v := variables[i].(*Variable)
			if err := v.fill(func(dst []float32) error { return write(i, dst) }); err != nil {
				return fmt.Errorf("variable %s: %w", cmp.Or(v.Path, v.Name), err)
			}
			return nil
		})
	}, func(variable any, kind number.Kind) {
		storing.Lock()
		defer storing.Unlock()
		variable.(*Variable).kind = kind
	})
}

// store is slab.Store, for who holds storing.
func store(variables ...*Variable) error {
	var fresh []*Variable
	var arrays []slab.Array
	kinds := []number.Kind{number.Float32}
	for _, trainable := range []bool{true, false} {
		for _, v := range variables {
			if v == nil {
				return errors.New("layer: a variable is nil")
			}
			if v.held.Slab == nil && v.Trainable == trainable {
				if err := v.Shape.Check(); err != nil || v.Shape.HasBatch() {
					return fmt.Errorf("layer: variable %q can't have the shape %v", v.Path, v.Shape)
				}
				if v.kind == "" {
					v.kind = number.Float32
				}
				if !slices.Contains(kinds, v.kind) {
					kinds = append(kinds, v.kind)
				}
				fresh = append(fresh, v)
				arrays = append(arrays, slab.Array{Path: v.Path, Shape: v.Shape, Size: v.kind.Size()})
			}
		}
	}
	if err := slab.Fit(arrays); err != nil || len(fresh) == 0 {
		return err
	}
	for _, kind := range kinds { // a slab each
		size := 0
		for _, v := range fresh {
			if v.kind == kind {
				size += slab.Padded(v.Shape.Numel())
			}
		}
		s, offset := slab.New(size, kind), 0
		for _, v := range fresh {
			if v.kind == kind {
				n := v.Shape.Numel()
				v.held = s.All().Part(offset, n)
				offset += slab.Padded(n)
			}
		}
	}
	return nil
}
