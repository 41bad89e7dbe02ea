package bootstrap

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newBoard(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "board", Short: "Make, list, change and delete leaderboards, and end their seasons", Args: cobra.NoArgs,
		Long: `Make, list, change and delete leaderboards, and end their seasons. Running servers
see it within a second. What each setting means is in docs/leaderboards.md.`,
	}
	command.AddCommand(newBoardCreate(registry), newBoardList(registry), newBoardShow(registry),
		newBoardUpdate(registry), newBoardClose(registry), newBoardArchive(registry), newBoardDelete(registry))
	return command
}

// boards is what a command for the leaderboards of an environment works with.
type boards struct {
	toolbox
	principal tenancy.Principal
	place     operators.Place
	out       io.Writer
	asJSON    bool
}

// onBoards lets a command work on the leaderboards of the environment that its flags name.
func onBoards(registry *plugin.Registry, command *cobra.Command, work func(ctx context.Context, b boards, args []string) error) *cobra.Command {
	var place operators.Place
	flags := command.Flags()
	flags.StringVar(&place.Project, "project", firstProject, "the project's slug")
	flags.StringVar(&place.Environment, "environment", "", "the environment's slug")
	required(command, "environment")
	asJSON := flags.Bool("json", false, "print what the API would answer")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
			return work(ctx, boards{tools, p, place, cmd.OutOrStdout(), *asJSON}, args)
		})
	}
	return command
}

func newBoardCreate(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "create ID", Short: "Make a leaderboard", Args: cobra.ExactArgs(1),
		Long: `Make a leaderboard. Its first season begins now. What neither the file nor flags
say takes its default.`,
		Example: `  overworld board create laps --environment production --sort asc --metadata-bytes 200
  overworld board create weekly --environment production --schedule '0 5 * * mon' --time-zone Europe/Berlin --keep-seasons 52
  overworld board create laps --environment production --file boards/laps.json`,
	}
	change := definitionFlags(command)
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		apply, err := change(b.Config.Limits)
		if err != nil {
			return err
		}
		var definition ranking.Definition
		apply(&definition)
		made, err := b.App.Operators.CreateLeaderboard(ctx, b.principal, b.place, ranking.BoardID(args[0]), definition)
		return b.show(ctx, made, err)
	})
}

func newBoardList(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List an environment's leaderboards", Args: cobra.NoArgs}
	return onBoards(registry, command, func(ctx context.Context, b boards, _ []string) error {
		var all []ranking.Board
		for after := ranking.BoardID(""); ; {
			batch, err := b.App.Operators.Leaderboards(ctx, b.principal, b.place, after, page)
			if err != nil {
				return err
			}
			all = append(all, batch...)
			if len(batch) < page {
				return b.list(all)
			}
			after = batch[page-1].ID
		}
	})
}

func newBoardShow(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "show ID", Short: "Show a leaderboard, its open season, and when the next ones end", Args: cobra.ExactArgs(1)}
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		l, err := b.App.Operators.Leaderboard(ctx, b.principal, b.place, ranking.BoardID(args[0]))
		return b.show(ctx, l, err)
	})
}

func newBoardUpdate(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "update ID", Short: "Change a leaderboard's definition", Args: cobra.ExactArgs(1),
		Long: `Change what the given flags name and leave the rest. A file replaces the whole
definition first. What would falsify running standings (sort, operator, tie-break,
attempts) takes effect with the next season; everything else at once. With fewer
--keep-seasons, older ones are deleted for good: standings, archives and rewards.`,
		Example: `  overworld board update laps --environment production --min-score 10000
  overworld board update laps --environment production --file boards/laps.json`,
	}
	change := definitionFlags(command)
	oneRequired(command)
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		apply, err := change(b.Config.Limits)
		if err != nil {
			return err
		}
		edit := operators.LeaderboardEdit{Change: apply}
		l, err := b.App.Operators.EditLeaderboard(ctx, b.principal, b.place, ranking.BoardID(args[0]), edit)
		return b.show(ctx, l, err)
	})
}

func newBoardClose(registry *plugin.Registry) *cobra.Command {
	var season int
	command := &cobra.Command{
		Use: "close ID", Short: "End the open season now, and begin the next", Args: cobra.ExactArgs(1),
		Long: `End the open season now, and begin the next, empty and by the leaderboard's present
definition. The standings of the one that ends never change again, and stay readable.
Naming the season keeps a repeated command from ending the next one.`,
		Example: "  overworld board close laps --environment production --season 3",
	}
	command.Flags().IntVar(&season, "season", 0, "the number of the season that is open")
	required(command, "season")
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		l, err := b.App.Operators.CloseSeason(ctx, b.principal, b.place, ranking.BoardID(args[0]), season)
		return b.show(ctx, l, err)
	})
}

func newBoardDelete(registry *plugin.Registry) *cobra.Command {
	var confirm string
	command := &cobra.Command{
		Use: "delete ID", Short: "Delete a leaderboard with all its seasons", Args: cobra.ExactArgs(1),
		Long:    "Delete a leaderboard with all its seasons and everything that players have in them. It can't be undone.",
		Example: "  overworld board delete laps --environment staging --confirm laps",
	}
	command.Flags().StringVar(&confirm, "confirm", "", "the leaderboard's id, repeated")
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		if err := b.App.Operators.DeleteLeaderboard(ctx, b.principal, b.place, ranking.BoardID(args[0]), confirm); err != nil {
			return err
		}
		_, err := fmt.Fprintln(b.out, "Deleted the leaderboard", args[0]+".")
		return err
	})
}

// show prints a leaderboard, unless there is an error.
func (b boards) show(ctx context.Context, l operators.Leaderboard, err error) error {
	if err != nil {
		return err
	}
	if b.asJSON {
		return b.write(httpapi.LeaderboardText(l))
	}
	planned, err := b.App.Operators.Schedule(ctx, b.principal, b.place, l.Board.ID)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(b.out, 0, 0, 3, ' ', 0)
	for _, row := range [][2]any{
		{"id", l.Board.ID}, {"name", l.Board.Name}, {"version", l.Board.Version}, {"rules", rulesText(l.Board.Rules)},
		{"min score", boundText(l.Board.MinScore)}, {"max score", boundText(l.Board.MaxScore)},
		{"submitters", l.Board.Submitters}, {"metadata bytes", l.Board.MetadataBytes}, {"rewards", len(l.Board.Prizes)},
		{"schedule", scheduleText(l.Board.Schedule)}, {"keeps seasons", keptText(l.Board.KeepSeasons)},
		{"open season", l.Season.Number}, {"  since", moment(l.Season.StartedAt)}, {"  rules", rulesText(l.Season.Rules)},
	} {
		fmt.Fprintf(table, "%s\t%v\n", row[0], row[1])
	}
	for i, end := range planned.Ends {
		fmt.Fprintf(table, "%s\t%s\n", []string{"  ends", "season " + strconv.Itoa(l.Season.Number+i) + " ends"}[min(i, 1)], moment(end))
	}
	return table.Flush()
}

func (b boards) list(all []ranking.Board) error {
	if b.asJSON {
		return b.write(httpapi.LeaderboardsText(all))
	}
	table := tabwriter.NewWriter(b.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tRULES\tSUBMITTERS\tSEASON\tCHANGED")
	for _, one := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", one.ID, one.Name, rulesText(one.Rules), one.Submitters, one.Season, moment(one.UpdatedAt))
	}
	return table.Flush()
}

func (b boards) write(text []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = b.out.Write(text)
	return err
}

func rulesText(r ranking.Rules) string {
	text := fmt.Sprintf("%s, %s, %s", r.Sort, r.Operator, r.TieBreak)
	if r.Attempts > 0 {
		text += fmt.Sprintf(", %d attempts", r.Attempts)
	}
	return text
}

func scheduleText(s ranking.Schedule) string {
	if s == (ranking.Schedule{}) {
		return "-"
	}
	return s.Cron + " in " + s.Zone
}

func keptText(n int) string {
	if n == 0 {
		return "all"
	}
	return fmt.Sprint(n)
}

func boundText(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
