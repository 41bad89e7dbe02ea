package bootstrap

import (
	"io"
	"log/slog"
	"os"

	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/bootstrap/tracing"
)

// newLogger writes to standard error: text for a person at a terminal, JSON for everyone else.
func newLogger(c *config.Config, to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(to) {
		return slog.New(tracing.Log(slog.NewTextHandler(to, options)))
	}
	return slog.New(tracing.Log(slog.NewJSONHandler(to, options)))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
