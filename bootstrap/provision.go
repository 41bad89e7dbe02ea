package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"text/tabwriter"

	"go.uber.org/fx"

	"github.com/overworldhq/overworld/app/environments"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// firstProject is what an embedded server starts with.
const firstProject = "my-game"

// localOperator is the principal of whoever runs this process.
func localOperator() tenancy.Principal {
	name := "unknown"
	if who, err := user.Current(); err == nil {
		name = who.Username
	}
	return tenancy.Local(name)
}

// provisionFirstStart makes an embedded server useful at once: while there is
// no project, it makes one and prints its credentials.
func provisionFirstStart(lc fx.Lifecycle, app *compose.App, store datastore.Datastore, out io.Writer) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		p := localOperator()
		existing, err := app.Operators.Projects(ctx, p, "", 1)
		if err != nil {
			return fmt.Errorf("look for projects: %w", err)
		}
		if len(existing) > 0 {
			return nil
		}
		if !store.Exclusive() {
			fmt.Fprintln(out, "There is no project yet. Make one with: overworld project create my-game")
			return nil
		}
		if err := provision(ctx, app.Operators, p, firstProject, "My game", "First start: made", out); err != nil {
			return fmt.Errorf("make the first project: %w", err)
		}
		return nil
	}))
}

var errMasterKey = errors.New("master_key: this data was made with another one; start with that. If it is lost, run 'overworld key rotate-signing --at-once' for every environment: all sessions end")

// checkMasterKey refuses to serve with a master key that doesn't open the signing keys:
// every sign-in would fail. The first environment tells; all are sealed with the same.
func checkMasterKey(lc fx.Lifecycle, app *compose.App) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		p := localOperator()
		projects, err := app.Operators.Projects(ctx, p, "", 1)
		if err != nil || len(projects) == 0 {
			return err
		}
		first, err := app.Operators.Environments(ctx, p, projects[0].Slug, "", 1)
		if err != nil || len(first) == 0 {
			return err
		}
		_, err = app.Operators.SigningKeys(ctx, p, operators.Place{Project: projects[0].Slug, Environment: first[0].Slug})
		if errors.Is(err, environments.ErrMasterKey) {
			return errMasterKey
		}
		return err
	}))
}

// firstCredentials are a secret key for the whole of a project, and a publishable key
// and a server token for each environment.
func firstCredentials() operators.FirstCredentials {
	everything := []tenancy.Permission{tenancy.Everything}
	return operators.FirstCredentials{
		Whole: []tenancy.CredentialSpec{{Kind: tenancy.SecretKey, Name: "first key", Scopes: everything}},
		Each: []tenancy.CredentialSpec{
			{Kind: tenancy.PublishableKey, Name: "first client"},
			{Kind: tenancy.ServerToken, Name: "first server", Scopes: everything},
		},
	}
}

// provision makes a project and prints its first credentials, which are kept nowhere.
func provision(ctx context.Context, use *operators.UseCases, p tenancy.Principal, slug, name, before string, out io.Writer) error {
	made, err := use.CreateProject(ctx, p, slug, name, firstCredentials())
	if err != nil {
		return err
	}
	slugs := map[tenancy.EnvironmentID]string{"": "whole project"}
	for _, environment := range made.Environments {
		slugs[environment.ID] = environment.Slug
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "%s the project %s. These credentials are shown this once.\n\n", before, slug)
	for _, one := range made.Credentials {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", slugs[one.Credential.Environment], kindTitles[one.Credential.Kind], one.Token)
	}
	fmt.Fprintln(table)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("the project %s is made, but its credentials could not be shown, and won't be again: make others with 'overworld key create': %w", slug, err)
	}
	return nil
}

var kindTitles = map[tenancy.Kind]string{
	tenancy.SecretKey:      "secret key",
	tenancy.PublishableKey: "publishable key",
	tenancy.ServerToken:    "server token",
}

// welcome tells where the server is, once it listens.
func welcome(out io.Writer, c *config.Config, address string) {
	fmt.Fprintf(out, "Overworld %s listens on http://%s, its reference is at http://%s/docs\n", version(), address, address)
}
