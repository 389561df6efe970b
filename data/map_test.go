package data

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
)

// jitter adds a random number to each input.
func jitter(s Sample, r *Random) error {
	for _, x := range s.X {
		for i := range x {
			x[i] += float32(r.Uniform(0, 0.5))
		}
	}
	return nil
}

func TestWhatIsDrawnDependsOnSeedEpochAndPlaceAlone(t *testing.T) {
	const n = 10
	c := EpochConfig{BatchSize: n, Shuffle: true, Seed: 3, Epoch: 2}
	_, want := read(t, Map(counting(t, n), jitter), c)
	pool := par.New(3)
	defer pool.Close()
	for _, size := range []int{1, 3, 10} {
		c.BatchSize = size
		for name, s := range map[string]Source{"": Map(counting(t, n), jitter), ", ahead": Prefetch(Map(counting(t, n), jitter), 2)} {
			if _, got := read(t, s, c); !reflect.DeepEqual(got, want) {
				t.Errorf("batches of %d%s: %v, want %v", size, name, got, want)
			}
		}
		b := must[Batches](t)(Map(counting(t, n), jitter).Epoch(t.Context(), c))
		first := must[int](t)(b.Next())
		batch := newBatch(counting(t, n).Spec(), first)
		if err := b.Read(&batch, pool); err != nil || batch.X[0][0] != want.X[0][0] {
			t.Errorf("on three cores: %v, %v, want %v", batch.X[0], err, want.X[0][0])
		}
		b.Close()
	}
	seen := map[float32]bool{}
	for _, c := range []EpochConfig{{BatchSize: n, Seed: 3, Epoch: 2}, {BatchSize: n, Seed: 3, Epoch: 3}, {BatchSize: n, Seed: 4, Epoch: 2}} {
		_, plain := read(t, counting(t, n), c)
		_, got := read(t, Map(counting(t, n), jitter), c)
		if !reflect.DeepEqual(got.Y, plain.Y) {
			t.Errorf("the targets are %v, want %v", got.Y, plain.Y)
		}
		for i, x := range got.X[0] {
			d := x - plain.X[0][i]
			if d < 0 || d >= 0.5 || seen[d] {
				t.Errorf("%+v: %v is added, in [0, 0.5) and nowhere else", c, d)
			}
			seen[d] = true
		}
	}
}

// Where a training goes on from a checkpoint, batches are passed without being read.
func TestBatchesThatAreNotReadCount(t *testing.T) {
	c := EpochConfig{BatchSize: 2}
	_, want := read(t, Map(counting(t, 6), jitter), c)
	b := must[Batches](t)(Map(counting(t, 6), jitter).Epoch(t.Context(), c))
	defer b.Close()
	for range 3 {
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
	}
	batch := newBatch(counting(t, 6).Spec(), 2)
	if err := b.Read(&batch, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(want.X[0]) - len(batch.X[0]); !reflect.DeepEqual(batch.X[0], want.X[0][n:]) {
		t.Errorf("the last batch is %v, want %v", batch.X[0], want.X[0][n:])
	}
}

func TestWhatFailsInMapIsAnError(t *testing.T) {
	broken := errors.New("no such picture")
	var calls atomic.Int32
	for name, c := range map[string]struct {
		f    func(Sample, *Random) error
		want string
	}{
		"nil":     {nil, "is nil"},
		"error":   {func(Sample, *Random) error { calls.Add(1); return broken }, "sample 0 of the epoch: no such picture"},
		"a panic": {func(Sample, *Random) error { panic("film torn") }, "film torn"},
	} {
		for _, s := range []Source{Map(counting(t, 4), c.f), Prefetch(Map(counting(t, 4), c.f), 2)} {
			b, err := Epoch(t.Context(), s, EpochConfig{BatchSize: 2})
			if err == nil {
				if _, err = b.Next(); err == nil {
					batch := newBatch(s.Spec(), 2)
					err = b.Read(&batch, nil)
				}
				b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
	if calls.Load() == 0 || Map(nil, jitter) != nil {
		t.Error("the function isn't called, or nothing is changed")
	}
}

func TestRandomNumbersAreWhatTheySay(t *testing.T) {
	const n = 20000
	var sum, squares float64
	counts := [3]int{}
	_, _, err := tryRead(Map(counting(t, n), func(_ Sample, r *Random) error {
		counts[r.IntN(3)]++
		v := r.Normal()
		sum += v
		squares += float64(v * v)
		if u := r.Uniform(-2, 1); u < -2 || u >= 1 {
			t.Errorf("%v isn't in [-2, 1)", u)
		}
		if r.IntN(0) != 0 || r.IntN(-1) != 0 || r.IntN(1) != 0 {
			t.Error("a number of none")
		}
		return nil
	}), EpochConfig{BatchSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	// Five standard deviations of what is counted and added.
	for i, k := range counts {
		if math.Abs(float64(k)-n/3.0) > 5*math.Sqrt(n*2/9.0) {
			t.Errorf("%d is drawn %d times of %d", i, k, n)
		}
	}
	if math.Abs(sum) > 5*math.Sqrt(n) || math.Abs(squares-n) > 5*math.Sqrt(2*n) {
		t.Errorf("normal numbers have the mean %v and the variance %v", sum/n, squares/n)
	}
}
