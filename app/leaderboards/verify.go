package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

const (
	// verifySlice is how many entries are compared at once, and verifyRun at most in one run.
	verifySlice = 500
	verifyRun   = 50_000
	// verifiedSeasons is how many of a board's latest seasons are verified.
	verifiedSeasons = 3
)

// Verifier compares rank indexes with the database, a part with each run, and mends what
// differs. It looks only at indexes that are there: one that is cold is built of the database anyhow.
type Verifier struct {
	u     *UseCases
	stats verifyCounters
	// scope and board bound what it looks at; empty: all.
	scope tenancy.Scope
	board ranking.BoardID

	mu   sync.Mutex // a run at a time
	left []*verified
}

// verified is a season on its way through a pass.
type verified struct {
	season ranking.Season
	at     ranking.Ladder
	part   part
	cursor ranking.Cursor   // in the database
	page   ranking.Position // in the index
	late   map[identity.PlayerID]lateMark
}

// part is what of a season is compared: all that the database has, then all that the index
// shows, and at last what was late.
type part int

const (
	stored part = iota
	shown
	late
	finished
)

// lateMark is an entry that the index did not have yet.
type lateMark struct {
	revision int64
	since    time.Time
}

// VerifyStats are what a Verifier found in this process since its start.
type VerifyStats struct {
	Compared uint64 // entries that were compared
	Drifted  uint64 // entries that differed
	Repaired uint64 // of those, entries that the index was told again, or for which it was dropped
	// Passed is when all seasons had been gone through last; zero: not yet.
	Passed time.Time
}

type verifyCounters struct{ compared, drifted, repaired, passed atomic.Uint64 }

// NewVerifier makes one that begins at the beginning.
func NewVerifier(u *UseCases) *Verifier { return &Verifier{u: u} }

// Of gives one that looks at an environment's leaderboards only, or at one of them.
func (v *Verifier) Of(scope tenancy.Scope, board ranking.BoardID) *Verifier {
	return &Verifier{u: v.u, scope: scope, board: board}
}

// Stats tells what it found.
func (v *Verifier) Stats() VerifyStats {
	s := VerifyStats{Compared: v.stats.compared.Load(), Drifted: v.stats.drifted.Load(), Repaired: v.stats.repaired.Load()}
	if passed := v.stats.passed.Load(); passed > 0 {
		s.Passed = time.UnixMicro(int64(passed)).UTC()
	}
	return s
}

// Run goes on with the pass, or begins the next one. It ends with the pass, or when it has
// compared as much as one run may; whole tells which.
func (v *Verifier) Run(ctx context.Context) (whole bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.left) == 0 {
		if v.left, err = v.seasons(ctx); err != nil {
			return false, err
		}
	}
	waiting := 0 // seasons of which only late entries are left, for which it is too early
	for budget := verifyRun; len(v.left) > waiting && budget > 0; {
		one := v.left[0]
		compared, err := v.slice(ctx, one)
		budget -= compared
		switch {
		case errors.Is(err, ranking.ErrCold): // what it will be built of is right
			v.left = v.left[1:]
		case err != nil:
			v.left = v.left[1:] // the next pass tries again
			return false, fmt.Errorf("verify %s, season %d: %w", one.season.Board, one.season.Number, err)
		case one.part == finished:
			v.left = v.left[1:]
		case compared == 0 && one.part == late:
			v.left = append(v.left[1:], one)
			waiting++
		}
	}
	if len(v.left) > 0 {
		return false, nil
	}
	v.stats.passed.Store(uint64(v.u.parts.Clock.Now().UnixMicro()))
	return true, nil
}

// seasons are those to go through.
func (v *Verifier) seasons(ctx context.Context) ([]*verified, error) {
	var all []*verified
	of := func(scope tenancy.Scope, board ranking.BoardID) error {
		seasons, err := v.u.parts.Store.Boards().Seasons(ctx, scope, board, 0, verifiedSeasons)
		if err != nil {
			return fmt.Errorf("list seasons: %w", err)
		}
		for _, season := range seasons {
			all = append(all, newVerified(scope, season))
		}
		return nil
	}
	if v.board != "" {
		if _, err := v.u.parts.Store.Boards().Get(ctx, v.scope, v.board); err != nil {
			return nil, fmt.Errorf("find leaderboard: %w", err)
		}
		err := of(v.scope, v.board)
		return all, err
	}
	err := environments.Each(ctx, v.u.parts.Store, func(environment tenancy.Environment) error {
		scope := environment.Scope()
		if v.scope != (tenancy.Scope{}) && scope != v.scope {
			return nil
		}
		for after := ranking.BoardID(""); ; {
			page, err := v.u.parts.Store.Boards().List(ctx, scope, after, boardsPage)
			if err != nil {
				return fmt.Errorf("list leaderboards: %w", err)
			}
			for _, board := range page {
				if err := of(scope, board.ID); err != nil {
					return err
				}
				after = board.ID
			}
			if len(page) < boardsPage {
				return nil
			}
		}
	})
	return all, err
}

func newVerified(scope tenancy.Scope, season ranking.Season) *verified {
	return &verified{season: season, at: ladderOf(scope, season), late: map[identity.PlayerID]lateMark{}}
}

// slice compares the next few entries of a season, and tells how many that were.
func (v *Verifier) slice(ctx context.Context, one *verified) (compared int, err error) {
	players := []identity.PlayerID{}
	switch one.part {
	case stored:
		entries, next, err := v.u.parts.Store.Entries().All(ctx, one.at.Scope, one.season.Ref(), one.cursor, verifySlice)
		if err != nil {
			return 0, fmt.Errorf("read entries: %w", err)
		}
		for _, e := range entries {
			players = append(players, e.Player)
		}
		one.cursor = next
	case shown:
		var views []ranking.View
		err := v.settled(ctx, one, func() (err error) {
			views, err = v.u.ranks.Read(ctx, one.at, false, ranking.Question{Limit: verifySlice, From: one.page})
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("read ranks: %w", err)
		}
		for _, p := range views[0].Places {
			players = append(players, p.Player)
			one.page = ranking.Position{Key: p.Key, Player: p.Player}
		}
	default:
		for player, mark := range one.late {
			if v.u.parts.Clock.Now().Sub(mark.since) >= ranking.IntentFor && len(players) < verifySlice {
				players = append(players, player)
			}
		}
		if len(one.late) > 0 {
			return len(players), v.compare(ctx, one, players)
		}
	}
	if len(players) < verifySlice {
		one.part++
	}
	return len(players), v.compare(ctx, one, players)
}

// settled does what an index may refuse until what writers left behind is made good.
func (v *Verifier) settled(ctx context.Context, one *verified, do func() error) error {
	for rounds := 1; ; rounds++ {
		err := do()
		var owed *ranking.Owed
		if !errors.As(err, &owed) || rounds == settleRounds {
			return err
		}
		if err := v.u.settle(ctx, one.season, one.at, owed.Intents); err != nil {
			return err
		}
	}
}

// compare compares what the index holds of players with what the database has. The index is read first,
// so that whatever it holds has been committed: if it is not in the database, or is something else there
// at the same revision, the index is wrong. What the database has and the index has not may be on its
// way; it is looked at again when it no longer can be.
func (v *Verifier) compare(ctx context.Context, one *verified, players []identity.PlayerID) error {
	if len(players) == 0 {
		return nil
	}
	var marks []ranking.Mark
	err := v.settled(ctx, one, func() (err error) {
		marks, err = v.u.ranks.Held(ctx, one.at, players)
		return err
	})
	if err != nil {
		return fmt.Errorf("read marks: %w", err)
	}
	entries, err := v.u.parts.Store.Entries().LockMany(ctx, one.at.Scope, one.season.Ref(), players)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	held, wrong, now := map[identity.PlayerID]ranking.Mark{}, uint64(0), v.u.parts.Clock.Now()
	for _, m := range marks {
		held[m.Player] = m
	}
	var missed []identity.PlayerID
	for _, e := range entries {
		got, known := held[e.Player]
		want := one.season.Mark(e)
		delete(held, e.Player)
		before, waited := one.late[e.Player]
		delete(one.late, e.Player)
		switch {
		case known && got.Revision == 0, got.Revision == want.Revision && got != want, got.Revision > want.Revision:
			wrong++
		case got.Revision == want.Revision:
		case !waited:
			one.late[e.Player] = lateMark{want.Revision, now}
		case got.Revision < before.revision && now.Sub(before.since) >= ranking.IntentFor:
			missed = append(missed, e.Player)
		case got.Revision < before.revision:
			one.late[e.Player] = before
		}
	}
	wrong += uint64(len(held)) // in the index, and not in the database
	v.stats.compared.Add(uint64(len(players)))
	if wrong == 0 && len(missed) == 0 {
		return nil
	}
	// An index that was left behind since the pass began is nobody's, and may miss what it will.
	season, err := v.u.parts.Store.Boards().Season(ctx, one.at.Scope, one.at.Board, one.at.Season)
	switch {
	case errors.Is(err, ranking.ErrSeasonNotFound), err == nil && season.Epoch != one.at.Epoch:
		one.part = finished
		return nil
	case err != nil:
		return fmt.Errorf("find season: %w", err)
	}
	v.stats.drifted.Add(wrong + uint64(len(missed)))
	if wrong > 0 {
		// What it is told again at the same revision it doesn't take: it is built anew.
		if err := v.u.ranks.Drop(ctx, one.at); err != nil {
			return fmt.Errorf("drop index: %w", err)
		}
		one.part = finished
	} else {
		if err := v.u.mend(ctx, one.season, one.at, missed); err != nil {
			return err
		}
	}
	v.stats.repaired.Add(wrong + uint64(len(missed)))
	return nil
}
