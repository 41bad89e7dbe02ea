package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newRoot(registry *plugin.Registry) *cobra.Command {
	root := &cobra.Command{
		Use:   "overworld",
		Short: "The always-on backend behind a multiplayer game",
		Long: `Overworld signs players in, keeps their documents, and stands behind the game's
clients, servers and operators, each with a credential of its own kind.

  overworld serve      run it, with nothing to install or configure
  overworld tour       watch a game session against it

Settings come from flags, environment variables (` + config.EnvironmentPrefix + `…), a file (--config) and
defaults, in that order; 'overworld config print' shows what was decided. Every
setting is a flag of every command that has settings; 'overworld serve --help' lists them
all, the help of the others those that matter there.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	root.AddCommand(
		newServe(registry), newHealthCommand(registry), newMigrate(registry), newConfig(registry), newVersion(),
		newProject(registry), newEnvironment(registry), newKey(registry), newBoard(registry), newIndex(registry), newInstallation(registry), newBundle(), newTour(), newOpenAPI(),
	)
	for _, command := range root.Commands() {
		if command.HasSubCommands() {
			// Else cobra would take a misspelt subcommand for a wish for help.
			command.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		shown := whereTheDataIs
		switch command.Name() {
		case "version", "bundle", "tour", "openapi":
			continue
		case "serve", "config":
			shown = nil // all
		case "health":
			shown = []string{"config", "listen"}
		}
		settings := pflag.NewFlagSet("", pflag.ContinueOnError)
		config.AddFlags(settings)
		settings.VisitAll(func(f *pflag.Flag) { f.Hidden = shown != nil && !slices.Contains(shown, f.Name) })
		command.PersistentFlags().AddFlagSet(settings)
	}
	return root
}

// whereTheDataIs are the flags of settings that matter to commands besides the server itself.
var whereTheDataIs = []string{"config", "data", "database", "cache", "blobs", "master-key"}

// loadConfig decides the configuration and checks that its adapters exist.
func loadConfig(cmd *cobra.Command, registry *plugin.Registry) (*config.Config, error) {
	c, err := config.Load(cmd.Flags(), os.Environ())
	if err := errors.Join(err, checkAddresses(c, registry)); err != nil {
		return nil, fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	return c, nil
}

// toolbox is what a command works with: the use cases over the opened adapters.
type toolbox struct {
	fx.In

	Config *config.Config
	App    *compose.App
	Store  datastore.Datastore
	Cache  cache.Cache
	Blobs  blob.Store
	Clock  clock.Clock
}

// withTools opens the adapters, does the work and closes them.
func withTools(cmd *cobra.Command, registry *plugin.Registry, work func(ctx context.Context, tools toolbox, p tenancy.Principal) error) error {
	c, err := loadConfig(cmd, registry)
	if err != nil {
		return err
	}
	var tools toolbox
	app := fx.New(
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
		fx.Supply(c, registry, newLogger(c, cmd.ErrOrStderr())),
		adapters(),
		fx.Provide(newPorts, compose.New, newMetrics, newDegradation),
		fx.Invoke(closeAdapters, func(opened toolbox) { tools = opened }),
	)
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	ctx := cmd.Context()
	if err := app.Start(ctx); err != nil {
		return err
	}
	err = work(ctx, tools, localOperator())
	return errors.Join(err, app.Stop(context.WithoutCancel(ctx)))
}

// withProjects is withTools for commands that read or write the data: the
// schema must be the one this version knows.
func withProjects(cmd *cobra.Command, registry *plugin.Registry, work func(ctx context.Context, tools toolbox, p tenancy.Principal) error) error {
	return withTools(cmd, registry, func(ctx context.Context, tools toolbox, p tenancy.Principal) error {
		if tools.Store.Exclusive() {
			if _, err := tools.Store.Migrate(ctx); err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
		}
		if err := tools.Store.CheckSchema(ctx); err != nil {
			return err
		}
		return work(ctx, tools, p)
	})
}

var errOutOfReach = errors.New("a server is running whose cache only it can reach, so it would go on trusting what you revoke; do it through its API, or stop it first")

// reachesServers is errOutOfReach if a server runs that would not notice at
// once that a credential is gone.
func (t toolbox) reachesServers(ctx context.Context) error {
	if t.Cache.Shared() {
		return nil
	}
	if locker, ok := t.Store.(datastore.ServerLocker); ok {
		unlock, err := locker.LockServer(ctx)
		if err != nil {
			return errOutOfReach
		}
		return unlock()
	}
	alive, err := (&presence{in: presenceIn{Store: t.Store, Clock: t.Clock}}).others(ctx, "replica/")
	if err == nil && len(alive) > 0 {
		return errOutOfReach
	}
	return err
}

// required marks a flag of the command as one that must be given.
func required(command *cobra.Command, flag string) {
	if err := command.MarkFlagRequired(flag); err != nil {
		panic(err) // it was not declared
	}
}

// oneRequired wants one of the flags that the command has so far: it changes what they name.
func oneRequired(command *cobra.Command) {
	var names []string
	command.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	command.MarkFlagsOneRequired(names...)
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "overworld", version()) },
	}
}
