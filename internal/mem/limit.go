package mem

// This file holds the one limit on what is allocated at once.

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// set is the limit in bytes that the program has set, 0 if none.
var set atomic.Int64

// SetLimit sets the limit. 0 brings back the default: CORNU_MEMORY, or else seven eighths of the
// memory that the process can have.
func SetLimit(bytes int64) { set.Store(max(bytes, 0)) }

// Limit returns how many bytes one thing may take: a model in training, a tensor, a
// batch.
func Limit() int64 {
	if n := cmp.Or(set.Load(), asked()); n > 0 {
		return n
	}
	return min(had(), debug.SetMemoryLimit(-1))
}

// asked is what CORNU_MEMORY says, 0 if nothing.
var asked = sync.OnceValue(func() int64 {
	n, _ := parse(os.Getenv("CORNU_MEMORY"))
	return n
})

// had is the default limit, seven eighths of the memory that this process can have. An eighth
// is left to the system, to Go's runtime and to small allocations.
var had = sync.OnceValue(func() int64 {
	n := machine()
	switch {
	case runtime.GOARCH == "wasm":
		n = 4 << 30
	case n <= 0:
		n = 16 << 30
	}
	return n / 8 * 7
})

// Err returns what is wrong with CORNU_MEMORY, or nil.
func Err() error {
	text := os.Getenv("CORNU_MEMORY")
	if _, ok := parse(text); !ok && text != "" {
		return fmt.Errorf("CORNU_MEMORY=%q: it must be a number of bytes such as 8GiB or 500MB, or off", text)
	}
	return nil
}

// units are what a number of bytes may end in.
var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

// parse reads a number of bytes: 8GiB, 500MB, 1000000. ok is false if s is none.
func parse(s string) (n int64, ok bool) {
	if s == "off" {
		return math.MaxInt64, true
	}
	for _, unit := range units {
		number, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		count, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		bytes := count * unit.bytes
		if err != nil || !(bytes >= 1 && bytes < math.MaxInt64) {
			break
		}
		return int64(bytes), true
	}
	return 0, false
}

// An Error says that something would take more memory than there may be. Nothing was
// allocated.
type Error struct {
	What  string  // that would take it
	Bytes float64 // how many, at least
	Limit int64

	Sample float64 // bytes of each sample of a batch; 0 if it isn't a matter of the batch
	Batch  int     // about how many samples would fit, if there can be some
}

func (e *Error) Error() string {
	remedy := ""
	if e.Batch > 0 {
		remedy = fmt.Sprintf("each sample takes %s, so a batch of about %d would fit, or ", Format(e.Sample), e.Batch)
	}
	return fmt.Sprintf("%s would take %s of memory, the limit is %s: %sCORNU_MEMORY sets another",
		e.What, Format(e.Bytes), Format(float64(e.Limit)), remedy)
}

// Check returns an *Error if count elements of size bytes each are beyond the limit. what
// and args, as of fmt.Sprintf, say in the error what would take the memory.
func Check(count int, size float64, what string, args ...any) error {
	bytes, limit := float64(float64(count)*size), min(Limit(), math.MaxInt)
	if count >= 0 && bytes <= float64(limit) {
		return nil
	}
	return &Error{What: fmt.Sprintf(what, args...), Bytes: max(bytes, 0), Limit: limit}
}

// CheckBatch is Check of what a batch of so many samples takes: bytes, and others, which are the same for any batch. The error
// says of how many samples one would fit.
func CheckBatch(batch int, bytes, others float64, what string, args ...any) error {
	err := Check(1, bytes+others, what, args...)
	if e, ok := err.(*Error); ok && batch > 1 {
		e.Sample = bytes / float64(batch)
		e.Batch = int(max((float64(e.Limit)-others)/e.Sample, 0))
	}
	return err
}

// Format writes a number of bytes: 37.3 GiB.
func Format(bytes float64) string {
	names := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for ; bytes >= 1024 && i < len(names)-1; i++ {
		bytes /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%.0f %s", bytes, names[i])
	}
	return fmt.Sprintf("%.1f %s", bytes, names[i])
}
