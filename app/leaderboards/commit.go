package leaderboards

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// work is one change of one entry.
type work struct {
	player identity.PlayerID
	action audit.Action
	apply  func(board ranking.Board, season ranking.Season, before *ranking.Entry, now time.Time) (ranking.Entry, ranking.Receipt, error)
}

// group is what one caller wants done as a whole; most have one work.
type group struct {
	principal tenancy.Principal
	// received is when the server got it, by the environment's clock: it decides
	// in which season it counts, whenever it is committed.
	received time.Time
	board    ranking.BoardID
	works    []work
	effects  []once.Effect[[]ranking.Receipt]
}

func (g group) place() place { return place{g.principal.Scope(), g.board} }

// result is what became of a group: a receipt for each work, or why none was done.
type result struct {
	receipts []ranking.Receipt
	err      error
}

// errRaced is a commit that began with what is no longer so: another writer made an
// entry, or the season has another epoch, ended too early for a run, or was closed.
var errRaced = errors.New("another writer was first")

// desk is where the works of one commit are done.
type desk struct {
	u         *UseCases
	tables    map[term]*table
	seats     []seat // by group
	newcomers map[owner]newcomer
	since     time.Time // before the intents were noted
	// open tells that only open seasons will do, not those that take late runs.
	open bool
}

type owner struct {
	scope  tenancy.Scope
	player identity.PlayerID
}

// newcomer is a player who has no entry yet in a season at the desk.
type newcomer struct {
	exists      bool
	quarantines []ranking.Quarantine
}

// seat is where a group is done: at a table, or nowhere.
type seat struct {
	at     term
	absent error // why nowhere
}

// table is a season of a board at the desk.
type table struct {
	current
	players []identity.PlayerID
	latest  time.Time // when the latest of its groups was received
	intent  string
	// missed tells that the index could not be told of the intent, so that the commit
	// must leave it behind.
	missed bool
	states map[identity.PlayerID]state
}

// state is an entry as the works so far leave it.
type state struct {
	stored  int64          // the revision in the database; 0: there was never one
	current *ranking.Entry // nil: there was never one
}

// commit does the groups in their order, in one transaction. A group that is
// refused changes nothing and leaves the others alone; so does one whose effect
// fails, for which all begins anew without it. The index is told before the
// transaction begins and after it has committed.
func (u *UseCases) commit(ctx context.Context, groups []group) (results []result, err error) {
	failed := map[int]error{} // effects, by group
	err = u.transact(ctx, func(d *desk) error { return d.lay(ctx, groups) }, func(ctx context.Context, d *desk, tx datastore.Repos) (err error) {
		results, err = d.work(ctx, tx, groups, failed)
		return err
	})
	return results, err
}

// transact changes entries of the players and boards that lay brings to a desk, in one
// transaction, and tells the index. Who finds that it began with what is no longer so gives
// errRaced, and all begins anew.
func (u *UseCases) transact(ctx context.Context, lay func(d *desk) error, work func(ctx context.Context, d *desk, tx datastore.Repos) error) error {
	for {
		d := &desk{u: u, tables: map[term]*table{}}
		if err := lay(d); err != nil {
			return err
		}
		d.intend(ctx)
		err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if err := d.hold(ctx, tx); err != nil {
				return err
			}
			if err := work(ctx, d, tx); err != nil {
				return err
			}
			return d.timely()
		})
		if (errors.Is(err, errRaced) || errors.Is(err, once.ErrUndo)) && ctx.Err() == nil {
			d.withdraw(ctx)
			continue
		}
		if err != nil {
			// It may have committed or not. Who reads next finds the intents and looks;
			// one that was long in coming may have been settled too early.
			d.intendAgain(context.WithoutCancel(ctx))
			return err
		}
		return d.tell(ctx)
	}
}

// lay finds the seasons in which the groups count.
func (d *desk) lay(ctx context.Context, groups []group) error {
	d.seats = make([]seat, len(groups))
	for i, g := range groups {
		found, err := d.u.counting(ctx, g.place(), g.received)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			d.seats[i].absent = err
			continue
		case err != nil:
			return err
		}
		t := d.table(g.place(), found)
		d.seats[i].at = term{g.place(), found.season.Number}
		if g.received.After(t.latest) {
			t.latest = g.received
		}
		for _, w := range g.works {
			if !slices.Contains(t.players, w.player) {
				t.players = append(t.players, w.player)
			}
		}
	}
	return nil
}

// layOpen brings the open season of a board to the desk, and no other will do.
func (d *desk) layOpen(ctx context.Context, at place) (*table, error) {
	moment, err := d.u.moment(ctx, at.scope)
	if err != nil {
		return nil, err
	}
	found, err := d.u.current(ctx, at, moment)
	if err != nil {
		return nil, err
	}
	d.open = true
	return d.table(at, found), nil
}

// table is that of a season, which is brought to the desk if it isn't there.
func (d *desk) table(at place, found current) *table {
	one := term{at, found.season.Number}
	t, ok := d.tables[one]
	if !ok {
		t = &table{current: found}
		d.tables[one] = t
	}
	return t
}

// terms are the seasons at the desk, in one order, so that writers who lock more than
// one don't wait for each other in a circle.
func (d *desk) terms() []term {
	return slices.SortedFunc(maps.Keys(d.tables), func(a, b term) int {
		return cmp.Or(
			cmp.Compare(a.scope.Environment(), b.scope.Environment()), cmp.Compare(a.board, b.board), cmp.Compare(a.number, b.number),
		)
	})
}

func (d *desk) intend(ctx context.Context) {
	d.since = d.u.parts.Clock.Now()
	d.each(func(at term, t *table) {
		t.intent = d.u.parts.IDs.New()
		// What keeps it from being noted doesn't matter: the commit goes another way.
		t.missed = d.u.ranks.Intend(ctx, ladderOf(at.scope, t.season), ranking.Intent{ID: t.intent, Players: t.players}) != nil
	})
}

// each does something with each season, with all at once: the index may be far away.
func (d *desk) each(do func(at term, t *table)) {
	terms := d.terms()
	if len(terms) == 1 {
		do(terms[0], d.tables[terms[0]])
		return
	}
	var all sync.WaitGroup
	for _, at := range terms {
		all.Go(func() { do(at, d.tables[at]) })
	}
	all.Wait()
}

// intendAgain brings back the intents of a transaction that nobody knows the end of.
func (d *desk) intendAgain(ctx context.Context) {
	d.each(func(at term, t *table) {
		if t.missed {
			return
		}
		ladder := ladderOf(at.scope, t.season)
		if d.u.ranks.Intend(ctx, ladder, ranking.Intent{ID: t.intent, Players: t.players}) != nil {
			// Without the index only another epoch helps, and without the database nobody writes.
			_ = d.u.parts.Store.Boards().Renew(ctx, at.scope, at.board, t.season.Number)
			d.u.forget(ladder)
		}
	})
}

// withdraw takes the intents of a transaction back that changed nothing, and forgets
// what led to it.
func (d *desk) withdraw(ctx context.Context) {
	d.each(func(at term, t *table) {
		ladder := ladderOf(at.scope, t.season)
		d.u.forget(ladder)
		if !t.missed {
			// One that stays is settled by who reads next.
			_ = d.u.ranks.Apply(ctx, ladder, nil, t.intent)
		}
	})
}

// work does what happens within the transaction, which may run again.
func (d *desk) work(ctx context.Context, tx datastore.Repos, groups []group, failed map[int]error) ([]result, error) {
	now := d.u.parts.Clock.Now()
	if err := d.meet(ctx, tx); err != nil {
		return nil, err
	}
	results := make([]result, len(groups))
	for i, g := range groups {
		if err := failed[i]; err != nil {
			results[i] = result{err: err}
			continue
		}
		var err error
		if results[i], err = d.do(ctx, tx, d.seats[i], g, now); err != nil {
			return nil, err
		}
	}
	if err := d.write(ctx, tx); err != nil {
		return nil, err
	}
	err := once.TellAll(ctx, tx, len(groups), failed, func(ctx context.Context, tx datastore.Repos, i int) error {
		if results[i].err == nil {
			return once.Tell(ctx, tx, results[i].receipts, groups[i].effects)
		}
		return nil
	})
	return results, err
}

// timely is the last act of a transaction. Who took longer may find its intents settled by
// a reader, and if it died then nobody would tell the index. What is left of their
// time is for the commit itself; a reader who settles waits for one that is under way. Who could note no
// intent, which may have taken all the time there is, has none that is settled.
func (d *desk) timely() error {
	noted := false
	for _, t := range d.tables {
		noted = noted || !t.missed
	}
	if noted && d.u.parts.Clock.Now().Sub(d.since) > ranking.IntentFor/2 {
		return errRaced
	}
	return nil
}

// meet learns of those who have no entry yet whether they exist, and whether they are
// quarantined, and keeps both so until the transaction ends. It comes after all
// entries are locked, as with who quarantines.
func (d *desk) meet(ctx context.Context, tx datastore.Repos) error {
	d.newcomers = map[owner]newcomer{}
	missing := map[tenancy.Scope][]identity.PlayerID{}
	scopes := []tenancy.Scope{}
	for _, at := range d.terms() {
		t := d.tables[at]
		for _, player := range t.players {
			who := owner{at.scope, player}
			if _, known := d.newcomers[who]; known || t.states[player].current != nil {
				continue
			}
			d.newcomers[who] = newcomer{}
			if missing[at.scope] == nil {
				scopes = append(scopes, at.scope)
			}
			missing[at.scope] = append(missing[at.scope], player)
		}
	}
	for _, scope := range scopes {
		held, err := tx.Players().Hold(ctx, scope, missing[scope])
		if err != nil {
			return fmt.Errorf("find players: %w", err)
		}
		for _, player := range held {
			d.newcomers[owner{scope, player}] = newcomer{exists: true}
		}
		quarantines, err := tx.Quarantines().Of(ctx, scope, held)
		if err != nil {
			return fmt.Errorf("read quarantines: %w", err)
		}
		for _, q := range quarantines {
			n := d.newcomers[owner{scope, q.Player}]
			n.quarantines = append(n.quarantines, q)
			d.newcomers[owner{scope, q.Player}] = n
		}
	}
	return nil
}

// hold keeps the seasons as they are and their entries to this transaction, in one order.
func (d *desk) hold(ctx context.Context, tx datastore.Repos) error {
	for terms := d.terms(); len(terms) > 0; {
		n := d.together(terms)
		if err := d.holdSeasons(ctx, tx, terms[:n]); err != nil {
			return err
		}
		terms = terms[n:]
	}
	for _, at := range d.terms() {
		t := d.tables[at]
		found, err := tx.Entries().LockMany(ctx, at.scope, t.season.Ref(), t.players)
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		t.states = make(map[identity.PlayerID]state, len(found))
		for _, e := range found {
			t.states[e.Player] = state{stored: e.Revision, current: &e}
		}
	}
	return nil
}

// together is how many of the first seasons are held with one statement: those of one
// environment, up to one that must be renewed, which is held alone.
func (d *desk) together(terms []term) int {
	n := 1
	for !d.tables[terms[0]].missed && n < len(terms) && terms[n].scope == terms[0].scope && !d.tables[terms[n]].missed {
		n++
	}
	return n
}

// holdSeasons holds seasons of one environment; one that is missed is alone.
func (d *desk) holdSeasons(ctx context.Context, tx datastore.Repos, terms []term) error {
	scope, wanted := terms[0].scope, make([]ranking.SeasonRef, len(terms))
	for i, at := range terms {
		wanted[i] = ranking.SeasonRef{Board: at.board, Number: at.number}
	}
	missed := d.tables[terms[0]].missed
	if missed {
		// Before it is held: two who hold it could not both go on to renew it.
		err := tx.Boards().Renew(ctx, scope, wanted[0].Board, wanted[0].Number)
		switch {
		case errors.Is(err, ranking.ErrSeasonNotFound):
			return errRaced
		case err != nil:
			return fmt.Errorf("renew season: %w", err)
		}
	}
	held, err := tx.Boards().Hold(ctx, scope, wanted)
	if err != nil {
		return fmt.Errorf("hold seasons: %w", err)
	}
	if len(held) != len(terms) {
		return errRaced
	}
	for _, season := range held {
		t := d.tables[term{place{scope, season.Board}, season.Number}]
		if !missed && season.Epoch != t.season.Epoch || !season.Takes(t.latest) || d.open && season.State != ranking.Open {
			return errRaced
		}
	}
	return nil
}

// do does one group. Its error is the end of the whole transaction; a refusal is
// part of the result.
func (d *desk) do(ctx context.Context, tx datastore.Repos, seat seat, g group, now time.Time) (result, error) {
	t := d.tables[seat.at]
	if t == nil {
		return result{err: seat.absent}, nil
	}
	before := map[identity.PlayerID]state{}
	receipts := make([]ranking.Receipt, len(g.works))
	for i, w := range g.works {
		was := t.states[w.player]
		if _, ok := before[w.player]; !ok {
			before[w.player] = was
		}
		var err error
		var next ranking.Entry
		fresh := d.newcomers[owner{g.principal.Scope(), w.player}]
		if was.current == nil && !fresh.exists {
			err = identity.ErrPlayerNotFound
		} else {
			next, receipts[i], err = w.apply(t.board, t.season, was.current, g.received)
		}
		if err != nil {
			var refusal *fault.Fault
			if !errors.As(err, &refusal) || refusal.Kind == fault.Internal || refusal.Kind == fault.Unavailable {
				return result{}, err
			}
			maps.Copy(t.states, before)
			return result{err: &Refused{Run: i, Err: err}}, nil
		}
		if was.current == nil {
			next.Hidden = covers(fresh.quarantines, g.board)
		}
		if was.current == nil || next.Revision != was.current.Revision {
			t.states[w.player] = state{stored: was.stored, current: &next}
		}
	}
	// Players' and servers' runs are the game itself.
	if g.principal.Kind() == tenancy.SecretKey {
		for i, w := range g.works {
			if err := tx.Audit().Append(ctx, d.event(g, w, receipts[i], now)); err != nil {
				return result{}, fmt.Errorf("audit: %w", err)
			}
		}
	}
	return result{receipts: receipts}, nil
}

// write stores what the works left.
func (d *desk) write(ctx context.Context, tx datastore.Repos) error {
	for _, at := range d.terms() {
		if err := d.tables[at].write(ctx, tx, at.scope); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) write(ctx context.Context, tx datastore.Repos, scope tenancy.Scope) error {
	var writes []ranking.EntryWrite
	for _, s := range t.states {
		if s.current != nil && s.current.Revision != s.stored {
			writes = append(writes, ranking.EntryWrite{Entry: *s.current, Key: t.season.Rules.Key(s.current.Run, s.current.AchievedAt), Before: s.stored})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	err := tx.Entries().WriteMany(ctx, scope, t.season.Ref(), writes)
	switch {
	case errors.Is(err, ranking.ErrEntryStale):
		return errRaced
	case err != nil:
		return fmt.Errorf("write entries: %w", err)
	}
	return nil
}

// tell tells the index what was committed, entries that did not change too: their
// last writer may not have come so far. An index that can't be told is left behind; only
// if that fails as well are the callers not answered.
func (d *desk) tell(ctx context.Context) error {
	var mu sync.Mutex
	var faults []error
	d.each(func(at term, t *table) {
		if err := d.tellOf(ctx, at, t); err != nil {
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, err)
		}
	})
	if err := errors.Join(faults...); err != nil {
		// What is committed must not be done again: to the coalescer this is no
		// fault of any of its items.
		return fault.ErrUnavailable.Because(err)
	}
	return nil
}

// tellOf tells what was committed of one season.
func (d *desk) tellOf(ctx context.Context, at term, t *table) error {
	ladder := ladderOf(at.scope, t.season)
	if t.missed {
		d.u.counters.left.Add(1)
		d.u.forget(ladder)
		return nil
	}
	marks := make([]ranking.Mark, 0, len(t.states))
	for _, s := range t.states {
		if s.current != nil {
			marks = append(marks, t.season.Mark(*s.current))
		}
	}
	if d.u.ranks.Apply(ctx, ladder, marks, t.intent) == nil {
		return nil
	}
	err := d.u.parts.Store.Boards().Renew(ctx, at.scope, at.board, t.season.Number)
	d.u.counters.left.Add(1)
	d.u.forget(ladder)
	// Of a board that was deleted in the meantime nobody asks.
	if err != nil && !errors.Is(err, ranking.ErrSeasonNotFound) {
		return fmt.Errorf("renew season: %w", err)
	}
	return nil
}

// event tells what an operator did.
func (d *desk) event(g group, w work, r ranking.Receipt, now time.Time) audit.Event {
	event := audit.By(g.principal, w.action, now).On("leaderboard", string(g.board))
	event.ID = d.u.parts.IDs.New()
	summary := func(run *ranking.Run) map[string]string {
		s := map[string]string{"player": string(w.player), "season": strconv.Itoa(r.Season)}
		if run != nil {
			s["score"], s["subscore"] = strconv.FormatInt(run.Score, 10), strconv.FormatInt(run.Subscore, 10)
		}
		return s
	}
	event.Before, event.After = summary(r.Previous), summary(r.Current)
	return event
}
