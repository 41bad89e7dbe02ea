package storage

import (
	"strconv"

	"github.com/overworldhq/overworld/domain/fault"
)

// operation is one of a JSON patch, with only the members that its kind uses.
type operation struct {
	op         string
	path, from pointer
	value      string // compact JSON
}

// readOperations checks the form of a whole patch, and reports every fault of it.
func readOperations(text []byte, limits EditLimits) ([]operation, error) {
	root, err := read(text, limits.Depth+2) // of the list and the operation around a value
	if err != nil {
		return nil, err
	}
	var r operationReader
	list := root.asArray()
	switch {
	case list == nil:
		r.add("", "wrong_type", "An array of operations.")
	case len(list.items) > limits.Operations:
		r.add("", "too_many", "At most %d operations.", limits.Operations)
	default:
		operations := make([]operation, len(list.items))
		for i, item := range list.items {
			r.at = "/" + strconv.Itoa(i)
			operations[i] = r.read(item)
		}
		if len(r.fields) == 0 {
			return operations, nil
		}
	}
	return nil, ErrPatchInvalid.WithFields(r.fields...)
}

type operationReader struct {
	at     string // pointer to the operation
	fields []fault.Field
}

// maxFields bounds the faults that are reported at once.
const maxFields = 100

func (r *operationReader) add(pointer, code, detail string, args ...any) {
	if len(r.fields) < maxFields {
		r.fields = append(r.fields, fault.Body(r.at+pointer, code, detail, args...))
	}
}

func (r *operationReader) read(item *node) (o operation) {
	members := item.asObject()
	if members == nil {
		r.add("", "wrong_type", "An operation is an object.")
		return o
	}
	if members.twice {
		r.add("", "duplicate_member", "A member of the operation is given twice.")
		return o
	}
	var ok bool
	if o.op, ok = r.text(members, "op"); !ok {
		return o
	}
	needsValue, needsFrom := false, false
	switch o.op {
	case "remove":
	case "add", "replace", "test":
		needsValue = true
	case "move", "copy":
		needsFrom = true
	default:
		r.add("/op", "not_allowed", "One of add, remove, replace, move, copy, test.")
		return o
	}
	o.path = r.pointer(members, "path")
	if needsFrom {
		o.from = r.pointer(members, "from")
		if o.op == "move" && o.from != nil && o.path.within(o.from) {
			r.add("/path", "within_from", "Nothing can be moved into itself.")
		}
	}
	if needsValue {
		if value := members.get("value"); value != nil {
			o.value = value.text
		} else {
			r.add("/value", "required", "This member is needed.")
		}
	}
	return o
}

func (r *operationReader) text(members *object, name string) (string, bool) {
	value := members.get(name)
	switch {
	case value == nil:
		r.add("/"+name, "required", "This member is needed.")
	case value.text[0] != '"':
		r.add("/"+name, "wrong_type", "A string.")
	default:
		return unquote(value.text), true
	}
	return "", false
}

// pointer is nil when it is noted as a fault.
func (r *operationReader) pointer(members *object, name string) pointer {
	s, ok := r.text(members, name)
	if !ok {
		return nil
	}
	p, ok := parsePointer(s)
	if !ok {
		r.add("/"+name, "malformed", "%s", pointerForm)
	}
	return p
}
