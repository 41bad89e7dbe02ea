package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/overworldhq/overworld/tests/servers"
)

// options are the flags.
type options struct {
	servers  string
	race     bool
	short    bool
	verbose  bool
	run      string
	count    int
	timeout  time.Duration
	packages []string
}

func main() {
	var o options
	flag.StringVar(&o.servers, "servers", os.Getenv("OVERWORLD_TEST_SERVERS"), "find servers this way only: env, local or containers")
	flag.BoolVar(&o.race, "race", false, "run the packages where goroutines meet under the race detector (needs a C compiler)")
	flag.BoolVar(&o.short, "short", false, "let tests skip what takes long")
	flag.BoolVar(&o.verbose, "v", false, "show the output of every test")
	flag.StringVar(&o.run, "run", "", "run only tests that match this `regexp`")
	flag.IntVar(&o.count, "count", 0, "run each test so often; 0 runs it once or repeats an unchanged result")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "end a package's tests after this long")
	flag.Parse()
	o.packages = flag.Args()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := run(ctx, o)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests:", err)
	}
	switch {
	case interrupted:
		os.Exit(130)
	case err != nil || !good:
		os.Exit(1)
	}
}

// run starts the servers, runs the tests and says how they went.
func run(ctx context.Context, o options) (good bool, err error) {
	began := time.Now()
	root, err := servers.Root()
	if err != nil {
		return false, fmt.Errorf("find the repository: %w", err)
	}
	if err := os.Chdir(root); err != nil {
		return false, err
	}
	steps, err := plan(ctx, o)
	if err != nil {
		return false, err
	}
	fleet, err := start(ctx, o.servers)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	for _, s := range fleet.Servers {
		fmt.Printf("%-14s %-16s %-11s %5.1fs\n", s.Kind, s.Version, s.Way, s.Took.Seconds())
	}
	fmt.Println()

	result := newReport(os.Stdout, o.verbose)
	for _, step := range steps {
		if err := step.run(ctx, o, fleet.Environment(), result); err != nil {
			return false, err
		}
	}
	return result.finish(o.short, time.Since(began)), nil
}

// start starts the servers, after installing them if that is what it takes.
func start(ctx context.Context, way string) (*servers.Fleet, error) {
	fleet, err := servers.Start(ctx, way)
	if !errors.Is(err, servers.ErrAbsent) || way == "env" || way == "containers" || !canInstall() {
		return fleet, err
	}
	if err := install(ctx); err != nil {
		return nil, err
	}
	return servers.Start(ctx, way)
}
