package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/tests/servers"
)

// How a server is overloaded.
const (
	// crowd is how many connections carry the arrivals: so many that one is nearly always free.
	crowd = 1024
	// peakLength is that of a closed loop, before and after each overload.
	peakLength = 5 * time.Second
	// openers is how many connections of a crowd are opened at once.
	openers = 16
	// waiting is how many arrivals may wait for a connection; more are not sent.
	waiting = 1024
)

// saturating are the numbers of requests at once among which the peak is looked for.
var saturating = []int{16, 64, 256}

// flood is what became of arrivals that came whether or not the ones before were answered.
type flood struct {
	what    string
	peak    figures // of the closed loop: the medians
	at      int     // requests at once at the peak
	length  time.Duration
	arrived int
	unsent  int
	broken  int
	fault   error // the first of what broke
	// accepted is how long those took that were answered as wanted, by what was due; refused the others.
	accepted, refused []time.Duration
	ratios            []float64   // of the goodput of each round to the peaks around it, sorted
	statuses          map[int]int // of the refused
	used              cpu
	memory            []int64 // resident bytes of the server, each second
	late              time.Duration
	// answer is the CPU seconds that bare net/http takes for 1,000 requests that
	// come as fast as the refused came: what no refusal can do without.
	answer float64
}

func (f flood) goodput() float64 { return float64(len(f.accepted)) / f.length.Seconds() }

// cost is the CPU seconds of server and database for 1,000 that were accepted, the
// refusals among them.
func (f flood) cost() float64 {
	return (f.used.server + f.used.database).Seconds() / float64(len(f.accepted)) * 1000
}

// attainable is the share of the peak that is left when each refusal costs but the bare answer.
func (f flood) attainable() float64 {
	return max(0, 1-float64(len(f.refused))/f.length.Seconds()/f.peak.persecond*f.answer/f.peak.total())
}

// overload finds each scenario's peak and sends twice as much.
//
// The machine is divided: the server and what it stands on have one half of
// its processors, the load the other. So what the load costs is not taken from the
// server, and refusing has to be paid out of the same half as serving.
//
// It comes from clients, whose connections the server lets rest after a refusal, or by way of a proxy that
// passes on all that is sent, so that every request that is too many has to be answered at once.
func overload(ctx context.Context, o options, name, program string, proxied bool) (err error) {
	serving, loading := halves(runtime.NumCPU())
	if err := pin(serving); err != nil {
		return fmt.Errorf("divide the processors: %w", err)
	}
	folder, err := os.MkdirTemp("", "overworld-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	stack, err := newStack(ctx, name, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.close()) }()
	sender := "clients"
	if proxied {
		sender = "a proxy"
		stack.settings["TRUSTED_PROXIES"] = "127.0.0.0/8"
	}
	server, err := stack.serve(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.child.stop()) }()
	if err := pin(loading); err != nil {
		return fmt.Errorf("divide the processors: %w", err)
	}
	runtime.GOMAXPROCS(len(loading))
	fmt.Printf("\n%s, at twice its peak from %s; %d of %d processors for it\n\n", stack.title(), sender, len(serving), runtime.NumCPU())
	for _, s := range o.scenarios {
		f, err := server.flood(ctx, s, o.repetitions, o.length)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		f.write(os.Stdout)
	}
	return nil
}

// halves divides processors in two; one serves both sides if there is but one.
func halves(processors int) (serving, loading []int) {
	all := make([]int, processors)
	for i := range all {
		all[i] = i
	}
	if processors < 2 {
		return all, all
	}
	return all[:processors/2], all[processors/2:]
}

// flood measures peaks and overloads in turn, so that what else the machine does hits both alike. Both
// come over the connections of the same crowd: who is a crowd costs more than a few, whatever he sends.
func (r *replica) flood(ctx context.Context, s scenario, rounds int, length time.Duration) (flood, error) {
	f := flood{what: s.name, statuses: map[int]int{}}
	crew, err := crew(r.opener(s))
	defer dismiss(crew)
	if err != nil {
		return f, err
	}
	peak := func(atOnce int, length time.Duration) (figures, error) {
		return drive(ctx, load{connections: atOnce, repetitions: 1, seconds: length, used: r.used, open: inTurn(crew)})
	}
	best := 0.0
	for _, atOnce := range saturating {
		found, err := peak(atOnce, peakLength/2)
		if err != nil {
			return f, err
		}
		if found.persecond > best {
			best, f.at = found.persecond, atOnce
		}
	}
	peaks := make([]figures, 1, rounds+1)
	if peaks[0], err = peak(f.at, peakLength); err != nil {
		return f, err
	}
	for range rounds {
		before, accepted := peaks[len(peaks)-1], f.accepted
		took, err := pour(ctx, crew, 2*before.persecond, length, r.child.pid(), r.used, &f)
		if err != nil {
			return f, err
		}
		after, err := peak(f.at, peakLength)
		if err != nil {
			return f, err
		}
		peaks = append(peaks, after)
		goodput := float64(len(f.accepted)-len(accepted)) / took.Seconds()
		f.ratios = append(f.ratios, goodput/((before.persecond+after.persecond)/2))
	}
	if f.answer, err = r.bare(ctx, float64(len(f.refused))/f.length.Seconds()); err != nil {
		return f, err
	}
	f.peak = medians(peaks)
	slices.Sort(f.ratios)
	slices.Sort(f.accepted)
	slices.Sort(f.refused)
	return f, nil
}

// bare measures what it takes to answer requests at a rate, and to do nothing else; 0 for no requests.
func (r *replica) bare(ctx context.Context, rate float64) (cost float64, err error) {
	if rate < 1 {
		return 0, nil
	}
	// It is started where the server was, by threads that stay there.
	serving, loading := halves(runtime.NumCPU())
	if err := pin(serving); err != nil {
		return 0, err
	}
	child, open, err := startBare(r.stack.settings["DATA"], documentReply())
	if err == nil {
		defer func() { err = errors.Join(err, child.stop()) }()
	}
	if err := errors.Join(err, pin(loading)); err != nil {
		return 0, err
	}
	crew, err := crew(open)
	defer dismiss(crew)
	if err != nil {
		return 0, err
	}
	f := flood{statuses: map[int]int{}}
	_, err = pour(ctx, crew, rate, peakLength, child.pid(), func() (cpu, error) {
		used, err := servers.CPU(child.pid())
		return cpu{server: used}, err
	}, &f)
	return f.cost(), err
}

// inTurn gives operations that take the crew's connections in turn.
func inTurn(crew []*tally) func(int) (operation, func(), error) {
	free := make(chan *tally, len(crew))
	for _, one := range crew {
		free <- one
	}
	do := func() error {
		one := <-free
		err := one.do()
		free <- one
		return err
	}
	return func(int) (operation, func(), error) { return do, func() {}, nil }
}

func dismiss(crew []*tally) {
	for _, one := range crew {
		one.close()
	}
}

// crew opens the crowd's connections, several at a time.
func crew(open func(int) (operation, func(), error)) ([]*tally, error) {
	var (
		mu      sync.Mutex
		crew    []*tally
		faults  []error
		opening sync.WaitGroup
	)
	for part := range openers {
		opening.Go(func() {
			for i := part; i < crowd; i += openers {
				do, closing, err := open(i)
				mu.Lock()
				if err == nil {
					crew = append(crew, &tally{do: do, close: closing, statuses: map[int]int{}})
				}
				faults = append(faults, err)
				mu.Unlock()
			}
		})
	}
	opening.Wait()
	return crew, errors.Join(faults...)
}

// pour sends requests at a rate, however they are answered, and tells for how long.
func pour(ctx context.Context, crew []*tally, rate float64, length time.Duration, pid int, usage func() (cpu, error), f *flood) (time.Duration, error) {
	arrivals := make(chan time.Time, waiting)
	var working sync.WaitGroup
	for _, one := range crew {
		working.Go(func() { one.work(arrivals) })
	}
	end := sync.OnceFunc(func() { close(arrivals); working.Wait() })
	defer end()
	before, err := usage()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	next := began // when memory is looked at
	for sent := 0; ctx.Err() == nil && time.Since(began) < length; {
		now := <-tick.C
		for due := int(now.Sub(began).Seconds() * rate); sent < due; sent++ {
			at := began.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
			f.late = max(f.late, time.Since(at))
			f.arrived++
			select {
			case arrivals <- at:
			default:
				f.unsent++
			}
		}
		if now.After(next) {
			next = next.Add(time.Second)
			resident, err := servers.Memory(pid)
			if err != nil {
				return 0, err
			}
			f.memory = append(f.memory, resident)
		}
	}
	length = time.Since(began)
	after, err := usage()
	if err != nil {
		return 0, err
	}
	used := after.since(before)
	f.length += length
	f.used = cpu{f.used.server + used.server, f.used.database + used.database, f.used.cache + used.cache}
	end()
	for _, one := range crew {
		f.accepted = append(f.accepted, one.accepted...)
		f.refused = append(f.refused, one.refused...)
		for status, n := range one.statuses {
			f.statuses[status] += n
		}
		one.accepted, one.refused = nil, nil
		clear(one.statuses)
		if one.fault != nil {
			f.broken++
			f.fault, one.fault = one.fault, nil
		}
	}
	if len(f.accepted) == 0 {
		return 0, errors.Join(errors.New("not one request was accepted"), f.fault, ctx.Err())
	}
	return length, ctx.Err()
}

// tally is one connection of a crowd, and what it was answered.
type tally struct {
	do                operation
	close             func()
	accepted, refused []time.Duration
	statuses          map[int]int
	fault             error
}

// work takes arrivals until there are no more, or the connection breaks.
func (t *tally) work(arrivals <-chan time.Time) {
	for at := range arrivals {
		err := t.do()
		took := time.Since(at)
		var other *unwanted
		switch {
		case err == nil:
			t.accepted = append(t.accepted, took)
		case errors.As(err, &other):
			t.refused = append(t.refused, took)
			t.statuses[other.status]++
		default:
			t.fault = err
			return
		}
	}
}

// write tells of a flood, for people.
func (f flood) write(w io.Writer) {
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(f.statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d × %d", f.statuses[status], status))
	}
	if len(statuses) == 0 {
		statuses = []string{"none"}
	}
	spread := func(sorted []time.Duration) string {
		if len(sorted) == 0 {
			return "–"
		}
		return milliseconds(percentile(sorted, 50)) + " / " + milliseconds(percentile(sorted, 99))
	}
	fmt.Fprintf(w, "%s\n", f.what)
	fmt.Fprintf(w, "  peak        %.0f/s with %d at once, CPU s/1,000 %.3f\n", f.peak.persecond, f.at, f.peak.total())
	fmt.Fprintf(w, "  arrivals    %.0f/s for %.0f s; %d not sent since all connections waited, %d connections broken, at most %s ms behind\n",
		float64(f.arrived)/f.length.Seconds(), f.length.Seconds(), f.unsent, f.broken, milliseconds(f.late))
	fmt.Fprintf(w, "  goodput     %.0f/s; of the peaks around it %.0f %% (%.0f to %.0f); CPU s/1,000 %.3f, what refusing costs included\n",
		f.goodput(), 100*f.ratios[len(f.ratios)/2], 100*f.ratios[0], 100*f.ratios[len(f.ratios)-1], f.cost())
	fmt.Fprintf(w, "  attainable  %.0f %% of the peak, had each refusal cost the %.3f CPU s/1,000 that bare net/http takes to answer as many\n", 100*f.attainable(), f.answer)
	fmt.Fprintf(w, "  refusals    %s\n", strings.Join(statuses, ", "))
	fmt.Fprintf(w, "  p50/p99 ms  accepted %s, refused %s\n", spread(f.accepted), spread(f.refused))
	fmt.Fprintf(w, "  memory      %d MiB at first, %d at most, %d at last\n", f.memory[0]>>20, slices.Max(f.memory)>>20, f.memory[len(f.memory)-1]>>20)
	if f.fault != nil {
		fmt.Fprintf(w, "  broken by   %v\n", f.fault)
	}
	fmt.Fprintln(w)
}
