package bootstrap

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newEnvironment(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "environment", Aliases: []string{"env"}, Short: "Make, list, change and delete environments", Args: cobra.NoArgs}

	var spec tenancy.EnvironmentSpec
	create := &cobra.Command{
		Use: "create PROJECT SLUG", Short: "Make an environment", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				spec.Slug = args[1]
				made, err := tools.App.Operators.CreateEnvironment(ctx, p, args[0], spec)
				if err != nil {
					return err
				}
				return printEnvironment(cmd.OutOrStdout(), made)
			})
		},
	}
	create.Flags().StringVar(&spec.Name, "name", "", "what people call it (default: the slug)")
	create.Flags().BoolVar(&spec.Production, "production", false, "real players: its clock can't be moved, and deleting it needs a second switch")

	list := &cobra.Command{
		Use: "list PROJECT", Short: "List a project's environments", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				all, err := tools.App.Operators.Environments(ctx, p, args[0], "", page)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
				fmt.Fprintln(table, "SLUG\tNAME\tPRODUCTION\tID")
				for _, one := range all {
					fmt.Fprintf(table, "%s\t%s\t%t\t%s\n", one.Slug, one.Name, one.Production, one.ID)
				}
				going, err := tools.App.Operators.GoingEnvironments(ctx, p, args[0], page)
				if err != nil {
					return err
				}
				for _, one := range going {
					fmt.Fprintf(table, "%s\t%s\t%t\t%s   deleted %s, and what was in it still goes\n", one.Slug, one.Name, one.Production, one.ID, one.DeletedAt.Format(time.RFC3339))
				}
				return table.Flush()
			})
		},
	}

	show := &cobra.Command{
		Use: "show PROJECT SLUG", Short: "Show an environment and its settings", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				one, err := tools.App.Operators.Environment(ctx, p, args[0], args[1])
				if err != nil {
					return err
				}
				return printEnvironment(cmd.OutOrStdout(), one)
			})
		},
	}

	command.AddCommand(create, list, show, newEnvironmentSet(registry),
		newDelete("environment", 2, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal, args []string, confirm operators.Confirmation) error {
			return tools.App.Operators.DeleteEnvironment(ctx, p, args[0], args[1], confirm)
		}))
	return command
}

func newEnvironmentSet(registry *plugin.Registry) *cobra.Command {
	var name string
	var guests, emails bool
	var access, refresh, offset time.Duration
	var origins []string
	var browsing string
	command := &cobra.Command{
		Use: "set PROJECT SLUG", Short: "Change an environment's name and settings", Args: cobra.ExactArgs(2),
		Long:    "Change what the given flags name and leave the rest. Running servers see it within a second.",
		Example: "  overworld environment set my-game staging --clock-offset 72h   # rehearse next week's season end",
		RunE: func(cmd *cobra.Command, args []string) error {
			changed := cmd.Flags().Changed
			edit := operators.Edit{Settings: func(s *tenancy.Settings) {
				if changed("guest-sign-in") {
					s.GuestSignIn = guests
				}
				if changed("email-sign-in") {
					s.EmailSignIn = emails
				}
				if changed("access-token-lifetime") {
					s.AccessTokenLifetime = access
				}
				if changed("refresh-token-lifetime") {
					s.RefreshTokenLifetime = refresh
				}
				if changed("clock-offset") {
					s.ClockOffset = offset
				}
				if changed("cors-origin") {
					s.CORSOrigins = origins
				}
				if changed("server-browsing") {
					s.ServerBrowsing = tenancy.Browsing(browsing)
				}
			}}
			if changed("name") {
				edit.Name = &name
			}
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				after, err := tools.App.Operators.EditEnvironment(ctx, p, args[0], args[1], edit)
				if err != nil {
					return err
				}
				return printEnvironment(cmd.OutOrStdout(), after)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&name, "name", "", "what people call it")
	flags.BoolVar(&guests, "guest-sign-in", true, "let players in with nothing but a device secret")
	flags.BoolVar(&emails, "email-sign-in", true, "let players in with an e-mail address and a password")
	flags.DurationVar(&access, "access-token-lifetime", 0, "how long an access token is good: 1m to 24h")
	flags.DurationVar(&refresh, "refresh-token-lifetime", 0, "how long a session lives unused: 1h to 9600h")
	flags.DurationVar(&offset, "clock-offset", 0, "how far the environment's clock is ahead; not in production")
	flags.StringSliceVar(&origins, "cors-origin", nil, "web origin that may call from a browser; repeatable, or '*'")
	flags.StringVar(&browsing, "server-browsing", "", "who may look for game servers besides servers and operators: players, publishable (keys too) or servers (nobody)")
	oneRequired(command)
	return command
}

func printEnvironment(out io.Writer, e tenancy.Environment) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, row := range [][2]any{
		{"slug", e.Slug}, {"name", e.Name}, {"id", e.ID}, {"production", e.Production}, {"version", e.Version},
		{"guest sign-in", e.Settings.GuestSignIn}, {"e-mail sign-in", e.Settings.EmailSignIn}, {"access token lifetime", e.Settings.AccessTokenLifetime},
		{"refresh token lifetime", e.Settings.RefreshTokenLifetime}, {"clock offset", e.Settings.ClockOffset},
		{"CORS origins", strings.Join(e.Settings.CORSOrigins, " ")}, {"server browsing", e.Settings.ServerBrowsing},
	} {
		fmt.Fprintf(table, "%v\t%v\n", row[0], row[1])
	}
	return table.Flush()
}
