package operators

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// ErrTooManyCollections refuses a declaration past limits.Collections.
var ErrTooManyCollections = fault.New(fault.Conflict, "storage.too_many_collections", "The environment declares as many collections as it may.")

// Collections lists an environment's declarations by name, those after the given one.
func (u *UseCases) Collections(ctx context.Context, p tenancy.Principal, place Place, after string, limit int) ([]storage.Collection, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Collections().List(ctx, scope, after, limit)
}

// Collection gives one declaration.
func (u *UseCases) Collection(ctx context.Context, p tenancy.Principal, place Place, name string) (storage.Collection, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return storage.Collection{}, err
	}
	found, err := u.parts.Store.Collections().Get(ctx, scope, name)
	if err != nil {
		return found, fmt.Errorf("read collection: %w", err)
	}
	return found, nil
}

// Declared is a declaration, and the documents that it finds.
type Declared struct {
	Collection storage.Collection
	Created    bool // there was none before
	Report     Report
}

// Declare says what the documents of a collection obey from now on: every write
// that begins once this has returned, on every replica. The documents that are
// there stay as they are; the report tells of those that break the declaration.
func (u *UseCases) Declare(
	ctx context.Context, p tenancy.Principal, place Place, name string, declaration storage.Declaration, pre storage.Precondition, effects ...once.Effect[Declared],
) (Declared, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Declared{}, err
	}
	rules, err := u.rules(name, declaration)
	if err != nil {
		return Declared{}, err
	}
	var done Declared
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		version, current, err := u.change(ctx, tx, scope, name, pre)
		if err != nil {
			return err
		}
		now := u.parts.Clock.Now()
		next := storage.Collection{Name: name, Declaration: declaration, Version: version, CreatedAt: now, UpdatedAt: now}
		event := audit.By(p, audit.CollectionDeclared, now).In(scope).On("collection", name)
		if current != nil {
			next.CreatedAt = current.CreatedAt
			event.Before = collectionSummary(*current)
		} else if all, err := tx.Collections().List(ctx, scope, "", u.parts.Limits.Collections); err != nil {
			return fmt.Errorf("list collections: %w", err)
		} else if len(all) >= u.parts.Limits.Collections {
			return ErrTooManyCollections.With("An environment declares at most %d collections.", u.parts.Limits.Collections)
		}
		if err := tx.Collections().Save(ctx, scope, next); err != nil {
			return fmt.Errorf("save collection: %w", err)
		}
		event.After = collectionSummary(next)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		done = Declared{Collection: next, Created: current == nil}
		if done.Report, err = report(ctx, tx, scope, name, rules, Position{}); err != nil {
			return err
		}
		return once.Tell(ctx, tx, done, effects)
	})
	return done, err
}

// Undeclare takes a declaration back. The documents stay.
func (u *UseCases) Undeclare(ctx context.Context, p tenancy.Principal, place Place, name string, pre storage.Precondition, effects ...once.Effect[once.Nothing]) error {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return err
	}
	return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		_, current, err := u.change(ctx, tx, scope, name, pre)
		switch {
		case err != nil:
			return err
		case current == nil:
			return storage.ErrCollectionNotFound
		}
		if err := tx.Collections().Delete(ctx, scope, name); err != nil {
			return fmt.Errorf("delete collection: %w", err)
		}
		event := audit.By(p, audit.CollectionDeleted, u.parts.Clock.Now()).In(scope).On("collection", name)
		event.Before = collectionSummary(*current)
		if err := u.record(ctx, tx, event); err != nil {
			return err
		}
		return once.Tell(ctx, tx, once.Nothing{}, effects)
	})
}

// CheckCollection tells which documents, from a position on, a declaration would
// find broken. It changes nothing.
func (u *UseCases) CheckCollection(
	ctx context.Context, p tenancy.Principal, place Place, name string, declaration storage.Declaration, from Position, effects ...once.Effect[Report],
) (Report, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Report{}, err
	}
	rules, err := u.rules(name, declaration)
	if err != nil {
		return Report{}, err
	}
	found, err := report(ctx, u.parts.Store, scope, name, rules, from)
	if err != nil || !once.Wanted(effects) {
		return found, err
	}
	return found, u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return once.Tell(ctx, tx, found, effects) })
}

// rules gives what documents obey under a declaration that may be made.
func (u *UseCases) rules(name string, declaration storage.Declaration) (storage.Rules, error) {
	if err := storage.CheckCollection(name, declaration, u.parts.Limits.Declarations()); err != nil {
		return storage.Rules{}, err
	}
	return u.parts.Book.Rules(declaration)
}

// change takes the version of a change to a declaration and gives what it is
// now, nil for none, if that is what the operator means.
func (u *UseCases) change(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, name string, pre storage.Precondition) (int64, *storage.Collection, error) {
	version, err := tx.Collections().NextVersion(ctx, scope)
	if err != nil {
		return 0, nil, fmt.Errorf("change declarations: %w", err)
	}
	current, err := tx.Collections().Get(ctx, scope, name)
	switch {
	case errors.Is(err, storage.ErrCollectionNotFound):
		if pre.Missed(nil) {
			return 0, nil, storage.ErrCollectionStale
		}
		return version, nil, nil
	case err != nil:
		return 0, nil, fmt.Errorf("read collection: %w", err)
	case pre.Missed(&storage.Document{Version: current.Version}):
		return 0, nil, storage.ErrCollectionStale.WithCurrent(current)
	}
	return version, &current, nil
}

func collectionSummary(c storage.Collection) map[string]string {
	s := map[string]string{"version": strconv.FormatInt(c.Version, 10)}
	add := func(name, value string, there bool) {
		if there {
			s[name] = value
		}
	}
	add("read", string(c.Read), c.Read != "")
	add("write", string(c.Write), c.Write != "")
	add("document_bytes", strconv.Itoa(c.ValueBytes), c.ValueBytes > 0)
	add("revisions", strconv.Itoa(c.Revisions), c.Revisions > 0)
	sum := sha256.Sum256(c.Schema)
	add("schema_sha256", hex.EncodeToString(sum[:]), c.Schema != nil)
	return s
}
