package hash_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/hash"
)

func TestHashesAreTensorFlows(t *testing.T) {
	c := golden.Load(t, "preprocessing").Case(t, "fingerprints")
	most, err := strconv.ParseUint(c.Texts["most"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func([]byte) uint64{
		"fast":   hash.Fingerprint64,
		"strong": func(s []byte) uint64 { return hash.Sip([2]uint64{11, 1<<61 + 3}, s) },
	} {
		var want []string
		if err := json.Unmarshal([]byte(c.Texts[name]), &want); err != nil {
			t.Fatal(err)
		}
		for n, w := range want {
			if got := strconv.FormatUint(f([]byte(c.Texts["text"][:n]))%most, 10); got != w {
				t.Errorf("%s: of %d bytes it is %s, TensorFlow's %s", name, n, got, w)
			}
		}
	}
}
