package mem

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestTheLimitIsSaidInBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"8GiB": 8 << 30, "500MB": 500e6, "1000000": 1e6, "1.5 KiB": 1536, "64B": 64, "2TB": 2e12, "off": math.MaxInt64,
		"": 0, "8G": 0, "-1": 0, "0": 0, "NaN": 0, "1e30": 0, "GiB": 0,
	} {
		if got, ok := parse(text); got != want || ok != (want > 0) {
			t.Errorf("%q is %d bytes, %v; want %d", text, got, ok, want)
		}
	}
}

func TestTheLimitHoldsForAnyProduct(t *testing.T) {
	defer SetLimit(0)
	SetLimit(1000)
	for _, c := range []struct {
		count int
		size  float64
		fits  bool
	}{
		{250, 4, true}, {251, 4, false}, {0, 4, true}, {math.MaxInt, 8, false}, {math.MaxInt / 2, 4, false}, {-1, 4, false}, {1, math.Inf(1), false},
	} {
		err := Check(c.count, c.size, "%d numbers", c.count)
		var e *Error
		if (err == nil) != c.fits || err != nil && (!errors.As(err, &e) || e.Limit != 1000 || !strings.Contains(err.Error(), "1000 bytes")) {
			t.Errorf("%d of %v bytes in 1000: %v", c.count, c.size, err)
		}
	}
}

func TestAnErrorSaysWhichBatchWouldFit(t *testing.T) {
	defer SetLimit(0)
	SetLimit(1000)
	for _, c := range []struct {
		batch         int
		bytes, others float64
		fits          int
		says          string
	}{
		{100, 1600, 200, 50, "the limit is 1000 bytes: each sample takes 16 bytes, so a batch of about 50 would fit, or CORNU_MEMORY sets another"},
		{100, 800, 200, 0, ""}, // is within it
		{100, 800, 1200, 0, "the limit is 1000 bytes: CORNU_MEMORY sets another"},
		{1, 1600, 0, 0, "the limit is 1000 bytes: CORNU_MEMORY sets another"},
		{10, math.Inf(1), 0, 0, "the limit is 1000 bytes: CORNU_MEMORY sets another"},
	} {
		err := CheckBatch(c.batch, c.bytes, c.others, "a batch")
		var e *Error
		if (err == nil) != (c.says == "") || err != nil && (!errors.As(err, &e) || e.Batch != c.fits || !strings.HasSuffix(err.Error(), c.says)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestTheMachineHasMemory(t *testing.T) {
	if n := Limit(); n < 1<<24 {
		t.Errorf("the limit is %s", Format(float64(n)))
	}
}
