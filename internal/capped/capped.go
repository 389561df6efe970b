// Package capped runs tests in processes that have little memory: where a test is
// about memory, one that fails must not take the machine with it.
package capped

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// variable names the test that a child is to run.
const variable = "CORNU_CAPPED_TEST"

// Run runs f, which is all of the test t, in a process of its own that can't have
// more than so many bytes of memory, nor five minutes. Where the system has no such
// limit of memory, f runs without.
func Run(t *testing.T, bytes uint64, f func()) {
	t.Helper()
	if os.Getenv(variable) == t.Name() {
		if err := limit(bytes); err != nil {
			t.Fatal(err)
		}
		f()
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1", "-test.timeout=300s")
	child.Env = append(os.Environ(), variable+"="+t.Name())
	if out, err := child.CombinedOutput(); err != nil {
		if len(out) > 6000 {
			out = out[:6000]
		}
		t.Errorf("with %d bytes of memory: %v\n%s", bytes, err, out)
	}
}
