package operators

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Preview is what comes of a schedule.
type Preview struct {
	Schedule ranking.Schedule
	// Ends are the next ends of seasons by the environment's clock; fewer than
	// previewed, or none, when there are no more.
	Ends []time.Time
}

const previewed = 5

// PreviewSchedule tells when seasons would end by a schedule, whether any board has it or not.
func (u *UseCases) PreviewSchedule(ctx context.Context, p tenancy.Principal, place Place, schedule ranking.Schedule) (Preview, error) {
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Preview{}, err
	}
	if _, err := u.parts.Boards.Rule(schedule); err != nil {
		return Preview{}, err
	}
	return u.preview(schedule, u.parts.Boards.End(schedule, environment.Now(u.parts.Clock.Now()))), nil
}

// Schedule tells when the seasons of a board will end.
func (u *UseCases) Schedule(ctx context.Context, p tenancy.Principal, place Place, id ranking.BoardID) (Preview, error) {
	l, err := u.Leaderboard(ctx, p, place, id)
	if err != nil {
		return Preview{}, err
	}
	return u.preview(l.Board.Schedule, l.Season.PlannedEnd), nil
}

func (u *UseCases) preview(schedule ranking.Schedule, first time.Time) Preview {
	preview := Preview{Schedule: schedule, Ends: []time.Time{}}
	for end := first; !end.IsZero() && len(preview.Ends) < previewed; end = u.parts.Boards.End(schedule, end) {
		preview.Ends = append(preview.Ends, end)
	}
	return preview
}
