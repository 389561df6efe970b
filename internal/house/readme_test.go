package house

// The README's listing is the root package's Example, which runs with the tests.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheReadmesListingIsTheExampleThatRuns(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, listing, found := strings.Cut(string(readme), "```go\n")
	listing, _, closed := strings.Cut(listing, "```")
	if !found || !closed {
		t.Fatal("the README has no listing")
	}
	// What makes the example quick and quiet isn't in the README.
	ran := strings.NewReplacer("\ttrain = train.Limit(3840)\n", "", "Epochs: 1,", "Epochs: 20,", ", Log: out", "", "Summary(out)", "Summary(os.Stdout)").Replace(string(example))
	var indented strings.Builder
	for line := range strings.Lines(listing) {
		if line != "\n" {
			line = "\t" + line
		}
		indented.WriteString(line)
	}
	if !strings.Contains(ran, indented.String()) {
		t.Errorf("the README's listing isn't what example_test.go runs:\n%s", listing)
	}
}
