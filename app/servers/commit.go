package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// work is one change of one server.
type work struct {
	principal tenancy.Principal
	scope     tenancy.Scope
	server    registry.ServerID
	// players are those who must exist.
	players []identity.PlayerID
	// apply gives what comes of the server as it is; nil: there is no record of it.
	apply func(before *registry.Server, now time.Time) (outcome, error)
	// action is what operators are said to have done.
	action  audit.Action
	effects []once.Effect[outcome]
	// patient works gather with others of their kind.
	patient bool
}

// outcome is a server after a change, and the seats that it was about. With a refusal it is what the
// work's apply says.
type outcome struct {
	server registry.Server
	seats  []registry.Seat
}

// result is what became of a work.
type result struct {
	outcome
	err error
}

// do has a work done, with whatever others want done.
func (u *UseCases) do(ctx context.Context, w work) (outcome, error) {
	var done result
	if once.Wanted(w.effects) {
		// In a commit of its own: its effect may fail, or wait for another process.
		all, err := u.commit(ctx, []work{w})
		if err != nil {
			return outcome{}, err
		}
		done = all[0]
	} else {
		var err error
		writers := u.writers
		if w.patient {
			writers = u.beats
		}
		if done, err = writers.Do(ctx, w); err != nil {
			return outcome{}, err
		}
	}
	return done.outcome, done.err
}

// existing is the apply of a change that only a server that there is can have.
func existing(apply func(s registry.Server, now time.Time) (registry.Server, error)) func(*registry.Server, time.Time) (outcome, error) {
	return func(before *registry.Server, now time.Time) (outcome, error) {
		if before == nil {
			return outcome{}, registry.ErrServerNotFound
		}
		next, err := apply(*before, now)
		return outcome{server: next}, err
	}
}

// commit does works in their order, in one transaction. A work that is refused
// changes nothing and leaves the others alone.
func (u *UseCases) commit(ctx context.Context, works []work) ([]result, error) {
	for {
		results := make([]result, len(works))
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			now := u.parts.Clock.Now()
			return coalesce.ByScope(works, func(w work) tenancy.Scope { return w.scope }, func(scope tenancy.Scope, at []int) error {
				d := desk{u: u, tx: tx, scope: scope, now: now, states: map[registry.ServerID]*state{}, players: map[identity.PlayerID]error{}}
				return d.work(ctx, works, results, at)
			})
		})
		// Someone else made a record that wasn't there to be locked.
		if errors.Is(err, registry.ErrServerStale) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		return results, nil
	}
}

// desk is where the works of one environment are done.
type desk struct {
	u       *UseCases
	tx      datastore.Repos
	scope   tenancy.Scope
	now     time.Time
	states  map[registry.ServerID]*state
	players map[identity.PlayerID]error // of those looked for: nil when they exist
	records int                         // how many there are; 0: nobody asked yet
}

// state is a server as the works so far leave it.
type state struct {
	stored  int64            // the revision in the database; 0: there is none
	current *registry.Server // nil: there is none
}

// work does the works at these places, and writes what they leave.
func (d *desk) work(ctx context.Context, works []work, results []result, at []int) error {
	d.u.gallery.book(d.scope) // so that its servers are counted
	var ids []registry.ServerID
	for _, i := range at {
		if id := works[i].server; d.states[id] == nil {
			d.states[id] = &state{}
			ids = append(ids, id)
		}
	}
	found, err := d.tx.Servers().LockMany(ctx, d.scope, ids)
	if err != nil {
		return fmt.Errorf("read servers: %w", err)
	}
	for _, s := range found {
		*d.states[s.ID] = state{stored: s.Revision, current: &s}
	}
	for _, i := range at {
		results[i].outcome, results[i].err = d.do(ctx, works[i])
		if err := results[i].err; err != nil && !refusal(err) {
			return err
		}
	}
	var writes []registry.Write
	for _, s := range d.states {
		if s.current != nil && s.current.Revision != s.stored {
			writes = append(writes, registry.Write{Server: *s.current, Before: s.stored})
		}
	}
	if err := d.tx.Servers().WriteMany(ctx, d.scope, writes); err != nil {
		return fmt.Errorf("write servers: %w", err)
	}
	for _, i := range at {
		if results[i].err != nil {
			continue
		}
		if err := once.Tell(ctx, d.tx, results[i].outcome, works[i].effects); err != nil {
			return err
		}
	}
	return nil
}

// refusal tells whether an error is an answer to one caller, and no trouble of all.
func refusal(err error) bool {
	var f *fault.Fault
	return errors.As(err, &f) && f.Kind != fault.Internal && f.Kind != fault.Unavailable
}

func (d *desk) do(ctx context.Context, w work) (outcome, error) {
	s := d.states[w.server]
	done, err := w.apply(s.current, d.now)
	if err != nil {
		return done, err
	}
	for _, player := range w.players {
		if err := d.exists(ctx, player); err != nil {
			return outcome{}, err
		}
	}
	if s.current == nil {
		if err := d.room(ctx); err != nil {
			return outcome{}, err
		}
	}
	// Servers' and players' changes are the game itself.
	if k := w.principal.Kind(); k == tenancy.SecretKey || k == tenancy.LocalOperator {
		if err := d.tx.Audit().Append(ctx, d.event(w, s.current, done)); err != nil {
			return outcome{}, fmt.Errorf("audit: %w", err)
		}
	}
	s.current = &done.server
	return done, nil
}

// exists makes sure that a player does.
func (d *desk) exists(ctx context.Context, player identity.PlayerID) error {
	err, known := d.players[player]
	if !known {
		if _, err = d.tx.Players().Get(ctx, d.scope, player); err != nil {
			err = fmt.Errorf("find player: %w", err)
		}
		d.players[player] = err
	}
	return err
}

// room makes sure that the environment may have one record more.
func (d *desk) room(ctx context.Context) error {
	if d.records == 0 {
		n, err := d.tx.Servers().Count(ctx, d.scope, d.u.parts.Limits.Servers)
		if err != nil {
			return fmt.Errorf("count servers: %w", err)
		}
		d.records = n
	}
	if d.records >= d.u.parts.Limits.Servers {
		return registry.ErrTooManyServers
	}
	d.records++
	return nil
}

// event tells what an operator did.
func (d *desk) event(w work, before *registry.Server, done outcome) audit.Event {
	event := audit.By(w.principal, w.action, d.now).In(d.scope).On("server", string(w.server))
	event.ID = d.u.parts.IDs.New()
	if before != nil {
		event.Before = map[string]string{"state": stateOf(*before)}
	}
	event.After = map[string]string{"state": stateOf(done.server)}
	for _, seat := range done.seats {
		event.After[fmt.Sprintf("seat_%d", seat.Number)] = string(seat.Player)
	}
	return event
}

func stateOf(s registry.Server) string {
	if s.Ended {
		return "deregistered"
	}
	return string(s.State)
}

// told tells effects what came of a work, in their own terms.
func told[T any](effects []once.Effect[T], of func(outcome) (T, error)) []once.Effect[outcome] {
	if !once.Wanted(effects) {
		return nil
	}
	return []once.Effect[outcome]{func(ctx context.Context, tx datastore.Repos, done outcome) error {
		result, err := of(done)
		if err != nil {
			return err
		}
		return once.Tell(ctx, tx, result, effects)
	}}
}

func serverOf(done outcome) (registry.Server, error) { return done.server, nil }
