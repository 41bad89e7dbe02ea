package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/tests/servers"
)

const (
	// losses is how often the index is lost.
	losses = 2
	// askers read, and senders submit; half of them each at either process, where there are two.
	askers, senders = 12, 4
	// pace is how long throughput is counted before the first loss, and after each rebuilding.
	pace = 10 * time.Second
	// given is how long an index may take to be there.
	given = 15 * time.Minute
)

// loss is a season whose index gets lost while it is used.
type loss struct {
	r        *replica
	token    string // a server's
	program  string
	replicas []*replica
	at       atomic.Pointer[[]string] // where the processes listen
	cache    rueidis.Client           // nil when embedded
	*reference
	stop atomic.Bool
}

// flush loses the index of a large season under load: the cache is flushed, or where the index is in
// the process, the process is killed. Every answer is checked.
func flush(ctx context.Context, o options, name, program string) (err error) {
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
	first, err := stack.serve(ctx, program)
	if err != nil {
		return err
	}
	l := &loss{r: first, token: first.place.laps.server, program: program, replicas: []*replica{first}}
	defer func() {
		for _, r := range l.replicas {
			err = errors.Join(err, r.child.stop())
		}
	}()
	if stack.servers != nil {
		second, err := stack.again(program, first.place)
		if err != nil {
			return err
		}
		l.replicas = append(l.replicas, second)
		address, err := url.Parse(stack.servers.Redis)
		if err != nil {
			return err
		}
		if l.cache, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address.Host}, DisableCache: true}); err != nil {
			return err
		}
		defer l.cache.Close()
	}
	l.listen()
	fmt.Printf("\n%s, %d replicas, %d entries, %d processors for all\n\n", stack.title(), len(l.replicas), o.entries, runtime.NumCPU())
	return l.run(ctx, o.entries)
}

func (l *loss) listen() {
	var at []string
	for _, r := range l.replicas {
		at = append(at, r.place.address)
	}
	l.at.Store(&at)
}

// run fills the season and loses its index.
func (l *loss) run(ctx context.Context, entries int) error {
	c, err := dial(l.r.place.address)
	if err != nil {
		return err
	}
	defer c.close()
	begun := time.Now()
	if err := l.r.place.laps.fill(c, entries, ranking.Latest); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	l.reference = newReference(l.r.place.laps.season)
	fmt.Printf("filled in %s\n", round(time.Since(begun)))
	before, err := l.memory(ctx)
	if err != nil {
		return err
	}
	begun = time.Now()
	if _, err := l.awaited(ctx, l.rebuilt); err != nil {
		return err
	}
	built := time.Since(begun)
	after, err := l.memory(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("first built, with no load, in %s; %d bytes an entry\n", round(built), (after-before)/int64(entries))

	var all sync.WaitGroup
	defer all.Wait()
	defer l.stop.Store(true)
	for i := range askers {
		all.Go(func() { l.work(i, l.asks(i)) })
	}
	for i := range senders {
		all.Go(func() { l.work(i, l.sends(i)) })
	}
	calm, err := l.throughput(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("before it is lost: %.0f right answers a second\n", calm)
	for n := range losses {
		if err := l.lose(ctx, n+1, calm); err != nil {
			return err
		}
	}
	l.stop.Store(true)
	all.Wait()
	fmt.Printf("%d answers with ranks were right, %d were wrong; %d runs; %d times 503; %d connections broke\n",
		l.right.Load(), l.wrong.Load(), l.sent.Load(), l.warming.Load(), l.broken.Load())
	if l.wrong.Load() > 0 || l.faults.count.Load() > 0 {
		return errors.Join(fmt.Errorf("%d answers were wrong, %d not as they should be", l.wrong.Load(), l.faults.count.Load()), l.faults.first)
	}
	return nil
}

// lose loses the index once and tells how it comes back.
func (l *loss) lose(ctx context.Context, n int, calm float64) error {
	refused, right := l.warming.Load(), l.right.Load()
	begun := time.Now()
	if l.cache != nil {
		if err := l.cache.Do(ctx, l.cache.B().Flushall().Build()).Error(); err != nil {
			return err
		}
	} else if err := l.restart(); err != nil {
		return err
	}
	var all sync.WaitGroup
	var some, ready time.Duration
	var someErr, readyErr error
	all.Go(func() { some, someErr = l.awaited(ctx, l.counted) })
	all.Go(func() { ready, readyErr = l.awaited(ctx, l.rebuilt) })
	offset := time.Since(begun)
	all.Wait()
	if err := errors.Join(someErr, readyErr); err != nil {
		return err
	}
	some, ready = some+offset, ready+offset
	during := float64(l.right.Load()-right) / ready.Seconds()
	refused = l.warming.Load() - refused
	full, err := l.throughput(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("loss %d: first right answer after %s, index back after %s, meanwhile %.0f right answers a second and %d times 503; then %.0f a second, %.2f of before\n",
		n, round(some), round(ready), during, refused, full, full/calm)
	return nil
}

func (l *loss) restart() error {
	if err := l.r.child.kill(); err != nil {
		return err
	}
	next, err := l.r.stack.again(l.program, l.r.place)
	if err != nil {
		return err
	}
	l.r, l.replicas = next, []*replica{next}
	l.listen()
	return nil
}

// throughput counts right answers for a while.
func (l *loss) throughput(ctx context.Context) (float64, error) {
	begun, before := time.Now(), l.right.Load()+l.sent.Load()
	select {
	case <-time.After(pace):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return float64(l.right.Load()+l.sent.Load()-before) / time.Since(begun).Seconds(), nil
}

// memory is what the index is in: the cache's, or the process's.
func (l *loss) memory(ctx context.Context) (int64, error) {
	if l.cache == nil {
		return servers.Memory(l.r.child.pid())
	}
	info, err := l.cache.Do(ctx, l.cache.B().Info().Section("memory").Build()).ToString()
	if err != nil {
		return 0, err
	}
	found := usedMemory.FindStringSubmatch(info)
	if found == nil {
		return 0, errors.New("INFO tells no used_memory")
	}
	return strconv.ParseInt(found[1], 10, 64)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
