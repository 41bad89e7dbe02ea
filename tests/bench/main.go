package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
	"github.com/overworldhq/overworld/tests/servers"
)

// options are the flags.
type options struct {
	stacks      []string
	connections []int
	scenarios   []scenario
	flood       bool
	fleet       bool
	polls       bool
	length      time.Duration
	repetitions int
	profiles    string
	write       bool
	overload    bool
	flush       bool
	entries     int
}

func main() {
	if os.Getenv(bareVariable) != "" {
		if err := serveBare(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	o, err := readOptions()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func readOptions() (options, error) {
	var o options
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	names = append(names, floodName, fleetName, pollsName)
	stacks := flag.String("stack", embedded+","+production, "what to measure; production is PostgreSQL and Redis")
	connections := flag.String("connections", "16,64", "how many connections")
	length := flag.Float64("seconds", 5, "length of a repetition")
	chosen := flag.String("scenario", strings.Join(names, ","), "what to do")
	flag.IntVar(&o.repetitions, "repetitions", 3, "how often each is measured, after a warm-up")
	flag.StringVar(&o.profiles, "profile", "", "save CPU profiles of the server in this `folder`")
	flag.BoolVar(&o.write, "write", false, "write docs/performance.md")
	flag.BoolVar(&o.overload, "overload", false, "send twice what saturates the server, for at least 20 seconds, and tell how it fares")
	flag.BoolVar(&o.flush, "flush", false, "lose the ranks of a large season twice while they are read and changed, and check every answer")
	flag.IntVar(&o.entries, "entries", 1_000_000, "how many have a place in that season")
	flag.Parse()
	var faults []error
	if flag.NArg() > 0 {
		faults = append(faults, fmt.Errorf("unknown argument %q", flag.Arg(0)))
	}
	for _, name := range strings.Split(*stacks, ",") {
		if name != embedded && name != production {
			faults = append(faults, fmt.Errorf("-stack: %q is neither %s nor %s", name, embedded, production))
		}
		o.stacks = append(o.stacks, name)
	}
	for _, word := range strings.Split(*connections, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			faults = append(faults, fmt.Errorf("-connections: %q is no number of connections", word))
		}
		o.connections = append(o.connections, n)
	}
	for _, name := range strings.Split(*chosen, ",") {
		if name == floodName || name == fleetName || name == pollsName {
			o.flood, o.fleet, o.polls = o.flood || name == floodName, o.fleet || name == fleetName, o.polls || name == pollsName
			continue
		}
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("-scenario: %q is none of %s", name, strings.Join(names, ", ")))
			continue
		}
		o.scenarios = append(o.scenarios, scenarios[i])
	}
	o.length = time.Duration(*length * float64(time.Second))
	if o.length < time.Second || o.repetitions < 1 {
		faults = append(faults, errors.New("a repetition takes at least a second, and there is at least one"))
	}
	if o.overload {
		if o.length = max(o.length, 20*time.Second); o.write || o.profiles != "" {
			faults = append(faults, errors.New("-overload goes with neither -write nor -profile"))
		}
		// A refresh that was refused is no failure, but this client would lose its place.
		o.scenarios = slices.DeleteFunc(o.scenarios, func(s scenario) bool { return s.name == "refresh" })
	}
	if o.flush && (o.overload || o.write || o.profiles != "") {
		faults = append(faults, errors.New("-flush goes with neither -overload nor -write nor -profile"))
	}
	if o.entries < 10*movers {
		faults = append(faults, fmt.Errorf("-entries: at least %d", 10*movers))
	}
	return o, errors.Join(faults...)
}

func run(ctx context.Context, o options) (err error) {
	root, err := servers.Root()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	program, err := harness.Build()
	if err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	if o.overload {
		for _, name := range o.stacks {
			for _, proxied := range []bool{false, true} {
				if err := overload(ctx, o, name, program, proxied); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		return nil
	}
	if o.flush {
		for _, name := range o.stacks {
			if err := flush(ctx, o, name, program); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	var sections []section
	for _, name := range o.stacks {
		s, err := measure(ctx, o, name, program)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sections = append(sections, s)
	}
	for _, s := range sections {
		fmt.Printf("\n%s\n\n", s.title)
		markdown(os.Stdout, s.lines)
	}
	if !o.write {
		return nil
	}
	return writePage(filepath.Join(root, "docs", "performance.md"), sections)
}

// byHand begins the part of the page that is not measured, and stays.
const byHand = "<!-- What follows is written by hand. -->"

func writePage(path string, sections []section) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var text bytes.Buffer
	page(&text, runtime.NumCPU(), sections)
	if _, kept, found := strings.Cut(string(old), byHand); found {
		text.WriteString("\n" + byHand + kept)
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// measure measures the floors and every scenario on one stack.
func measure(ctx context.Context, o options, name, program string) (s section, err error) {
	folder, err := os.MkdirTemp("", "overworld-bench-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(folder)
	stack, err := newStack(ctx, name, folder)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, stack.close()) }()
	s.stack, s.title = name, stack.title()
	// It is started first, and idle while the floors are measured: what a process does in its
	// first minute is not what it does all day.
	server, err := stack.serve(ctx, program)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.child.stop()) }()
	floors := map[int]floor{}
	for _, connections := range o.connections {
		var lines []line
		if floors[connections], lines, err = measureFloors(ctx, o, stack, folder, connections); err != nil {
			return s, fmt.Errorf("floors: %w", err)
		}
		s.lines = append(s.lines, lines...)
	}
	for _, scenario := range o.scenarios {
		for _, connections := range o.connections {
			f, err := server.run(ctx, o, scenario, connections)
			if err != nil {
				return s, fmt.Errorf("%s: %w", scenario.name, err)
			}
			if f.fault != nil {
				fmt.Fprintf(os.Stderr, "%s, %d connections: %d errors, the first: %v\n", scenario.name, connections, f.errors, f.fault)
			}
			l := line{stack: name, what: scenario.name, connections: connections, figures: f, scenario: scenario}
			switch {
			case scenario.name == "document-put":
				l.upsert = floors[connections].upsert
			case scenario.name == "document-get" || scenario.name == "own-profile":
				l.http = floors[connections].http
			case scenario.name == "submit":
				if l.upsert, err = s.rankFloors(ctx, o, stack, folder, connections); err != nil {
					return s, fmt.Errorf("floors of %s: %w", scenario.name, err)
				}
			case scenario.path != nil:
				if l.http, err = s.bareFloor(ctx, o, server, folder, scenario, connections); err != nil {
					return s, fmt.Errorf("floor of %s: %w", scenario.name, err)
				}
			}
			s.lines = append(s.lines, l)
			tell(l)
		}
	}
	if o.flood {
		lines, err := server.loginFlood(ctx, o)
		if err != nil {
			return s, fmt.Errorf("%s: %w", floodName, err)
		}
		s.lines = append(s.lines, lines...)
	}
	if o.fleet {
		lines, err := server.fleet(ctx, o, folder)
		if err != nil {
			return s, fmt.Errorf("%s: %w", fleetName, err)
		}
		s.lines = append(s.lines, lines...)
	}
	if o.polls {
		lines, err := server.polls(ctx)
		if err != nil {
			return s, fmt.Errorf("%s: %w", pollsName, err)
		}
		s.lines = append(s.lines, lines...)
	}
	return s, nil
}

// tell shows how far the run is.
func tell(l line) {
	fmt.Fprintf(os.Stderr, "%-10s %-28s %4d connections %8.0f/s  CPU s/1,000 %.3f\n", l.stack, l.what, l.connections, l.figures.persecond, l.sum())
}

func (o options) load(connections int) load {
	return load{connections: connections, repetitions: o.repetitions, seconds: o.length}
}

// floor is what a scenario is compared with.
type floor struct{ http, upsert figures }

func measureFloors(ctx context.Context, o options, s *stack, folder string, connections int) (floor, []line, error) {
	upserts := func(rows int, l load) (figures, error) {
		if s.servers == nil {
			return sqliteUpserts(ctx, folder, rows, l)
		}
		return postgresUpserts(ctx, s.servers, rows, l)
	}
	var f floor
	var err error
	if f.http, err = bareHandler(ctx, folder, documentReply(), o.load(connections)); err != nil {
		return f, nil, err
	}
	if f.upsert, err = upserts(1, o.load(connections)); err != nil {
		return f, nil, err
	}
	// More connections than these only queue on each other's rows.
	few := min(connections, 4)
	many, err := upserts(batch, o.load(few))
	if err != nil {
		return f, nil, err
	}
	lines := []line{
		{stack: s.name, what: "floor: bare HTTP", connections: connections, figures: f.http},
		{stack: s.name, what: "floor: upsert, 1 row", connections: connections, figures: f.upsert},
		{stack: s.name, what: "floor: upsert, 64 rows", connections: few, figures: many},
	}
	for _, l := range lines {
		tell(l)
	}
	return f, lines, nil
}

// rankFloors measures what submitting and ranking are compared with; single rows are given.
func (s *section) rankFloors(ctx context.Context, o options, stack *stack, folder string, connections int) (figures, error) {
	entries := func(rows int, l load) (figures, error) {
		if stack.servers == nil {
			return sqliteEntries(ctx, folder, rows, l)
		}
		return postgresEntries(ctx, stack.servers, rows, l)
	}
	single, err := entries(1, o.load(connections))
	if err != nil {
		return single, err
	}
	few := min(connections, 4)
	many, err := entries(batch, o.load(few))
	if err != nil {
		return single, err
	}
	lines := []line{
		{stack: s.stack, what: "floor: entry, 1 row", connections: connections, figures: single},
		{stack: s.stack, what: "floor: entry, 64 rows", connections: few, figures: many},
	}
	if stack.servers != nil {
		for _, one := range []struct {
			what    string
			command func(member string) []string
		}{
			{"floor: ZADD", func(member string) []string {
				return []string{"ZADD", "bench", strconv.Itoa(rand.IntN(1 << 30)), member}
			}},
			{"floor: ZREVRANK", func(member string) []string { return []string{"ZREVRANK", "bench", member} }},
		} {
			f, err := sortedSet(ctx, stack.servers, one.command, o.load(connections))
			if err != nil {
				return single, err
			}
			lines = append(lines, line{stack: s.stack, what: one.what, connections: connections, figures: f})
		}
	}
	for _, l := range lines {
		s.lines = append(s.lines, l)
		tell(l)
	}
	return single, nil
}

// bareFloor measures a handler that answers what the scenario is answered.
func (s *section) bareFloor(ctx context.Context, o options, server *replica, folder string, scenario scenario, connections int) (figures, error) {
	var reply []byte
	if !scenario.unchanged {
		var err error
		if reply, err = server.replyTo(scenario.path()); err != nil {
			return figures{}, err
		}
	}
	f, err := bareHandler(ctx, folder, reply, o.load(connections))
	if err != nil {
		return f, err
	}
	l := line{stack: s.stack, what: fmt.Sprintf("floor: bare, %s bytes", strconv.Itoa(len(reply))), connections: connections, figures: f}
	s.lines = append(s.lines, l)
	tell(l)
	return f, nil
}

// opener opens connections to the replica that are ready for a scenario.
func (r *replica) opener(s scenario) func(int) (operation, func(), error) {
	return func(int) (operation, func(), error) {
		c, err := dial(r.place.address)
		if err != nil {
			return nil, nil, err
		}
		do, err := s.prepare(r.place, c)
		return do, c.close, err
	}
}

// run measures one scenario.
func (r *replica) run(ctx context.Context, o options, s scenario, connections int) (figures, error) {
	l := o.load(connections)
	l.used, l.open = r.used, r.opener(s)
	if o.profiles == "" {
		return drive(ctx, l)
	}
	// The profile runs beside the load; its figures are the worse for it.
	path := filepath.Join(o.profiles, fmt.Sprintf("%s-%s-%d.pprof", r.stack.name, s.name, connections))
	saved := make(chan error, 1)
	opened := l.open
	l.open = func(i int) (operation, func(), error) {
		if i == connections-1 {
			go func() { saved <- r.profile(ctx, o.length*time.Duration(o.repetitions), path) }()
		}
		return opened(i)
	}
	f, err := drive(ctx, l)
	if err != nil {
		return f, err
	}
	return f, <-saved
}
