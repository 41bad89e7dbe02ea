package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Revisions gives up to query.Limit states of a document before a version, the
// latest first: what it is now, and the earlier ones that are kept, within query.Bytes.
// Those that the caller may not read are left out. ErrNotFound when there never was a
// document, or its history is not for the caller.
func (u *UseCases) Revisions(ctx context.Context, p tenancy.Principal, query storage.RevisionQuery) ([]storage.Document, error) {
	current, err := u.reviewed(ctx, p, query.Ref)
	if err != nil {
		return nil, err
	}
	kept, err := u.kept(ctx, p, query.Ref)
	if err != nil {
		return nil, err
	}
	oldest, actor := max(current.Version-kept, 0), storage.ActorOf(p)
	revisions, bytes := []storage.Document{}, 0
	if current.Version < query.Before {
		if !query.Values {
			current.Value = nil
		}
		revisions, bytes = append(revisions, current), current.Size()
	}
	full := func() bool {
		return len(revisions) >= query.Limit || query.Bytes > 0 && bytes > query.Bytes && len(revisions) > 1
	}
	// Some may not be for the caller, so a full page can take several reads.
	for before := min(query.Before, current.Version); before > oldest+1 && !full(); {
		rest := query
		rest.Before, rest.Limit = before, query.Limit-len(revisions)
		past, err := u.parts.Store.Documents().Revisions(ctx, p.Scope(), rest)
		if err != nil {
			return nil, fmt.Errorf("list revisions: %w", err)
		}
		if len(past) == 0 {
			break
		}
		for _, one := range past {
			if one.Version > oldest && one.ReadableBy(actor) && !full() {
				revisions, bytes = append(revisions, one), bytes+one.Size()
			}
			before = one.Version
		}
	}
	return revisions[:min(len(revisions), query.Limit)], nil
}

// Revision gives one state of a document, which may be a tombstone.
func (u *UseCases) Revision(ctx context.Context, p tenancy.Principal, ref storage.Ref, version int64) (storage.Document, error) {
	current, err := u.reviewed(ctx, p, ref)
	if err != nil {
		return storage.Document{}, err
	}
	if version == current.Version {
		return current, nil
	}
	kept, err := u.kept(ctx, p, ref)
	if err != nil {
		return storage.Document{}, err
	}
	if version <= current.Version-kept {
		return storage.Document{}, storage.ErrRevisionNotFound
	}
	revision, err := u.parts.Store.Documents().Revision(ctx, p.Scope(), ref, version)
	if err != nil {
		return storage.Document{}, fmt.Errorf("read revision: %w", err)
	}
	if !revision.ReadableBy(storage.ActorOf(p)) {
		return storage.Document{}, storage.ErrRevisionNotFound
	}
	return revision, nil
}

// Restore writes the value of a revision as a new version. Permissions stay what
// they are. A tombstone has no value: ErrRevisionNotFound.
func (u *UseCases) Restore(ctx context.Context, p tenancy.Principal, ref storage.Ref, version int64, pre storage.Precondition, effects ...once.Effect[storage.Outcome]) (storage.Outcome, error) {
	// A version names one state for ever, so it may be read before the write.
	revision, err := u.Revision(ctx, p, ref, version)
	if err != nil {
		return storage.Outcome{}, err
	}
	if revision.Deleted {
		return storage.Outcome{}, storage.ErrRevisionNotFound.With("In this revision the document was deleted: there is nothing to restore.")
	}
	return u.Write(ctx, p, storage.Change{Ref: ref, Precondition: pre, Edit: storage.Restoration{Value: revision.Value}}, effects...)
}

// kept is how many states of a document there are to see, what it is now among them.
func (u *UseCases) kept(ctx context.Context, p tenancy.Principal, ref storage.Ref) (int64, error) {
	set, err := u.parts.Book.Of(ctx, u.parts.Store, p.Scope())
	if err != nil {
		return 0, err
	}
	rules, err := set.Rules(ref.Collection)
	return rules.Revisions, err
}

// reviewed gives what a document is now, if its history is for the caller.
func (u *UseCases) reviewed(ctx context.Context, p tenancy.Principal, ref storage.Ref) (storage.Document, error) {
	current, err := u.readers.Get(ctx, p.Scope(), ref)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return storage.Document{}, fmt.Errorf("read document: %w", err)
	}
	if err != nil || !current.ReviewableBy(storage.ActorOf(p)) {
		return storage.Document{}, storage.ErrNotFound
	}
	return current, nil
}
