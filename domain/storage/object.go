package storage

// object is the members of an opened object, in their order.
type object struct {
	members []member
	index   map[string]int // by name; nil while there are few members
	twice   bool           // the text named a member twice
}

type member struct {
	name     string
	spelling string // the name as quoted in the text
	value    *node  // nil: removed, which keeps the index true
}

// fewMembers are found as fast one by one as through an index.
const fewMembers = 16

func openObject(text string) *object {
	o := &object{}
	for rest := text[1:]; rest[0] != '}'; {
		end := stringSpan(rest)
		m := member{spelling: rest[:end]}
		m.name = unquote(m.spelling)
		rest = rest[end+1:] // the colon
		end = span(rest)
		m.value = &node{text: rest[:end]}
		rest = rest[end:]
		if rest[0] == ',' {
			rest = rest[1:]
		}
		if o.find(m.name) >= 0 {
			o.twice = true
		}
		o.add(m)
	}
	return o
}

// find gives the place of a member, -1 when there is none.
func (o *object) find(name string) int {
	if o.index != nil {
		if at, there := o.index[name]; there {
			return at
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].value != nil && o.members[i].name == name {
			return i
		}
	}
	return -1
}

// add puts a member, which may not be there yet, at the end.
func (o *object) add(m member) {
	o.members = append(o.members, m)
	if o.index == nil {
		if len(o.members) <= fewMembers {
			return
		}
		o.index = make(map[string]int, 2*len(o.members))
		for i, m := range o.members {
			o.enter(m, i)
		}
		return
	}
	o.enter(m, len(o.members)-1)
}

func (o *object) enter(m member, at int) {
	if _, there := o.index[m.name]; !there && m.value != nil {
		o.index[m.name] = at
	}
}

func (o *object) get(name string) *node {
	if at := o.find(name); at >= 0 {
		return o.members[at].value
	}
	return nil
}

// set replaces a member's value where it stands, or adds the member.
func (o *object) set(name string, value *node) {
	if at := o.find(name); at >= 0 {
		o.members[at].value = value
		return
	}
	o.add(member{name: name, spelling: quote(name), value: value})
}

func (o *object) remove(name string) {
	if at := o.find(name); at >= 0 {
		o.members[at].value = nil
		delete(o.index, name)
	}
}

// count is how many members there are.
func (o *object) count() int {
	if o.index != nil {
		return len(o.index)
	}
	n := 0
	for _, m := range o.members {
		if m.value != nil {
			n++
		}
	}
	return n
}

func (o *object) appendTo(b []byte) []byte {
	b = append(b, '{')
	first := true
	for _, m := range o.members {
		if m.value == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(b, m.spelling...), ':')
		b = m.value.appendTo(b)
	}
	return append(b, '}')
}
