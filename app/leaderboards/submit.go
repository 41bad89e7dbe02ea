package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Submit takes one run.
func (u *UseCases) Submit(ctx context.Context, p tenancy.Principal, id ranking.BoardID, run ranking.Submission, effects ...once.Effect[ranking.Receipt]) (ranking.Receipt, error) {
	var tell once.Effect[[]ranking.Receipt]
	if once.Wanted(effects) {
		tell = func(ctx context.Context, tx datastore.Repos, receipts []ranking.Receipt) error {
			return once.Tell(ctx, tx, receipts[0], effects)
		}
	}
	receipts, err := u.submit(ctx, p, id, []ranking.Submission{run}, tell)
	if err != nil {
		return ranking.Receipt{}, whole(err)
	}
	return receipts[0], nil
}

// SubmitAll takes all the runs in their order, or none. When one can't be taken the
// error is a Refused. A run that doesn't count is taken: its receipt says why it doesn't.
func (u *UseCases) SubmitAll(ctx context.Context, p tenancy.Principal, id ranking.BoardID, runs []ranking.Submission, effects ...once.Effect[[]ranking.Receipt]) ([]ranking.Receipt, error) {
	return u.submit(ctx, p, id, runs, effects...)
}

func (u *UseCases) submit(ctx context.Context, p tenancy.Principal, id ranking.BoardID, runs []ranking.Submission, effects ...once.Effect[[]ranking.Receipt]) ([]ranking.Receipt, error) {
	received, err := u.moment(ctx, p.Scope())
	if err != nil {
		return nil, err
	}
	known, err := u.current(ctx, place{p.Scope(), id}, received)
	if err != nil {
		return nil, err
	}
	if _, isPlayer := identity.Caller(p); isPlayer && known.board.Submitters != ranking.Players {
		return nil, ranking.ErrSubmitDenied
	}
	works := make([]work, len(runs))
	for i, run := range runs {
		works[i] = submission(run)
	}
	return u.do(ctx, group{principal: p, received: received, board: id, works: works, effects: effects})
}

// submission is the work of taking a run.
func submission(run ranking.Submission) work {
	return work{player: run.Player, action: audit.EntrySubmitted, apply: func(board ranking.Board, season ranking.Season, before *ranking.Entry, now time.Time) (ranking.Entry, ranking.Receipt, error) {
		return season.Submit(board, before, run, now)
	}}
}

// sharedWorks is how many works a caller may bring to a commit that he shares; more
// have one of their own, as with documents.
const sharedWorks = 16

// do has a group done, with whatever others want done.
func (u *UseCases) do(ctx context.Context, mine group) ([]ranking.Receipt, error) {
	if len(mine.works) > sharedWorks {
		done, err := u.commit(ctx, []group{mine})
		if err != nil {
			return nil, err
		}
		return done[0].receipts, done[0].err
	}
	done, err := u.writers.Do(ctx, mine)
	if err != nil {
		return nil, err
	}
	return done.receipts, done.err
}

// Refused tells which of several runs could not be taken, and why.
type Refused struct {
	Run int
	Err error
}

func (r *Refused) Error() string { return fmt.Sprintf("run %d: %v", r.Run, r.Err) }

// Unwrap gives the reason.
func (r *Refused) Unwrap() error { return r.Err }

// whole is the error of what has no parts.
func whole(err error) error {
	var refused *Refused
	if errors.As(err, &refused) {
		return refused.Err
	}
	return err
}
