package leaderboards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
)

// ArchiveSweep tells, of archives in the order of their keys, of which no season tells: those of leaderboards and
// environments that were deleted, and those that a worker stored and died before it was noted. It is for one way through.
func (u *UseCases) ArchiveSweep() func(ctx context.Context, objects []blob.Info) (strays []string, err error) {
	sweep := sweep{u: u}
	return func(ctx context.Context, objects []blob.Info) (strays []string, err error) {
		for _, object := range objects {
			stray, err := sweep.stray(ctx, object)
			if err != nil {
				return nil, err
			}
			if stray {
				strays = append(strays, object.Key)
			}
		}
		return strays, nil
	}
}

// sweep is a way through the archives, whose keys bring those of a board one after the other.
type sweep struct {
	u *UseCases
	// of is the part of the keys that names the board whose seasons these are.
	of      string
	seasons map[string]ranking.Season // by their number in keys
}

// stray tells whether no season tells of an archive, nor may yet come to.
func (s *sweep) stray(ctx context.Context, object blob.Info) (bool, error) {
	parts := strings.Split(strings.TrimPrefix(object.Key, custody.Archives), "/")
	if len(parts) != 4 {
		return false, nil // it is not one of ours
	}
	environment, board, number, hash := parts[0], parts[1], parts[2], parts[3]
	if of := environment + "/" + board; s.of != of || s.seasons == nil {
		seasons, err := s.u.allSeasons(ctx, tenancy.EnvironmentID(environment), ranking.BoardID(board))
		if err != nil {
			return false, err
		}
		s.of, s.seasons = of, seasons
	}
	season, known := s.seasons[number]
	return !known || season.State == ranking.Archived && season.Archive.SHA256() != hash, nil
}

// allSeasons are those of a board by their numbers, none when there is no such board.
func (u *UseCases) allSeasons(ctx context.Context, id tenancy.EnvironmentID, board ranking.BoardID) (map[string]ranking.Season, error) {
	all := map[string]ranking.Season{}
	environment, err := u.parts.Store.Environments().Get(ctx, id)
	switch {
	case errors.Is(err, tenancy.ErrEnvironmentNotFound):
		return all, nil
	case err != nil:
		return nil, fmt.Errorf("find environment: %w", err)
	}
	for before := 0; ; {
		page, err := u.parts.Store.Boards().Seasons(ctx, environment.Scope(), board, before, seasonsAtOnce)
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
