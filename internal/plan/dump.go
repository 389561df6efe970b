package plan

// This file prints a plan: what `cornu mnist plan` shows and golden files keep.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
)

// String lists the calls in order, each with its kernels, which run at the same
// time: what is fused into a kernel, the shape of its result, where it is stored,
// and the layers that it came from.
func (p *Plan) String() string {
	var b strings.Builder
	kernels := 0
	for _, u := range p.units {
		if u.called() && u.next == nil {
			kernels++
		}
	}
	fmt.Fprintf(&b, "plan for a batch of %d: %d calls of %d kernels, arena of %d float32\n", p.config.Batch, p.calls(), kernels, (p.arena+3)/4)
	for _, v := range p.values {
		if v.input() || v.param() {
			fmt.Fprintf(&b, "  %-8s %s %s %v", strings.ToLower(v.op.String()), v.ref(), v.attr.Name, v.shape)
			if v.dtype != graph.Float32 {
				fmt.Fprintf(&b, " %v", v.dtype)
			}
			b.WriteByte('\n')
		}
	}
	checked := len(p.checks) == 0
	check := func() {
		if checked {
			return
		}
		checked = true
		b.WriteString("check finite")
		for _, v := range p.checks {
			b.WriteString(" " + v.ref())
		}
		b.WriteByte('\n')
	}
	call, level := 0, -1
	for _, u := range p.units {
		if !u.called() {
			continue
		}
		if u.update {
			check()
		}
		if u.index != level {
			call++
			level = u.index
			fmt.Fprintf(&b, "call %d\n", call)
		}
		u.dump(&b)
		if u.root != nil && len(u.root.bodies) > 0 {
			b.WriteString("    each step: " + strings.ReplaceAll(strings.TrimSpace(u.root.bodies[0].String()), "\n", "\n    ") + "\n")
		}
	}
	check()
	for _, m := range p.moves {
		fmt.Fprintf(&b, "move %s to ", m.value.ref())
		if m.rows != nil {
			fmt.Fprintf(&b, "rows %s of ", m.rows.ref())
		}
		fmt.Fprintln(&b, m.param.ref())
	}
	return b.String()
}

func (u *unit) dump(b *strings.Builder) {
	b.WriteString("  ")
	values := u.values()
	last := values[len(values)-1]
	if u.root != nil {
		for _, x := range u.root.in {
			if x.unstored { // is computed as it is read
				values = append([]*value{x}, values...)
			}
		}
	}
	for i, v := range values {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(v.ref() + " = ")
		b.WriteString(strings.ToLower(v.op.String()))
		if v.attr.TransA {
			b.WriteString(" aᵀ")
		}
		if v.attr.TransB {
			b.WriteString(" bᵀ")
		}
		for _, x := range v.in {
			b.WriteString(" " + x.ref())
		}
		if v.check {
			b.WriteString("; check finite")
		}
	}
	fmt.Fprintf(b, "  %v", last.shape)
	var stored []string
	for _, v := range u.stored {
		stored = append(stored, v.ref())
	}
	fmt.Fprintf(b, " → %s", strings.Join(stored, " "))
	if last.scope != "" {
		fmt.Fprintf(b, "  [%s]", strings.Join(u.scopes(), " "))
	}
	if u.next != nil {
		b.WriteString(", then")
	}
	b.WriteByte('\n')
}

// scopes lists the layers that the unit's values came from.
func (u *unit) scopes() []string {
	var list []string
	for _, v := range u.values() {
		if v.scope != "" && !slices.Contains(list, v.scope) {
			list = append(list, v.scope)
		}
	}
	return list
}

// ref names a value in the dump: constants by what they are.
func (v *value) ref() string {
	if v.scalar() {
		return fmt.Sprint(v.konst[0])
	}
	return fmt.Sprintf("%%%d", v.id)
}
