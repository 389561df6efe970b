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
