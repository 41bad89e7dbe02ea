package documents

import (
	"context"
	"errors"
	"fmt"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Put stores a whole document, and tells whether there was none before.
func (u *UseCases) Put(ctx context.Context, p tenancy.Principal, ref storage.Ref, draft storage.Draft, pre storage.Precondition) (document storage.Document, created bool, err error) {
	done, err := u.Write(ctx, p, storage.Change{Ref: ref, Precondition: pre, Edit: draft})
	return done.Document, done.Created, err
}

// Delete removes a document; its version is never used again.
func (u *UseCases) Delete(ctx context.Context, p tenancy.Principal, ref storage.Ref, pre storage.Precondition) error {
	_, err := u.Write(ctx, p, storage.Change{Ref: ref, Precondition: pre, Edit: storage.Removal{}})
	return err
}

// Write puts what the change makes of a document in its place.
func (u *UseCases) Write(ctx context.Context, p tenancy.Principal, change storage.Change, effects ...once.Effect[storage.Outcome]) (storage.Outcome, error) {
	var tell once.Effect[[]storage.Outcome]
	if once.Wanted(effects) {
		tell = func(ctx context.Context, tx datastore.Repos, outcomes []storage.Outcome) error {
			return once.Tell(ctx, tx, outcomes[0], effects)
		}
	}
	outcomes, err := u.WriteAll(ctx, p, []storage.Change{change}, tell)
	var refused *Refused
	if errors.As(err, &refused) {
		return storage.Outcome{}, refused.Err
	}
	if err != nil {
		return storage.Outcome{}, err
	}
	return outcomes[0], nil
}

// sharedChanges is how many changes a caller may bring to a commit that he shares.
// More have one of their own, so that what they cost, and the time that they take,
// is nobody else's.
const sharedChanges = 16

// WriteAll does all the changes in their order, or none, and tells what became
// of each. When one of them can't be done the error is a Refused.
func (u *UseCases) WriteAll(ctx context.Context, p tenancy.Principal, changes []storage.Change, effects ...once.Effect[[]storage.Outcome]) ([]storage.Outcome, error) {
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return nil, err
	}
	mine := group{principal: p, environment: environment, changes: changes, effects: effects}
	if len(changes) > sharedChanges {
		done, err := u.commit(ctx, []group{mine})
		if err != nil {
			return nil, err
		}
		return done[0].outcomes, done[0].err
	}
	done, err := u.writers.Do(ctx, mine)
	if err != nil {
		return nil, err
	}
	return done.outcomes, done.err
}

// Refused tells which of several changes could not be done, and why.
type Refused struct {
	Change int
	Err    error
}

func (r *Refused) Error() string { return fmt.Sprintf("change %d: %v", r.Change, r.Err) }

// Unwrap gives the reason.
func (r *Refused) Unwrap() error { return r.Err }
