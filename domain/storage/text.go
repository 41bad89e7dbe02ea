package storage

import (
	"bytes"
	"encoding/json"
	"strings"
)

// What follows reads compact JSON text that is known to be valid; on anything
// else it may panic.

// span is the length of the member or element that the text begins with.
func span(text string) int {
	switch text[0] {
	case '"':
		return stringSpan(text)
	case '{', '[':
		open := 0
		for i := 0; ; i++ {
			switch text[i] {
			case '"':
				i += stringSpan(text[i:]) - 1
			case '{', '[':
				open++
			case '}', ']':
				if open--; open == 0 {
					return i + 1
				}
			}
		}
	}
	return strings.IndexAny(text, ",]}")
}

func stringSpan(text string) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// depth tells how deep arrays and objects nest: 0 for a scalar, 1 for "{}".
func depth(text string) int {
	open, most := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringSpan(text[i:]) - 1
		case '{', '[':
			open++
			most = max(most, open)
		case '}', ']':
			open--
		}
	}
	return most
}

// unquote is the string that a JSON string spells.
func unquote(text string) string {
	if !strings.Contains(text, `\`) {
		return text[1 : len(text)-1]
	}
	var s string
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic("storage: unquote what is no JSON string")
	}
	return s
}

// quote spells a string in JSON.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("storage: quote: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
