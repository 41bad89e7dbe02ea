package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

// settleTime bounds one look whether the object store is the database's.
const settleTime = 5 * time.Second

// settle refuses to serve with an object store that is not the database's. One that is away is no
// reason not to serve, unless the database is new: then nobody could tell later whose it was.
func settle(stop context.Context, lc fx.Lifecycle, c *config.Config, app *compose.App, store datastore.Datastore, logger *slog.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		err := await(ctx, func(ctx context.Context) (done bool, err error) {
			if err = settleOnce(ctx, app.Custody); err == nil || !isAway(err) {
				return true, err
			}
			here, unknown := store.Custody().Installation(ctx)
			if unknown == nil && here.ID != "" {
				logger.Warn("the object store is away; that it is this database's is looked at before anything is deleted", "blobs", plugin.Redact(c.Blobs), "error", err)
				return true, nil
			}
			return false, err
		})
		if err != nil && isAway(err) {
			return fmt.Errorf("the first start needs the object store %s, which can't be reached; is it running, and is the address right? %s", plugin.Redact(c.Blobs), explain(err))
		}
		return err
	}))
}

func settleOnce(ctx context.Context, keeper *custody.Keeper) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return keeper.Settle(ctx)
}

func isAway(err error) bool {
	return fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded)
}

func newInstallation(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{
		Use: "installation", Short: "See whether the object store is the database's, or make it so", Args: cobra.NoArgs,
		Long: `The database and the object store of an installation both tell its id, so that no server
works with a store, and deletes from it, that goes with another database.`,
	}
	command.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Print the ids that database and object store tell", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, _ tenancy.Principal) error {
					database, store, err := tools.App.Custody.IDs(ctx)
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "database      %s\nobject store  %s\n", orNone(database), orNone(store))
					return err
				})
			},
		},
		&cobra.Command{
			Use: "adopt", Short: "Make the database and the object store belong together, with a new id", Args: cobra.NoArgs,
			Long: `Make the database and the object store at these addresses belong together, with a new id: after
one of them was lost for good, or for a copy of both. Servers of another database
that use this store refuse to start from then on, and no longer delete from it.`,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withProjects(cmd, registry, func(ctx context.Context, tools toolbox, _ tenancy.Principal) error {
					if err := tools.App.Custody.Adopt(ctx); err != nil {
						return err
					}
					_, err := fmt.Fprintln(cmd.OutOrStdout(), "The object store is this database's.")
					return err
				})
			},
		},
	)
	return command
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}
