package storage

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

// Owner is whose a document is: a player, or, when empty, the environment (a
// shared document).
type Owner identity.PlayerID

// Shared owns the documents that belong to no player.
const Shared Owner = ""

// Ref names a document within its environment.
type Ref struct {
	Owner      Owner
	Collection string // 1 to 64 of a-z A-Z 0-9 _ - .
	Key        string // 1 to 128 of a-z A-Z 0-9 _ - . ~ @ + =
}

// Compare orders names by owner, collection and key, bytewise.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(cmp.Compare(r.Owner, other.Owner), cmp.Compare(r.Collection, other.Collection), cmp.Compare(r.Key, other.Key))
}

// Document is one stored JSON object. A deleted one stays as a tombstone: the
// row that keeps its version from being used again.
type Document struct {
	Ref
	Value     []byte // a JSON object, compact, members in the order they were sent; nil when deleted
	Version   int64  // from 1
	Read      Access
	Write     Access
	CreatedAt time.Time // of this life: moves when it is made again after a delete
	UpdatedAt time.Time
	Deleted   bool
}

// Size is how many bytes the value has.
func (d Document) Size() int { return len(d.Value) }

// Access says who may read or write a document. A server and an operator always may.
type Access string

const (
	// OwnerOnly: the player whose it is.
	OwnerOnly Access = "owner"
	// Public: every player of the environment (reading only).
	Public Access = "public"
	// ServerOnly: no player.
	ServerOnly Access = "server"
)

// AllAccess lists every access there is.
func AllAccess() []Access { return []Access{OwnerOnly, Public, ServerOnly} }

// Limits bound what a document may be.
type Limits struct {
	ValueBytes int // of the compact value
}

const (
	maxCollection = 64
	maxKey        = 128
)

// NewRef checks a name, which comes from the path of a request.
func NewRef(owner Owner, collection, key string) (Ref, error) {
	var fields []fault.Field
	if !ValidCollection(collection) {
		fields = append(fields, malformedCollection())
	}
	if !validKey(key, 1) {
		f := fault.Body("/key", "malformed", "1 to %d letters, digits and any of '_-.~@+=', other than '.' and '..'.", maxKey)
		f.In = "path"
		fields = append(fields, f)
	}
	if len(fields) > 0 {
		return Ref{}, fault.ErrInvalid.WithFields(fields...)
	}
	return Ref{Owner: owner, Collection: collection, Key: key}, nil
}

func malformedCollection() fault.Field {
	f := fault.Body("/collection", "malformed", "1 to %d letters, digits, '_', '-' and '.', other than '.' and '..'.", maxCollection)
	f.In = "path"
	return f
}

// ValidCollection tells whether a collection may have the name.
func ValidCollection(name string) bool {
	return len(name) >= 1 && len(name) <= maxCollection && name != "." && name != ".." && !strings.ContainsFunc(name, func(r rune) bool {
		return !letterOrDigit(r) && !strings.ContainsRune("_-.", r)
	})
}

// ValidPrefix tells whether some key may begin so. The empty prefix begins every key.
func ValidPrefix(prefix string) bool { return prefix == "." || prefix == ".." || validKey(prefix, 0) }

func validKey(key string, least int) bool {
	return len(key) >= least && len(key) <= maxKey && key != "." && key != ".." && !strings.ContainsFunc(key, func(r rune) bool {
		return !letterOrDigit(r) && !strings.ContainsRune("_-.~@+=", r)
	})
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Draft is what a writer sends. An empty access keeps what the document has, or
// takes the default for a new one: the collection's, or else owner and owner for
// a player's, public and server for a shared one.
type Draft struct {
	Value []byte // a compact JSON object
	Read  Access
	Write Access
}

// Precondition is what a writer says of the state it means to replace. The zero
// value accepts any.
type Precondition struct {
	// Versions, when there are any, are those one of which must be current (If-Match).
	Versions []int64
	// Exists demands that there is a document, of any version (If-Match: *).
	Exists bool
	// Absent demands that there is none (If-None-Match: *).
	Absent bool
}

// Missed tells whether the current state (nil: no document) is not the one the writer meant.
func (p Precondition) Missed(current *Document) bool {
	there := current != nil && !current.Deleted
	switch {
	case p.Absent && there, p.Exists && !there:
		return true
	case len(p.Versions) > 0:
		if !there {
			return true
		}
		for _, v := range p.Versions {
			if v == current.Version {
				return false
			}
		}
		return true
	}
	return false
}

// Put is the document that writing the draft over current (nil: none, a
// tombstone: deleted) makes. Whether its value suits the schema is not looked at.
func Put(actor Actor, ref Ref, current *Document, draft Draft, pre Precondition, rules Rules, now time.Time) (Document, error) {
	if err := check(actor, ref, current, pre, rules); err != nil {
		return Document{}, err
	}
	if err := draft.check(actor, ref, rules.Limits); err != nil {
		return Document{}, err
	}
	next := Document{Ref: ref, Value: draft.Value, Version: 1, CreatedAt: now, UpdatedAt: now}
	next.Read, next.Write = rules.access(ref.Owner)
	if current != nil {
		next.Version = current.Version + 1
		if !current.Deleted {
			next.Read, next.Write, next.CreatedAt = current.Read, current.Write, current.CreatedAt
		}
	}
	if draft.Read != "" {
		next.Read = draft.Read
	}
	if draft.Write != "" {
		next.Write = draft.Write
	}
	return next, nil
}

// Delete is the tombstone that deleting current makes. ErrNotFound when there is nothing to delete.
func Delete(actor Actor, ref Ref, current *Document, pre Precondition, now time.Time) (Document, error) {
	if err := check(actor, ref, current, pre, Rules{}); err != nil {
		return Document{}, err
	}
	if current == nil || current.Deleted {
		return Document{}, ErrNotFound
	}
	next := *current
	next.Value, next.Deleted, next.UpdatedAt = nil, true, now
	next.Version++
	return next, nil
}

// check decides whether the actor may write here at all, and then whether it
// meant this state; who may not write learns nothing of the state.
func check(actor Actor, ref Ref, current *Document, pre Precondition, rules Rules) error {
	if !actor.mayWrite(ref.Owner, current, rules) {
		return ErrWriteDenied
	}
	if !pre.Missed(current) {
		return nil
	}
	if current == nil || current.Deleted || !current.ReadableBy(actor) {
		return ErrStale
	}
	return ErrStale.WithCurrent(*current)
}

func (d Draft) check(actor Actor, ref Ref, limits Limits) error {
	if len(d.Value) > limits.ValueBytes {
		return ErrTooLarge.With("The value is %d bytes; at most %d are kept.", len(d.Value), limits.ValueBytes)
	}
	var check fault.Check
	if !bytes.HasPrefix(d.Value, []byte("{")) {
		check.Add("/value", "not_an_object", "A document's value is a JSON object.")
	}
	reads, writes := AllAccess(), []Access{OwnerOnly, ServerOnly}
	if ref.Owner == Shared {
		reads, writes = []Access{Public, ServerOnly}, []Access{ServerOnly}
	}
	if actor.kind == playerActor {
		// A player who could set "server" would lock the game's own client out.
		reads, writes = []Access{OwnerOnly, Public}, []Access{OwnerOnly}
	}
	d.Read.check(&check, "/read", reads)
	d.Write.check(&check, "/write", writes)
	return check.Err()
}

func (a Access) check(c *fault.Check, pointer string, allowed []Access) {
	if a == "" {
		return
	}
	words := make([]string, len(allowed))
	for i, one := range allowed {
		if a == one {
			return
		}
		words[i] = string(one)
	}
	c.Add(pointer, "not_allowed", "Here and for this caller: %s.", strings.Join(words, ", "))
}
