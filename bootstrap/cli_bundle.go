package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newBundle() *cobra.Command {
	command := &cobra.Command{
		Use: "bundle", Short: "Push, release, promote, compare and take back live configuration, from CI", Args: cobra.NoArgs,
		Long: `Push, release, promote, compare and take back live configuration. These commands are for CI: they
speak to a server's API with a secret key, and need nothing else of it. A request whose answer
gets lost is sent again, and has its effect once. What releases are is in docs/configuration.md.

They end with 0 when all is done, with 1 when something was refused or didn't work, and 'diff'
and 'promote --preview' with 2 when there are differences.`,
	}
	command.AddCommand(newBundlePush(), newBundleActivate(), newBundlePromote(), newBundleDiff(), newBundleRollback())
	return command
}

// Variables that say what flags of the bundle commands would.
const (
	urlVariable       = "OVERWORLD_URL"
	secretKeyVariable = "OVERWORLD_SECRET_KEY"
)

// different is the status of commands that found differences.
const different exitStatus = 2

// bundles is what a command for the live configuration of an environment works with.
type bundles struct {
	remote
	place  string // the environment's path
	name   string // the environment's slug
	out    io.Writer
	asJSON bool
}

// onBundles lets a command work on the environment that its flags name.
func onBundles(command *cobra.Command, work func(ctx context.Context, b bundles, args []string) error) *cobra.Command {
	flags := command.Flags()
	address := flags.String("url", "", "the server's `address`, such as https://play.example.com (default: "+urlVariable+")")
	key := flags.String("secret-key", "", "a secret `key` with configs:read and configs:write (default: "+secretKeyVariable+", where no list of processes shows it)")
	project := flags.String("project", firstProject, "the project's slug")
	environment := flags.String("environment", "", "the environment's slug")
	asJSON := flags.Bool("json", false, "print what the API answers")
	required(command, "environment")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		b := bundles{
			remote: remote{url: strings.TrimRight(cmp.Or(*address, os.Getenv(urlVariable)), "/"), key: cmp.Or(*key, os.Getenv(secretKeyVariable)), client: http.DefaultClient},
			place:  "/v1/projects/" + url.PathEscape(*project) + "/environments/" + url.PathEscape(*environment),
			name:   *environment, out: cmd.OutOrStdout(), asJSON: *asJSON,
		}
		if b.url == "" || b.key == "" {
			return errors.New("want --url and --secret-key, or " + urlVariable + " and " + secretKeyVariable)
		}
		return work(cmd.Context(), b, args)
	}
	return command
}

func newBundlePush() *cobra.Command {
	var contentType string
	command := &cobra.Command{
		Use: "push FILE", Short: "Upload a bundle, and print its sha256", Args: cobra.ExactArgs(1),
		Long: `Upload a bundle, and print its sha256. Nobody gets it before it is released. Bytes that are
there already are the same bundle. - is the standard input.`,
		Example: "  sha=$(overworld bundle push gameplay.json --environment staging)",
	}
	command.Flags().StringVar(&contentType, "content-type", "", "a media `type` (default: by the file's name, else application/octet-stream)")
	return onBundles(command, func(ctx context.Context, b bundles, args []string) error {
		content, err := readBundle(command.InOrStdin(), args[0])
		if err != nil {
			return fmt.Errorf("read the bundle: %w", err)
		}
		var made shownBundle
		media := cmp.Or(contentType, mime.TypeByExtension(filepath.Ext(args[0])), "application/octet-stream")
		text, err := b.send(ctx, call{method: http.MethodPost, path: b.place + "/bundles", body: content, contentType: media}, &made)
		return b.say(text, err, "%s\n", made.SHA256)
	})
}

func readBundle(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

func newBundlePromote() *cobra.Command {
	body := struct {
		From    string `json:"from"`
		Release int    `json:"release,omitempty"`
		Bundle  string `json:"bundle,omitempty"`
		Rules   bool   `json:"rules,omitempty"`
		Note    string `json:"note,omitempty"`
		Preview bool   `json:"preview,omitempty"`
	}{}
	command := &cobra.Command{
		Use: "promote CONFIG", Short: "Release what another environment has released, the very bytes", Args: cobra.ExactArgs(1),
		Long: `Release what another environment of the project has released: the very bytes, by their hash, for
everyone. It needs a secret key of the whole project. The differences are printed.`,
		Example: `  overworld bundle promote gameplay --from staging --environment production --preview
  overworld bundle promote gameplay --from staging --environment production`,
	}
	flags := command.Flags()
	flags.StringVar(&body.From, "from", "", "the `slug` of the environment whose release it is")
	flags.IntVar(&body.Release, "release", 0, "the `number` of one of its releases (default: the current one)")
	flags.StringVar(&body.Bundle, "bundle", "", "the `sha256` of one of that release's bundles (default: what everyone gets there)")
	flags.BoolVar(&body.Rules, "rules", false, "take all rules along instead, with their conditions, percentages and schedules")
	flags.StringVar(&body.Note, "note", "", "a `text` for whoever reads the history")
	flags.BoolVar(&body.Preview, "preview", false, "change nothing; end with 2 when there are differences")
	required(command, "from")
	return onBundles(command, func(ctx context.Context, b bundles, args []string) error {
		var made struct {
			Release shownRelease `json:"release"`
			Diff    shownDiff    `json:"diff"`
		}
		text, err := b.post(ctx, b.config(args[0])+"/promote", body, "", &made)
		if err != nil {
			return err
		}
		if !b.asJSON {
			if err := made.Diff.tell(b.out); err != nil {
				return err
			}
		}
		switch {
		case !body.Preview:
			return b.say(text, nil, "Release %d of %s in %s was promoted from %s.\n", made.Release.Release, args[0], b.name, body.From)
		case made.Diff.Same:
			return b.say(text, nil, "There are no differences.\n")
		}
		if err := b.say(text, nil, ""); err != nil {
			return err
		}
		return different
	})
}

func newBundleDiff() *cobra.Command {
	var environment string
	command := &cobra.Command{
		Use: "diff CONFIG [FROM [TO]]", Short: "Compare two releases or bundles", Args: cobra.RangeArgs(1, 3),
		Long: `Compare two releases, by their numbers, or two bundles, by their sha256. What isn't named is the
current release. It ends with 2 when there are differences.`,
		Example: `  overworld bundle diff gameplay 3 --environment staging
  overworld bundle diff gameplay --from-environment staging --environment production`,
	}
	command.Flags().StringVar(&environment, "from-environment", "", "the `slug` of the environment that FROM is of, if it is another; that needs a key of the whole project")
	return onBundles(command, func(ctx context.Context, b bundles, args []string) error {
		query := url.Values{}
		for i, name := range []string{"from", "to"} {
			if len(args) > i+1 {
				query.Set(name, args[i+1])
			}
		}
		if environment != "" {
			query.Set("from_environment", environment)
		}
		var found shownDiff
		text, err := b.send(ctx, call{method: http.MethodGet, path: b.config(args[0]) + "/diff?" + query.Encode()}, &found)
		switch {
		case err != nil:
			return err
		case b.asJSON:
			err = b.say(text, nil, "")
		case found.Same:
			err = b.say(nil, nil, "There are no differences.\n")
		default:
			err = found.tell(b.out)
		}
		if err == nil && !found.Same {
			err = different
		}
		return err
	})
}

func newBundleRollback() *cobra.Command {
	body := struct {
		To   int    `json:"to,omitempty"`
		Note string `json:"note,omitempty"`
	}{}
	command := &cobra.Command{
		Use: "rollback CONFIG", Short: "Go back to the release before, or to an earlier one", Args: cobra.ExactArgs(1),
		Long: `Go back to the release before the current one: a new release of its rules. Once more goes back
further.`,
		Example: "  overworld bundle rollback gameplay --environment production",
	}
	command.Flags().IntVar(&body.To, "to", 0, "the `number` of the release to go back to (default: the one before)")
	command.Flags().StringVar(&body.Note, "note", "", "a `text` for whoever reads the history")
	return onBundles(command, func(ctx context.Context, b bundles, args []string) error {
		var made shownConfig
		text, err := b.post(ctx, b.config(args[0])+"/rollback", body, "", &made)
		if err != nil {
			return err
		}
		return b.say(text, nil, "Release %d of %s in %s restores release %d.\n", made.Release, args[0], b.name, made.Current.Restores)
	})
}

func (b bundles) config(name string) string { return b.place + "/configs/" + url.PathEscape(name) }

// say prints the API's answer or, for people, the line.
func (b bundles) say(answer []byte, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	if b.asJSON {
		_, err = fmt.Fprintf(b.out, "%s\n", answer)
		return err
	}
	_, err = fmt.Fprintf(b.out, format, args...)
	return err
}
