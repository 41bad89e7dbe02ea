package httpapi

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// boardPath is the leaderboard that a path names. Embed it in the route's input.
type boardPath struct {
	Leaderboard string `path:"leaderboard" doc:"The leaderboard's id."`
}

func (p boardPath) board() (ranking.BoardID, error) {
	if !ranking.ValidBoardID(p.Leaderboard) {
		return "", ranking.ErrBoardNotFound
	}
	return ranking.BoardID(p.Leaderboard), nil
}

// seasonQuery is the season that is asked about. Embed it in the route's input.
type seasonQuery struct {
	Season int `query:"season" doc:"The number of a season, for one that is over; absent: the one that is open."`
}

// number is that of the season; 0 is the open one.
func (q seasonQuery) number(c *call) (int, error) {
	if c.query.Has("season") && q.Season < 1 {
		return 0, errParameter.WithFields(parameter("query", "season", "out_of_range", "From 1."))
	}
	return q.Season, nil
}

// standing is a place as the API shows it.
type standing struct {
	Rank       int64          `json:"rank" doc:"How many are ahead, plus one. Unique, unless the leaderboard shares ranks: then only better runs are ahead."`
	Place      int64          `json:"place,omitzero" doc:"Of a list of players: the rank among them."`
	Player     string         `json:"player"`
	Score      int64          `json:"score"`
	Subscore   int64          `json:"subscore"`
	AchievedAt time.Time      `json:"achieved_at" doc:"When the run reached its value."`
	Metadata   jsontext.Value `json:"metadata,omitzero" doc:"What came along with the run; absent when nothing did."`
}

// standings are places of one moment.
type standings struct {
	Season     int         `json:"season"`
	Count      *int64      `json:"count,omitempty" doc:"How many have a place in the season; absent while ranks are being built."`
	Items      []*standing `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last, and where there are no pages."`

	top *topPage // in the place of all but the cursor
}

func standingOf(s ranking.Season, p ranking.Place) *standing {
	run, achieved := s.Rules.Read(p.Key)
	shown := &standing{Rank: p.Rank, Player: string(p.Player), Score: run.Score, Subscore: run.Subscore, AchievedAt: achieved}
	if p.Metadata != "" {
		shown.Metadata = jsontext.Value(p.Metadata)
	}
	return shown
}

func (c *call) standings(s leaderboards.Standings) *standings {
	c.tagged(s)
	reply := &standings{Season: s.Season.Number, Items: make([]*standing, len(s.Places))}
	if s.Count >= 0 {
		reply.Count = &s.Count
	}
	for i, p := range s.Places {
		reply.Items[i] = standingOf(s.Season, p)
	}
	return reply
}

// tagged names the state of the index that answered, which says what the whole reply is.
func (c *call) tagged(s leaderboards.Standings) {
	if s.Sequence != 0 {
		c.tag = fmt.Sprintf("%d.%d.%d", s.Season.Number, s.Season.Epoch, s.Sequence)
	}
}

type (
	standingsInput struct {
		boardPath
		seasonQuery
		paging
		Around  string `query:"around" doc:"A player's id, or me: this player's place with those before and after it."`
		Before  int    `query:"before" doc:"With around: how many before; 5 if absent."`
		After   int    `query:"after" doc:"With around: how many after; 5 if absent."`
		Players string `query:"players" doc:"Ids of players, or me, with commas between them: the places of those who have one."`
	}
	standingInput struct {
		boardPath
		playerPath
		seasonQuery
	}
	seasonsInput struct {
		boardPath
		paging
	}
	boardInput struct{ boardPath }
)

// aroundDefault is how many neighbours are shown on either side when nobody says.
const aroundDefault = 5

type standingHandlers struct{ Options }

func standingRoutes(o Options) []route {
	const board = "/v1/leaderboards/{leaderboard}"
	reads := runtime(player(), serverToken(tenancy.LeaderboardsRead), secretKey(tenancy.LeaderboardsRead))
	h := standingHandlers{o}
	return []route{
		define(route{
			Method: http.MethodGet, Path: board + "/standings", ID: "listStandings", Tag: "Leaderboards", Class: limits.Read, Tagged: true,
			Summary: "Read ranks",
			Description: "The first page of a season, and further pages by cursor; or, with around, a player's neighbours; or, with players, the places of a list of players. " +
				"Ranks are exact, and all of one reply are of one moment. A submitted run shows in every read that begins after its receipt. " +
				"While ranks are being built, what can't be counted soon is 503 ranking.warming. The ETag changes when anything in the season does.",
		}, reads, h.list),
		define(route{
			Method: http.MethodGet, Path: board + "/standings/{player}", ID: "getStanding", Tag: "Leaderboards", Class: limits.Read, Tagged: true,
			Summary: "Read a player's rank", Description: "404 ranking.not_ranked when the player has no place in the season.",
		}, reads, h.one),
		define(route{
			Method: http.MethodGet, Path: board, ID: "getLeaderboard", Tag: "Leaderboards", Class: limits.Read,
			Summary: "Read a leaderboard and its open season", Description: "An edit is seen within a second.",
		}, reads, func(ctx context.Context, c *call, in *boardInput) (*leaderboard, error) {
			id, err := in.board()
			if err != nil {
				return nil, err
			}
			board, season, err := o.Leaderboards.Board(ctx, c.principal, id)
			if err != nil {
				return nil, err
			}
			return leaderboardOf(board, season), nil
		}),
		define(route{
			Method: http.MethodGet, Path: board + "/seasons", ID: "listSeasons", Tag: "Leaderboards", Class: limits.Read,
			Summary: "List a leaderboard's seasons", Description: "The latest first. Standings of each are read with season=.",
		}, reads, h.seasons),
	}
}

func (h standingHandlers) list(ctx context.Context, c *call, in *standingsInput) (*standings, error) {
	id, err := in.board()
	if err != nil {
		return nil, err
	}
	number, err := in.number(c)
	if err != nil {
		return nil, err
	}
	var fields []fault.Field
	for _, pair := range [][2]string{{"around", "players"}, {"around", "cursor"}, {"around", "limit"}, {"players", "cursor"}, {"players", "limit"}} {
		if c.query.Has(pair[0]) && c.query.Has(pair[1]) {
			fields = append(fields, parameter("query", pair[1], "not_allowed", "Not together with %s.", pair[0]))
		}
	}
	for _, name := range []string{"before", "after"} {
		if c.query.Has(name) && !c.query.Has("around") {
			fields = append(fields, parameter("query", name, "not_allowed", "Only together with around."))
		}
	}
	if len(fields) > 0 {
		return nil, errParameter.WithFields(fields...)
	}
	switch {
	case c.query.Has("around"):
		return h.around(ctx, c, in, id, number)
	case c.query.Has("players"):
		return h.among(ctx, c, in, id, number)
	}
	return h.top(ctx, c, in, id, number)
}

func (h standingHandlers) top(ctx context.Context, c *call, in *standingsInput, id ranking.BoardID, number int) (*standings, error) {
	limit, place, err := c.page(in.paging, 3)
	if err != nil {
		return nil, err
	}
	var after *ranking.Position
	if place[0] != "" {
		// A cursor is ours, so it can be read; and it goes on in the season that it began in.
		after = &ranking.Position{Player: identity.PlayerID(place[1])}
		if _, err := hex.Decode(after.Key[:], []byte(place[0])); err != nil {
			return nil, errCursor
		}
		if number, err = strconv.Atoi(place[2]); err != nil {
			return nil, errCursor
		}
	}
	found, err := h.Leaderboards.Top(ctx, c.principal, id, number, after, limit)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(found.Places) == limit {
		found.Places = found.Places[:limit-1]
		last := found.Places[limit-2]
		next = c.api.cursors.write(c.binding(), []string{hex.EncodeToString(last.Key[:]), string(last.Player), strconv.Itoa(found.Season.Number)})
	}
	name := shownPage{
		scope: c.principal.Scope(), board: id, season: found.Season.Number, epoch: found.Season.Epoch, sequence: found.Sequence, limit: limit, strings: c.stringInt64,
	}
	if after != nil {
		name.after = *after
	}
	c.tagged(found)
	return &standings{top: &topPage{name, found}, NextCursor: next}, nil
}

func (h standingHandlers) around(ctx context.Context, c *call, in *standingsInput, id ranking.BoardID, number int) (*standings, error) {
	who, ok := c.playerNamed(in.Around)
	var fields []fault.Field
	if !ok {
		fields = append(fields, parameter("query", "around", "malformed", "A player's id: a UUID; or me, for a player who calls."))
	}
	window, faults := c.window(in.Before, in.After)
	if fields = append(fields, faults...); len(fields) > 0 {
		return nil, errParameter.WithFields(fields...)
	}
	found, err := h.Leaderboards.Around(ctx, c.principal, id, number, who, window)
	if err != nil {
		return nil, err
	}
	return c.standings(found), nil
}

func (h standingHandlers) among(ctx context.Context, c *call, in *standingsInput, id ranking.BoardID, number int) (*standings, error) {
	names := strings.Split(in.Players, ",")
	players := make([]identity.PlayerID, len(names))
	ok := len(names) <= h.Limits.LeaderboardPlayers
	for i := 0; ok && i < len(names); i++ {
		players[i], ok = c.playerNamed(names[i])
	}
	if !ok {
		return nil, errParameter.WithFields(parameter("query", "players", "malformed", "1 to %d ids of players, with commas between them.", h.Limits.LeaderboardPlayers))
	}
	found, err := h.Leaderboards.Among(ctx, c.principal, id, number, players)
	if err != nil {
		return nil, err
	}
	reply := c.standings(found)
	for i, item := range reply.Items {
		item.Place = int64(i) + 1
		if i > 0 && item.Rank == reply.Items[i-1].Rank {
			item.Place = reply.Items[i-1].Place
		}
	}
	return reply, nil
}

func (h standingHandlers) one(ctx context.Context, c *call, in *standingInput) (*standing, error) {
	id, err := in.board()
	if err != nil {
		return nil, err
	}
	number, err := in.number(c)
	if err != nil {
		return nil, err
	}
	who, err := in.id(c)
	if err != nil {
		return nil, err
	}
	found, err := h.Leaderboards.One(ctx, c.principal, id, number, who)
	if err != nil {
		return nil, err
	}
	c.tagged(found)
	return standingOf(found.Season, found.Places[0]), nil
}

func (h standingHandlers) seasons(ctx context.Context, c *call, in *seasonsInput) (*list[*season], error) {
	id, err := in.board()
	if err != nil {
		return nil, err
	}
	limit, after, err := c.page(in.paging, 1)
	if err != nil {
		return nil, err
	}
	before := 0
	if after[0] != "" {
		if before, err = strconv.Atoi(after[0]); err != nil {
			return nil, errCursor
		}
	}
	found, err := h.Leaderboards.Seasons(ctx, c.principal, id, before, limit)
	if err != nil {
		return nil, err
	}
	return pageOf(c, limit, found, seasonOf, func(s ranking.Season) []string { return []string{strconv.Itoa(s.Number)} }), nil
}

// playerNamed reads a player's id, or me.
func (c *call) playerNamed(name string) (identity.PlayerID, bool) {
	if caller, isPlayer := identity.Caller(c.principal); isPlayer && name == "me" {
		return caller, true
	}
	canonical, ok := canonicalID(name)
	return identity.PlayerID(canonical), ok
}
