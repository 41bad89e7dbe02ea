package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Options say where to play and with what.
type Options struct {
	// URL is the server's, without a path.
	URL string
	// PublishableKey belongs to the environment in which to play.
	PublishableKey string
	// ServerToken, of the same environment, may write documents and leaderboards. Empty leaves out what servers do.
	ServerToken string
	// SecretKey, of the project or of the same environment, may read
	// projects and the audit log, make and revoke credentials, and write leaderboards. If it may make
	// environments, what comes after a season's end is rehearsed in one. Empty leaves
	// out what operators do.
	SecretKey string
	// ForeignKey is the publishable key of another environment. Empty leaves
	// out the attempts to cross over.
	ForeignKey string
	// Color marks up the output for a terminal.
	Color bool
}

// requestTime bounds one request.
const requestTime = 30 * time.Second

// Play plays the session and prints it. The error tells of the first reply
// that is not what it should be.
func Play(ctx context.Context, out io.Writer, options Options) error {
	g := &game{
		Options: options,
		page:    page{out: out, color: options.Color},
		client:  &http.Client{Timeout: requestTime},
	}
	g.URL = strings.TrimRight(g.URL, "/")
	for i, s := range steps {
		if g.page.err != nil {
			return g.page.err // nobody reads on
		}
		g.page.heading(i+1, len(steps), s.title)
		if s.needs != nil {
			if flag := s.needs(options); flag != "" {
				g.page.note("Left out: it needs --" + flag + ".")
				continue
			}
		}
		g.page.prose(s.why)
		if err := s.play(ctx, g); err != nil {
			return fmt.Errorf("the tour ended at step %d, %q: %w", i+1, s.title, err)
		}
	}
	g.page.end(g.requests)
	return g.page.err
}

// game is what the tour has learned on its way.
type game struct {
	Options
	page     page
	client   *http.Client
	requests int

	device  string // the secret that the first device keeps
	player  string
	session session
	used    string // the refresh token before the session's
	version string // the first save's ETag
}

// session is what a signed-in client holds.
type session struct {
	access, refresh string
}

// step is one scene of the session.
type step struct {
	title string
	why   string
	// needs, if not nil, gives the flag of a credential that the step can't do without and hasn't got.
	needs func(Options) string
	play  func(context.Context, *game) error
}

func needsServer(o Options) string { return missing(o.ServerToken, "server-token") }

func needsForeign(o Options) string { return missing(o.ForeignKey, "foreign-key") }

func needsOperator(o Options) string { return missing(o.SecretKey, "secret-key") }

func missing(credential, flag string) string {
	if credential == "" {
		return flag
	}
	return ""
}
