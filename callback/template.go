package callback

// This file fills in names of files as Python's str.format does: "{epoch:02d}-{val_loss:.2f}".

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fill returns a template with what is in braces filled in: ints and float64s, by name.
func fill(template string, value func(name string) (any, bool)) (string, error) {
	var out strings.Builder
	for rest := template; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:i])
		if strings.HasPrefix(rest[i+1:], rest[i:i+1]) { // {{ and }} are braces
			out.WriteByte(rest[i])
			rest = rest[i+2:]
			continue
		}
		end := strings.IndexByte(rest[i:], '}')
		if rest[i] == '}' || end < 0 {
			return "", errors.New("a brace has no other")
		}
		name, spec, _ := strings.Cut(rest[i+1:i+end], ":")
		v, ok := value(name)
		if !ok {
			return "", fmt.Errorf("%q is not measured", name)
		}
		text, err := formatted(v, spec)
		if err != nil {
			return "", fmt.Errorf("{%s:%s}: %w", name, spec, err)
		}
		out.WriteString(text)
		rest = rest[i+end+1:]
	}
	return out.String(), nil
}

const (
	maxWidth     = 200 // of a name of a file
	maxPrecision = 100
)

// formatted is Python's format(v, spec) for an int or a float64.
func formatted(v any, spec string) (string, error) {
	s := spec
	fill, align := rune(0), byte(0)
	if r, n := utf8.DecodeRuneInString(s); n > 0 && len(s) > n && strings.IndexByte("<>=^", s[n]) >= 0 {
		fill, align, s = r, s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		align, s = s[0], s[1:]
	}
	sign := byte('-')
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "0") {
		s = s[1:]
		fill, align = cmp.Or(fill, '0'), cmp.Or(align, '=')
	}
	fill, align = cmp.Or(fill, ' '), cmp.Or(align, '>')
	width, s, err := digits(s, maxWidth)
	if err != nil {
		return "", err
	}
	precision := -1
	if strings.HasPrefix(s, ".") {
		if s == "." || s[1] < '0' || s[1] > '9' {
			return "", errors.New("a precision is missing")
		}
		if precision, s, err = digits(s[1:], maxPrecision); err != nil {
			return "", err
		}
	}
	if len(s) > 1 || s != "" && strings.IndexByte("dfFeEgG%", s[0]) < 0 {
		return "", fmt.Errorf("%q is none of d, f, F, e, E, g, G and %%", s)
	}
	kind := byte(0)
	if s != "" {
		kind = s[0]
	}
	text, err := decimal(v, kind, precision)
	if err != nil {
		return "", err
	}
	prefix := ""
	if body, negative := strings.CutPrefix(text, "-"); negative {
		prefix, text = "-", body
	} else if sign != '-' {
		prefix = string(sign)
	}
	n := max(width-len(prefix)-len(text), 0)
	pad := func(n int) string { return strings.Repeat(string(fill), n) }
	switch align {
	case '<':
		return prefix + text + pad(n), nil
	case '^':
		return pad(n/2) + prefix + text + pad(n-n/2), nil
	case '=':
		return prefix + pad(n) + text, nil
	}
	return pad(n) + prefix + text, nil
}

// digits reads a number of at most so much.
func digits(s string, most int) (n int, rest string, err error) {
	for s != "" && s[0] >= '0' && s[0] <= '9' {
		if n = 10*n + int(s[0]-'0'); n > most {
			return 0, "", fmt.Errorf("a width or precision of more than %d", most)
		}
		s = s[1:]
	}
	return n, s, nil
}

// decimal writes a number without filling up.
func decimal(v any, kind byte, precision int) (string, error) {
	i, whole := v.(int)
	if whole && (kind == 0 || kind == 'd') {
		if precision >= 0 {
			return "", errors.New("a whole number has no precision")
		}
		return strconv.Itoa(i), nil
	}
	x, _ := v.(float64)
	if whole {
		x = float64(i)
	}
	shortest := precision < 0
	if shortest {
		precision = 6
	}
	text := ""
	switch kind {
	case 'd':
		return "", errors.New("d is for whole numbers, and this is none: f, e or g")
	case 0:
		if shortest {
			return repr(x), nil
		}
		text = strconv.FormatFloat(x, 'g', max(precision, 1), 64)
		if !strings.ContainsAny(text, ".enNI") {
			text += ".0"
		}
	case '%':
		text = strconv.FormatFloat(100*x, 'f', precision, 64) + "%"
	case 'g', 'G':
		text = strconv.FormatFloat(x, 'g', max(precision, 1), 64)
	default:
		text = strconv.FormatFloat(x, kind|0x20, precision, 64)
	}
	text = strings.TrimPrefix(strings.ToLower(text), "+") // +inf
	if kind == 'F' || kind == 'E' || kind == 'G' {
		text = strings.ToUpper(text)
	}
	return text, nil
}
