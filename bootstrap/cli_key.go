package bootstrap

import (
	"context"
	"fmt"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newKey(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "key", Short: "Make, list and revoke keys and tokens", Args: cobra.NoArgs,
		Long: `Make, list and revoke the credentials of operators (secret keys), game clients
(publishable keys) and dedicated servers (server tokens), and rotate the keys that
sign players' access tokens.`,
	}
	command.AddCommand(newKeyCreate(registry), newKeyList(registry), newKeyRevoke(registry), newKeyRotate(registry))
	return command
}

// place declares the flags that say whose credentials are meant.
func placeFlags(command *cobra.Command) *operators.Place {
	place := new(operators.Place)
	command.Flags().StringVar(&place.Project, "project", firstProject, "the project's slug")
	command.Flags().StringVar(&place.Environment, "environment", "", "the environment's slug; none is the whole project")
	return place
}

func newKeyCreate(registry *plugin.Registry) *cobra.Command {
	var kind, name string
	var scopes, networks []string
	var expires time.Duration
	var quiet bool
	command := &cobra.Command{
		Use: "create", Short: "Make a key or token and print it, once", Args: cobra.NoArgs,
		Example: `  overworld key create --environment development --kind publishable_key --name client
  overworld key create --environment production --kind server_token --name fleet-eu --scope documents:write --network 10.1.0.0/16
  overworld key create --kind secret_key --name ci --scope projects:read --expires 2160h`,
	}
	place := placeFlags(command)
	flags := command.Flags()
	flags.StringVar(&kind, "kind", "", "secret_key, publishable_key or server_token")
	flags.StringVar(&name, "name", "command line", "what it is for")
	flags.StringSliceVar(&scopes, "scope", nil, "what it may do, such as documents:write; repeatable, '*' is everything")
	flags.StringSliceVar(&networks, "network", nil, "the only networks a server token may be used from; repeatable")
	flags.DurationVar(&expires, "expires", 0, "how long it is good (default: until revoked)")
	flags.BoolVarP(&quiet, "quiet", "q", false, "print the secret and nothing else")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
			spec := tenancy.CredentialSpec{Name: name}
			spec.Kind, _ = tenancy.ParseKind(kind) // the domain refuses what isn't one
			for _, scope := range scopes {
				spec.Scopes = append(spec.Scopes, tenancy.Permission(scope))
			}
			for _, network := range networks {
				prefix, err := netip.ParsePrefix(network)
				if err != nil {
					return fmt.Errorf("--network %q is not a network such as 10.1.0.0/16", network)
				}
				spec.Networks = append(spec.Networks, prefix)
			}
			if expires != 0 {
				spec.ExpiresAt = tools.Clock.Now().Add(expires)
			}
			made, token, err := tools.App.Operators.CreateCredential(ctx, p, *place, spec)
			if err != nil {
				return err
			}
			if quiet {
				fmt.Fprintln(cmd.OutOrStdout(), token)
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Made the %s %q (%s). It is shown this once:\n\n  %s\n", kindTitles[made.Kind], made.Name, made.ID, token)
			return nil
		})
	}
	return command
}

func newKeyList(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the keys and tokens of an environment, or of a whole project", Args: cobra.NoArgs}
	place := placeFlags(command)
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "ID\tKIND\tBEGINS\tNAME\tSCOPES\tMADE\tLAST USED\tEXPIRES\tREVOKED")
			for before := ""; ; {
				batch, err := tools.App.Operators.Credentials(ctx, p, *place, before, page)
				if err != nil {
					return err
				}
				for _, c := range batch {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%v\t%s\t%s\t%s\t%s\n", c.ID, kindTitles[c.Kind], c.Hint, c.Name, c.Scopes,
						moment(c.CreatedAt), moment(c.LastUsedAt), moment(c.ExpiresAt), moment(c.RevokedAt))
					before = c.ID
				}
				if len(batch) < page {
					return table.Flush()
				}
			}
		})
	}
	return command
}

func newKeyRevoke(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "revoke ID", Short: "End a key or token, at once and for good", Args: cobra.ExactArgs(1)}
	place := placeFlags(command)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
			if err := tools.reachesServers(ctx); err != nil {
				return err
			}
			if err := tools.App.Operators.RevokeCredential(ctx, p, *place, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Revoked", args[0]+".")
			return nil
		})
	}
	return command
}

func newKeyRotate(registry *plugin.Registry) *cobra.Command {
	var atOnce bool
	command := &cobra.Command{
		Use: "rotate-signing", Short: "Add a key that signs access tokens, and let the old ones run out", Args: cobra.NoArgs,
		Long: `Add a key that signs players' access tokens. It is published ten minutes before
it signs, and the old one stays published until its last token has expired. After a
leak use --at-once: every access token is refused from then on, and players refresh.`,
	}
	place := placeFlags(command)
	command.Flags().BoolVar(&atOnce, "at-once", false, "sign with the new key now and refuse the old ones' tokens")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
			keys, err := tools.App.Operators.RotateSigningKey(ctx, p, *place, atOnce)
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "KEY ID\tSIGNS FROM\tGONE AT")
			for _, k := range keys {
				fmt.Fprintf(table, "%s\t%s\t%s\n", k.ID, moment(k.SignsFrom), moment(k.GoneAt))
			}
			return table.Flush()
		})
	}
	return command
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}
