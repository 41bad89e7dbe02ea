package bootstrap

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/ports/plugin"
)

// healthTime bounds how long the server may take to tell how it is.
const healthTime = 5 * time.Second

func newHealthCommand(registry *plugin.Registry) *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Tell whether the server on this machine is ready",
		Long: `Ask the server that listens at the configured address whether it is ready, and
print what it says. It fails unless requests should be sent there: containers, which
may hold no other program, check themselves with it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd, registry)
			if err != nil {
				return err
			}
			// A listener at every address of the machine is reached at 0.0.0.0, too.
			return checkHealth(cmd.Context(), "http://"+c.Listen+"/readyz", cmd.OutOrStdout())
		},
	}
}

func checkHealth(ctx context.Context, url string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Straight to it, whatever proxy the environment names.
	reply, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	defer reply.Body.Close()
	said, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s %s", reply.Status, strings.TrimSpace(string(said)))
	}
	_, err = fmt.Fprintln(out, string(said))
	return err
}
