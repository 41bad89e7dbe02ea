package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Sequester is a change of who is quarantined where.
type Sequester struct {
	Environment tenancy.Environment
	Board       ranking.BoardID // empty: every board of the environment
	Player      identity.PlayerID
	// Reason is why; empty lifts the quarantine, if there is one.
	Reason string
}

// Sequestered is what came of it.
type Sequestered struct {
	Quarantine ranking.Quarantine
	// Leaderboards is in how many open seasons an entry of the player lost its place to
	// others, or got it back.
	Leaderboards int
}

// Sequester quarantines a player, or lifts the quarantine, with one effect on every board
// that it covers. Of a player quarantined twice over both must be lifted.
func (u *UseCases) Sequester(ctx context.Context, p tenancy.Principal, scope tenancy.Scope, s Sequester, effects ...once.Effect[Sequestered]) (Sequestered, error) {
	now := u.parts.Clock.Now()
	done := Sequestered{Quarantine: ranking.Quarantine{Board: s.Board, Player: s.Player}}
	if s.Reason != "" {
		var err error
		if done.Quarantine, err = ranking.NewQuarantine(s.Board, s.Player, s.Reason, now); err != nil {
			return Sequestered{}, err
		}
	}
	var did *atomic.Uint64
	err := u.transact(ctx, func(d *desk) error {
		boards := []ranking.BoardID{s.Board}
		if s.Board == "" {
			var err error
			if boards, err = u.parts.Store.Entries().OpenOf(ctx, scope, s.Player); err != nil {
				return fmt.Errorf("find entries: %w", err)
			}
		}
		for _, board := range boards {
			t, err := d.layOpen(ctx, place{scope, board})
			if fault.KindOf(err) == fault.NotFound && s.Board == "" {
				continue // deleted since
			}
			if err != nil {
				return err
			}
			t.players = []identity.PlayerID{s.Player}
		}
		return nil
	}, func(ctx context.Context, d *desk, tx datastore.Repos) error {
		quarantines, err := d.confine(ctx, tx, scope, s.Player, s.Board)
		if err != nil {
			return err
		}
		event := audit.By(p, audit.PlayerQuarantined, now).In(scope).On("player", string(s.Player))
		event.ID = u.parts.IDs.New()
		event.Before = quarantineSummary(quarantines, s.Board)
		at := slices.IndexFunc(quarantines, func(q ranking.Quarantine) bool { return q.Board == s.Board })
		did = nil
		switch {
		case s.Reason != "":
			err = tx.Quarantines().Save(ctx, scope, done.Quarantine)
			if at < 0 {
				did = &u.counters.quarantined
				quarantines = append(quarantines, done.Quarantine)
			}
		case at >= 0:
			event.Action = audit.QuarantineLifted
			did = &u.counters.lifted
			err = tx.Quarantines().Lift(ctx, scope, s.Board, s.Player)
			quarantines = slices.Delete(quarantines, at, at+1)
		default:
			return once.Tell(ctx, tx, done, effects)
		}
		if err != nil {
			return fmt.Errorf("change quarantine: %w", err)
		}
		done.Leaderboards = 0
		for at, t := range d.tables {
			was := t.states[s.Player]
			if was.current == nil {
				continue
			}
			next := was.current.Hide(covers(quarantines, at.board), s.Environment.Now(now))
			if next.Revision != was.current.Revision && !next.Removed() {
				done.Leaderboards++
			}
			t.states[s.Player] = state{stored: was.stored, current: &next}
		}
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		event.After = quarantineSummary(quarantines, s.Board)
		event.After["leaderboards_affected"] = strconv.Itoa(done.Leaderboards)
		if err := tx.Audit().Append(ctx, event); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		return once.Tell(ctx, tx, done, effects)
	})
	if err == nil && did != nil {
		did.Add(1)
	}
	return done, err
}

// confine gives a player's quarantines, which stay what they are until the transaction
// ends, and makes sure that all of his entries that there are on the board, or with none
// on all boards, are at the desk: who makes one from now on waits, and then sees
// what was changed.
func (d *desk) confine(ctx context.Context, tx datastore.Repos, scope tenancy.Scope, player identity.PlayerID, board ranking.BoardID) ([]ranking.Quarantine, error) {
	if _, err := tx.Players().Lock(ctx, scope, player); err != nil {
		return nil, fmt.Errorf("find player: %w", err)
	}
	there, err := tx.Entries().OpenOf(ctx, scope, player)
	if err != nil {
		return nil, fmt.Errorf("find entries: %w", err)
	}
	for _, one := range there {
		if board != "" && one != board {
			continue
		}
		if !slices.ContainsFunc(d.terms(), func(at term) bool { return at.board == one && d.tables[at].states[player].current != nil }) {
			return nil, errRaced
		}
	}
	quarantines, err := tx.Quarantines().Of(ctx, scope, []identity.PlayerID{player})
	if err != nil {
		return nil, fmt.Errorf("read quarantines: %w", err)
	}
	return quarantines, nil
}

func covers(quarantines []ranking.Quarantine, board ranking.BoardID) bool {
	return slices.ContainsFunc(quarantines, func(q ranking.Quarantine) bool { return q.Covers(board) })
}

func quarantineSummary(quarantines []ranking.Quarantine, board ranking.BoardID) map[string]string {
	s := map[string]string{"leaderboard": string(board)}
	if board == "" {
		s["leaderboard"] = "all"
	}
	for _, q := range quarantines {
		if q.Board == board {
			s["reason"] = q.Reason
		}
	}
	return s
}

// Quarantines gives up to limit quarantines after a player, by player: those of one
// board, or with none those of all boards at once.
func (u *UseCases) Quarantines(ctx context.Context, scope tenancy.Scope, board ranking.BoardID, after identity.PlayerID, limit int) ([]ranking.Quarantine, error) {
	if board != "" {
		if _, err := u.now(ctx, place{scope, board}); err != nil {
			return nil, err
		}
	}
	found, err := u.parts.Store.Quarantines().List(ctx, scope, board, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list quarantines: %w", err)
	}
	return found, nil
}

// Inspected is what a player has on a board in the open season, and what his place is
// to the others. It is of one moment.
type Inspected struct {
	Season      ranking.Season
	Entry       *ranking.Entry       // nil: there was never one
	Quarantines []ranking.Quarantine // those that hide it
	// With and Without are the places around the player's, with his entry among those that
	// have one and without it; empty if there is no entry. Count is with it.
	With, Without []ranking.Place
	Count         int64
	// Moves is how many others' ranks are not the same with it and without it.
	Moves int64
}

// Inspect tells what a player has on a board, with the window around it. It says beforehand what removing or hiding it does to the others, or undoing either.
func (u *UseCases) Inspect(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, player identity.PlayerID, window ranking.Window) (Inspected, error) {
	if _, err := u.parts.Store.Players().Get(ctx, scope, player); err != nil {
		return Inspected{}, fmt.Errorf("find player: %w", err)
	}
	for range settleRounds {
		found, err := u.inspect(ctx, scope, id, player, window)
		if !errors.Is(err, errRaced) {
			return found, err
		}
	}
	return Inspected{}, ranking.ErrWarming
}

func (u *UseCases) inspect(ctx context.Context, scope tenancy.Scope, id ranking.BoardID, player identity.PlayerID, window ranking.Window) (found Inspected, _ error) {
	c, err := u.now(ctx, place{scope, id})
	if err != nil {
		return found, err
	}
	found.Season = c.season
	entries, err := u.parts.Store.Entries().LockMany(ctx, scope, c.season.Ref(), []identity.PlayerID{player})
	if err != nil {
		return found, fmt.Errorf("read entry: %w", err)
	}
	quarantines, err := u.parts.Store.Quarantines().Of(ctx, scope, []identity.PlayerID{player})
	if err != nil {
		return found, fmt.Errorf("read quarantines: %w", err)
	}
	found.Quarantines = slices.DeleteFunc(quarantines, func(q ranking.Quarantine) bool { return !q.Covers(id) })
	found.With, found.Without = []ranking.Place{}, []ranking.Place{}
	if len(entries) == 0 {
		return found, nil
	}
	entry := entries[0]
	found.Entry = &entry
	key := c.season.Rules.Key(entry.Run, entry.AchievedAt)
	_, err = u.read(ctx, scope, id, c.season.Number, func(ctx context.Context, at ranking.Ladder, shared bool) (view ranking.View, err error) {
		if entry.Listed() {
			view, err = u.ranks.Around(ctx, at, player, window, shared)
		} else {
			view, err = u.ranks.Shadow(ctx, at, player, &key, window, shared)
		}
		if err != nil {
			return view, err
		}
		own := slices.IndexFunc(view.Places, func(p ranking.Place) bool { return p.Player == player })
		if own < 0 || view.Places[own].Key != key {
			return view, errRaced // the entry is another by now
		}
		view.Places = slices.Clone(view.Places) // others who asked the same have this view too
		view.Places[own].Metadata = entry.Metadata
		found.With, found.Without, found.Count = view.Places, ranking.Without(view.Places, player), view.Count
		found.Moves, err = u.behind(ctx, at, view, view.Places[own], entry.Listed(), shared)
		return view, err
	}, func(context.Context, ranking.Season) (Standings, error) { return Standings{}, ranking.ErrWarming })
	return found, err
}

// behind is how many of a view's season come after a place of it; where ranks are shared,
// how many have a worse run. Listed tells whether the place is one, or only would be.
func (u *UseCases) behind(ctx context.Context, at ranking.Ladder, view ranking.View, one ranking.Place, listed, shared bool) (int64, error) {
	if !shared {
		return view.Count - one.Rank, nil
	}
	last := ranking.Position{Key: one.Key, Player: "ffffffff-ffff-ffff-ffff-ffffffffffff"}
	for i := ranking.Prefix; i < len(last.Key); i++ {
		last.Key[i] = 0xff
	}
	worse, err := u.ranks.Top(ctx, at, &last, 1, false)
	switch {
	case err != nil:
		return 0, err
	case worse.Sequence != view.Sequence:
		return 0, errRaced
	case len(worse.Places) == 0:
		return 0, nil
	}
	return worse.Count - worse.Places[0].Rank + 1, nil
}
