package documents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
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

// errRaced is the loss of a race to make a document that was never there,
// which no lock can rule out.
var errRaced = errors.New("another writer was first")

// Write puts what the change makes of a document in its place.
func (u *UseCases) Write(ctx context.Context, p tenancy.Principal, change storage.Change) (storage.Outcome, error) {
	environment, err := u.directory.Get(ctx, p.Scope().Environment())
	if err != nil {
		return storage.Outcome{}, err
	}
	for {
		var done storage.Outcome
		err := u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			current, err := u.current(ctx, tx, p, change.Ref)
			if err != nil {
				return err
			}
			now := u.clock.Now()
			if done, err = change.Apply(storage.ActorOf(p), current, u.limits, environment.Now(now)); err != nil {
				return err
			}
			if err := tx.Documents().Write(ctx, p.Scope(), done.Document); err != nil {
				if errors.Is(err, storage.ErrStale) {
					return errRaced
				}
				return fmt.Errorf("write document: %w", err)
			}
			return u.audit(ctx, tx, p, current, done.Document, now)
		})
		// Whoever was first has made the row, so the next round locks it.
		if errors.Is(err, errRaced) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return storage.Outcome{}, err
		}
		return done, nil
	}
}

// current locks the document; nil when there was never one. Only then can its
// owner be somebody who doesn't exist, which only a server or an operator
// could have named.
func (u *UseCases) current(ctx context.Context, tx datastore.Repos, p tenancy.Principal, ref storage.Ref) (*storage.Document, error) {
	current, err := tx.Documents().Lock(ctx, p.Scope(), ref)
	if err == nil {
		return &current, nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if ref.Owner != storage.Shared && p.Kind() != tenancy.PlayerToken {
		if _, err := tx.Players().Get(ctx, p.Scope(), identity.PlayerID(ref.Owner)); err != nil {
			return nil, fmt.Errorf("find owner: %w", err)
		}
	}
	return nil, nil
}

// audit records what an operator wrote. Players' and servers' writes are the
// game itself; what became of a document is told by its versions.
func (u *UseCases) audit(ctx context.Context, tx datastore.Repos, p tenancy.Principal, before *storage.Document, after storage.Document, now time.Time) error {
	if p.Kind() != tenancy.SecretKey {
		return nil
	}
	action := audit.DocumentWritten
	if after.Deleted {
		action = audit.DocumentDeleted
	}
	event := audit.By(p, action, now).On("document", documentName(after.Ref))
	event.ID = u.ids.New()
	if before != nil {
		event.Before = map[string]string{"version": strconv.FormatInt(before.Version, 10)}
	}
	event.After = map[string]string{"version": strconv.FormatInt(after.Version, 10)}
	if err := tx.Audit().Append(ctx, event); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func documentName(ref storage.Ref) string {
	owner := "shared"
	if ref.Owner != storage.Shared {
		owner = string(ref.Owner)
	}
	return owner + "/" + ref.Collection + "/" + ref.Key
}
