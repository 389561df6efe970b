package layer_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// What is remembered of a layer has its variables: they go when it goes.
func TestWhatIsRememberedOfALayerGoesWithIt(t *testing.T) {
	var remembered []weak.Pointer[layer.Variable]
	for range 100 {
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{2}})
		n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(&layer.Dense{Units: 1}, x)})
		if err != nil {
			t.Fatal(err)
		}
		remembered = append(remembered, weak.Make(n.Variables()[0]))
	}
	left := 0
	for range 100 {
		runtime.GC()
		left = 0
		for _, v := range remembered {
			if v.Value() != nil {
				left++
			}
		}
		if left <= 1 { // the last may still be on the stack
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the variables of %d layers are remembered", left)
}
