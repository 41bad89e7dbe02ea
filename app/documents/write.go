package documents

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/overworldhq/overworld/app/limits"
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
// More have one of their own, so that nobody else waits for it.
const sharedChanges = 16

// WriteAll does all the changes in their order, or none, and tells what became
// of each. When one of them can't be done the error is a Refused.
func (u *UseCases) WriteAll(ctx context.Context, p tenancy.Principal, changes []storage.Change, effects ...once.Effect[[]storage.Outcome]) ([]storage.Outcome, error) {
	environment, err := u.parts.Directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return nil, err
	}
	desk := u.writers
	if len(changes) > sharedChanges {
		desk = u.batches
	}
	done, err := desk.Do(ctx, group{principal: p, environment: environment, changes: changes, effects: effects})
	u.spend(ctx, p, len(changes), done.bytes)
	if err != nil {
		return nil, err
	}
	return done.outcomes, done.err
}

// callBytes is how much of documents, as they were and as they are written, a call may handle; more counts as
// further calls.
const callBytes = 16 << 10

// spend counts what has been done for a call that counted as one: each of its changes, and the bytes of documents.
func (u *UseCases) spend(ctx context.Context, p tenancy.Principal, changes, bytes int) {
	if calls := changes - 1 + bytes/callBytes; calls > 0 {
		address, _ := netip.ParseAddr(p.Address) // none on the command line
		u.parts.Throttle.Spend(ctx, limits.Write, p, address, calls)
	}
}

// Refused tells which of several changes could not be done, and why.
type Refused struct {
	Change int
	Err    error
}

func (r *Refused) Error() string { return fmt.Sprintf("change %d: %v", r.Change, r.Err) }

// Unwrap gives the reason.
func (r *Refused) Unwrap() error { return r.Err }
