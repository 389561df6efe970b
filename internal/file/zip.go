package file

// This file checks archives.

import (
	"archive/zip"
	"cmp"
	"fmt"
	"slices"
)

// Apart returns an error if two members of an archive share bytes of the file: a small file
// would be a large one.
func Apart(members []*zip.File) error {
	type span struct {
		begin int64
		size  uint64
		name  string
	}
	spans := make([]span, len(members))
	for i, f := range members {
		begin, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
		spans[i] = span{begin, f.CompressedSize64, f.Name}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	for i := 1; i < len(spans); i++ {
		if a, b := spans[i-1], spans[i]; a.size > uint64(b.begin-a.begin) {
			return fmt.Errorf("%q and %q overlap", a.name, b.name)
		}
	}
	return nil
}
