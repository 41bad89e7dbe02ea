package bootstrap

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/bootstrap/tour"
)

func newTour() *cobra.Command {
	var o tour.Options
	command := &cobra.Command{
		Use: "tour", Short: "Play a game session over HTTP and show each request and reply", Args: cobra.NoArgs,
		Long: `Play a game session over HTTP and show each request and reply: a guest comes in,
saves, loads, meets a conflict and merges it, refreshes, and sees forged and foreign
tokens refused. A reply that is not what it should be ends it with an error.

Without flags it starts a server of its own, in a temporary folder, and stops it at
the end. With --url it plays against a running one, and leaves there a guest with
two documents, a guest where the foreign key belongs, and two small bundles that
nothing names. It deletes the environments that it makes, to rehearse the end of a season
and to try a config. What needs a credential that wasn't given is left out.`,
		Example: `  overworld tour
  overworld tour --url http://127.0.0.1:8420 --publishable-key ow_pub_… --server-token ow_srv_…`,
		RunE: func(cmd *cobra.Command, _ []string) (failure error) {
			out := cmd.OutOrStdout()
			o.Color = isTerminal(out) && os.Getenv("NO_COLOR") == ""
			switch {
			case o.URL != "" && o.PublishableKey == "":
				return errors.New("--url needs --publishable-key: make one with 'overworld key create --kind publishable_key --environment …'")
			case o.URL == "" && o.PublishableKey+o.ServerToken+o.SecretKey+o.ForeignKey != "":
				return errors.New("the keys are those of a running server: name it with --url")
			case o.URL == "":
				// A reader that leaves early, such as head, must not end this
				// process before it has stopped its server.
				signal.Ignore(syscall.SIGPIPE)
				server, err := tour.Start(cmd.Context(), os.Environ())
				if err != nil {
					return err
				}
				defer func() { failure = errors.Join(failure, server.Stop()) }()
				o = server.Options(o.Color)
			}
			return tour.Play(cmd.Context(), out, o)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.URL, "url", "", "a running server's `address`, such as http://127.0.0.1:8420 (default: start one)")
	flags.StringVar(&o.PublishableKey, "publishable-key", "", "publishable `key` of the environment to play in")
	flags.StringVar(&o.ServerToken, "server-token", "", "server `token` of the same environment, with documents:write and leaderboards:write")
	flags.StringVar(&o.SecretKey, "secret-key", "", "secret `key` with projects:read, credentials:write, collections:write, leaderboards:write, configs:read, configs:write and audit:read there; with projects:write of the whole project it also rehearses the end of a season and promotes a config")
	flags.StringVar(&o.ForeignKey, "foreign-key", "", "publishable `key` of another environment")
	return command
}
