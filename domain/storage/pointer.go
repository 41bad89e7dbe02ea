package storage

import (
	"slices"
	"strconv"
	"strings"
)

// pointer is an RFC 6901 JSON pointer, unescaped: empty for the whole value.
type pointer []string

const pointerForm = `A JSON pointer: empty, or "/" before each name, with "~1" for "/" and "~0" for "~".`

func parsePointer(s string) (pointer, bool) {
	if s == "" {
		return pointer{}, true
	}
	if s[0] != '/' {
		return nil, false
	}
	p := pointer(strings.Split(s[1:], "/"))
	if !strings.Contains(s, "~") {
		return p, true
	}
	for i, token := range p {
		for rest := token; ; {
			_, after, found := strings.Cut(rest, "~")
			if !found {
				break
			}
			if after == "" || after[0] != '0' && after[0] != '1' {
				return nil, false
			}
			rest = after
		}
		// In this order: "~01" is "~1" and not "/".
		p[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return p, true
}

// parent is the place that holds the pointer's last token; the pointer is not empty.
func (p pointer) parent() (pointer, string) { return p[:len(p)-1], p[len(p)-1] }

// within tells whether the pointer leads to a place inside of what another one leads to.
func (p pointer) within(other pointer) bool {
	return len(p) > len(other) && slices.Equal(p[:len(other)], other)
}

// at finds what a pointer leads to; nil when that is nothing.
func (n *node) at(p pointer) *node {
	for _, token := range p {
		if o := n.asObject(); o != nil {
			n = o.get(token)
			continue
		}
		a := n.asArray()
		if a == nil {
			return nil
		}
		i, ok := place(token, len(a.items)-1)
		if !ok {
			return nil
		}
		n = a.items[i]
	}
	return n
}

// place reads an array index up to last: decimal digits, without leading zeros.
func place(token string, last int) (int, bool) {
	if token == "" || token[0] == '0' && len(token) > 1 || token[0] < '0' || token[0] > '9' {
		return 0, false
	}
	i, err := strconv.Atoi(token)
	return i, err == nil && i <= last
}
