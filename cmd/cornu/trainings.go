package main

// This file does the trainings of a table, several at once, and shows how far they are.

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/terminal"
	"github.com/cornu-ml/cornu/train"
)

// A training is one row of the table from one seed.
type training struct {
	row int
	key key
}

func (t training) String() string { return fmt.Sprintf("%v, seed %d", book.Rows[t.row], t.key.seed) }

// train does the trainings and keeps their results. Each runs on one thread, as many side by side as there are threads:
// with nothing to wait for, two small networks take less time beside each other than one after the other. When fewer
// trainings are left than threads, these share them. The results depend on none of this.
func (t *table) train(c *cobra.Command, kept *ledger, todo []training) error {
	if len(todo) == 0 {
		return nil
	}
	// The longest first, so that none is left to be waited for at the end.
	slices.SortStableFunc(todo, func(a, b training) int {
		return cmp.Compare(book.Rows[b.row].Work(t.reading), book.Rows[a.row].Work(t.reading))
	})
	// One of the settings has an error if all do.
	if _, err := settingsOf(book.Rows[todo[0].row], t.reading, t.epochs, t.limit, 0).model(); err != nil {
		return err
	}
	if _, _, err := loadDigits(); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(c.Context())
	defer stop(nil)
	cornu.SetThreads(t.threads)
	threads := cornu.Threads()
	defer cornu.SetThreads(t.threads)

	show := newScoreboard(c.ErrOrStderr(), t, todo)
	var (
		mu      sync.Mutex // guards next, running and kept
		next    int
		running = min(threads, len(todo))
		working sync.WaitGroup
	)
	cornu.SetThreads(threads / running)
	claim := func() (job training, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next < len(todo) && ctx.Err() == nil {
			next++
			return todo[next-1], true
		}
		if running--; running > 0 {
			cornu.SetThreads(threads / running)
		}
		return training{}, false
	}
	for range running {
		working.Go(func() {
			for {
				job, ok := claim()
				if !ok {
					return
				}
				result, err := t.one(ctx, job, show)
				if err == nil {
					mu.Lock()
					err = kept.add(result)
					mu.Unlock()
				}
				if err != nil {
					stop(err)
					continue
				}
				show.done(job, result)
			}
		})
	}
	working.Wait()
	show.end()
	return context.Cause(ctx)
}

// one does a training and measures what came of it.
func (t *table) one(ctx context.Context, job training, show *scoreboard) (result, error) {
	start := time.Now()
	s := settingsOf(book.Rows[job.row], t.reading, t.epochs, t.limit, job.key.seed)
	model, err := s.model()
	if err != nil {
		return result{}, err
	}
	digits, test, err := s.data()
	if err != nil {
		return result{}, err
	}
	history, err := model.Fit(ctx, digits, cornu.FitConfig{
		Epochs: s.epochs, BatchSize: s.batch, Quiet: true,
		Callbacks: []train.Callback{train.Func(func(state *train.State) error {
			show.epoch(job, state.Epoch+1)
			return nil
		})},
	})
	if err != nil {
		return result{}, fmt.Errorf("%v: %w", job, err)
	}
	running, err := history.Last("accuracy")
	if err != nil {
		return result{}, fmt.Errorf("%v: %w", job, err)
	}
	r := result{key: job.key, running: 100 * running}
	for _, measure := range []struct {
		digits *mnist.Set
		into   *float64
	}{{digits, &r.train}, {test, &r.test}} {
		found, err := model.Evaluate(ctx, measure.digits, cornu.EvaluateConfig{BatchSize: 256, Quiet: true})
		if err != nil {
			return result{}, fmt.Errorf("%v: %w", job, err)
		}
		accuracy, err := found.Metric("accuracy")
		if err != nil {
			return result{}, fmt.Errorf("%v: %w", job, err)
		}
		*measure.into = 100 * accuracy
	}
	r.seconds = time.Since(start).Seconds()
	return r, nil
}

// scoreboard shows how far the trainings are: on a terminal in one line that is written over again and again, elsewhere
// by a line for each training that is done.
type scoreboard struct {
	w        io.Writer
	terminal bool
	start    time.Time
	reading  string
	epochs   int

	mu       sync.Mutex
	all      int
	ready    int
	underWay []underWay // the oldest first
	worked   float64    // in multiplications
	work     float64
	lastLine int // its length
}

// underWay is a training that has done some epochs.
type underWay struct {
	training
	epochs int
}

func newScoreboard(w io.Writer, t *table, todo []training) *scoreboard {
	p := &scoreboard{w: w, terminal: isTerminal(w), start: time.Now(), reading: t.reading, epochs: t.epochs, all: len(todo)}
	for _, job := range todo {
		p.work += float64(book.Rows[job.row].Work(t.reading)) * float64(t.epochs)
	}
	return p
}

// epoch notes that a training has done so many epochs.
func (p *scoreboard) epoch(job training, epochs int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(job); i >= 0 {
		p.underWay[i].epochs = epochs
	} else {
		p.underWay = append(p.underWay, underWay{job, epochs})
	}
	p.worked += float64(book.Rows[job.row].Work(p.reading))
	p.line()
}

func (p *scoreboard) find(job training) int {
	return slices.IndexFunc(p.underWay, func(u underWay) bool { return u.training == job })
}

// done notes that a training is done.
func (p *scoreboard) done(job training, r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready++
	if i := p.find(job); i >= 0 {
		p.underWay = slices.Delete(p.underWay, i, i+1)
	}
	if p.terminal {
		p.line()
		return
	}
	fmt.Fprintf(p.w, "%d/%d - %v - running train %.2f - train %.2f - test %.2f - %s - %s left\n",
		p.ready, p.all, job, r.running, r.train, r.test, clock(time.Duration(r.seconds*1e9)), clock(p.left()))
}

// left is how long the rest will take if it goes on like this.
func (p *scoreboard) left() time.Duration {
	if p.worked == 0 {
		return 0
	}
	return time.Duration(float64(time.Since(p.start)) * (p.work - p.worked) / p.worked)
}

// line writes the line of a terminal.
func (p *scoreboard) line() {
	if !p.terminal {
		return
	}
	text := fmt.Sprintf("%d/%d, %s left", p.ready, p.all, clock(p.left()))
	for _, u := range p.underWay {
		text += fmt.Sprintf(" · row %d, seed %d: %d/%d", u.row+1, u.key.seed, u.epochs, p.epochs)
	}
	width := 79 // a longer line would not be written over but go on in the next
	if columns := terminal.Columns(p.w); columns > 1 {
		width = columns - 1
	}
	if runes := []rune(text); len(runes) > width {
		text = string(runes[:width-1]) + "…"
	}
	length := len([]rune(text))
	fmt.Fprint(p.w, "\r", text, strings.Repeat(" ", max(min(p.lastLine, width)-length, 0)))
	p.lastLine = length
}

// end clears the line.
func (p *scoreboard) end() {
	if p.terminal && p.lastLine > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.lastLine))
	}
}
