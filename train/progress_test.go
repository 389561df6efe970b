package train

import (
	"math"
	"strings"
	"testing"
	"time"
)

// An update is one call of keras.utils.Progbar: so many seconds after the start.
type update struct {
	at    float64
	done  int
	names string
	value []float64
	final bool
	want  string // what Keras writes, without the backspaces before \r
}

// The lines are what Keras's Progbar writes for the same calls.
func TestTheLineOnATerminalIsKerass(t *testing.T) {
	for _, c := range []struct {
		name    string
		total   int
		updates []update
		plain   string // what Keras writes elsewhere, with verbose=2
	}{
		{"an epoch with validation", 469, []update{
			{0.5, 1, "accuracy loss", []float64{0.25, 2.3}, false, "\r\x1b[1m  1/469\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m3:54\x1b[0m 500ms/step - accuracy: 0.2500 - loss: 2.3000"},
			{0.52, 2, "accuracy loss", []float64{0.3, 2.2}, false, ""},
			{1, 100, "accuracy loss", []float64{0.8712, 0.4213}, false, "\r\x1b[1m100/469\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m1s\x1b[0m 5ms/step - accuracy: 0.8712 - loss: 0.4213    "},
			{2.6, 469, "accuracy loss", []float64{0.9, 1e-3}, false, "\r\x1b[1m469/469\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 4ms/step - accuracy: 0.9000 - loss: 1.0000e-03"},
			{2.7, 469, "accuracy loss val_accuracy val_loss", []float64{0.9, 0.00052, 0.91, -5e-4}, true, "\r\x1b[1m469/469\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m3s\x1b[0m 5ms/step - accuracy: 0.9000 - loss: 5.2000e-04 - val_accuracy: 0.9100 - val_loss: -5.0000e-04\n"},
		}, "469/469 - 3s - 5ms/step - accuracy: 0.9000 - loss: 5.2000e-04 - val_accuracy: 0.9100 - val_loss: -5.0000e-04\n"},
		{"hours", 2000, []update{
			{10, 1, "loss", []float64{12345.678}, false, "\r\x1b[1m   1/2000\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m5:33:10\x1b[0m 10s/step - loss: 12345.6780"},
			{20, 2, "loss", []float64{6173.089}, false, "\r\x1b[1m   2/2000\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m5:33:00\x1b[0m 10s/step - loss: 6173.0890 "},
			{1000, 1000, "loss", []float64{12.8452}, false, "\r\x1b[1m1000/2000\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━\x1b[0m \x1b[1m16:30\x1b[0m 991ms/step - loss: 12.8452  "},
			{1995, 1990, "loss", []float64{6.7036}, false, "\r\x1b[1m1990/2000\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m━\x1b[0m \x1b[1m9s\x1b[0m 998ms/step - loss: 6.7036    "},
		}, ""},
		{"an unknown number of batches", 0, []update{
			{0.5, 1, "loss", []float64{1}, false, "\r      1/Unknown \x1b[1m0s\x1b[0m 500ms/step - loss: 1.0000"},
			{1, 30, "loss", []float64{1}, false, "\r     30/Unknown \x1b[1m1s\x1b[0m 17ms/step - loss: 1.0000 "},
			{1.2, 31, "loss", []float64{1}, true, "\r\x1b[1m31/31\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 23ms/step - loss: 1.0000\n"},
		}, "31/31 - 1s - 23ms/step - loss: 1.0000\n"},
		{"microseconds", 3, []update{
			{0.0002, 1, "loss", []float64{0}, false, "\r\x1b[1m1/3\x1b[0m \x1b[32m━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 200us/step - loss: 0.0000e+00"},
			{0.0006, 3, "loss", []float64{0}, true, "\r\x1b[1m3/3\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 200us/step - loss: 0.0000e+00\n"},
		}, "3/3 - 0s - 200us/step - loss: 0.0000e+00\n"},
		{"one batch", 1, []update{
			{0.2, 1, "loss", []float64{0.25}, false, "\r\x1b[1m1/1\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 200ms/step - loss: 0.2500"},
			{0.21, 1, "loss", []float64{0.25}, true, "\r\x1b[1m1/1\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 210ms/step - loss: 0.2500\n"},
		}, "1/1 - 0s - 210ms/step - loss: 0.2500\n"},
		{"not a number", 1, []update{
			{0.21, 1, "loss z", []float64{math.NaN(), math.Inf(-1)}, true, "\r\x1b[1m1/1\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 210ms/step - loss: nan - z: -inf\n"},
		}, "1/1 - 0s - 210ms/step - loss: nan - z: -inf\n"},
	} {
		for _, terminal := range []bool{true, false} {
			var b strings.Builder
			p := &progress{w: &b, terminal: terminal}
			p.begin("", c.total)
			for i, u := range c.updates {
				b.Reset()
				l := newLogs(strings.Fields(u.names))
				for i, name := range strings.Fields(u.names) {
					l.set(name, u.value[i])
				}
				now := p.start.Add(time.Duration(math.Round(u.at * 1e9)))
				if u.final {
					p.finish(u.done, l, now)
				} else {
					p.update(u.done, l, now)
				}
				want := u.want
				if !terminal {
					want = ""
					if u.final {
						want = c.plain
					}
				}
				if b.String() != want {
					t.Errorf("%s, terminal %v, update %d:\n got %q\nwant %q", c.name, terminal, i, b.String(), want)
				}
			}
		}
	}
}

func TestAnEpochHasATitle(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  "Epoch 2/3\n\r\x1b[1m0/5\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m1s\x1b[0m 0s/step\n",
		false: "Epoch 2/3 - 0/5 - 1s - 0s/step\n",
	} {
		var b strings.Builder
		p := &progress{w: &b, terminal: terminal}
		p.begin("Epoch 2/3", 5)
		p.finish(0, newLogs(nil), p.start.Add(time.Second))
		if b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}

func TestALineThatIsAbandonedEnds(t *testing.T) {
	var b strings.Builder
	p := &progress{w: &b, terminal: true}
	p.begin("", 5)
	p.abandon()
	p.update(1, newLogs(nil), p.start.Add(time.Second))
	b.Reset()
	p.abandon()
	p.abandon()
	if b.String() != "\n" {
		t.Errorf("it writes %q", b.String())
	}
	p.finish(5, newLogs(nil), p.start.Add(time.Second))
	b.Reset()
	p.abandon()
	if b.String() != "" {
		t.Errorf("after its end it writes %q", b.String())
	}
}

// A screen is a terminal of so many columns, as lines of text that go over several of its rows where they are longer.
type screen struct {
	columns      int
	lines        [][]rune
	line, column int // of the cursor, in its line
}

// Write understands what progress is written with.
func (s *screen) Write(p []byte) (int, error) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		if len(s.lines) == 0 {
			s.lines = [][]rune{nil}
		}
		switch r := text[i]; r {
		case '\r':
			if s.column > 0 {
				s.column = (s.column - 1) / s.columns * s.columns // of a full row, the cursor is still in it
			}
		case '\n':
			s.line, s.column = s.line+1, 0
			if s.line == len(s.lines) {
				s.lines = append(s.lines, nil)
			}
		case '\x1b':
			n := 0
			for i += 2; text[i] >= '0' && text[i] <= '9'; i++ {
				n = 10*n + int(text[i]-'0')
			}
			switch text[i] {
			case 'A':
				for range n {
					if s.column -= s.columns; s.column < 0 {
						s.line--
						s.column += max(len(s.lines[s.line])+s.columns-1, s.columns) / s.columns * s.columns
					}
				}
			case 'J':
				s.lines = s.lines[:s.line+1]
				s.lines[s.line] = s.lines[s.line][:s.column]
			}
		default:
			line := &s.lines[s.line]
			for len(*line) <= s.column {
				*line = append(*line, ' ')
			}
			(*line)[s.column] = r
			s.column++
		}
	}
	return len(p), nil
}

func (s *screen) String() string {
	var lines []string
	for _, line := range s.lines {
		lines = append(lines, strings.TrimRight(string(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestTheLineKeepsToItsRowUntilTheEpochEnds(t *testing.T) {
	two := "digit_accuracy digit_loss loss parity_accuracy parity_loss" // of two outputs
	for _, test := range []struct {
		columns, total int
		names          string
		during         string
	}{
		{80, 469, "accuracy loss", "100/469 ━━━━━━━━━━━━━━━━━━━━ 36s 100ms/step - accuracy: 0.2500 - loss: 0.2500"},
		{70, 469, "accuracy loss", "100/469 ━━━━━━━━━━━━ 36s 100ms/step - accuracy: 0.2500 - loss: 0.2500"},
		{60, 469, "accuracy loss", "100/469 ━━━━━━━━━━━━━ 36s - accuracy: 0.2500 - loss: 0.2500"},
		{80, 469, two, "100/469 ━━━━━━━━━━━━━━━━━━━━ 36s - digit_accuracy: 0.2500 - loss: 0.2500 …"},
		{40, 469, "accuracy loss", "100/469 ━━━━━━━━━━ 36s - loss: 0.2500 …"},
		{30, 469, "accuracy loss", "100/469  36s - loss: 0.2500 …"},
		{14, 469, "accuracy loss", "100/469 ━ 36s"},
		{10, 469, "accuracy loss", "100/469"},
		{5, 469, "accuracy loss", "100/"},
		{40, 0, "accuracy loss", "    100/Unknown 10s - loss: 0.2500 …"},
	} {
		names := strings.Fields(test.names)
		l := newLogs(names)
		for _, name := range names {
			l.set(name, 0.25)
		}
		s := &screen{columns: test.columns}
		p := &progress{w: s, terminal: true, columns: func() int { return s.columns }}
		p.begin("Epoch 1/2", test.total)
		for done := 1; done <= 100; done++ {
			p.update(done, l, p.start.Add(time.Duration(done)*100*time.Millisecond))
			for i, line := range s.lines[1:] {
				if len(line) > test.columns-1 {
					t.Fatalf("%d columns: line %d has %d: %q", test.columns, i+1, len(line), string(line))
				}
			}
			if len(s.lines) != 2 {
				t.Fatalf("%d columns: after %d batches\n%s", test.columns, done, s)
			}
		}
		if got := strings.Split(s.String(), "\n"); got[1] != test.during {
			t.Errorf("%d columns:\n%s, want\n%s", test.columns, got[1], test.during)
		}
		p.finish(100, l, p.start.Add(10*time.Second))
		end := strings.Split(s.String(), "\n")
		if len(end) != 3 || !strings.Contains(end[1], " 10s 100ms/step - "+names[0]+": 0.2500 - ") || !strings.HasSuffix(end[1], names[len(names)-1]+": 0.2500") {
			t.Errorf("%d columns: it ends with\n%s", test.columns, s)
		}
	}
}

func TestTheLineFollowsTheTerminal(t *testing.T) {
	names := []string{"accuracy", "loss"}
	l := newLogs(names)
	for _, name := range names {
		l.set(name, 0.25)
	}
	s := &screen{columns: 80}
	p := &progress{w: s, terminal: true, columns: func() int { return s.columns }}
	p.begin("Epoch 1/2", 469)
	for done := 1; done <= 300; done++ {
		s.columns = []int{80, 40, 20, 33, 120, 9, 80}[done/10%7]
		p.update(done, l, p.start.Add(time.Duration(done)*100*time.Millisecond))
		if len(s.lines) != 2 || string(s.lines[0]) != "Epoch 1/2" || strings.Count(s.String(), "/469") != 1 {
			t.Fatalf("after %d batches, at %d columns\n%s", done, s.columns, s)
		}
	}
}
