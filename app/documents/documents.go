package documents

import (
	"context"
	"fmt"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/collections"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Directory *environments.Directory
	Clock     clock.Clock
	IDs       ids.Source
	Book      *collections.Book
	Limits    limits.Limits
	Throttle  *limits.Throttle
	Tracer    tracing.Tracer // nil: nothing is traced
}

// UseCases are what callers do with documents.
type UseCases struct {
	parts   Parts
	writers *coalesce.Coalescer[group, result]
	batches *coalesce.Coalescer[group, result] // of more than sharedChanges each
	readers *coalesce.Lookup[storage.Ref, storage.Document]
}

func New(p Parts) *UseCases {
	u := &UseCases{parts: p, readers: newReaders(p)}
	u.writers = coalesce.New(coalesce.Commits("commit documents", p.Store, p.Limits.RequestTime, p.Tracer), u.commit).Weighed(commitChanges, group.size)
	alone := coalesce.Commits("commit a batch of documents", p.Store, p.Limits.RequestTime, p.Tracer)
	alone.Batch, alone.Full, alone.Queue = 1, 1, batchesWaiting
	u.batches = coalesce.New(alone, u.commit)
	return u
}

// commitChanges is how many changes of several callers share a commit at most: it holds the values of all their
// documents, before and after. Single changes are never so many.
const commitChanges = 128

// batchesWaiting is how many large batches may wait for the few that are under way: no more, because
// each keeps a place among the requests that are served.
const batchesWaiting = 64

// Writes tells of the commits that concurrent writers share.
func (u *UseCases) Writes() coalesce.Stats { return u.writers.Stats() }

func newReaders(p Parts) *coalesce.Lookup[storage.Ref, storage.Document] {
	find := func(ctx context.Context, scope tenancy.Scope, refs []storage.Ref) (map[storage.Ref]storage.Document, error) {
		found, err := p.Store.Documents().GetMany(ctx, scope, refs)
		documents := make(map[storage.Ref]storage.Document, len(found))
		for _, document := range found {
			documents[document.Ref] = document
		}
		return documents, err
	}
	return coalesce.NewLookup(coalesce.LookupOptions{Name: "read documents", Tracer: p.Tracer, Deadline: p.Limits.RequestTime, Missing: storage.ErrNotFound}, find)
}

// Get gives a document that the caller may read; ErrNotFound when there is none.
func (u *UseCases) Get(ctx context.Context, p tenancy.Principal, ref storage.Ref) (storage.Document, error) {
	document, err := u.readers.Get(ctx, p.Scope(), ref)
	if err != nil {
		return storage.Document{}, fmt.Errorf("read document: %w", err)
	}
	if document.Deleted || !document.ReadableBy(storage.ActorOf(p)) {
		return storage.Document{}, storage.ErrNotFound
	}
	return document, nil
}

// List gives up to query.Limit of an owner's documents that the caller may read.
// query.Reads is filled in here.
func (u *UseCases) List(ctx context.Context, p tenancy.Principal, query storage.Query) ([]storage.Document, error) {
	query.Reads = storage.ActorOf(p).Visible(query.Owner)
	if len(query.Reads) == 0 {
		return []storage.Document{}, nil
	}
	documents, err := u.parts.Store.Documents().List(ctx, p.Scope(), query)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return documents, nil
}
