package choice

import (
	"bytes"
	"slices"
	"testing"
)

// numbers is a case: a list of numbers, one a block.
func numbers(data []byte) []int {
	var list []int
	for blocks := Blocks(data); len(blocks) > 0; {
		list = append(list, Next(&blocks).Of(200))
	}
	return list
}

func TestShrinkingFindsTheSimplestCase(t *testing.T) {
	large := func(data []byte) bool {
		count := 0
		for _, n := range numbers(data) {
			if n >= 100 {
				count++
			}
		}
		return count >= 2
	}
	for seed := range uint64(50) {
		data := Random(seed, 30)
		if !large(data) {
			t.Fatalf("seed %d has no two large numbers", seed)
		}
		small := shrink(data, 10_000, large)
		if got := numbers(small); !slices.Equal(got, []int{100, 100}) {
			t.Errorf("seed %d shrinks to %v, want [100 100]", seed, got)
		}
	}
}

func TestShrinkingEndsAfterSoManyAttempts(t *testing.T) {
	n := 0
	shrink(Random(1, 100), 7, func([]byte) bool { n++; return false })
	if n != 7 {
		t.Errorf("%d attempts were made, want 7", n)
	}
}

func TestASeedStandsForItsBytes(t *testing.T) {
	if !bytes.Equal(Random(3, 5), Random(3, 5)) || bytes.Equal(Random(3, 5), Random(4, 5)) {
		t.Error("bytes don't follow from the seed")
	}
}
