package storage

import (
	"context"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Documents stores documents and tombstones.
type Documents interface {
	// GetMany gives the documents and tombstones that there are of the refs, in any order.
	GetMany(ctx context.Context, scope tenancy.Scope, refs []Ref) ([]Document, error)
	// LockMany gives the documents and tombstones that there are of the refs, in
	// any order, and within a transaction keeps other writers of them out until
	// it ends. What was never there is missing, and not locked: WriteMany then
	// decides who is first. Refs are locked in one order, whatever order they
	// come in, so that callers who lock once don't wait for each other in a circle.
	LockMany(ctx context.Context, scope tenancy.Scope, refs []Ref) ([]Document, error)
	// WriteMany stores documents and tombstones of different refs, each if the
	// stored version is still its Before. Else ErrStale: a transaction of its own
	// changed nothing, and the caller's may not commit, for some may be written.
	WriteMany(ctx context.Context, scope tenancy.Scope, writes []Write) error
	// Revisions gives up to limit earlier states of a document, tombstones among
	// them, the latest first, all before the version; without values unless
	// they are asked for. What the document is now is not among them.
	Revisions(ctx context.Context, scope tenancy.Scope, query RevisionQuery) ([]Document, error)
	// Revision gives one earlier state; ErrRevisionNotFound when it is not kept.
	Revision(ctx context.Context, scope tenancy.Scope, ref Ref, version int64) (Document, error)
	// List gives up to Limit documents by (collection, key), bytewise. A page costs the same
	// however much there is that the query leaves out.
	List(ctx context.Context, scope tenancy.Scope, query Query) ([]Document, error)
	// ListAll gives up to Limit live documents of a collection, whoever owns them,
	// with values, by (owner, key), bytewise.
	ListAll(ctx context.Context, scope tenancy.Scope, query CollectionQuery) ([]Document, error)
}

// Collections stores what operators declare.
type Collections interface {
	// Version counts the changes to any declaration of the environment; 0: there was none.
	Version(ctx context.Context, scope tenancy.Scope) (int64, error)
	// NextVersion takes the version of a change. Until its transaction ends, no
	// other takes one; the caller looks at what is stored after it.
	NextVersion(ctx context.Context, scope tenancy.Scope) (int64, error)
	// Get is ErrCollectionNotFound when there is none.
	Get(ctx context.Context, scope tenancy.Scope, name string) (Collection, error)
	// List gives up to limit declarations with names after the given one, bytewise.
	List(ctx context.Context, scope tenancy.Scope, after string, limit int) ([]Collection, error)
	// Save stores a declaration in the place of any of its name.
	Save(ctx context.Context, scope tenancy.Scope, collection Collection) error
	// Delete is ErrCollectionNotFound when there is none.
	Delete(ctx context.Context, scope tenancy.Scope, name string) error
}

// Write is a document that takes the place of an earlier state.
type Write struct {
	Document Document
	// Before is the version that must be stored now, less than the document's;
	// 0: there was never one.
	Before int64
	// Past are earlier states, each kept as a revision from now on.
	Past []Document
	// Forget lets revisions go: those up to this version may be deleted, now or
	// with a later write.
	Forget int64
}

// RevisionQuery selects earlier states of one document.
type RevisionQuery struct {
	Ref    Ref
	Before int64 // a version
	Values bool  // false leaves Value nil
	Limit  int
	// Bytes bounds the values: from the third on, a revision is given if those before it have at most so many; 0 is no bound.
	Bytes int
}

// CollectionQuery selects all documents of a collection.
type CollectionQuery struct {
	Collection string
	// After is the owner and key of the last document of the page before; its
	// key is empty at the beginning.
	After struct {
		Owner Owner
		Key   string
	}
	Limit int
}

// Query selects documents of one owner.
type Query struct {
	Owner      Owner
	Collection string // empty: all
	Prefix     string // of the key; only with a Collection
	Reads      []Access
	Values     bool // false leaves Value nil
	Tombstones bool // those of deleted documents as well; only with all Reads
	// After is the place of the last document of the page before: its
	// collection and key, both empty at the beginning.
	After struct{ Collection, Key string }
	Limit int
	// Bytes bounds the values: from the third on, a document is given if those before it have at most so many; 0 is no bound.
	Bytes int
}
