package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// runBody is a run that someone submits.
type runBody struct {
	Player     string         `json:"player,omitempty" doc:"Whose run, by id. Servers and operators say it; players submit their own."`
	Score      int64          `json:"score" doc:"Any 64-bit integer, exact, unless the leaderboard has bounds."`
	Subscore   int64          `json:"subscore,omitzero" doc:"Decides between equal scores; 0 if absent. Score and subscore are compared and kept as one."`
	Metadata   jsontext.Value `json:"metadata,omitempty" doc:"A JSON object that stays with the run, as large as the leaderboard lets it be."`
	AchievedAt time.Time      `json:"achieved_at,omitzero" doc:"When, if that was before now, for ties. Only from servers and operators."`
}

type run struct {
	Score    int64 `json:"score"`
	Subscore int64 `json:"subscore"`
}

func runOf(r *ranking.Run) *run {
	if r == nil {
		return nil
	}
	return &run{r.Score, r.Subscore}
}

// receipt tells what became of a run.
type receipt struct {
	Player       string `json:"player"`
	Season       int    `json:"season" doc:"The season that it counts in."`
	Accepted     bool   `json:"accepted" doc:"false: the player's entry is what it was; reason says why."`
	Reason       string `json:"reason,omitempty" enum:"not_better,attempts_used"`
	Previous     *run   `json:"previous,omitempty" doc:"What the player had before; absent: nothing."`
	Current      *run   `json:"current,omitempty" doc:"What the player has now."`
	AttemptsLeft *int   `json:"attempts_left,omitempty" doc:"Submissions that are left to the player in this season, where they are bounded."`
	Rank         int64  `json:"rank,omitzero" doc:"With rank=true: the rank after it. Not in the reply to a request with an Idempotency-Key, which is stored before there is a rank."`
}

func receiptOf(r ranking.Receipt) receipt {
	return receipt{
		Player: string(r.Player), Season: r.Season, Accepted: r.Accepted, Reason: string(r.Reason),
		Previous: runOf(r.Previous), Current: runOf(r.Current), AttemptsLeft: r.Attempts,
	}
}

// receipts has one item for each run, in their order.
type receipts struct {
	Items []receipt `json:"items"`
}

type (
	submitInput struct {
		boardPath
		Rank bool `query:"rank" doc:"true: tell the rank after it."`
		Body runBody
	}
	submitAllInput struct {
		boardPath
		Body struct {
			Runs []runBody `json:"runs" doc:"Taken in their order. GET /v1/limits tells how many there may be."`
		}
	}
	removeInput struct {
		boardPath
		playerPath
	}
)

// ranked is a receipt and the rank after it; 0: not asked for, or not known.
type ranked struct {
	ranking.Receipt
	rank int64
}

type scoreHandlers struct{ Options }

func scoreRoutes(o Options) []route {
	const board = "/v1/leaderboards/{leaderboard}"
	h := scoreHandlers{o}
	one := func(_ *call, r ranked) *receipt {
		shown := receiptOf(r.Receipt)
		shown.Rank = r.rank
		return &shown
	}
	all := func(_ *call, done []ranking.Receipt) *receipts {
		reply := &receipts{Items: make([]receipt, len(done))}
		for i, r := range done {
			reply.Items[i] = receiptOf(r)
		}
		return reply
	}
	return []route{
		change(route{
			Method: http.MethodPost, Path: board + "/scores", ID: "submitScore", Tag: "Leaderboards", Class: limits.Write,
			Summary: "Submit a run",
			Description: "It is stored, and every read sees it, before this is answered. It counts in the season in which it was received. " +
				"A run that is no better, or past the attempts of a player, is answered with accepted false; one that breaks a bound of the leaderboard is 422. " +
				"Players submit for themselves, where the leaderboard lets them.",
		}, runtime(player(), serverToken(tenancy.LeaderboardsWrite), secretKey(tenancy.LeaderboardsWrite)), one, h.submit),
		change(route{
			Method: http.MethodPost, Path: board + "/scores:batch", ID: "submitScores", Tag: "Leaderboards", Class: limits.Write,
			Summary: "Submit the runs of a match",
			Description: "All runs are taken, or none: then the problem is that of the first that could not be, and its pointer begins with /runs/ and the run's place. " +
				"A run that is no better is taken, and its receipt says so.",
		}, runtime(serverToken(tenancy.LeaderboardsWrite), secretKey(tenancy.LeaderboardsWrite)), all, h.submitAll),
		change(route{
			Method: http.MethodDelete, Path: board + "/standings/{player}", ID: "removeStanding", Tag: "Leaderboards", Class: limits.Write,
			Statuses: []int{http.StatusNoContent}, Summary: "Remove a player's entry",
			Description: "From the open season. A run that is submitted afterwards begins anew; until then the removal can be undone.",
		}, runtime(serverToken(tenancy.LeaderboardsWrite), secretKey(tenancy.LeaderboardsWrite)), done, h.remove),
		change(route{
			Method: http.MethodPost, Path: board + "/standings/{player}/restore", ID: "restoreStanding", Tag: "Leaderboards", Class: limits.Write,
			Statuses: []int{http.StatusNoContent}, Summary: "Undo the removal of a player's entry",
			Description: "In the open season: his run, its time, its metadata and his attempts are what they were. 409 ranking.not_removed when it was not removed, or he submitted since.",
		}, runtime(serverToken(tenancy.LeaderboardsWrite), secretKey(tenancy.LeaderboardsWrite)), done, h.restore),
	}
}

// submission reads a run; its faults point into it.
func (b runBody) submission(c *call) (ranking.Submission, []fault.Field) {
	var check fault.Check
	s := ranking.Submission{Run: ranking.Run{Score: b.Score, Subscore: b.Subscore}, Metadata: string(b.Metadata), AchievedAt: b.AchievedAt.UTC().Truncate(time.Microsecond)}
	if caller, isPlayer := identity.Caller(c.principal); isPlayer {
		s.Player = caller
		if b.Player != "" && !strings.EqualFold(b.Player, string(caller)) {
			check.Add("/player", "not_allowed", "Players submit their own runs.")
		}
		if !b.AchievedAt.IsZero() {
			check.Add("/achieved_at", "not_allowed", "Only servers and operators say when.")
		}
	} else {
		canonical, ok := canonicalID(b.Player)
		if !ok {
			check.Add("/player", "malformed", "A player's id.")
		}
		s.Player = identity.PlayerID(canonical)
	}
	if s.Metadata != "" && s.Metadata[0] != '{' {
		check.Add("/metadata", "not_an_object", "A JSON object.")
	}
	var f *fault.Fault
	if errors.As(check.Err(), &f) {
		return s, f.Fields
	}
	return s, nil
}

func (h scoreHandlers) submit(ctx context.Context, c *call, in *submitInput, tell once.Effect[ranked]) (ranked, error) {
	id, err := in.board()
	if err != nil {
		return ranked{}, err
	}
	run, fields := in.Body.submission(c)
	if len(fields) > 0 {
		return ranked{}, fault.ErrInvalid.WithFields(fields...)
	}
	var told once.Effect[ranking.Receipt]
	if tell != nil {
		told = func(ctx context.Context, tx datastore.Repos, r ranking.Receipt) error {
			return tell(ctx, tx, ranked{Receipt: r})
		}
	}
	r, err := h.Leaderboards.Submit(ctx, c.principal, id, run, told)
	if err != nil || !in.Rank || tell != nil {
		return ranked{Receipt: r}, err
	}
	// What was submitted stands, whether its rank can be told or not.
	if one, err := h.Leaderboards.One(ctx, c.principal, id, r.Season, run.Player); err == nil {
		return ranked{r, one.Places[0].Rank}, nil
	}
	return ranked{Receipt: r}, nil
}

func (h scoreHandlers) submitAll(ctx context.Context, c *call, in *submitAllInput, tell once.Effect[[]ranking.Receipt]) ([]ranking.Receipt, error) {
	id, err := in.board()
	if err != nil {
		return nil, err
	}
	if most := h.Limits.LeaderboardRuns; len(in.Body.Runs) < 1 || len(in.Body.Runs) > most {
		return nil, fault.ErrInvalid.WithFields(fault.Body("/runs", "out_of_range", "From 1 to %d runs.", most))
	}
	runs := make([]ranking.Submission, len(in.Body.Runs))
	var fields []fault.Field
	for i, body := range in.Body.Runs {
		run, faults := body.submission(c)
		runs[i] = run
		for _, f := range faults {
			f.Pointer = runPointer(i) + f.Pointer
			if len(fields) < maxFields {
				fields = append(fields, f)
			}
		}
	}
	if len(fields) > 0 {
		return nil, fault.ErrInvalid.WithFields(fields...)
	}
	done, err := h.Leaderboards.SubmitAll(ctx, c.principal, id, runs, tell)
	var refused *leaderboards.Refused
	var f *fault.Fault
	if errors.As(err, &refused) && errors.As(refused.Err, &f) {
		at := runPointer(refused.Run)
		if len(f.Fields) > 0 {
			return nil, under(at, f)
		}
		return nil, f.WithFields(fault.Body(at, f.Code[strings.LastIndexByte(f.Code, '.')+1:], "%s", f.Detail))
	}
	return done, err
}

func runPointer(i int) string { return "/runs/" + strconv.Itoa(i) }

func (h scoreHandlers) remove(ctx context.Context, c *call, in *removeInput, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
	id, err := in.board()
	if err != nil {
		return none, err
	}
	player, err := in.id(c)
	if err != nil {
		return none, err
	}
	return none, h.Leaderboards.Remove(ctx, c.principal, id, player, tell)
}

func (h scoreHandlers) restore(ctx context.Context, c *call, in *removeInput, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
	id, err := in.board()
	if err != nil {
		return none, err
	}
	player, err := in.id(c)
	if err != nil {
		return none, err
	}
	return none, h.Leaderboards.Restore(ctx, c.principal, id, player, tell)
}
