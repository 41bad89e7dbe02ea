package redis

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/ports/limiter"
)

// Limiter limits over all replicas, by the server's clock. Intervals are
// rounded up to whole microseconds.
type Limiter struct{ link *link }

var _ limiter.Limiter = (*Limiter)(nil)

// takeScript takes one unit under every key, or none. A key holds its
// theoretical arrival time, in microseconds since 1970 (below 2^53, so exact in
// Lua), and lives until then. ARGV has two numbers a key, in microseconds: what
// is taken, and what a whole burst is, or -1 to take it whether or not it fits.
// It answers how far ahead of now each arrival time lay before, which tells what
// was decided.
var takeScript = rueidis.NewLuaScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local waits, next, fits = {}, {}, true
for i, key in ipairs(KEYS) do
  local arrival = next[key] or tonumber(redis.call('GET', key) or 0)
  waits[i] = math.max(arrival - now, 0)
  local after = waits[i] + tonumber(ARGV[2 * i - 1])
  next[key] = now + after
  local span = tonumber(ARGV[2 * i])
  fits = fits and (span < 0 or after <= span)
end
if fits then
  for key, arrival in pairs(next) do
    if arrival > now then
      redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
    end
  end
end
return waits`)

// giveBackScript undoes a take of ARGV[1] microseconds. It can't give more than
// was taken: an arrival time that has passed in the meantime is rest.
var giveBackScript = rueidis.NewLuaScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or 0) - tonumber(ARGV[1])
if arrival > now then
  redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
else
  redis.call('DEL', KEYS[1])
end
return 0`)

var errScript = errors.New("the script answered for other keys than were asked")

// Take is one step on one server, and on a Cluster as the package says.
func (l *Limiter) Take(ctx context.Context, asks ...limiter.Ask) (limiter.Decision, error) {
	whole := make([]limiter.Ask, len(asks)) // with intervals of whole microseconds
	for i, ask := range asks {
		if err := ask.Valid(); err != nil {
			return limiter.Decision{}, err
		}
		whole[i] = limiter.Ask{Key: ask.Key, Rate: limiter.Rate{Limit: 1, Period: interval(ask), Burst: ask.Rate.Burst}}
	}
	if len(asks) == 0 {
		return limiter.Decide(nil, nil), ctx.Err()
	}
	var decision limiter.Decision
	err := l.link.do(ctx, "take", func(ctx context.Context, client rueidis.Client) (err error) {
		if len(whole) > 1 && client.Mode() == rueidis.ClientModeCluster {
			decision, err = l.takeApart(ctx, client, whole)
			return err
		}
		waits, err := l.take(ctx, client, whole...)
		if err != nil {
			return err
		}
		decision = limiter.Decide(whole, waits)
		return nil
	})
	return decision, err
}

func (l *Limiter) take(ctx context.Context, client rueidis.Client, asks ...limiter.Ask) ([]time.Duration, error) {
	keys, args := make([]string, len(asks)), make([]string, 0, 2*len(asks))
	for i, ask := range asks {
		keys[i] = l.key(ask)
		args = append(args, microseconds(ask.Rate.Period), microseconds(ask.Rate.Period*time.Duration(ask.Rate.Burst)))
	}
	answer, err := takeScript.Exec(ctx, client, keys, args).AsIntSlice()
	if err != nil {
		return nil, err
	}
	if len(answer) != len(asks) {
		return nil, errScript
	}
	waits := make([]time.Duration, len(answer))
	for i, wait := range answer {
		waits[i] = time.Duration(wait) * time.Microsecond
	}
	return waits, nil
}

// takeApart takes each key by itself, all at once, and gives back what was
// taken if any refused or failed.
func (l *Limiter) takeApart(ctx context.Context, client rueidis.Client, asks []limiter.Ask) (limiter.Decision, error) {
	waits, errs := make([]time.Duration, len(asks)), make([]error, len(asks))
	each(asks, func(i int, ask limiter.Ask) {
		wait, err := l.take(ctx, client, ask)
		if err != nil {
			errs[i] = err
			return
		}
		waits[i] = wait[0]
	})
	decision := limiter.Decide(asks, waits)
	failure := errors.Join(errs...)
	if failure == nil && decision.Allowed {
		return decision, nil
	}
	// What was taken goes back even if the caller has left.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTimeout)
	defer cancel()
	each(asks, func(i int, ask limiter.Ask) {
		if errs[i] == nil && limiter.Decide(asks[i:i+1], waits[i:i+1]).Allowed {
			errs[i] = giveBackScript.Exec(back, client, []string{l.key(ask)}, []string{microseconds(ask.Rate.Period)}).Error()
		}
	})
	if failure != nil {
		return limiter.Decision{}, failure
	}
	return decision, errors.Join(errs...)
}

// Count sends all uses at once, each as a step of its own, so that nobody else waits for long.
func (l *Limiter) Count(ctx context.Context, uses ...limiter.Use) ([]time.Duration, error) {
	waits, steps := make([]time.Duration, len(uses)), make([]rueidis.LuaExec, len(uses))
	for i, use := range uses {
		if err := use.Valid(); err != nil {
			return nil, err
		}
		taken := interval(use.Ask) * time.Duration(use.Times)
		waits[i] = taken
		steps[i] = rueidis.LuaExec{Keys: []string{l.key(use.Ask)}, Args: []string{microseconds(taken), "-1"}}
	}
	if len(uses) == 0 {
		return nil, ctx.Err()
	}
	err := l.link.do(ctx, "count", func(ctx context.Context, client rueidis.Client) error {
		for i, answer := range takeScript.ExecMulti(ctx, client, steps...) {
			before, err := answer.AsIntSlice()
			switch {
			case err != nil:
				return err
			case len(before) != 1:
				return errScript
			}
			waits[i] += time.Duration(before[0]) * time.Microsecond
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return waits, nil
}

func interval(ask limiter.Ask) time.Duration {
	return (ask.Rate.Interval() + time.Microsecond - 1).Truncate(time.Microsecond)
}

func each(asks []limiter.Ask, f func(int, limiter.Ask)) {
	var wait sync.WaitGroup
	for i, ask := range asks {
		wait.Go(func() { f(i, ask) })
	}
	wait.Wait()
}

func (l *Limiter) key(ask limiter.Ask) string { return l.link.key("limit", ask.Key) }

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
