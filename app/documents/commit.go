package documents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/collections"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// group is what one caller wants done as a whole; most have one change.
type group struct {
	principal   tenancy.Principal
	environment tenancy.Environment
	changes     []storage.Change
	effects     []once.Effect[[]storage.Outcome]
}

// size is how many documents it may change.
func (g group) size() int { return len(g.changes) }

func (g group) scope() tenancy.Scope { return g.environment.Scope() }

// result is what became of a group: an outcome for each change, or why none was done.
type result struct {
	outcomes []storage.Outcome
	err      error
	bytes    int // of its documents, as they were and as each change left them
}

// errRaced is the loss of a race to make a document that was never there,
// which no lock can rule out.
var errRaced = errors.New("another writer was first")

// commit does the groups in their order, in one transaction. A group that is
// refused changes nothing and leaves the others alone; so does one whose effect
// fails, for which all begins anew without it.
func (u *UseCases) commit(ctx context.Context, groups []group) ([]result, error) {
	failed := map[int]error{} // effects, by group
	for {
		results, before := make([]result, len(groups)), len(failed)
		err := u.atDesk(ctx, func(ctx context.Context, desk *desk) error {
			var places []place
			for _, g := range groups {
				for _, c := range g.changes {
					places = append(places, place{g.scope(), c.Ref})
				}
			}
			if err := desk.lock(ctx, places); err != nil {
				return err
			}
			for i, g := range groups {
				if err := failed[i]; err != nil {
					results[i] = result{err: err}
					continue
				}
				var err error
				if results[i], err = desk.do(ctx, g); err != nil {
					return err
				}
			}
			if err := desk.write(ctx); err != nil {
				return err
			}
			return desk.tell(ctx, groups, results, failed)
		})
		switch {
		case err == nil: // also when an effect failed in a run that was undone
			return results, nil
		case len(failed) > before && ctx.Err() == nil:
			continue
		}
		return nil, err
	}
}

// atDesk runs work in a transaction, and again whenever it lost a race.
func (u *UseCases) atDesk(ctx context.Context, work func(ctx context.Context, desk *desk) error) error {
	for {
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			return work(ctx, &desk{
				u: u, tx: tx, now: u.parts.Clock.Now(), states: map[place]state{}, owners: map[place]error{}, declared: map[tenancy.Scope]*collections.Set{},
			})
		})
		// Whoever was first has made the row, so the next round locks it.
		if errors.Is(err, errRaced) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// desk is where the changes of one transaction are worked out.
type desk struct {
	u      *UseCases
	tx     datastore.Repos
	now    time.Time
	states map[place]state
	owners map[place]error // of those looked for: nil when they exist
	// declared is what the environments' collections obey, as of this transaction.
	declared map[tenancy.Scope]*collections.Set
}

// place names a document among those of all environments.
type place struct {
	scope tenancy.Scope
	ref   storage.Ref
}

func (p place) compare(other place) int {
	if c := strings.Compare(string(p.scope.Environment()), string(other.scope.Environment())); c != 0 {
		return c
	}
	return p.ref.Compare(other.ref)
}

// state is a document as the changes so far leave it.
type state struct {
	stored  int64              // the version in the database; 0: there was never one
	current *storage.Document  // nil: there was never one
	past    []storage.Document // what it was before, since the transaction began
	changed bool
}

// lock reads and locks documents, in one order. Call it once.
func (d *desk) lock(ctx context.Context, places []place) error {
	for _, at := range places {
		d.states[at] = state{}
	}
	return d.byScope(slices.Collect(maps.Keys(d.states)), func(scope tenancy.Scope, places []place) error {
		refs := make([]storage.Ref, len(places))
		for i, at := range places {
			refs[i] = at.ref
		}
		found, err := d.tx.Documents().LockMany(ctx, scope, refs)
		if err != nil {
			return fmt.Errorf("read documents: %w", err)
		}
		for _, one := range found {
			d.states[place{scope, one.Ref}] = state{stored: one.Version, current: &one}
		}
		// After the locks, for which it may have waited while a declaration changed.
		d.declared[scope], err = d.u.parts.Book.Of(ctx, d.tx, scope)
		return err
	})
}

// byScope goes through the places by environment, in order.
func (d *desk) byScope(places []place, do func(scope tenancy.Scope, places []place) error) error {
	slices.SortFunc(places, place.compare)
	for len(places) > 0 {
		scope := places[0].scope
		end := slices.IndexFunc(places, func(p place) bool { return p.scope != scope })
		if end < 0 {
			end = len(places)
		}
		if err := do(scope, places[:end]); err != nil {
			return err
		}
		places = places[end:]
	}
	return nil
}

// do works out one group. Its error is the end of the whole transaction; a
// refusal is part of the result.
func (d *desk) do(ctx context.Context, g group) (result, error) {
	scope := g.scope()
	before, bytes := map[place]state{}, 0
	for _, change := range g.changes { // all of them have been read, whatever becomes of the first
		at := place{scope, change.Ref}
		if _, known := before[at]; known {
			continue
		}
		before[at] = d.states[at]
		if current := before[at].current; current != nil {
			bytes += current.Size()
		}
	}
	var events []audit.Event
	outcomes := make([]storage.Outcome, len(g.changes))
	for i, change := range g.changes {
		if err := ctx.Err(); err != nil { // to work out a large one takes its time
			return result{}, err
		}
		at := place{scope, change.Ref}
		was := d.states[at]
		done, err := d.apply(ctx, g, change, was.current)
		bytes += done.Document.Size()
		if most := d.u.parts.Limits.BatchBytes; err == nil && i > 0 && bytes > most {
			err = storage.ErrBatchTooLarge.With("The documents of the batch, as they are and as it would leave them, are more than %d bytes. Nothing was changed.", most)
		}
		if err != nil {
			if refusal(err) == nil {
				return result{}, err
			}
			maps.Copy(d.states, before)
			return result{err: &Refused{Change: i, Err: err}, bytes: bytes}, nil
		}
		outcomes[i] = done
		d.states[at] = was.became(done.Document)
		// Players' and servers' writes are the game itself; what became of a
		// document is told by its versions.
		if g.principal.Kind() == tenancy.SecretKey {
			events = append(events, d.event(g.principal, was.current, done.Document))
		}
	}
	for _, event := range events {
		if err := d.tx.Audit().Append(ctx, event); err != nil {
			return result{}, fmt.Errorf("audit: %w", err)
		}
	}
	return result{outcomes: outcomes, bytes: bytes}, nil
}

// refusal is what of an error the caller is told; nil when it is the end of
// the whole transaction.
func refusal(err error) *fault.Fault {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return nil
	}
	return f
}

// became is the state once the document has been changed.
func (s state) became(document storage.Document) state {
	next := state{stored: s.stored, current: &document, changed: true}
	if s.current != nil {
		next.past = append(slices.Clip(s.past), *s.current)
	}
	return next
}

func (d *desk) apply(ctx context.Context, g group, change storage.Change, current *storage.Document) (storage.Outcome, error) {
	if current == nil {
		if err := d.owner(ctx, g, change.Ref.Owner); err != nil {
			return storage.Outcome{}, err
		}
	}
	rules, err := d.declared[g.scope()].Rules(change.Ref.Collection)
	if err != nil {
		return storage.Outcome{}, err
	}
	return change.Apply(storage.ActorOf(g.principal), current, rules, g.environment.Now(d.now))
}

// owner makes sure that the owner of a document that was never there exists,
// which only a server or an operator can be wrong about.
func (d *desk) owner(ctx context.Context, g group, owner storage.Owner) error {
	if owner == storage.Shared || g.principal.Kind() == tenancy.PlayerToken {
		return nil
	}
	at := place{g.scope(), storage.Ref{Owner: owner}}
	err, known := d.owners[at]
	if !known {
		if _, err = d.tx.Players().Get(ctx, g.scope(), identity.PlayerID(owner)); err != nil {
			err = fmt.Errorf("find owner: %w", err)
		}
		d.owners[at] = err
	}
	return err
}

// write stores what the changes left.
func (d *desk) write(ctx context.Context) error {
	var changed []place
	for at, s := range d.states {
		if s.changed {
			changed = append(changed, at)
		}
	}
	return d.byScope(changed, func(scope tenancy.Scope, places []place) error {
		writes := make([]storage.Write, len(places))
		for i, at := range places {
			rules, err := d.declared[scope].Rules(at.ref.Collection)
			if err != nil {
				return err
			}
			writes[i] = d.states[at].write(rules.Revisions)
		}
		err := d.tx.Documents().WriteMany(ctx, scope, writes)
		switch {
		case errors.Is(err, storage.ErrStale):
			return errRaced
		case err != nil:
			return fmt.Errorf("write documents: %w", err)
		}
		return nil
	})
}

// write is what there is to store, with the states that are kept as revisions.
func (s state) write(revisions int64) storage.Write {
	w := storage.Write{Document: *s.current, Before: s.stored, Forget: s.current.Version - revisions}
	for _, past := range s.past {
		if past.Version > w.Forget {
			w.Past = append(w.Past, past)
		}
	}
	return w
}

// tell tells the effects of all groups what was done. Those that fail are noted by
// group, and the transaction may then not commit.
func (d *desk) tell(ctx context.Context, groups []group, results []result, failed map[int]error) error {
	return once.TellAll(ctx, d.tx, len(groups), failed, func(ctx context.Context, tx datastore.Repos, i int) error {
		if results[i].err == nil {
			return once.Tell(ctx, tx, results[i].outcomes, groups[i].effects)
		}
		return nil
	})
}

// event tells what an operator wrote.
func (d *desk) event(p tenancy.Principal, before *storage.Document, after storage.Document) audit.Event {
	action := audit.DocumentWritten
	if after.Deleted {
		action = audit.DocumentDeleted
	}
	event := audit.By(p, action, d.now).On("document", documentName(after.Ref))
	event.ID = d.u.parts.IDs.New()
	if before != nil {
		event.Before = map[string]string{"version": strconv.FormatInt(before.Version, 10)}
	}
	event.After = map[string]string{"version": strconv.FormatInt(after.Version, 10)}
	return event
}

func documentName(ref storage.Ref) string {
	owner := "shared"
	if ref.Owner != storage.Shared {
		owner = string(ref.Owner)
	}
	return owner + "/" + ref.Collection + "/" + ref.Key
}
