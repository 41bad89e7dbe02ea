package storage

// Merge applies a JSON merge patch (RFC 7396) to a document's value: members of
// the patch replace those of the value, objects member by member, and null
// removes. Arrays are replaced whole. The value is not changed; the result is.
//
// Members keep their place; new ones come last, in the order of the patch. What
// the patch doesn't name keeps every byte.
//
// The patch is an object (fault.ErrInvalid, not_an_object); what is no JSON, or
// too deep, is ErrPatchInvalid, and a result over the limit is ErrTooLarge.
func Merge(value, patch []byte, limits EditLimits) ([]byte, error) {
	target, err := stored(value)
	if err != nil {
		return nil, err
	}
	changes, err := read(patch, limits.Depth)
	if err != nil {
		return nil, err
	}
	if !changes.isObject() {
		return nil, notAnObject("")
	}
	// The result nests no deeper than the deeper of the two.
	target.merge(changes)
	return finish(target, limits)
}

func (n *node) merge(patch *node) {
	changes := patch.asObject()
	if changes == nil {
		*n = *patch
		return
	}
	if !n.isObject() {
		*n = node{object: &object{}}
	}
	target := n.asObject()
	for _, change := range changes.members {
		at := target.find(change.name)
		switch {
		case change.value.text == "null":
			target.remove(change.name)
		case at >= 0:
			target.members[at].value.merge(change.value)
		default:
			// A new object is merged into nothing, so that its nulls don't stay.
			added := &node{object: &object{}}
			added.merge(change.value)
			target.add(member{name: change.name, spelling: change.spelling, value: added})
		}
	}
}
