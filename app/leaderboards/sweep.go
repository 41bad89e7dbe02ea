package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
)

const (
	// objectsPage is how many objects are listed at a time.
	objectsPage = 1000
	// strayFor is how old an archive must be of which no season tells until it is deleted: far
	// longer than from storing it until its season tells of it, and time to notice who was started
	// with another database.
	strayFor = 24 * time.Hour
)

// SweepArchives deletes the archives of which no season tells: those of leaderboards and environments that
// were deleted, and those that a worker stored and died before it was noted.
func (u *UseCases) SweepArchives(ctx context.Context) error {
	old := u.clock.Now().Add(-strayFor)
	sweep := sweep{u: u}
	for after := ""; ; {
		page, err := u.blobs.List(ctx, archivesPrefix, after, objectsPage)
		if err != nil {
			return fmt.Errorf("list archives: %w", err)
		}
		for _, object := range page {
			after = object.Key
			if object.ModifiedAt.After(old) {
				continue
			}
			if err := sweep.look(ctx, object); err != nil {
				return err
			}
		}
		if len(page) < objectsPage {
			return nil
		}
	}
}

// sweep is a way through the archives, whose keys bring those of a board one after the other.
type sweep struct {
	u *UseCases
	// of is the part of the keys that names the board whose seasons these are.
	of      string
	seasons map[string]ranking.Season // by their number in keys
}

// look deletes an archive unless its season tells of it or may yet come to.
func (s *sweep) look(ctx context.Context, object blob.Info) error {
	parts := strings.Split(strings.TrimPrefix(object.Key, archivesPrefix), "/")
	if len(parts) != 4 {
		return nil // it is not one of ours
	}
	environment, board, number, hash := parts[0], parts[1], parts[2], parts[3]
	if of := environment + "/" + board; s.of != of || s.seasons == nil {
		seasons, err := s.u.allSeasons(ctx, tenancy.EnvironmentID(environment), ranking.BoardID(board))
		if err != nil {
			return err
		}
		s.of, s.seasons = of, seasons
	}
	season, known := s.seasons[number]
	if known && (season.State != ranking.Archived || season.Archive.SHA256() == hash) {
		return nil
	}
	if err := s.u.blobs.Delete(ctx, object.Key); err != nil {
		return fmt.Errorf("delete archive of no season: %w", err)
	}
	return nil
}

// allSeasons are those of a board by their numbers, none when there is no such board.
func (u *UseCases) allSeasons(ctx context.Context, id tenancy.EnvironmentID, board ranking.BoardID) (map[string]ranking.Season, error) {
	all := map[string]ranking.Season{}
	environment, err := u.store.Environments().Get(ctx, id)
	switch {
	case errors.Is(err, tenancy.ErrEnvironmentNotFound):
		return all, nil
	case err != nil:
		return nil, fmt.Errorf("find environment: %w", err)
	}
	for before := 0; ; {
		page, err := u.store.Boards().Seasons(ctx, environment.Scope(), board, before, seasonsAtOnce)
		if err != nil {
			return nil, fmt.Errorf("list seasons: %w", err)
		}
		for _, season := range page {
			all[strconv.Itoa(season.Number)] = season
			before = season.Number
		}
		if len(page) < seasonsAtOnce {
			return all, nil
		}
	}
}
