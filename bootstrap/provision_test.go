package bootstrap

import (
	"database/sql"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/ports/plugin"
)

// ran is how a command went on the data of a configuration.
func ran(t *testing.T, c *config.Config, out io.Writer, arguments ...string) error {
	t.Helper()
	root := newRoot(plugin.NewRegistry(all.Plugins()...))
	root.SetOut(out)
	root.SetErr(io.Discard)
	root.SetArgs(append(arguments, "--data", c.Data))
	return root.ExecuteContext(t.Context())
}

// A project that can't be made whole leaves nothing behind, least of all credentials that are good and that nobody
// was shown; the next try makes it, and shows them.
func TestAProjectIsMadeWholeOrNotAtAll(t *testing.T) {
	for name, create := range map[string]func(t *testing.T, c *config.Config) (string, error){
		"by the first start": func(t *testing.T, c *config.Config) (string, error) {
			var out strings.Builder
			err := serve(t.Context(), c, plugin.NewRegistry(all.Plugins()...), &out, io.Discard)
			return out.String(), err
		},
		"by the command": func(t *testing.T, c *config.Config) (string, error) {
			var out strings.Builder
			err := ran(t, c, &out, "project", "create", "space-race")
			return out.String(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := embedded(t)
			if err := ran(t, c, io.Discard, "migrate"); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", filepath.Join(c.Data, "overworld.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			// The connection is lost with the last of them.
			if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER lost BEFORE INSERT ON credentials
				WHEN (SELECT count(*) FROM credentials) = 6 BEGIN SELECT RAISE(ABORT, 'the connection is lost'); END`); err != nil {
				t.Fatal(err)
			}
			if shown, err := create(t, c); err == nil || !strings.Contains(err.Error(), "the connection is lost") || shown != "" {
				t.Fatalf("%v, and it printed:\n%s", err, shown)
			}
			for _, table := range []string{"projects", "environments", "credentials", "signing_keys", "audit_events"} {
				var rows int
				if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows != 0 {
					t.Errorf("%s has %d rows, %v", table, rows, err)
				}
			}
			if _, err := db.ExecContext(t.Context(), "DROP TRIGGER lost"); err != nil {
				t.Fatal(err)
			}
			var shown string
			if name == "by the command" {
				shown, err = create(t, c)
			} else {
				server := serving(t, c)
				shown, err = server.greeting, server.stop()
			}
			if err != nil || strings.Count(shown, "ow_") != 7 {
				t.Errorf("the next try: %v, and it printed:\n%s", err, shown)
			}
		})
	}
}

// nowhere is an output that takes nothing.
type nowhere struct{}

func (nowhere) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestCredentialsThatCouldNotBeShown(t *testing.T) {
	err := ran(t, embedded(t), nowhere{}, "project", "create", "space-race")
	if err == nil || !strings.Contains(err.Error(), "overworld key create") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("it says %v", err)
	}
}
