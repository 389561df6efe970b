package train

// This file keeps the state of a training in files, and goes on from them.

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/checkpoint"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
)

// A Checkpoint says where Fit keeps the state of a training, and how often. Fit with the
// same Dir goes on from the newest checkpoint there, in the middle of an epoch too, and
// comes to the bits that it would have come to without an interruption: of the weights,
// the optimizer's state, the history and the callbacks that are Stateful. It is an error
// if the checkpoint is of another training: another network, optimizer, seed, batch size,
// number of samples. A training that has ended has nothing left to do; with more Epochs it
// goes on.
//
// A checkpoint is a file of its own, complete or not there. One is written when EverySteps
// or Every say so, at the end of each epoch if neither is set, and in any case when
// training ends, by ctx too. The state is copied between two steps and written beside the
// steps that follow. If one is still being written when the next one is due, that is put
// off to the first step after. If writing fails, that is reported to Log and training goes
// on; if the last checkpoint can't be written, Fit returns an error. A damaged checkpoint
// is reported to Log, and an older one is used.
//
// To go on in the middle of an epoch, Fit asks the source again for the batches of the
// epoch that are done already. That takes no time for data.Arrays. A data.Func generates
// these samples again, and must generate the same ones for the same seed and epoch:
// otherwise training goes on with different samples.
type Checkpoint struct {
	Dir        string        // the folder, made if need be, of this training alone; "": there are no checkpoints
	EverySteps int           // steps from one checkpoint to the next; 0: see above
	Every      time.Duration // time from one checkpoint to the next; 0: see above
	Keep       int           `zero:"2"` // so many files are kept, the newest
	Temporary  bool          // remove them when training has ended without an error

	Log io.Writer // where damaged files, and writing that failed, are told; nil is os.Stderr
}

// A Stateful callback has a state that checkpoints keep.
type Stateful interface {
	Callback
	// SaveState appends the state to b. It is called between two steps.
	SaveState(s *State, b []byte) ([]byte, error)
	// LoadState sets what SaveState has appended, when a training goes on: after
	// TrainBegin, or, in the middle of an epoch, after EpochBegin. State.Resumed is true
	// in all of these calls.
	LoadState(s *State, b []byte) error
}

// A Checkpointer is a callback that says where Fit keeps checkpoints, instead of
// Config.Checkpoint.
type Checkpointer interface {
	Callback
	Checkpoint() (Checkpoint, error)
}

// A CheckpointError says that the last checkpoint of a training could not be written. The
// model is as the training left it.
type CheckpointError struct {
	Dir string
	Err error // what went wrong
}

func (e *CheckpointError) Error() string {
	return fmt.Sprintf("train: Fit: the last checkpoint is not in %s: %v", e.Dir, e.Err)
}

// Unwrap returns what went wrong.
func (e *CheckpointError) Unwrap() error { return e.Err }

// A Fact is something that must be the same in a training and in one that goes on from its
// checkpoints.
type Fact struct {
	Name  string `json:"name"` // "batch size"
	Value string `json:"value"`
}

// saved is what a checkpoint says beside its arrays.
type saved struct {
	Training   json.RawMessage  `json:"training"` // a list of facts
	Epoch      int              `json:"epoch"`
	Batch      int              `json:"batch"` // batches done of the epoch
	Batches    int              `json:"batches"`
	Step       uint64           `json:"step"`
	Ended      bool             `json:"ended"`   // the epoch is done
	Stopped    bool             `json:"stopped"` // by a callback
	Runs       uint64           `json:"runs"`
	Stale      bool             `json:"stale"`
	Logs       []string         `json:"logs"`
	Known      []bool           `json:"known"`
	History    []string         `json:"history"`
	Optimizers []savedOptimizer `json:"optimizers"`
	Callbacks  []string         `json:"callbacks"`
}

type savedOptimizer struct {
	Iterations uint64 `json:"iterations"`
	RateSet    bool   `json:"rate_set"`
	Rate       float  `json:"rate"`
	Averaged   bool   `json:"averaged"`
	Scale      float  `json:"scale"`
	ScaleSteps int    `json:"scale_steps"`
}

// A float is a number that may be infinite or none, which JSON lacks.
type float float64

func (f float) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 64), nil
}

func (f *float) UnmarshalText(text []byte) error {
	x, err := strconv.ParseFloat(string(text), 64)
	*f = float(x)
	return err
}

// A keeper keeps the state of a loop. A nil one does nothing.
type keeper struct {
	Checkpoint
	loop   *loop
	folder *checkpoint.Folder
	facts  json.RawMessage // the list of them, which is the same in each checkpoint
	pieces []piece
	parts  parts
	states []Stateful
	names  []string // of their types

	from    *saved // the state that training goes on from, nil at the beginning
	content *checkpoint.Content
	path    string // of the newest checkpoint, "" if there is none

	next    checkpoint.Content // what is written
	buffer  []byte             // of its arrays
	writing bool
	written chan error
	failed  error // of the last one that was written
	steps   int   // since the last one
	last    time.Time
	due     bool // one was put off
	changed bool // something has happened since
	done    bool // training has come to its end
}

// A piece is memory whose content is a part of the state. It has one of the two types: the second if double is not nil.
type piece struct {
	name   string
	shape  []int
	single slab.Span
	double []float64
}

// newKeeper opens the folder of checkpoints and reads the newest. It returns nil if there
// are to be none.
func newKeeper(l *loop, source data.Source) (*keeper, error) {
	k := &keeper{Checkpoint: l.Config.Checkpoint, loop: l, written: make(chan error, 1)}
	for _, c := range l.Callbacks {
		if c, ok := c.(Checkpointer); ok {
			own, err := c.Checkpoint()
			if err != nil {
				return nil, err
			}
			if k.Dir != "" {
				return nil, fmt.Errorf("train: Fit: a %T keeps checkpoints in %s, and there are others in %s: one of them is enough", c, own.Dir, k.Dir)
			}
			k.Checkpoint = own
		}
		if c, ok := c.(Stateful); ok {
			k.states, k.names = append(k.states, c), append(k.names, fmt.Sprintf("%T", c))
		}
	}
	switch {
	case k.Dir == "" && k.EverySteps == 0 && k.Every == 0 && k.Keep == 0 && !k.Temporary:
		return nil, nil
	case k.Dir == "":
		return nil, errors.New("train: Fit: a Checkpoint needs a Dir")
	case k.EverySteps < 0 || k.Every < 0 || k.Keep < 0:
		return nil, fmt.Errorf("train: Fit: Checkpoint: EverySteps is %d, Every %v, Keep %d: none may be negative", k.EverySteps, k.Every, k.Keep)
	}
	if err := l.step.draw(); err != nil {
		return nil, err
	}
	k.pieces = l.step.pieces()
	k.parts = partsOf(k.pieces)
	facts := l.facts(source, k.pieces)
	var err error
	if k.facts, err = json.Marshal(facts); err != nil {
		return nil, fmt.Errorf("train: Fit: checkpoints: %w", err)
	}
	if err := k.open(facts); err != nil {
		if k.folder != nil {
			k.folder.Close()
		}
		return nil, fmt.Errorf("train: Fit: checkpoints: %w", err)
	}
	return k, nil
}

// tell says something that is no reason to stop.
func (k *keeper) tell(err error) {
	log := k.Log
	if log == nil {
		log = os.Stderr
	}
	fmt.Fprintf(log, "cornu: Fit: checkpoints: %v\n", err)
}

// open opens the folder and reads the newest checkpoint, of which the same facts must be true.
func (k *keeper) open(facts []Fact) (err error) {
	if k.folder, err = checkpoint.Open(k.Dir); err != nil {
		return err
	}
	c, path, err := k.folder.Newest(mem.Limit(), k.tell)
	if c == nil || err != nil {
		return err
	}
	from := &saved{}
	var theirs []Fact
	if err := cmp.Or(json.Unmarshal([]byte(c.State), from), json.Unmarshal(from.Training, &theirs)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if different := differences(theirs, facts); len(different) > 0 {
		return fmt.Errorf("%s is of another training: %s; remove the checkpoints to begin anew, or keep this training's in another folder", path, strings.Join(different, "; "))
	}
	if !slices.Equal(from.Callbacks, k.names) {
		return fmt.Errorf("%s has the states of the callbacks %v, this training has %v", path, from.Callbacks, k.names)
	}
	k.from, k.content, k.path = from, c, path
	if err := k.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := k.folder.Trim(cmp.Or(k.Keep, 2)); err != nil {
		k.tell(err)
	}
	return nil
}

// maxDifferences is how many of them are listed.
const maxDifferences = 5

// differences lists what is said of two trainings and is not the same.
func differences(theirs, ours []Fact) []string {
	var all []string
	value := func(facts []Fact, name string) string {
		for _, f := range facts {
			if f.Name == name {
				return f.Value
			}
		}
		return "not there"
	}
	for _, f := range theirs {
		if v := value(ours, f.Name); v != f.Value {
			all = append(all, fmt.Sprintf("its %s is %s, this one's is %s", f.Name, f.Value, v))
		}
	}
	for _, f := range ours {
		if value(theirs, f.Name) == "not there" {
			all = append(all, fmt.Sprintf("its %s is not there, this one's is %s", f.Name, f.Value))
		}
	}
	if n := len(all); n > maxDifferences {
		all = append(all[:maxDifferences], fmt.Sprintf("and %d more", n-maxDifferences))
	}
	return all
}

// facts says what a training is, as far as going on with it asks for the same.
func (l *loop) facts(source data.Source, pieces []piece) []Fact {
	facts := []Fact{{"seed", strconv.FormatUint(l.step.seed, 10)}}
	add := func(name, format string, args ...any) {
		facts = append(facts, Fact{name, fmt.Sprintf(format, args...)})
	}
	describe := func(prefix string, source data.Source, batch, steps int) {
		spec, err := data.SpecOf(source)
		if err != nil {
			return // Fit says so when it reads it
		}
		samples := "unknown"
		if spec.Len >= 0 {
			samples = strconv.Itoa(spec.Len)
		}
		add("number of "+prefix+"samples", "%s", samples)
		add("shapes of "+prefix+"samples", "%v to %v, weights %v", spec.X, spec.Y, spec.W)
		if len(spec.Buckets) > 0 {
			list := make([]string, len(spec.Buckets))
			for i, b := range spec.Buckets {
				list[i] = fmt.Sprintf("%d of %v", b.Len, b.X)
			}
			add("buckets of "+prefix+"samples", "%v", list)
		}
		add(prefix+"batch size", "%d", batch)
		add(prefix+"steps per epoch", "%d", steps)
	}
	describe("", source, l.BatchSize, l.StepsPerEpoch)
	add("shuffling", "%t", !l.NoShuffle)
	if l.ValidationData != nil {
		describe("validation ", l.ValidationData, l.ValidationBatchSize, l.ValidationSteps)
		add("validation", "each %d epochs", l.ValidationEvery)
	} else {
		add("validation", "none")
	}
	for i, o := range l.step.optimizers {
		name := "optimizer"
		if i > 0 {
			name = fmt.Sprintf("optimizer %d", i+1)
		}
		for name, value := range config.Describe(name, o.given) {
			facts = append(facts, Fact{name, value})
		}
	}
	facts = append(facts, l.Facts...)
	for _, m := range l.step.meters {
		add("measure "+m.name, "%d numbers", len(m.state))
	}
	for _, p := range pieces {
		if p.double == nil {
			add("shape of "+p.name, "%v", p.shape)
		}
	}
	return facts
}

// draw gives the variables their initial values, where they have none.
func (s *Step) draw() error {
	for i, v := range s.variables {
		if err := v.Draw(s.seed, i); err != nil {
			return err
		}
	}
	return nil
}

// pieces lists the memory of a step whose content is a part of a training's state: what is
// measured, the variables, the optimizers' slots.
func (s *Step) pieces() []piece {
	var list []piece
	taken := map[string]bool{}
	add := func(p piece) {
		name := p.name
		for n := 2; taken[p.name]; n++ {
			p.name = fmt.Sprintf("%s#%d", name, n)
		}
		taken[p.name] = true
		list = append(list, p)
	}
	for _, m := range s.meters {
		for i, state := range m.state {
			add(piece{name: fmt.Sprintf("measures/%s/%d", m.name, i), shape: []int{len(state)}, double: state})
		}
	}
	for _, v := range s.variables {
		add(piece{name: "weights/" + v.Path, shape: v.Shape, single: slab.SpanOf(v)})
	}
	for i, o := range s.optimizers {
		prefix := "slots/"
		if i > 0 {
			prefix = fmt.Sprintf("slots_%d/", i+1)
		}
		for _, slot := range o.slots {
			shape := []int{slot.held.Len}
			if slot.held.Len == slab.SpanOf(slot.Variable).Len {
				shape = slot.Variable.Shape
			}
			add(piece{name: prefix + slot.Variable.Path + "/" + slot.Name, shape: shape, single: slot.held})
		}
	}
	return list
}

// A writer adds arrays to the content that is to be written.
type writer struct{ *keeper }

// add adds an array that ends at that byte of the buffer, and begins where the one before
// it ends: the buffer may still be moved.
func (w writer) add(end int, name string, t checkpoint.Type, shape ...int) {
	w.next.Arrays = append(w.next.Arrays, checkpoint.Array{Name: name, Type: t, Shape: shape, Data: w.buffer[:end:end]})
}

func (w writer) float64s(name string, numbers []float64, shape ...int) {
	w.buffer = number.Append(w.buffer, numbers)
	w.add(len(w.buffer), name, checkpoint.Float64, shape...)
}

func (w writer) ints(name string, numbers []int) {
	for _, n := range numbers {
		w.buffer = number.Append(w.buffer, []int64{int64(n)})
	}
	w.add(len(w.buffer), name, checkpoint.Int64, len(numbers))
}

// parts are the float32s of a state, cut so that cores can share the copying.
type parts struct {
	from []slab.Span
	at   []int // bytes from the begin of to
	size int   // bytes
	to   []byte
}

// partSize is how many float32s a part has at most.
const partSize = 1 << 15

func partsOf(pieces []piece) (c parts) {
	for _, p := range pieces {
		for at := 0; at < p.single.Len; at += partSize {
			n := min(p.single.Len-at, partSize)
			c.from, c.at = append(c.from, p.single.Part(at, n)), append(c.at, c.size)
			c.size += 4 * n
		}
	}
	return c
}

// run copies all parts, on all cores if that is worth the while.
func (c *parts) run() {
	pool := par.Default()
	if c.size < 1<<20 {
		pool = nil
	}
	pool.Run(c, len(c.from))
}

// Do copies one part.
func (c *parts) Do(_, i int) { number.Put(c.to[c.at[i]:], c.from[i].View()) }

// copy takes the state down.
func (k *keeper) copy() error {
	s, step := &k.loop.state, k.loop.step
	state := saved{
		Training: k.facts, Epoch: s.Epoch, Batch: s.Batch, Batches: s.Batches, Step: s.Step,
		Ended: k.loop.ended, Stopped: k.loop.stopped,
		Runs: step.runs, Stale: s.logs.stale, Logs: s.logs.names, Known: s.logs.known, History: s.History.Names(), Callbacks: k.names,
	}
	for _, o := range step.optimizers {
		one := savedOptimizer{Iterations: o.iterations, RateSet: o.rateSet, Rate: float(o.rate), Averaged: o.averaged}
		if o.scale != nil {
			one.Scale, one.ScaleSteps = float(o.scale.value), o.scale.steps
		}
		state.Optimizers = append(state.Optimizers, one)
	}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	k.next.State, k.next.Arrays, k.buffer = string(text), k.next.Arrays[:0], k.buffer[:0]
	w := writer{k}
	w.ints("history", s.History.Epoch)
	for _, name := range state.History {
		values := s.History.Values[name]
		w.float64s("history/"+name, values, len(values))
		w.ints("history/"+name+"/epochs", s.History.Epochs(name))
	}
	w.float64s("logs", s.logs.values, len(s.logs.values))
	for _, p := range k.pieces {
		if p.double != nil {
			w.float64s(p.name, p.double, p.shape...)
		}
	}
	end := len(k.buffer)
	k.buffer = slices.Grow(k.buffer, k.parts.size)[:end+k.parts.size]
	k.parts.to = k.buffer[end:]
	slab.Acquire(step.slabs, false)
	k.parts.run()
	slab.Release(step.slabs, false)
	for _, p := range k.pieces {
		if p.double == nil {
			end += 4 * p.single.Len
			w.add(end, p.name, checkpoint.Float32, p.shape...)
		}
	}
	for i, c := range k.states {
		before := len(k.buffer)
		b, err := c.SaveState(s, k.buffer)
		if err != nil {
			return fmt.Errorf("the state of callback %T: %w", c, err)
		}
		if len(b) < before {
			return fmt.Errorf("the state of callback %T: SaveState must append to what it is given", c)
		}
		k.buffer = b
		w.add(len(b), stateName(i), checkpoint.Byte, len(b)-before)
	}
	from := 0
	for i := range k.next.Arrays {
		a := &k.next.Arrays[i]
		to := len(a.Data)
		a.Data, from = k.buffer[from:to:to], to
	}
	return nil
}

func stateName(i int) string { return fmt.Sprintf("callbacks/%d", i) }

// check returns an error unless the content is a state of this training.
func (k *keeper) check() error {
	s := k.from
	if s.Epoch < 0 || s.Batch < 0 || s.Batches < 0 || len(s.Logs) != len(s.Known) || len(s.Optimizers) != len(k.loop.step.optimizers) {
		return errors.New("what it says makes no sense")
	}
	find := func(name string, t checkpoint.Type, shape []int) error {
		a, err := k.content.Find(name, t)
		if err == nil && !slices.Equal(a.Shape, shape) {
			err = fmt.Errorf("the array %q has shape %v, not %v", name, a.Shape, shape)
		}
		return err
	}
	var all error
	for _, p := range k.pieces {
		t := checkpoint.Float32
		if p.double != nil {
			t = checkpoint.Float64
		}
		all = errors.Join(all, find(p.name, t, p.shape))
	}
	all = errors.Join(all, find("logs", checkpoint.Float64, []int{len(s.Logs)}))
	for _, name := range s.History {
		if _, err := k.float64s("history/" + name); err != nil {
			all = errors.Join(all, err)
			continue
		}
		a, _ := k.content.Find("history/"+name, checkpoint.Float64)
		all = errors.Join(all, find("history/"+name+"/epochs", checkpoint.Int64, a.Shape))
	}
	_, err := k.ints("history")
	all = errors.Join(all, err)
	for i := range k.states {
		_, err := k.content.Find(stateName(i), checkpoint.Byte)
		all = errors.Join(all, err)
	}
	return all
}

func (k *keeper) float64s(name string) ([]float64, error) {
	a, err := k.content.Find(name, checkpoint.Float64)
	numbers := make([]float64, len(a.Data)/8)
	number.Copy(numbers, a.Data)
	return numbers, err
}

func (k *keeper) ints(name string) ([]int, error) {
	a, err := k.content.Find(name, checkpoint.Int64)
	raw := make([]int64, len(a.Data)/8)
	number.Copy(raw, a.Data)
	numbers := make([]int, len(raw))
	for i, n := range raw {
		numbers[i] = int(n)
	}
	return numbers, err
}

// restore makes the state that of the checkpoint. It is done twice: before callbacks hear
// that training begins, so that they see it, and after, since what they do then was done
// before the checkpoint.
func (k *keeper) restore() {
	if !k.resumes() {
		return
	}
	from, s, step := k.from, &k.loop.state, k.loop.step
	k.loop.ended, k.loop.stopped = from.Ended, from.Stopped
	s.Epoch, s.Batch, s.Batches, s.Step, s.Resumed = from.Epoch, from.Batch, from.Batches, from.Step, true
	step.runs = from.Runs
	h := s.History
	h.Epoch, _ = k.ints("history")
	h.Values, h.measured = map[string][]float64{}, map[string][]int{}
	for _, name := range from.History {
		h.Values[name], _ = k.float64s("history/" + name)
		h.measured[name], _ = k.ints("history/" + name + "/epochs")
	}
	s.logs.names, s.logs.known, s.logs.stale = slices.Clone(from.Logs), slices.Clone(from.Known), from.Stale
	s.logs.values, _ = k.float64s("logs")
	slab.Acquire(step.slabs, true)
	for _, p := range k.pieces {
		if p.double != nil {
			a, _ := k.content.Find(p.name, checkpoint.Float64)
			number.Copy(p.double, a.Data)
		} else {
			a, _ := k.content.Find(p.name, checkpoint.Float32)
			_ = p.single.Fill(func(dst []float32) error {
				number.Copy(dst, a.Data)
				return nil
			})
		}
	}
	slab.Release(step.slabs, true)
	for i, o := range step.optimizers {
		one := from.Optimizers[i]
		o.iterations, o.rateSet, o.rate, o.averaged, o.fresh = one.Iterations, one.RateSet, float64(one.Rate), one.Averaged, nil
		if o.scale != nil {
			o.scale.value, o.scale.steps = float64(one.Scale), one.ScaleSteps
		}
	}
}

// resumes reports whether resume is still to be called.
func (k *keeper) resumes() bool { return k != nil && k.content != nil }

// resume is restore with the callbacks' states. It is done once.
func (k *keeper) resume() error {
	if !k.resumes() {
		return nil
	}
	k.restore()
	for i, c := range k.states {
		a, _ := k.content.Find(stateName(i), checkpoint.Byte)
		if err := c.LoadState(&k.loop.state, a.Data); err != nil {
			return fmt.Errorf("%s: the state of callback %T: %w", k.path, c, err)
		}
	}
	k.content = nil
	return nil
}

// begin is called before the first step.
func (k *keeper) begin() {
	if k == nil {
		return
	}
	k.last = time.Now()
	if from, log := k.from, logTo(k.loop.Quiet, k.loop.Log); from != nil && log != nil {
		done := "nothing is left to do"
		switch {
		case from.Ended && (from.Stopped || from.Epoch+1 >= k.loop.Epochs):
		case from.Ended:
			done = fmt.Sprintf("training goes on after epoch %d", from.Epoch+1)
		default:
			done = fmt.Sprintf("training goes on after %d batches of epoch %d", from.Batch, from.Epoch+1)
		}
		fmt.Fprintf(log, "%s: %s\n", k.path, done)
	}
}

// stepped is called after each step.
func (k *keeper) stepped() {
	if k == nil {
		return
	}
	k.steps++
	k.changed = true
	if k.due || k.EverySteps > 0 && k.steps >= k.EverySteps || k.Every > 0 && time.Since(k.last) >= k.Every {
		k.keep(false)
	}
}

// epochEnded is called after each epoch.
func (k *keeper) epochEnded() {
	if k == nil {
		return
	}
	k.changed = true
	if k.EverySteps == 0 && k.Every == 0 {
		k.keep(false)
	}
}

// keep writes a checkpoint: beside what follows, unless one is still being written, or, if
// it waits, before it returns.
func (k *keeper) keep(wait bool) {
	if k.due = !k.collect(wait); k.due {
		return
	}
	k.steps, k.last, k.changed, k.writing = 0, time.Now(), false, true
	if err := k.copy(); err != nil {
		k.written <- err
	} else {
		go func() { k.written <- k.folder.Write(&k.next, cmp.Or(k.Keep, 2)) }()
	}
	if wait {
		k.collect(true)
	}
}

// collect reports whether nothing is being written, and waits for that if it is told to.
func (k *keeper) collect(wait bool) bool {
	if !k.writing {
		return true
	}
	if wait {
		k.failed = <-k.written
	} else {
		select {
		case k.failed = <-k.written:
		default:
			return false
		}
	}
	k.writing = false
	if k.failed != nil {
		k.changed = true // since the last one that is there
		k.tell(k.failed)
	} else {
		k.path = k.folder.Last()
	}
	return true
}

// end writes the last checkpoint, unless a callback has failed and may have done its work
// by half, and returns the error that training ends with.
func (k *keeper) end(err error) error {
	if k == nil {
		return err
	}
	k.collect(true)
	if k.changed && !k.loop.failed {
		k.keep(true)
	}
	k.done = err == nil || errors.Is(err, ErrStop)
	switch {
	case k.failed != nil && err != nil && !errors.Is(err, ErrStop):
		return fmt.Errorf("%w; %w", err, &CheckpointError{k.Dir, k.failed})
	case k.failed != nil:
		return &CheckpointError{k.Dir, k.failed}
	case err != nil && k.loop.ctx.Err() != nil && !k.loop.failed && k.path != "":
		return fmt.Errorf("%w, which %s holds", err, k.path)
	}
	return err
}

// close ends the use of the folder, and removes the checkpoints if they are temporary and
// training has come to its end.
func (k *keeper) close(err error) error {
	if k == nil {
		return err
	}
	k.collect(true)
	if err == nil && k.done && k.Temporary {
		if err = k.folder.Remove(); err != nil {
			err = fmt.Errorf("train: Fit: checkpoints: %w", err)
		}
	}
	k.folder.Close()
	return err
}
