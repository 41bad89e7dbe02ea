package leaderboards

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/recurrence"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Parts are what the use cases are made of.
type Parts struct {
	Store     datastore.Datastore
	Blobs     blob.Store
	Ranks     ranking.Index
	Directory *environments.Directory
	Calendar  recurrence.Reader
	Clock     clock.Clock
	IDs       ids.Source
	Limits    limits.Limits
	Tracer    tracing.Tracer // nil: nothing is traced
}

// UseCases are what callers do with leaderboards.
type UseCases struct {
	parts    Parts
	ranks    index // Ranks, whose concurrent readers share calls
	writers  *coalesce.Coalescer[group, result]
	counters indexCounters
	lateness lateness

	// grace is longer than anybody can be at a run that was received.
	grace time.Duration

	boards  recent.Values[place, current]
	seasons recent.Values[term, ranking.Season]

	mu     sync.Mutex
	builds map[ranking.Ladder]*building
	slots  chan struct{}           // one for each that may be built at once
	rolls  map[place]chan struct{} // closed when this process has rolled the board's seasons
}

func New(p Parts) *UseCases {
	u := &UseCases{
		parts: p,
		ranks: gathered(p.Ranks, p.Limits.RequestTime, p.Tracer),
		// A run waits for its commit as long as its request may take, and the commit takes as long at most.
		// The rest is for clocks of replicas that differ.
		grace:  2*p.Limits.RequestTime + skew,
		builds: map[ranking.Ladder]*building{},
		rolls:  map[place]chan struct{}{},
		slots:  make(chan struct{}, buildsAtOnce),
	}
	u.writers = coalesce.New(coalesce.Commits("commit runs", p.Store, p.Limits.RequestTime, p.Tracer), u.commit)
	return u
}

// skew is how far the clocks of replicas may be apart.
const skew = 5 * time.Second

// Writes tells of the commits that concurrent writers share.
func (u *UseCases) Writes() coalesce.Stats { return u.writers.Stats() }

// place names a board among those of all environments.
type place struct {
	scope tenancy.Scope
	board ranking.BoardID
}

// term names a season among those of all environments.
type term struct {
	place
	number int
}

// current is a board with the season that is open.
type current struct {
	board  ranking.Board
	season ranking.Season
}

// Board gives a board and its open season, as they were within the last moment.
func (u *UseCases) Board(ctx context.Context, p tenancy.Principal, id ranking.BoardID) (ranking.Board, ranking.Season, error) {
	c, err := u.now(ctx, place{p.Scope(), id})
	return c.board, c.season, err
}

// moment is the time by the environment's clock.
func (u *UseCases) moment(ctx context.Context, scope tenancy.Scope) (time.Time, error) {
	environment, err := u.parts.Directory.Get(ctx, scope.Environment())
	if err != nil {
		return time.Time{}, err
	}
	return environment.Now(u.parts.Clock.Now()), nil
}

// now is current at this moment, for readers: they are shown what is known while the
// database can't be asked.
func (u *UseCases) now(ctx context.Context, at place) (current, error) {
	moment, err := u.moment(ctx, at.scope)
	if err != nil {
		return current{}, err
	}
	return u.open(ctx, at, moment, u.boards.GetLasting)
}

// current gives a board and the season that is open at a moment. One that should have
// ended by then is ended first.
func (u *UseCases) current(ctx context.Context, at place, moment time.Time) (current, error) {
	return u.open(ctx, at, moment, u.boards.Get)
}

// get is one of the two ways in which recent.Values give what they have.
type get func(ctx context.Context, key place, now time.Time, load func(context.Context) (current, error)) (current, error)

func (u *UseCases) open(ctx context.Context, at place, moment time.Time, known get) (current, error) {
	for {
		c, err := known(ctx, at, u.parts.Clock.Now(), u.load(at))
		if err != nil || !c.season.Due(moment) {
			return c, err
		}
		if err := u.roll(ctx, at, moment); err != nil {
			return current{}, err
		}
	}
}

// counting gives a board and the season in which a run counts that was received then:
// the open one, or one that ended after and isn't closed.
func (u *UseCases) counting(ctx context.Context, at place, received time.Time) (current, error) {
	c, err := u.current(ctx, at, received)
	for err == nil && c.season.Number > 1 && received.Before(c.season.StartedAt) {
		var before ranking.Season
		if before, err = u.past(ctx, at, c.season.Number-1); err == nil && !before.Takes(received) {
			break
		}
		c.season = before
	}
	return c, err
}

func (u *UseCases) load(at place) func(context.Context) (current, error) {
	return func(ctx context.Context) (c current, err error) {
		if c.board, err = u.parts.Store.Boards().Get(ctx, at.scope, at.board); err != nil {
			return c, fmt.Errorf("find leaderboard: %w", err)
		}
		// A season that was closed in between is not the current one, and says so itself.
		if c.season, err = u.parts.Store.Boards().Season(ctx, at.scope, at.board, c.board.Season); err != nil {
			return c, fmt.Errorf("find season: %w", err)
		}
		return c, nil
	}
}

// season gives one season of a board; 0 is the current one.
func (u *UseCases) season(ctx context.Context, at place, number int) (ranking.Season, error) {
	c, err := u.now(ctx, at)
	if err != nil || number == 0 || number == c.season.Number {
		return c.season, err
	}
	return u.past(ctx, at, number)
}

func (u *UseCases) past(ctx context.Context, at place, number int) (ranking.Season, error) {
	return u.seasons.GetLasting(ctx, term{at, number}, u.parts.Clock.Now(), func(ctx context.Context) (ranking.Season, error) {
		season, err := u.parts.Store.Boards().Season(ctx, at.scope, at.board, number)
		if err != nil {
			return season, fmt.Errorf("find season: %w", err)
		}
		return season, nil
	})
}

// Seasons gives up to limit seasons of a board with a smaller number, the latest first; 0 begins.
func (u *UseCases) Seasons(ctx context.Context, p tenancy.Principal, id ranking.BoardID, before, limit int) ([]ranking.Season, error) {
	if _, err := u.now(ctx, place{p.Scope(), id}); err != nil {
		return nil, err
	}
	seasons, err := u.parts.Store.Boards().Seasons(ctx, p.Scope(), id, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list seasons: %w", err)
	}
	return seasons, nil
}

// Forget makes the next call ask the database about a board: it was just changed.
func (u *UseCases) Forget(scope tenancy.Scope, id ranking.BoardID) {
	u.boards.Forget(place{scope, id})
}

// Deleted lets go of seasons of a board that was deleted, and of their indexes. Those that can't be reached
// now forget them by themselves when nobody has asked for long.
func (u *UseCases) Deleted(ctx context.Context, scope tenancy.Scope, seasons []ranking.Season) {
	for _, season := range seasons {
		at := ladderOf(scope, season)
		u.forget(at)
		if err := u.ranks.Drop(context.WithoutCancel(ctx), at); err != nil {
			return
		}
	}
}

// forget forgets a season as well.
func (u *UseCases) forget(at ranking.Ladder) {
	on := place{at.Scope, at.Board}
	u.boards.Forget(on)
	u.seasons.Forget(term{on, at.Season})
}

func ladderOf(scope tenancy.Scope, s ranking.Season) ranking.Ladder {
	return ranking.Ladder{Scope: scope, Board: s.Board, Season: s.Number, Epoch: s.Epoch}
}
