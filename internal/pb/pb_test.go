package pb

import (
	"bytes"
	"testing"
)

// The bytes are those that the encoding's documentation works out, and protoc's.
func TestFieldsAreEncodedAsProtocDoes(t *testing.T) {
	for _, c := range []struct {
		name   string
		append func(m *Message)
		want   []byte
	}{
		{"an integer", func(m *Message) { m.Int(1, 150) }, []byte{0x08, 0x96, 0x01}},
		{"a negative integer", func(m *Message) { m.Int(1, -2) }, []byte{0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}},
		{"a string", func(m *Message) { m.String(2, "testing") }, []byte("\x12\x07testing")},
		{"bytes", func(m *Message) { m.Bytes(2, []byte{0, 255}) }, []byte{0x12, 2, 0, 255}},
		{"a message", func(m *Message) { var inner Message; inner.Int(1, 150); m.Message(3, inner) }, []byte{0x1A, 0x03, 0x08, 0x96, 0x01}},
		{"a float", func(m *Message) { m.Float(1, 1) }, []byte{0x0D, 0, 0, 0x80, 0x3F}},
		{"a double", func(m *Message) { m.Double(1, -2) }, []byte{0x09, 0, 0, 0, 0, 0, 0, 0, 0xC0}},
		{"a field of a two-byte tag", func(m *Message) { m.Int(16, 0) }, []byte{0x80, 0x01, 0}},
		{"fields one after another", func(m *Message) { m.Int(1, 1); m.Int(2, 2) }, []byte{0x08, 1, 0x10, 2}},
	} {
		var m Message
		if c.append(&m); !bytes.Equal(m, c.want) {
			t.Errorf("%s: % x, want % x", c.name, []byte(m), c.want)
		}
	}
}
