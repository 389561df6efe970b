package kerasfile

// This file reads JSON that nobody vouches for: within a depth, and with no name twice
// in an object, which readers would take in different ways.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// parse reads one JSON value.
func parse(text []byte, depth int) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := value(d, depth)
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

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		x, err := t.Float64()
		if err != nil || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%s is no number of float64", t)
		}
		return x, nil
	case json.Delim:
		if depth--; depth < 0 {
			return nil, errors.New("values in values, too deep")
		}
		if t == '[' {
			list := []any{}
			for d.More() {
				v, err := value(d, depth)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		m := map[string]any{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			name := t.(string) // the decoder accepts nothing else
			if _, ok := m[name]; ok {
				return nil, fmt.Errorf("the name %q is twice in an object", name)
			}
			if m[name], err = value(d, depth); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return m, err
	}
	return t, nil
}
