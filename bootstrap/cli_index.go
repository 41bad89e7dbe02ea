package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newIndex(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "index", Short: "Verify the rank indexes of leaderboards, and have them built again", Args: cobra.NoArgs,
		Long: `Verify the rank indexes of leaderboards, and have them built again. A worker verifies them
all the time, and mends what differs; an index that can't be trusted is built again by itself.`,
	}
	command.AddCommand(newIndexVerify(registry), newIndexRebuild(registry))
	return command
}

var errIndexInServer = errors.New("with cache=memory:// the indexes are in the server's process, where its worker verifies them: see overworld_rank_index_verified_total of its metrics")

// verifyAgain is how long a verification waits for what was on its way.
const verifyAgain = time.Second

func newIndexVerify(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "verify [ID]", Short: "Compare the indexes of all leaderboards, or of one, with the database", Args: cobra.MaximumNArgs(1),
		Long: `Compare the indexes of all leaderboards of an environment, or of one, with the database, while
servers go on, and mend what differs. It fails if something did. An index that is not there
is right: it will be built of the database.`,
		Example: "  overworld index verify laps --environment production",
	}
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		if !b.Cache.Shared() {
			return errIndexInServer
		}
		var board ranking.BoardID
		if len(args) > 0 {
			board = ranking.BoardID(args[0])
		}
		found, err := b.App.Operators.Environment(ctx, b.principal, b.place.Project, b.place.Environment)
		if err != nil {
			return err
		}
		verifier := b.App.Verifier.Of(found.Scope(), board)
		for {
			whole, err := verifier.Run(ctx)
			if err != nil {
				return err
			}
			if whole {
				break
			}
			select {
			case <-time.After(verifyAgain):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		stats := verifier.Stats()
		if _, err := fmt.Fprintf(b.out, "Compared %d entries; %d differed, %d of them are mended.\n", stats.Compared, stats.Drifted, stats.Repaired); err != nil {
			return err
		}
		if stats.Drifted > 0 {
			return fmt.Errorf("%d entries differed", stats.Drifted)
		}
		return nil
	})
}

func newIndexRebuild(registry *plugin.Registry) *cobra.Command {
	var season int
	command := &cobra.Command{
		Use: "rebuild ID", Short: "Leave a leaderboard's index behind, so that another is built", Args: cobra.ExactArgs(1),
		Long: `Leave a leaderboard's index behind, so that another is built as soon as somebody reads. Running
servers see it within a second. Until it is built, what can't be counted soon is 503.`,
		Example: "  overworld index rebuild laps --environment production",
	}
	command.Flags().IntVar(&season, "season", 0, "the number of a season (default: the open one)")
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		number, err := b.App.Operators.RebuildRanks(ctx, b.principal, b.place, ranking.BoardID(args[0]), season)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(b.out, "The index of season %d of %s is built again when it is read next.\n", number, args[0])
		return err
	})
}
