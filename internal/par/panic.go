package par

// This file carries panics from one goroutine to another.

import (
	"fmt"
	"runtime"
	"strings"
)

// A Panic is the value that other code has panicked with, as an error, and the place of the panic.
type Panic struct {
	Value any
	File  string // "" if that is not known
	Line  int
}

func (p *Panic) Error() string {
	at := ""
	if p.File != "" {
		at = fmt.Sprintf(" at %s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("panic: %v%s", p.Value, at)
}

// Unwrap returns the error that it panicked with, if it was one.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Recovered returns value, which recover has returned and which isn't nil, with the place of
// the panic. Only the deferred function itself may call it: the place is read off its stack.
func Recovered(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p
	}
	p := &Panic{Value: value}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	for panicking := false; ; {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			p.File, p.Line = f.File, f.Line
			break
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			break
		}
	}
	return p
}
