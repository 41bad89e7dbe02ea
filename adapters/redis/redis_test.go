package redis

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/overworldhq/overworld/ports/cache/ranktest"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/limiter/limitertest"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/revocation"
	"github.com/overworldhq/overworld/ports/revocation/revocationtest"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// moved is a clock that a test moves.
type moved struct {
	mu  sync.Mutex
	now time.Time
}

func (m *moved) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *moved) move(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// messages are what the adapter logs, so that a test can wait for it.
type messages chan string

func (messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler     { return m }
func (m messages) WithGroup(string) slog.Handler          { return m }
func (m messages) Handle(_ context.Context, r slog.Record) error {
	m <- r.Message
	return nil
}

// held is an opened adapter and its test's hold on it.
type held struct {
	t *testing.T
	*engine
	clock *moved
	said  messages
}

func openCache(t *testing.T, address string) *held {
	t.Helper()
	clock := &moved{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	said := make(messages, 1000)
	opened, err := plugin.NewRegistry(Plugin).Caches.Open(t.Context(), address, plugin.Kit{Logger: slog.New(said), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return &held{t, opened.(*engine), clock, said}
}

// settle makes all connections and leaves their making behind, so that what is
// confirmed from now on is believed.
func (c *held) settle() *held {
	c.t.Helper()
	for good := 0; good < 50; good++ {
		if err := c.Ping(c.t.Context()); err != nil {
			c.await("redis is back") // one of its connections had not noticed yet
			good = 0
		}
	}
	c.clock.move(2 * (revocation.GoodFor + margin))
	return c
}

func (c *held) await(message string) {
	c.t.Helper()
	for {
		select {
		case said := <-c.said:
			if said == message {
				return
			}
		case <-c.t.Context().Done():
			c.t.Fatalf("it never said %q", message)
		case <-time.After(time.Minute):
			c.t.Fatalf("it did not say %q in a minute", message)
		}
	}
}

func (c *held) client() rueidis.Client { return *c.link.client.Load() }

// keys are all keys of this test on all servers.
func (c *held) keys() (keys []string) {
	c.t.Helper()
	for _, node := range c.client().Nodes() {
		for cursor := uint64(0); ; {
			page, err := node.Do(c.t.Context(), node.B().Scan().Cursor(cursor).Match(c.link.prefix+"*").Count(1000).Build()).AsScanEntry()
			if err != nil {
				c.t.Fatal(err)
			}
			keys = append(keys, page.Elements...)
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	return keys
}

// ageScript makes a key as it will be in ARGV[1] milliseconds.
var ageScript = rueidis.NewLuaScript(`
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'zset' then
  for _, intent in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local at = tonumber(redis.call('ZSCORE', KEYS[1], intent))
    if at > 0 then redis.call('ZADD', KEYS[1], string.format('%.0f', at - ARGV[1] * 1000), intent) end
  end
end
if kind == 'hash' then
  local heard = redis.call('HGET', KEYS[1], 'heard')
  if heard then redis.call('HSET', KEYS[1], 'heard', string.format('%.0f', heard - ARGV[1] * 1000)) end
end
local left = redis.call('PTTL', KEYS[1]) - ARGV[1]
if left <= 0 then return redis.call('DEL', KEYS[1]) end
local arrival = kind == 'string' and tonumber(redis.call('GET', KEYS[1]))
if arrival then redis.call('SET', KEYS[1], string.format('%.0f', arrival - ARGV[1] * 1000)) end
return redis.call('PEXPIRE', KEYS[1], left)`)

// advance moves time on. The server's own can't be moved, so all that it holds is made older.
func (c *held) advance(d time.Duration) {
	c.t.Helper()
	c.clock.move(d)
	for _, key := range c.keys() {
		if err := ageScript.Exec(c.t.Context(), c.client(), []string{key}, []string{strconv.FormatInt(d.Milliseconds(), 10)}).Error(); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *held) flush() {
	c.t.Helper()
	for _, key := range c.keys() {
		if err := c.client().Do(c.t.Context(), c.client().B().Del().Key(key).Build()).Error(); err != nil {
			c.t.Fatal(err)
		}
	}
}

var stacks = map[string]func(testing.TB) string{"single": servers.Redis, "cluster": servers.RedisCluster}

func TestLimiter(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limitertest.Run(t, func(t *testing.T) (limiter.Limiter, func(time.Duration)) {
				c := openCache(t, server(t)).settle()
				return c.Limiter(), c.advance
			})
		})
	}
}

func TestRevocations(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			revocationtest.Run(t, func(t *testing.T) revocationtest.Engine {
				c := openCache(t, server(t)).settle()
				return revocationtest.Engine{Memory: c.Revocations(), Advance: c.advance, Flush: c.flush}
			})
		})
	}
}

func TestRanks(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ranktest.Run(t, func(t *testing.T) ranktest.Engine {
				c := openCache(t, server(t)).settle()
				return ranktest.Engine{Index: patient{c.ranks, c}, Advance: c.advance, Flush: c.flush}
			})
		})
	}
}

func TestReplicasShareLimitsAndBlocks(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			address := server(t)
			a, b := openCache(t, address).settle(), openCache(t, address).settle()
			if !a.Shared() {
				t.Error("claims not to be shared")
			}
			ask := limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 2}}
			for i, c := range []*held{a, b, a, b} {
				if d, err := c.Limiter().Take(t.Context(), ask); err != nil || d.Allowed != (i < 2) {
					t.Errorf("take %d = %+v, %v", i, d, err)
				}
			}
			a.confirm("k", a.claim("k"))
			b.look("k", revocation.Good)
			if err := b.Revocations().Block(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			if claim := a.look("k", revocation.Unknown); claim != "" {
				t.Errorf("a blocked key was claimed: %q", claim)
			}
		})
	}
}

func TestPrefixKeepsInstallationsApart(t *testing.T) {
	a, b := openCache(t, servers.Redis(t)).settle(), openCache(t, servers.Redis(t)).settle()
	a.confirm("k", a.claim("k"))
	if claim := b.look("k", revocation.Unknown); claim == "" {
		t.Error("the key of another installation can't be claimed")
	}
}

// Every key must end by itself: nobody cleans up.
func TestEveryKeyExpires(t *testing.T) {
	c := openCache(t, servers.Redis(t)).settle()
	if _, err := c.Limiter().Take(t.Context(), limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 9}}); err != nil {
		t.Fatal(err)
	}
	c.claim("claimed")
	c.confirm("good", c.claim("good"))
	if err := c.Revocations().Block(t.Context(), "blocked"); err != nil {
		t.Fatal(err)
	}
	keys := c.keys()
	if len(keys) < 5 { // and the probe's
		t.Fatalf("keys %q, want at least five", keys)
	}
	for _, key := range keys {
		if left, err := c.client().Do(t.Context(), c.client().B().Pttl().Key(key).Build()).AsInt64(); err != nil || left <= 0 {
			t.Errorf("%q lives for %d ms, %v", key, left, err)
		}
	}
}

func TestParse(t *testing.T) {
	registry := plugin.NewRegistry(Plugin)
	for _, address := range []string{
		"redis://localhost/x", "redis://localhost/0/1", "redis://localhost?db=x", "redis://localhost?prefx=a", "redis://localhost?prefix={a}",
		"redis://localhost:99999", "redis://localhost:0", "redis://localhost?addr=other:70000",
		"redis://localhost?prefix=01234567890123456789012345678901234567890123456789012345678901234", "redis://u:hunter2@localhost?pasword=hunter2",
	} {
		_, err := registry.Caches.Open(t.Context(), address, plugin.Kit{})
		if err == nil {
			t.Errorf("%s was opened", address)
		}
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	for name, server := range stacks {
		t.Run(name, func(t *testing.T) {
			address := server(t)
			leaks := goleak.IgnoreCurrent()
			// The library lets connections to nodes that it no longer uses go five seconds later, closed or not.
			later := goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2")
			c := openCache(t, address).settle()
			for range 2 {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Ping(t.Context()); err == nil {
				t.Error("ping after close is fine")
			}
			if _, err := c.Limiter().Take(t.Context(), limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 2}}); err == nil {
				t.Error("take after close is fine")
			}
			goleak.VerifyNone(t, leaks, later)
		})
	}
}

func (c *held) look(key string, want revocation.Verdict) revocation.Claim {
	c.t.Helper()
	verdict, claim, err := c.Revocations().Look(c.t.Context(), key)
	if err != nil || verdict != want {
		c.t.Fatalf("look at %q = %d, %v; want %d", key, verdict, err, want)
	}
	return claim
}

func (c *held) claim(key string) revocation.Claim {
	c.t.Helper()
	claim := c.look(key, revocation.Unknown)
	if claim == "" {
		c.t.Fatalf("no claim on %q", key)
	}
	return claim
}

func (c *held) confirm(key string, claim revocation.Claim) {
	c.t.Helper()
	if err := c.Revocations().Confirm(c.t.Context(), key, claim); err != nil {
		c.t.Fatal(err)
	}
}
