package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// scheduleBody is a schedule, in bodies and replies.
type scheduleBody struct {
	Cron     string `json:"cron" doc:"Five fields: minute, hour, day of the month, month and day of the week (0 to 7; 0 and 7 are Sunday), with names, lists, ranges and steps: 0 5 * * 1. If both days are restricted, either matches."`
	TimeZone string `json:"time_zone,omitempty" doc:"Of the clock on the wall: a name of the IANA time zone database; UTC if absent. A time that clocks skip comes at the first moment after the gap; one that they show twice comes once, the first time."`
}

func (b *scheduleBody) schedule() ranking.Schedule {
	if b == nil {
		return ranking.Schedule{}
	}
	return scheduleOf(b.Cron, b.TimeZone)
}

func scheduleOf(cron, zone string) ranking.Schedule {
	if zone == "" {
		zone = "UTC"
	}
	return ranking.Schedule{Cron: cron, Zone: zone}
}

func scheduleBodyOf(s ranking.Schedule) *scheduleBody {
	if s == (ranking.Schedule{}) {
		return nil
	}
	return &scheduleBody{Cron: s.Cron, TimeZone: s.Zone}
}

// schedulePreview is what comes of a schedule.
type schedulePreview struct {
	Schedule *scheduleBody `json:"schedule,omitempty" doc:"Absent: seasons end when an operator says so."`
	Ends     []time.Time   `json:"ends" doc:"When the next five seasons end, by the environment's clock."`
}

func schedulePreviewOf(p operators.Preview) *schedulePreview {
	return &schedulePreview{Schedule: scheduleBodyOf(p.Schedule), Ends: p.Ends}
}

type scheduleQuery struct {
	environmentPath
	Cron     string `query:"cron" doc:"As in a leaderboard's schedule."`
	TimeZone string `query:"time_zone" doc:"As in a leaderboard's schedule; UTC if absent."`
}

func scheduleRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/leaderboards"
	return []route{
		define(route{
			Method: http.MethodGet, Path: all + ":schedule", ID: "previewSchedule", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "See when seasons would end", Description: "By a schedule that no leaderboard needs to have yet.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *scheduleQuery) (*schedulePreview, error) {
			preview, err := o.Operators.PreviewSchedule(ctx, c.principal, in.place(), scheduleOf(in.Cron, in.TimeZone))
			if err != nil {
				return nil, queried(err)
			}
			return schedulePreviewOf(preview), nil
		}),
		define(route{
			Method: http.MethodGet, Path: all + "/{leaderboard}/schedule", ID: "getLeaderboardSchedule", Tag: "Leaderboards", Class: limits.Operate,
			Summary: "See when a leaderboard's seasons will end", Description: "The first is the planned end of the open season.",
		}, operator(tenancy.LeaderboardsRead), func(ctx context.Context, c *call, in *leaderboardInput) (*schedulePreview, error) {
			preview, err := o.Operators.Schedule(ctx, c.principal, in.place(), ranking.BoardID(in.Leaderboard))
			if err != nil {
				return nil, err
			}
			return schedulePreviewOf(preview), nil
		}),
	}
}

// queried makes what is wrong with a schedule in a body the fault of query parameters.
func queried(err error) error {
	var invalid *fault.Fault
	if !errors.As(err, &invalid) || !invalid.Is(fault.ErrInvalid) {
		return err
	}
	fields := make([]fault.Field, len(invalid.Fields))
	for i, f := range invalid.Fields {
		fields[i] = parameter("query", strings.TrimPrefix(f.Pointer, "/schedule/"), f.Code, f.Detail)
	}
	return errParameter.WithFields(fields...)
}
