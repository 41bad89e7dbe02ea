package storage

import (
	"context"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// Documents stores documents and tombstones.
type Documents interface {
	// Get gives the document or its tombstone; ErrNotFound when there was never one.
	Get(ctx context.Context, scope tenancy.Scope, ref Ref) (Document, error)
	// Lock is Get within a transaction that keeps other writers of the
	// document out until it ends. When there was never one it locks nothing:
	// Write then decides who is first.
	Lock(ctx context.Context, scope tenancy.Scope, ref Ref) (Document, error)
	// Write stores the document, or tombstone, if the stored version is still
	// the one before; version 1 if there was never one. Else ErrStale, nothing changed,
	// and a transaction can go on after it.
	Write(ctx context.Context, scope tenancy.Scope, document Document) error
	// List gives up to Limit live documents by (collection, key), bytewise.
	List(ctx context.Context, scope tenancy.Scope, query Query) ([]Document, error)
}

// Query selects documents of one owner.
type Query struct {
	Owner      Owner
	Collection string // empty: all
	Prefix     string // of the key; needs no collection
	Reads      []Access
	Values     bool // false leaves Value nil
	// After is the place of the last document of the page before: its
	// collection and key, both empty at the beginning.
	After struct{ Collection, Key string }
	Limit int
}
