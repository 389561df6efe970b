package cornu_test

// This file keeps the plan of the listing's step, so that whoever changes it sees
// it.

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/cornu-ml/cornu/dataset/mnist"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestThePlanOfTheListing(t *testing.T) {
	if os.Getenv("CORNU_PASSES") == "off" {
		t.Skip("without passes the plan is another")
	}
	digits, _, err := mnist.Load()
	if err != nil {
		t.Fatal(err)
	}
	got, err := listing(t).Plan(digits.Flat().OneHot(), 128)
	if err != nil {
		t.Fatal(err)
	}
	counts := regexp.MustCompile(`^plan for a batch of 128: (\d+) calls `).FindStringSubmatch(got)
	if counts == nil {
		t.Fatalf("the plan doesn't count its calls:\n%s", got)
	}
	if n, err := strconv.Atoi(counts[1]); err != nil || n > 20 {
		t.Errorf("the plan has %s calls, more than 20", counts[1])
	}
	const file = "testdata/plan_listing.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the plan has changed; if it is for the better, run go test -run %s -update .\n got %s\nwant %s", t.Name(), got, want)
	}
}
