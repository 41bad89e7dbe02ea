package bootstrap

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
)

// page is how many items a listing command asks for at a time.
const page = 100

func newProject(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "project", Short: "Make, list and delete projects", Args: cobra.NoArgs}

	var name string
	create := &cobra.Command{
		Use: "create SLUG", Short: "Make a project, its environments and first credentials", Args: cobra.ExactArgs(1),
		Long: `Make a project with the environments development, staging and production, a
secret key for the whole project, and a publishable key and a server token for each
environment. The credentials are printed this once.`,
		Example: "  overworld project create space-race --name 'Space Race'",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				return provision(ctx, tools.App.Operators, p, args[0], name, "Made", cmd.OutOrStdout())
			})
		},
	}
	create.Flags().StringVar(&name, "name", "", "what people call it (default: the slug)")

	list := &cobra.Command{
		Use: "list", Short: "List the projects", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
				fmt.Fprintln(table, "SLUG\tNAME\tID\tMADE")
				for after := ""; ; {
					batch, err := tools.App.Operators.Projects(ctx, p, after, page)
					if err != nil {
						return err
					}
					for _, one := range batch {
						fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.Slug, one.Name, one.ID, one.CreatedAt.Format(time.RFC3339))
						after = one.Slug
					}
					if len(batch) < page {
						return table.Flush()
					}
				}
			})
		},
	}
	command.AddCommand(create, list, newDelete("project", 1, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal, args []string, confirm operators.Confirmation) error {
		return tools.App.Operators.DeleteProject(ctx, p, args[0], confirm)
	}))
	return command
}

// newDelete is the command that deletes a project or an environment, named by its slugs.
func newDelete(what string, slugs int, registry *plugin.Registry,
	remove func(ctx context.Context, tools toolbox, p tenancy.Principal, args []string, confirm operators.Confirmation) error,
) *cobra.Command {
	use := "delete PROJECT"
	if slugs == 2 {
		use += " ENVIRONMENT"
	}
	var confirm operators.Confirmation
	command := &cobra.Command{
		Use: use, Short: "Delete a whole " + what, Args: cobra.ExactArgs(slugs),
		Long: "Delete a " + what + " and everything in it but its audit log. It can't be undone.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
				if err := tools.reachesServers(ctx); err != nil {
					return err
				}
				if err := remove(ctx, tools, p, args, confirm); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "Deleted the", what, args[slugs-1]+".")
				return nil
			})
		},
	}
	command.Flags().StringVar(&confirm.Slug, "confirm", "", "the "+what+"'s slug, repeated")
	command.Flags().BoolVar(&confirm.Production, "production", false, "agree that production data is destroyed")
	return command
}
