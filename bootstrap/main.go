package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Option changes what Main builds.
type Option func(*options)

type options struct {
	plugins []plugin.Plugin
}

// WithPlugins adds adapters to the built-in ones.
func WithPlugins(plugins ...plugin.Plugin) Option {
	return func(o *options) { o.plugins = append(o.plugins, plugins...) }
}

// Main is the whole program: it runs the command line and exits. A binary with
// adapters of its own is a main that calls it with WithPlugins.
func Main(with ...Option) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := options{plugins: all.Plugins()}
	for _, apply := range with {
		apply(&o)
	}
	root := newRoot(plugin.NewRegistry(o.plugins...))
	if err := root.ExecuteContext(ctx); err != nil {
		os.Exit(tell(err, os.Stderr))
	}
}

// tell says what went wrong, unless that was told already, and gives the status to end with.
func tell(err error, stderr io.Writer) int {
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case !errors.Is(err, errShown):
		fmt.Fprintln(stderr, "overworld: "+explain(err))
	}
	return 1
}

// exitStatus ends the process with a status of its own, when all has been told already.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// errShown ends the process with a failure that has been told already.
var errShown = errors.New("shown")

// version is that of the module, or of the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return "devel-" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "devel"
}
