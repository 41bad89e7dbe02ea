package documents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Rewind says to which moment all documents of a player go back.
type Rewind struct {
	Player identity.PlayerID
	// At is the moment, by the environment's clock; not after now.
	At time.Time
	// Preview: tell what would become of them, and change nothing.
	Preview bool
	// After is where the step before ended; zero for the first.
	After DocumentPlace
}

// DocumentPlace is a place in the order of an owner's documents.
type DocumentPlace struct{ Collection, Key string }

// Rewound is what one step did, or in a preview would do.
type Rewound struct {
	At        time.Time
	Preview   bool
	Documents []RewoundDocument
	// Next is where the next step goes on; nil after the last one.
	Next *DocumentPlace
}

// RewoundDocument is what became of one document.
type RewoundDocument struct {
	Ref  storage.Ref
	Fate Fate
	// Version is that of the document now.
	Version int64
	// From is the version whose value and permissions it has, of one that was restored.
	From int64
	// Reason is why it was impossible.
	Reason *fault.Fault
}

// Fate is what became of a document.
type Fate string

const (
	// Restored: it has the value and permissions that it had at the moment.
	Restored Fate = "restored"
	// Deleted: there was none at the moment.
	Deleted Fate = "deleted"
	// Unchanged: it is what it was.
	Unchanged Fate = "unchanged"
	// Impossible: it stays as it is, because its history doesn't reach back, or
	// because what it was may not be any more.
	Impossible Fate = "impossible"
)

// Bounds of a step, which is one transaction.
const (
	rewindDocuments = 200
	rewindBytes     = 8 << 20 // of values that are restored
)

// Rewind does one step of bringing a player's documents back, in the order of
// their names: each becomes, as a new version, what it was at the moment. A step is done
// as a whole or not at all; documents written after it stay as they are written.
func (u *UseCases) Rewind(ctx context.Context, p tenancy.Principal, environment tenancy.Environment, r Rewind, effects ...once.Effect[Rewound]) (Rewound, error) {
	var done Rewound
	err := u.atDesk(ctx, func(ctx context.Context, desk *desk) error {
		done = Rewound{At: r.At, Preview: r.Preview, Documents: []RewoundDocument{}}
		if r.At.After(environment.Now(desk.now)) {
			return fault.ErrInvalid.WithFields(fault.Body("/at", "out_of_range", "A moment that has been."))
		}
		scope := environment.Scope()
		if _, err := desk.tx.Players().Get(ctx, scope, r.Player); err != nil {
			return fmt.Errorf("find player: %w", err)
		}
		all, err := desk.since(ctx, scope, r)
		if err != nil {
			return err
		}
		g := group{principal: p, environment: environment}
		for i, bytes := 0, 0; i < len(all); i++ {
			if i == rewindDocuments || bytes >= rewindBytes {
				last := all[i-1].Ref
				done.Next = &DocumentPlace{last.Collection, last.Key}
				break
			}
			one, restored, err := desk.rewind(ctx, g, all[i], r.At)
			if err != nil {
				return err
			}
			bytes += restored
			done.Documents = append(done.Documents, one)
		}
		if !r.Preview {
			if err := desk.write(ctx); err != nil {
				return err
			}
			if err := desk.tx.Audit().Append(ctx, desk.rewound(p, scope, r, done)); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
		}
		return once.Tell(ctx, desk.tx, done, effects)
	})
	return done, err
}

// since lists what a step may look at, deleted documents too, one more than it
// does look at, and locks what changed since the moment.
func (d *desk) since(ctx context.Context, scope tenancy.Scope, r Rewind) ([]storage.Document, error) {
	query := storage.Query{Owner: storage.Owner(r.Player), Reads: storage.AllAccess(), Tombstones: true, Limit: rewindDocuments + 1}
	query.After.Collection, query.After.Key = r.After.Collection, r.After.Key
	all, err := d.tx.Documents().List(ctx, scope, query)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	var changed []place
	for _, one := range all[:min(len(all), rewindDocuments)] {
		if one.UpdatedAt.After(r.At) {
			changed = append(changed, place{scope, one.Ref})
		}
	}
	return all, d.lock(ctx, changed)
}

// rewind works out one document, and gives how many bytes were restored. listed is what it
// was before the lock.
func (d *desk) rewind(ctx context.Context, g group, listed storage.Document, moment time.Time) (RewoundDocument, int, error) {
	at := place{g.scope(), listed.Ref}
	was := d.states[at]
	if was.current == nil {
		return RewoundDocument{Ref: listed.Ref, Fate: Unchanged, Version: listed.Version}, 0, nil
	}
	done := RewoundDocument{Ref: listed.Ref, Fate: Unchanged, Version: was.current.Version}
	then, err := d.then(ctx, g, *was.current, moment)
	if err == nil && !then.same(*was.current) {
		change := storage.Change{Ref: at.ref, Edit: storage.Restoration{Value: then.Value, Read: then.Read, Write: then.Write}}
		done.Fate, done.From = Restored, then.Version
		if then.Deleted {
			change.Edit = storage.Removal{}
			done.Fate, done.From = Deleted, 0
		}
		var outcome storage.Outcome
		if outcome, err = d.apply(ctx, g, change, was.current); err == nil {
			d.states[at] = was.became(outcome.Document)
			done.Version = outcome.Document.Version
		}
	}
	if err != nil {
		reason := refusal(err)
		if reason == nil {
			return done, 0, err
		}
		return RewoundDocument{Ref: at.ref, Fate: Impossible, Version: was.current.Version, Reason: reason}, 0, nil
	}
	return done, len(then.Value), nil
}

// earlier is a state of a document, with its value.
type earlier struct{ storage.Document }

// same tells whether a document is as it was, whatever happened in between.
func (e earlier) same(now storage.Document) bool {
	if e.Deleted || now.Deleted {
		return e.Deleted == now.Deleted
	}
	return string(e.Value) == string(now.Value) && e.Read == now.Read && e.Write == now.Write
}

// then finds what a document was at the moment.
func (d *desk) then(ctx context.Context, g group, current storage.Document, moment time.Time) (earlier, error) {
	rules, err := d.declared[g.scope()].Rules(current.Collection)
	if err != nil {
		return earlier{}, err
	}
	past, err := d.tx.Documents().Revisions(ctx, g.scope(), storage.RevisionQuery{
		Ref: current.Ref, Before: current.Version, Limit: int(min(rules.Revisions, current.Version)) - 1,
	})
	if err != nil {
		return earlier{}, fmt.Errorf("list revisions: %w", err)
	}
	state, err := storage.At(moment, current, past)
	if err != nil || state.Deleted || state.Version == current.Version {
		state.Value = current.Value
		return earlier{state}, err
	}
	state, err = d.tx.Documents().Revision(ctx, g.scope(), current.Ref, state.Version)
	if errors.Is(err, storage.ErrRevisionNotFound) {
		err = storage.ErrHistoryTooShort
	}
	if err != nil {
		return earlier{}, fmt.Errorf("read revision: %w", err)
	}
	return earlier{state}, nil
}

// rewound is the event of a step.
func (d *desk) rewound(p tenancy.Principal, scope tenancy.Scope, r Rewind, done Rewound) audit.Event {
	event := audit.By(p, audit.DocumentsRestored, d.now).In(scope).On("player", string(r.Player))
	event.ID = d.u.parts.IDs.New()
	event.After = map[string]string{"at": r.At.UTC().Format(time.RFC3339Nano)}
	fates := map[Fate]int{}
	for _, one := range done.Documents {
		fates[one.Fate]++
	}
	for _, fate := range []Fate{Restored, Deleted, Unchanged, Impossible} {
		event.After[string(fate)] = strconv.Itoa(fates[fate])
	}
	return event
}
