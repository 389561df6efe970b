package train

// This file writes the progress of training: Keras 3's line on a terminal, one
// plain line an epoch elsewhere.

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cornu-ml/cornu/internal/terminal"
)

// Progress is the callback that writes the progress of training: on a terminal
// Keras 3's line, which is written over as the batches go by, elsewhere one plain
// line an epoch. On a terminal that is too narrow the line is shorter, and leaves
// out some measures, until the epoch ends; then it is whole, however many lines of
// the terminal that takes. Fit adds one after all other callbacks if its Config has a Log,
// so that the line ends with what they have added to the logs.
type Progress struct {
	Log io.Writer // nil is os.Stdout

	line *progress
	open bool // an epoch's line has begun and not ended
}

// TrainBegin looks at what it writes to.
func (p *Progress) TrainBegin(*State) error {
	p.line = newProgress(p.Log)
	if p.Log == nil {
		p.line = newProgress(os.Stdout)
	}
	return nil
}

// EpochBegin writes the epoch's title.
func (p *Progress) EpochBegin(s *State) error {
	if s == nil {
		return nil
	}
	title := ""
	if s.Epochs > 1 {
		title = fmt.Sprintf("Epoch %d/%d", s.Epoch+1, s.Epochs)
	}
	p.line.begin(title, s.Batches)
	if p.line != nil {
		p.line.from = s.Batch
	}
	p.open = true
	return nil
}

// BatchEnd shows how far the epoch is.
func (p *Progress) BatchEnd(s *State) error {
	if s == nil {
		return nil
	}
	p.line.step(s.Batch+1, s.known())
	return nil
}

// EpochEnd ends the line.
func (p *Progress) EpochEnd(s *State) error {
	if s == nil {
		return nil
	}
	if p.open {
		p.line.end(s.Batch, s.known())
		p.open = false
	}
	return nil
}

// TrainEnd ends the line of an epoch that was not completed.
func (p *Progress) TrainEnd(s *State) error { return p.EpochEnd(s) }

// A progress writes about one run of Fit or Evaluate.
type progress struct {
	w        io.Writer
	terminal bool
	title    string // of the epoch: "Epoch 3/20"
	total    int    // batches of an epoch, 0 if unknown
	from     int    // batches that were done before
	start    time.Time
	first    time.Time // when the first batch was done, which says little of the others
	shown    time.Time
	line     []byte
	width    int // columns of the last line, to overwrite it
	cursor   int // the column behind it and the blanks that overwrite the one before

	columns func() int // of the terminal, 0 if unknown
}

// refresh is the least time between two states of the line.
const refresh = 50 * time.Millisecond

// newProgress writes to w; nil is silent.
func newProgress(w io.Writer) *progress {
	if w == nil {
		return nil
	}
	return &progress{w: w, terminal: terminal.Is(w), columns: func() int { return terminal.Columns(w) }}
}

// begin starts an epoch, or an evaluation or a single epoch if title is empty.
func (p *progress) begin(title string, total int) {
	if p == nil {
		return
	}
	p.title, p.total, p.from = title, total, 0
	p.start = time.Now()
	p.first, p.shown = time.Time{}, time.Time{}
	p.width, p.cursor = 0, 0
	if p.terminal && title != "" {
		fmt.Fprintln(p.w, title)
	}
}

// step shows that done batches are done, now and then.
func (p *progress) step(done int, l *logs) {
	if p == nil {
		return
	}
	p.update(done, l, time.Now())
}

func (p *progress) update(done int, l *logs, now time.Time) {
	if done == p.from+1 {
		p.first = now
	}
	if !p.terminal || now.Sub(p.shown) < refresh {
		return
	}
	p.shown = now
	p.show(done, l, now, false)
}

// end shows the final state.
func (p *progress) end(done int, l *logs) {
	if p == nil {
		return
	}
	p.finish(done, l, time.Now())
}

func (p *progress) finish(done int, l *logs, now time.Time) {
	if p.terminal {
		p.show(done, l, now, true)
		return
	}
	p.line = p.line[:0]
	if p.title != "" {
		p.line = append(p.line, p.title+" - "...)
	}
	total := p.total
	if total == 0 {
		total = done
	}
	p.line = fmt.Appendf(p.line, "%d/%d - %.0fs - %s", done, total, now.Sub(p.start).Seconds(), perStep(p.stepTime(done, now)))
	for _, m := range l.texts() {
		p.line = append(p.line, m...)
	}
	p.line = append(p.line, '\n')
	p.w.Write(p.line)
}

// abandon ends the line of what was not completed.
func (p *progress) abandon() {
	if p != nil && p.width > 0 {
		fmt.Fprintln(p.w)
		p.width, p.cursor = 0, 0
	}
}

// stepTime estimates how many seconds a batch takes, the first one left out.
func (p *progress) stepTime(done int, now time.Time) float64 {
	done -= p.from
	switch {
	case done == 0:
		return 0
	case done > 1 && !p.first.IsZero():
		return now.Sub(p.first).Seconds() / float64(done-1)
	}
	return now.Sub(p.start).Seconds() / float64(done)
}

// barWidth is the number of cells of the bar, narrowBar that on a narrow terminal.
const (
	barWidth  = 20
	narrowBar = 5
)

// show writes the line of keras/src/utils/progbar.py over the last one. Unless it
// is the final one, it keeps to the terminal's width: what has gone on in another
// line can't be written over.
func (p *progress) show(done int, l *logs, now time.Time, final bool) {
	const bold, green, white, off = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
	total := p.total
	if total == 0 && final {
		total = done
	}
	batch := p.stepTime(done, now)
	clock := fmt.Sprintf("%.0fs", now.Sub(p.start).Seconds())
	count, bar := fmt.Sprintf("%7d/Unknown", done), 0
	if total > 0 {
		count, bar = fmt.Sprintf("%*d/%d", len(strconv.Itoa(total)), done, total), barWidth
		if !final {
			clock = remaining(batch * float64(total-done))
		}
	}
	speed, measures := " "+perStep(batch), l.texts()
	room := 0 // columns of the terminal
	if p.columns != nil {
		room = p.columns()
	}
	fixed := len(count) + len(clock) + 2
	if room == 0 || final {
		fixed += utf8.RuneCountInString(speed) + width(measures)
	} else {
		bar, speed, measures = fit(room-1-fixed, bar, speed, measures)
		fixed += utf8.RuneCountInString(speed) + width(measures)
	}
	columns := fixed + bar
	if total == 0 {
		columns-- // no blank before the bar
	}

	line := p.line[:0]
	if room > 0 && p.cursor > room {
		// The terminal has become narrower: the line now goes over several.
		line = fmt.Appendf(line, "\x1b[%dA\r\x1b[J", (p.cursor-1)/room)
		p.width = 0
	}
	line = append(line, '\r')
	if room > 0 && !final && columns > room-1 { // not even the count and the clock
		columns = min(len(count), room-1)
		line = append(line, count[:columns]...)
		clock = ""
	} else if total > 0 {
		filled := min(bar*done/total, bar)
		line = append(line, bold+count+off+" "...)
		if filled > 0 {
			line = append(line, green+strings.Repeat("━", filled)+off...)
		}
		line = append(line, white+strings.Repeat("━", bar-filled)+off...)
	} else {
		line = append(line, count...)
	}
	if clock != "" {
		line = append(line, " "+bold+clock+off+speed...)
	}
	for _, m := range measures {
		line = append(line, m...)
	}
	for range p.width - columns {
		line = append(line, ' ')
	}
	p.width, p.cursor = columns, max(columns, p.width)
	if final {
		line = append(line, '\n')
		p.width, p.cursor = 0, 0
	}
	p.line = line
	p.w.Write(line)
}

// fit returns as much of a line as there is room for. First the bar is shorter,
// then there is no time of a step, then the last measures go, but the loss, then
// the bar and the loss.
func fit(room, bar int, speed string, measures []string) (int, string, []string) {
	least := min(bar, narrowBar)
	if all := utf8.RuneCountInString(speed) + width(measures); all+least <= room {
		return min(bar, room-all), speed, measures
	}
	const more = " …"
	for n := len(measures); n >= 0; n-- {
		some := slices.Clone(measures[:n])
		if n < len(measures) {
			if i := slices.IndexFunc(measures[n:], func(m string) bool { return strings.HasPrefix(m, " - loss: ") }); i >= 0 {
				some = append(some, measures[n+i])
			}
			some = append(some, more)
		}
		if w := width(some); w+least <= room {
			return min(bar, room-w), "", some
		} else if n == 0 && w <= room {
			return 0, "", some
		}
	}
	return min(bar, max(room, 0)), "", nil
}

// width is how many columns texts take.
func width(texts []string) int {
	sum := 0
	for _, t := range texts {
		sum += utf8.RuneCountInString(t)
	}
	return sum
}

// perStep writes the time of one batch: "5ms/step".
func perStep(t float64) string {
	switch {
	case t >= 1 || t == 0:
		return fmt.Sprintf("%.0fs/step", t)
	case t >= 1e-3:
		return fmt.Sprintf("%.0fms/step", t*1e3)
	}
	return fmt.Sprintf("%.0fus/step", t*1e6)
}

// remaining writes the time that is left: 1:02:03, 2:03, 3s.
func remaining(t float64) string {
	s := int(t)
	switch {
	case t > 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
	case t > 60:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// texts writes the known values: " - accuracy: 0.9871", " - loss: 4.2000e-04".
func (l *logs) texts() []string {
	l.settle()
	var texts []string
	for i, name := range l.names {
		if !l.known[i] {
			continue
		}
		text := ""
		switch v := l.values[i]; {
		case v != v:
			text = "nan"
		case math.IsInf(v, 0):
			text = strings.TrimPrefix(strings.ToLower(fmt.Sprint(v)), "+")
		case math.Abs(v) > 1e-3:
			text = strconv.FormatFloat(v, 'f', 4, 64)
		default:
			text = strconv.FormatFloat(v, 'e', 4, 64)
		}
		texts = append(texts, " - "+name+": "+text)
	}
	return texts
}
