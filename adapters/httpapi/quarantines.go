package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// quarantine is one as operators see it.
type quarantine struct {
	Player      string    `json:"player"`
	Leaderboard string    `json:"leaderboard,omitempty" doc:"Absent: every leaderboard of the environment."`
	Reason      string    `json:"reason"`
	At          time.Time `json:"at" doc:"When it was last set."`
}

func quarantineOf(q ranking.Quarantine) *quarantine {
	return &quarantine{Player: string(q.Player), Leaderboard: string(q.Board), Reason: q.Reason, At: q.At}
}

// quarantined is what setting one did.
type quarantined struct {
	quarantine
	Affected int `json:"leaderboards_affected" doc:"On how many leaderboards the player's entry in the open season lost its place to others by it."`
}

// boardEntry is what a player has on a leaderboard, as operators see it.
type boardEntry struct {
	Player      string        `json:"player"`
	Season      int           `json:"season" doc:"The open one."`
	State       string        `json:"state" enum:"listed,hidden,removed,none" doc:"listed: it has a place. hidden: its player is quarantined. removed: and can be restored until a run comes. none: there is no entry."`
	Run         *run          `json:"run,omitempty" doc:"What it has; of a removed one, what it had."`
	AchievedAt  time.Time     `json:"achieved_at,omitzero"`
	RemovedAt   time.Time     `json:"removed_at,omitzero"`
	Quarantines []*quarantine `json:"quarantines" doc:"Those that hide it: that of the leaderboard, that of all leaderboards, or both."`
	Moves       int64         `json:"moves" doc:"How many others have another rank with it than without it: those who move up when it goes, and down when it comes back."`
	Count       int64         `json:"count" doc:"How many have a place, with it."`
	With        []*standing   `json:"with" doc:"The places around it, as they are or would be with it."`
	Without     []*standing   `json:"without" doc:"The same places without it."`
}

func boardEntryOf(player identity.PlayerID, found leaderboards.Inspected) *boardEntry {
	shown := &boardEntry{Player: string(player), Season: found.Season.Number, State: "none", Moves: found.Moves, Count: found.Count, Quarantines: []*quarantine{}}
	if e := found.Entry; e != nil {
		shown.State = "listed"
		switch {
		case e.Removed():
			shown.State = "removed"
		case e.Hidden:
			shown.State = "hidden"
		}
		shown.Run, shown.AchievedAt, shown.RemovedAt = runOf(&e.Run), e.AchievedAt, e.RemovedAt
	}
	for _, q := range found.Quarantines {
		shown.Quarantines = append(shown.Quarantines, quarantineOf(q))
	}
	shown.With, shown.Without = make([]*standing, len(found.With)), make([]*standing, len(found.Without))
	for i, p := range found.With {
		shown.With[i] = standingOf(found.Season, p)
	}
	for i, p := range found.Without {
		shown.Without[i] = standingOf(found.Season, p)
	}
	return shown
}

type (
	reasonBody struct {
		Reason string `json:"reason" doc:"1 to 200 characters, for operators. The player does not learn it."`
	}
	boardPlayerPath struct {
		operatorPlayerPath
		boardPath
	}
	boardQuarantine struct {
		boardPlayerPath
		Body reasonBody
	}
	playerQuarantine struct {
		operatorPlayerPath
		Body reasonBody
	}
	boardQuarantines struct {
		leaderboardInput
		paging
	}
	allQuarantines struct {
		environmentPath
		paging
	}
	entryInput struct {
		boardPlayerPath
		Before int `query:"before" doc:"How many places before; 5 if absent."`
		After  int `query:"after" doc:"How many places after; 5 if absent."`
	}
)

type quarantineHandlers struct{ Options }

func quarantineRoutes(o Options) []route {
	const environment = "/v1/projects/{project}/environments/{environment}"
	const board = environment + "/leaderboards/{leaderboard}"
	const hides = "From then on he has no place in the open season and those that follow: he is in no standings, counts, neighbours or lists of friends of anyone's but his own, " +
		"where he sees himself as if nothing were. His runs are taken and stay hidden. Standings of seasons that are over don't change. It replaces the quarantine before it."
	const shows = "He has what he would have had: runs that he submitted meanwhile, attempts and ties. Where he is quarantined both on the leaderboard and on all, both must be lifted. Lifting none changes nothing."
	h := quarantineHandlers{o}
	shown := func(_ *call, done leaderboards.Sequestered) *quarantined {
		return &quarantined{*quarantineOf(done.Quarantine), done.Leaderboards}
	}
	lifted := func(*call, leaderboards.Sequestered) *nothing { return &nothing{} }
	return []route{
		define(route{
			Method: http.MethodGet, Path: board + "/entries/{player}", ID: "inspectEntry", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "Read a player's entry as an operator, and what would move without it",
			Description: "In the open season, whatever its state. What removing, restoring, quarantining or lifting a quarantine does to the others is told beforehand: " +
				"with has the places around the player's with his entry, without the same places without it, moves how many ranks differ in all.",
		}, operator(tenancy.LeaderboardsRead), h.inspect),
		change(route{
			Method: http.MethodPut, Path: board + "/quarantines/{player}", ID: "quarantineOnLeaderboard", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "Hide a player from a leaderboard", Description: hides,
		}, operator(tenancy.LeaderboardsWrite), shown, func(ctx context.Context, c *call, in *boardQuarantine, tell once.Effect[leaderboards.Sequestered]) (none leaderboards.Sequestered, _ error) {
			id, err := in.board()
			if err != nil {
				return none, err
			}
			return o.Operators.Quarantine(ctx, c.principal, in.place(), operators.Quarantine{Board: id, Player: in.player(), Reason: in.Body.Reason}, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: board + "/quarantines/{player}", ID: "releaseOnLeaderboard", Tag: "Leaderboards", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Lift a player's quarantine on a leaderboard", Description: shows,
		}, operator(tenancy.LeaderboardsWrite), lifted, func(ctx context.Context, c *call, in *boardPlayerPath, tell once.Effect[leaderboards.Sequestered]) (none leaderboards.Sequestered, _ error) {
			id, err := in.board()
			if err != nil {
				return none, err
			}
			return o.Operators.Release(ctx, c.principal, in.place(), id, in.player(), tell)
		}),
		define(route{
			Method: http.MethodGet, Path: board + "/quarantines", ID: "listLeaderboardQuarantines", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "List the players who are quarantined on a leaderboard", Description: "By player. Those who are quarantined on all leaderboards have a list of their own.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *boardQuarantines) (*list[*quarantine], error) {
			id, err := in.board()
			if err != nil {
				return nil, err
			}
			return h.list(ctx, c, in.place(), id, in.paging)
		}),
		change(route{
			Method: http.MethodPut, Path: environment + "/players/{player}/quarantine", ID: "quarantinePlayer", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "Hide a player from all leaderboards", Description: "Those that are made later too. " + hides,
		}, operator(tenancy.LeaderboardsWrite), shown, func(ctx context.Context, c *call, in *playerQuarantine, tell once.Effect[leaderboards.Sequestered]) (leaderboards.Sequestered, error) {
			return o.Operators.Quarantine(ctx, c.principal, in.place(), operators.Quarantine{Player: in.player(), Reason: in.Body.Reason}, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: environment + "/players/{player}/quarantine", ID: "releasePlayer", Tag: "Leaderboards", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Lift a player's quarantine on all leaderboards", Description: shows,
		}, operator(tenancy.LeaderboardsWrite), lifted, func(ctx context.Context, c *call, in *operatorPlayer, tell once.Effect[leaderboards.Sequestered]) (leaderboards.Sequestered, error) {
			return o.Operators.Release(ctx, c.principal, in.place(), "", in.player(), tell)
		}),
		define(route{
			Method: http.MethodGet, Path: environment + "/quarantines", ID: "listQuarantines", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "List the players who are quarantined on all leaderboards", Description: "By player.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *allQuarantines) (*list[*quarantine], error) {
			return h.list(ctx, c, in.place(), "", in.paging)
		}),
	}
}

func (h quarantineHandlers) list(ctx context.Context, c *call, place operators.Place, board ranking.BoardID, p paging) (*list[*quarantine], error) {
	limit, after, err := c.page(p, 1)
	if err != nil {
		return nil, err
	}
	found, err := h.Operators.Quarantines(ctx, c.principal, place, board, identity.PlayerID(after[0]), limit)
	if err != nil {
		return nil, err
	}
	return pageOf(c, limit, found, quarantineOf, func(q ranking.Quarantine) []string { return []string{string(q.Player)} }), nil
}

func (h quarantineHandlers) inspect(ctx context.Context, c *call, in *entryInput) (*boardEntry, error) {
	id, err := in.board()
	if err != nil {
		return nil, err
	}
	window, fields := c.window(in.Before, in.After)
	if len(fields) > 0 {
		return nil, errParameter.WithFields(fields...)
	}
	found, err := h.Operators.Entry(ctx, c.principal, in.place(), id, in.player(), window)
	if err != nil {
		return nil, err
	}
	return boardEntryOf(in.player(), found), nil
}

// window is how many places before and after a player's are asked for.
func (c *call) window(before, after int) (ranking.Window, []fault.Field) {
	var fields []fault.Field
	side := func(name string, places int) int {
		if !c.query.Has(name) {
			places = aroundDefault
		}
		if places < 0 || places > c.api.Limits.PageItems {
			fields = append(fields, parameter("query", name, "out_of_range", "From 0 to %d.", c.api.Limits.PageItems))
		}
		return places
	}
	window := ranking.Window{Before: side("before", before), After: side("after", after)}
	return window, fields
}
