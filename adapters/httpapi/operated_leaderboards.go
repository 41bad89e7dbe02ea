package httpapi

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// boardRules are what a season is ranked by.
type boardRules struct {
	Sort     string `json:"sort" enum:"desc,asc" doc:"desc: the greater run is ahead."`
	Operator string `json:"operator" enum:"best,latest,sum" doc:"What a further run does to a player's entry: replace one that is not as good, replace any, or be added."`
	TieBreak string `json:"tie_break" enum:"earliest,latest,shared" doc:"Who of two equal runs is ahead: who reached the value first, or last; or both have the same rank, as in 1, 2, 2, 4."`
	Attempts int    `json:"attempts" doc:"Runs that a player may submit in a season; 0: any number."`
}

func boardRulesOf(r ranking.Rules) boardRules {
	return boardRules{string(r.Sort), string(r.Operator), string(r.TieBreak), r.Attempts}
}

// season is one as the API shows it.
type season struct {
	Season     int       `json:"season" doc:"Its number, from 1."`
	State      string    `json:"state" enum:"open,closing,closed,archived" doc:"closing: it has ended, and runs that were received before may still come in, for less than a minute. closed: its standings never change. archived: they are in the object store as well."`
	StartedAt  time.Time `json:"started_at"`
	PlannedEnd time.Time `json:"planned_end,omitzero" doc:"When it ends, or was to end, by the leaderboard's schedule; absent without one."`
	EndedAt    time.Time `json:"ended_at,omitzero" doc:"Absent while it is open."`
	Archive    *archive  `json:"archive,omitempty" doc:"Absent until it is archived."`
	boardRules
}

// archive is what is known of one.
type archive struct {
	SHA256  string `json:"sha256" doc:"Of its bytes, in 64 lower-case hexadecimal digits."`
	Bytes   int64  `json:"bytes"`
	Entries int64  `json:"entries" doc:"How many have a place in it."`
}

func seasonOf(s ranking.Season) *season {
	shown := &season{
		Season: s.Number, State: string(s.State), StartedAt: s.StartedAt, PlannedEnd: s.PlannedEnd, EndedAt: s.EndedAt, boardRules: boardRulesOf(s.Rules),
	}
	if a := s.Archive; s.State == ranking.Archived {
		shown.Archive = &archive{a.SHA256(), a.Bytes, a.Entries}
	}
	return shown
}

// leaderboard is a board as the API shows it.
type leaderboard struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	boardRules
	MinScore      *int64        `json:"min_score,omitempty" doc:"Absent: no bound."`
	MaxScore      *int64        `json:"max_score,omitempty" doc:"Absent: no bound."`
	Submitters    string        `json:"submitters" enum:"server,player" doc:"player: players for themselves, besides servers and operators."`
	MetadataBytes int           `json:"metadata_bytes" doc:"What a run may bring along, as compact JSON; 0: nothing."`
	Schedule      *scheduleBody `json:"schedule,omitempty" doc:"When seasons end by themselves; absent: when an operator says so."`
	Rewards       []prize       `json:"rewards" doc:"What a season gives that ends while they stand here."`
	KeepSeasons   int           `json:"keep_seasons" doc:"How many of the seasons that ended are kept, the latest; 0: all."`
	Version       int64         `json:"version" doc:"Counts the edits. It is the ETag for operators."`
	Current       *season       `json:"current_season,omitempty" doc:"The season that is open, with the rules that it keeps; absent in lists."`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

func leaderboardOf(b ranking.Board, s ranking.Season) *leaderboard {
	shown := listedLeaderboard(b)
	shown.Current = seasonOf(s)
	return shown
}

func listedLeaderboard(b ranking.Board) *leaderboard {
	return &leaderboard{
		ID: string(b.ID), Name: b.Name, boardRules: boardRulesOf(b.Rules), MinScore: b.MinScore, MaxScore: b.MaxScore,
		Submitters: string(b.Submitters), MetadataBytes: b.MetadataBytes, Schedule: scheduleBodyOf(b.Schedule), Rewards: prizeListOf(b.Prizes), KeepSeasons: b.KeepSeasons, Version: b.Version, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
}

// definitionBody is what operators say of a board. Absent members take their defaults.
type definitionBody struct {
	Name          string        `json:"name,omitempty" doc:"1 to 80 characters; the id if absent."`
	Sort          string        `json:"sort,omitempty" enum:"desc,asc" doc:"desc if absent: the greater run is ahead."`
	Operator      string        `json:"operator,omitempty" enum:"best,latest,sum" doc:"best if absent."`
	TieBreak      string        `json:"tie_break,omitempty" enum:"earliest,latest,shared" doc:"earliest if absent."`
	Attempts      int64         `json:"attempts,omitzero" doc:"Runs that a player may submit in a season; 0 if absent, which is any number."`
	MinScore      *int64        `json:"min_score,omitempty"`
	MaxScore      *int64        `json:"max_score,omitempty"`
	Submitters    string        `json:"submitters,omitempty" enum:"server,player" doc:"server if absent: players can't submit."`
	MetadataBytes int64         `json:"metadata_bytes,omitzero" doc:"0 to 4096; 0 if absent: runs bring nothing along."`
	Schedule      *scheduleBody `json:"schedule,omitempty" doc:"When seasons end by themselves; absent: when an operator says so."`
	Rewards       []prize       `json:"rewards,omitempty" doc:"What seasons give when they end; none if absent. Who wins several gets the first."`
	KeepSeasons   int64         `json:"keep_seasons,omitzero" doc:"How many of the seasons that ended are kept, the latest. Those before are deleted once they are archived and their rewards given: standings, archive and rewards, unclaimed ones too. 0 if absent: all are kept."`
}

// count gives n, or the nearest number that any int can hold; the domain then refuses what
// would otherwise have wrapped into its range.
func count(n int64) int { return int(max(math.MinInt32, min(n, math.MaxInt32))) }

func (b definitionBody) definition() ranking.Definition {
	return ranking.Definition{
		Name: b.Name, MinScore: b.MinScore, MaxScore: b.MaxScore, Submitters: ranking.Submitters(b.Submitters), MetadataBytes: count(b.MetadataBytes), Schedule: b.Schedule.schedule(),
		Prizes: prizesOf(b.Rewards), KeepSeasons: count(b.KeepSeasons),
		Rules: ranking.Rules{Sort: ranking.Sort(b.Sort), Operator: ranking.Operator(b.Operator), TieBreak: ranking.TieBreak(b.TieBreak), Attempts: count(b.Attempts)},
	}
}

type (
	leaderboardList struct {
		environmentPath
		paging
	}
	leaderboardCreate struct {
		environmentPath
		Body struct {
			ID string `json:"id" doc:"1 to 64 lower-case letters, digits and single hyphens, beginning with a letter."`
			definitionBody
		}
	}
	leaderboardInput struct {
		environmentPath
		boardPath
	}
	leaderboardPut struct {
		leaderboardInput
		ifMatch
		Body definitionBody
	}
	leaderboardDelete struct {
		leaderboardInput
		Confirm string `query:"confirm" doc:"The leaderboard's id, once more."`
	}
	archiveDownload struct {
		leaderboardInput
		seasonPath
		byteRange
	}
	seasonBegin struct {
		leaderboardInput
		Body struct {
			Closes int64 `json:"closes" doc:"The number of the season that is open, and ends now. Naming it keeps a repeated request from ending the next one."`
		}
	}
)

func operatedLeaderboardRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/leaderboards"
	const one = all + "/{leaderboard}"
	shown := func(c *call, l operators.Leaderboard) *leaderboard {
		c.tag = versionTag(l.Board.Version)
		return leaderboardOf(l.Board, l.Season)
	}
	untagged := func(_ *call, l operators.Leaderboard) *leaderboard { return leaderboardOf(l.Board, l.Season) }
	return []route{
		define(route{
			Method: http.MethodGet, Path: all, ID: "listLeaderboards", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "List an environment's leaderboards", Description: "By id.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *leaderboardList) (*list[*leaderboard], error) {
			limit, after, err := c.page(in.paging, 1)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Leaderboards(ctx, c.principal, in.place(), ranking.BoardID(after[0]), limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, listedLeaderboard, func(b ranking.Board) []string { return []string{string(b.ID)} }), nil
		}),
		change(route{
			Method: http.MethodPost, Path: all, ID: "createLeaderboard", Tag: "Leaderboards", Class: limits.Operate,
			Statuses: []int{http.StatusCreated}, Tagged: true, Summary: "Make a leaderboard", Description: "Its first season begins now.",
		}, operator(tenancy.LeaderboardsWrite), shown, func(ctx context.Context, c *call, in *leaderboardCreate, tell once.Effect[operators.Leaderboard]) (operators.Leaderboard, error) {
			return o.Operators.CreateLeaderboard(ctx, c.principal, in.place(), ranking.BoardID(in.Body.ID), in.Body.definition(), tell)
		}),
		define(route{
			Method: http.MethodGet, Path: one, ID: "inspectLeaderboard", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "Read a leaderboard as an operator", Description: "Its definition, and the open season with the rules that it keeps. The ETag is the definition's version.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *leaderboardInput) (*leaderboard, error) {
			l, err := o.Operators.Leaderboard(ctx, c.principal, in.place(), ranking.BoardID(in.Leaderboard))
			if err != nil {
				return nil, err
			}
			// Never a 304: the season changes without a new version.
			c.header().Set("ETag", `"`+versionTag(l.Board.Version)+`"`)
			return untagged(c, l), nil
		}),
		change(route{
			Method: http.MethodPut, Path: one, ID: "defineLeaderboard", Tag: "Leaderboards", Class: limits.Operate, Tagged: true,
			Summary: "Replace a leaderboard's definition",
			Description: "What would falsify running standings (sort, operator, tie_break, attempts) takes effect with the next season: current_season in the reply has the rules that hold until then. " +
				"Everything else holds at once: by another schedule the open season ends at another time. With If-Match it is replaced only while it has the version you know; a miss is 412 and carries it as it is.",
		}, operator(tenancy.LeaderboardsWrite), shown, func(ctx context.Context, c *call, in *leaderboardPut, tell once.Effect[operators.Leaderboard]) (none operators.Leaderboard, _ error) {
			pre, err := c.precondition()
			if err != nil {
				return none, err
			}
			edit := operators.LeaderboardEdit{Versions: pre.Versions, Change: func(d *ranking.Definition) { *d = in.Body.definition() }}
			return o.Operators.EditLeaderboard(ctx, c.principal, in.place(), ranking.BoardID(in.Leaderboard), edit, tell)
		}),
		change(route{
			Method: http.MethodDelete, Path: one, ID: "deleteLeaderboard", Tag: "Leaderboards", Class: limits.Operate,
			Statuses: []int{http.StatusNoContent}, Summary: "Delete a leaderboard", Description: "With all its seasons and everything that players have in them, unclaimed rewards too, for good and from the answer on. The rows of a large one go later, in batches, and until then its id can't be given again: 409 ranking.board_going. Its archives are deleted a week later.",
		}, operator(tenancy.LeaderboardsWrite), done, func(ctx context.Context, c *call, in *leaderboardDelete, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.Operators.DeleteLeaderboard(ctx, c.principal, in.place(), ranking.BoardID(in.Leaderboard), in.Confirm, tell)
		}),
		define(route{
			Method: http.MethodGet, Path: one + "/seasons/{season}/archive", ID: "downloadArchive", Tag: "Leaderboards", Class: limits.Operate,
			Tagged: true, Streams: true, Statuses: []int{http.StatusOK, http.StatusPartialContent}, Summary: "Read a season's archive",
			Description: "Its final standings, the first place first: lines of JSON, one for each entry, with rank, player, score, subscore, achieved_at and metadata, in gzip. " +
				"The ETag is the SHA-256 of these bytes. 404 ranking.archive_not_found until the season's state is archived.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *archiveDownload) (*stream, error) {
			of, err := in.of(in.boardPath)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.SeasonArchive(ctx, c.principal, in.place(), of)
			if err != nil {
				return nil, err
			}
			c.header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d.ndjson.gz"`, of.Board, of.Number))
			return c.part(ctx, found.SHA256(), stream{contentType: leaderboards.ArchiveType, size: found.Bytes}, in.byteRange, func(offset, length int64) (io.ReadCloser, error) {
				return o.Leaderboards.OpenArchive(ctx, found, offset, length)
			})
		}),
		change(route{
			Method: http.MethodPost, Path: one + "/seasons", ID: "beginSeason", Tag: "Leaderboards", Class: limits.Operate,
			Statuses: []int{http.StatusCreated}, Summary: "End the open season and begin the next",
			Description: "Every run counts in the season in which it was received. The standings of the season that ends stay readable with season=; once its state is closed they never change. " +
				"The next one begins empty, by the leaderboard's present rules. 409 ranking.season_closed when closes names one that is over.",
		}, operator(tenancy.LeaderboardsWrite), untagged, func(ctx context.Context, c *call, in *seasonBegin, tell once.Effect[operators.Leaderboard]) (operators.Leaderboard, error) {
			return o.Operators.CloseSeason(ctx, c.principal, in.place(), ranking.BoardID(in.Leaderboard), count(in.Body.Closes), tell)
		}),
	}
}
