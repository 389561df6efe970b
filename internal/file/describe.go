package file

// This file tells what a file is that is not what it was taken for.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Describe says what the beginning of a file shows: "a page of HTML", "empty".
func Describe(r io.ReaderAt, size int64) string {
	if size <= 0 {
		return "empty"
	}
	head := make([]byte, min(size, 64))
	n, _ := r.ReadAt(head, 0)
	head = head[:n]
	for _, known := range []struct{ begin, what string }{
		{"PK\x03\x04", "a zip archive"},
		{"PK\x05\x06", "a zip archive"},
		{"\x89HDF\r\n\x1a\n", "an HDF5 file"},
		{"\x93NUMPY", "an .npy array"},
		{"\x89PNG", "a PNG picture"},
		{"\xff\xd8\xff", "a JPEG picture"},
		{"GIF8", "a GIF picture"},
		{"\x1f\x8b", "compressed by gzip"},
		{"%PDF", "a PDF"},
		{"version https://git-lfs", "a pointer of Git LFS: the file itself was not fetched"},
	} {
		if bytes.HasPrefix(head, []byte(known.begin)) {
			return known.what
		}
	}
	text := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(head), "\ufeff")))
	switch {
	case strings.HasPrefix(text, "<!doctype") || strings.HasPrefix(text, "<html"):
		return "a page of HTML"
	case BeginsSafetensors(head):
		return "a .safetensors file"
	}
	return fmt.Sprintf("of a format that begins with %q", head[:min(len(head), 8)])
}

// BeginsSafetensors reports whether a file that begins so is, or was before it was cut off, a .safetensors file: it says how long its header of
// JSON is, of which the format allows 100,000,000 bytes.
func BeginsSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= 100_000_000
}
