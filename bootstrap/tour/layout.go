package tour

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// layout writes JSON for reading: what fits on a line is on one, the rest is
// broken into its members, which keep their order. Text that isn't JSON stays as it is.
func layout(body []byte, width int) string {
	value := jsontext.Value(body).Clone() // Format works in place
	if err := value.Format(jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true)); err != nil {
		return string(body)
	}
	var out strings.Builder
	arrange(&out, value, "", 0, width)
	return out.String()
}

// arrange writes a formatted value, whose first line has used up some of the
// width already.
func arrange(out *strings.Builder, value jsontext.Value, indent string, used, width int) {
	line := string(value)
	if kind := value.Kind(); used+len(shorten(line)) <= width || kind != '{' && kind != '[' {
		out.WriteString(line)
		return
	}
	deeper := indent + "  "
	out.WriteByte(value[0])
	for i, p := range split(value) {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + deeper + p.name)
		arrange(out, p.value, deeper, len(deeper)+len(p.name)+1, width)
	}
	out.WriteString("\n" + indent + line[len(line)-1:])
}

// part is a member of an object, or an item of a list, which has no name.
type part struct {
	name  string // as it is written, with its colon
	value jsontext.Value
}

// split takes a valid object or list apart.
func split(value jsontext.Value) []part {
	decoder := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := decoder.ReadToken(); err != nil {
		return nil
	}
	var parts []part
	for decoder.PeekKind() != jsontext.EndObject.Kind() && decoder.PeekKind() != jsontext.EndArray.Kind() {
		var p part
		if value.Kind() == '{' {
			name, err := decoder.ReadValue()
			if err != nil {
				return parts
			}
			p.name = string(name) + ": "
		}
		item, err := decoder.ReadValue()
		if err != nil {
			return parts
		}
		p.value = item.Clone()
		parts = append(parts, p)
	}
	return parts
}
