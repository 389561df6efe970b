// Package strictjson reads untrusted JSON. It bounds how deep values are nested and how many there
// are. It refuses text that is not UTF-8, and an object that has a name twice, since readers differ
// in which of the two values they take.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The errors of a text that exceeds the bounds that Parse was given.
var (
	ErrDepth   = errors.New("values in values, too deep")
	ErrObjects = errors.New("too many objects and lists")
)

// Parse reads one JSON value. In it are at most objects objects and lists, nested at most depth
// deep. number converts each of its numbers.
func Parse(text []byte, depth, objects int, number func(json.Number) (any, error)) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("JSON: it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	p := &parser{d, number, objects}
	v, err := p.value(depth)
	if err != nil {
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too soon")
		}
		return nil, fmt.Errorf("JSON, at byte %d: %w", d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("JSON, at byte %d: something follows the end", d.InputOffset())
	}
	return v, nil
}

// Float converts a number to a float64, for Parse.
func Float(n json.Number) (any, error) {
	x, err := n.Float64()
	if err != nil { // it is out of range: json has checked the rest
		return nil, fmt.Errorf("%s is no number of float64", n)
	}
	return x, nil
}

type parser struct {
	*json.Decoder
	number  func(json.Number) (any, error)
	objects int // that may still come
}

func (p *parser) value(depth int) (any, error) {
	t, err := p.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return p.number(t)
	case json.Delim:
		if depth--; depth < 0 {
			return nil, ErrDepth
		}
		if p.objects--; p.objects < 0 {
			return nil, ErrObjects
		}
		if t == '[' {
			list := []any{}
			for p.More() {
				v, err := p.value(depth)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := p.Token()
			return list, err
		}
		m := map[string]any{}
		for p.More() {
			t, err := p.Token()
			if err != nil {
				return nil, err
			}
			name := t.(string) // the decoder accepts nothing else
			if _, ok := m[name]; ok {
				return nil, fmt.Errorf("the name %q is twice in an object", name)
			}
			if strings.ContainsRune(name, utf8.RuneError) { // what the decoder makes of half a surrogate
				return nil, fmt.Errorf("the name %q has a character that is none", name)
			}
			if m[name], err = p.value(depth); err != nil {
				return nil, err
			}
		}
		_, err := p.Token()
		return m, err
	}
	return t, nil
}
