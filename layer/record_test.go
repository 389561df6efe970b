package layer

import (
	"runtime"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/tensor"
)

func remembered() int {
	records.Lock()
	defer records.Unlock()
	return len(records.of)
}

func TestWhatIsRememberedOfALayerGoesWithIt(t *testing.T) {
	before := remembered()
	for range 100 {
		x := Apply(&Input{Shape: tensor.Shape{2}})
		if _, err := NewNetwork([]*Node{x}, []*Node{Apply(&Dense{Units: 1}, x)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		runtime.GC()
		if remembered() <= before+2 { // the last may still be on the stack
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d layers are remembered, %d before", remembered(), before)
}
