// Package pb writes protocol buffers without generated code: a message is the
// bytes of its fields, appended one after another.
//
// See https://protobuf.dev/programming-guides/encoding.
package pb

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Message is an encoded message, to which fields are appended. A field is
// written even if it holds the default of its type.
type Message []byte

// Int appends an integer, an enum's value or a bool.
func (m *Message) Int(field int, v int64) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v))
}

// Float appends a float.
func (m *Message) Float(field int, v float32) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.Fixed32Type)
	*m = protowire.AppendFixed32(*m, math.Float32bits(v))
}

// Double appends a double.
func (m *Message) Double(field int, v float64) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.Fixed64Type)
	*m = protowire.AppendFixed64(*m, math.Float64bits(v))
}

// String appends a string.
func (m *Message) String(field int, v string) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType)
	*m = protowire.AppendString(*m, v)
}

// Bytes appends bytes.
func (m *Message) Bytes(field int, v []byte) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType)
	*m = protowire.AppendBytes(*m, v)
}

// Message appends a message.
func (m *Message) Message(field int, v Message) { m.Bytes(field, v) }
