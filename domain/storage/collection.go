package storage

import (
	"bytes"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// Collection is what operators declare of the documents of one name. Documents
// need none: without it they obey the installation's rules alone.
type Collection struct {
	Name string
	Declaration
	// Version is from the count of all changes to declarations in the
	// environment, so it is never used again, also not after a delete.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Declaration is what an operator says of a collection. What he leaves out is
// as if nothing were declared.
type Declaration struct {
	// Schema is a JSON Schema that values must satisfy, as it was sent without white space; nil: any object.
	Schema []byte
	// Read and Write are those of new documents whose writer names none; empty:
	// undeclared. Where Write is ServerOnly players make no documents. To a
	// shared document OwnerOnly is ServerOnly, since no player owns it.
	Read, Write Access
	// ValueBytes bounds the compact value; 0: undeclared.
	ValueBytes int
	// Revisions is how many states of a document are kept, the current one among them; 0: undeclared.
	Revisions int
}

// CollectionLimits bound declarations.
type CollectionLimits struct {
	SchemaBytes int
	ValueBytes  int
	Revisions   int
}

// CheckCollection says what keeps the declaration from being made: ErrInvalid with every fault,
// or nil. What is in the schema is for whoever compiles it to judge.
func CheckCollection(name string, d Declaration, limits CollectionLimits) error {
	var check fault.Check
	if d.Schema != nil && !bytes.HasPrefix(d.Schema, []byte("{")) {
		check.Add("/schema", "not_an_object", "A schema is a JSON object.")
	}
	if len(d.Schema) > limits.SchemaBytes {
		check.Add("/schema", "too_large", "At most %d bytes without white space.", limits.SchemaBytes)
	}
	d.Read.check(&check, "/read", AllAccess())
	d.Write.check(&check, "/write", []Access{OwnerOnly, ServerOnly})
	if d.ValueBytes < 0 || d.ValueBytes > limits.ValueBytes {
		check.Add("/document_bytes", "out_of_range", "From 1 to %d.", limits.ValueBytes)
	}
	if d.Revisions < 0 || d.Revisions > limits.Revisions {
		check.Add("/revisions", "out_of_range", "From 1 to %d.", limits.Revisions)
	}
	if !ValidCollection(name) {
		f := malformedCollection()
		return fault.ErrInvalid.WithFields(f)
	}
	return check.Err()
}

// Rules are what the documents of a collection obey.
type Rules struct {
	EditLimits
	// Read and Write are as in a Declaration.
	Read, Write Access
	// Revisions is how many states of a document are kept, from 1.
	Revisions int64
	// Judge gives what in a value the collection's schema forbids, with
	// pointers into the value; nil: any object will do.
	Judge func(value []byte) ([]fault.Field, error)
}

// Declared gives the rules with what a declaration says in the place of theirs.
func (r Rules) Declared(d Declaration, judge func(value []byte) ([]fault.Field, error)) Rules {
	if d.Read != "" {
		r.Read = d.Read
	}
	if d.Write != "" {
		r.Write = d.Write
	}
	if d.ValueBytes > 0 {
		r.ValueBytes = min(r.ValueBytes, d.ValueBytes)
	}
	if d.Revisions > 0 {
		r.Revisions = int64(d.Revisions)
	}
	r.Judge = judge
	return r
}

// access is what a new document gets whose writer names none.
func (r Rules) access(owner Owner) (read, write Access) {
	read, write = OwnerOnly, OwnerOnly
	if owner == Shared {
		read, write = Public, ServerOnly
	}
	if r.Read != "" {
		read = r.Read
	}
	if r.Write != "" {
		write = r.Write
	}
	if owner == Shared {
		write = ServerOnly
		if read == OwnerOnly {
			read = ServerOnly
		}
	}
	return read, write
}

// Violations are why no document may have the value, with pointers into
// {"value": …}: over its size, or against the schema. in says where that stands.
func (r Rules) Violations(value []byte, in string) ([]fault.Field, error) {
	if len(value) > r.ValueBytes {
		f := fault.Body("/value", "too_large", "The value is %d bytes; at most %d are kept.", len(value), r.ValueBytes)
		f.In = in
		return []fault.Field{f}, nil
	}
	if r.Judge == nil {
		return nil, nil
	}
	fields, err := r.Judge(value)
	for i := range fields {
		fields[i].In, fields[i].Pointer = in, "/value"+fields[i].Pointer
	}
	return fields, err
}
