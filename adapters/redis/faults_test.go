package redis

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/revocation"
	"github.com/overworldhq/overworld/tests/servers"
)

var hourly = limiter.Ask{Key: "k", Rate: limiter.Rate{Limit: 1, Period: time.Hour, Burst: 1000}}

// everythingFails checks that all commands fail as they should while the server is away.
func (c *held) everythingFails() {
	c.t.Helper()
	_, take := c.Limiter().Take(c.t.Context(), hourly)
	verdict, claim, look := c.Revocations().Look(c.t.Context(), "k")
	if verdict != revocation.Unknown || claim != "" {
		c.t.Errorf("look = %d, %q; want unknown and no claim", verdict, claim)
	}
	for operation, err := range map[string]error{"take": take, "look": look, "block": c.Revocations().Block(c.t.Context(), "k"), "ping": c.Ping(c.t.Context())} {
		if !errors.Is(err, fault.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			c.t.Errorf("%s: %v, want ErrUnavailable", operation, err)
		}
	}
}

func (c *held) everythingWorks() {
	c.t.Helper()
	if d, err := c.Limiter().Take(c.t.Context(), hourly); err != nil || !d.Allowed {
		c.t.Errorf("take = %+v, %v", d, err)
	}
	if err := c.Ping(c.t.Context()); err != nil {
		c.t.Errorf("ping: %v", err)
	}
	if err := c.Revocations().Block(c.t.Context(), "other"); err != nil {
		c.t.Errorf("block: %v", err)
	}
}

func TestAServerThatIsAwayAtStartIsFoundLater(t *testing.T) {
	server := servers.OwnRedis(t)
	server.Stop()
	c := openCache(t, server.URL())
	c.await("redis is away")
	c.everythingFails()
	server.Start()
	c.await("redis is back")
	c.everythingWorks()
}

func TestAnOutageWithoutTrafficIsNoticedAndEnds(t *testing.T) {
	server := servers.OwnRedis(t)
	c := openCache(t, server.URL()).settle()
	server.Kill()
	c.await("redis is away")
	c.everythingFails()
	server.Start()
	c.await("redis is back")
	c.everythingWorks()
}

// A server that is stuck accepts connections and answers nothing.
func TestAStuckServerFailsCommandsInsteadOfHoldingThem(t *testing.T) {
	server := servers.OwnRedis(t)
	c := openCache(t, server.URL()).settle()
	server.Pause()
	c.everythingFails()
	server.Resume()
	c.await("redis is back")
	c.everythingWorks()
}

// What the index must not miss waits out a server that is stuck for a moment; one that is away for
// longer fails it, and holds nobody up any more.
func TestWhatTheIndexMustNotMissIsToldAgain(t *testing.T) {
	server := servers.OwnRedis(t)
	c := openCache(t, server.URL()).settle()
	tell := func() error {
		return c.Ranks().Intend(t.Context(), testLadder, ranking.Intent{ID: "00000000-0000-7000-8000-000000000001"})
	}
	// The pause of a machine that is busy may be longer than the one meant.
	for told := false; !told; {
		server.Pause()
		outcome := make(chan error, 1)
		go func() { outcome <- tell() }()
		c.await("redis is away")
		server.Resume()
		err := <-outcome
		told = err == nil
		if err != nil && !errors.Is(err, fault.ErrUnavailable) {
			t.Fatal(err)
		}
		c.await("redis is back")
	}
	server.Pause()
	if err := tell(); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("while it is away: %v", err)
	}
	<-c.link.state.Load().hope.Done()
	before := c.link.state.Load().hope
	if err := tell(); !errors.Is(err, fault.ErrUnavailable) || c.link.state.Load().hope != before {
		t.Errorf("when it has been away for long: %v", err)
	}
}

// A replica that was the only one to find the server stuck has blocked nothing
// when it comes back; the others may believe what it holds.
func TestABlockThatFailedIsMadeUpFor(t *testing.T) {
	server := servers.OwnRedis(t)
	c := openCache(t, server.URL()).settle()
	c.confirm("k", c.claim("k"))
	server.Pause()
	if err := c.Revocations().Block(t.Context(), "k"); !errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("block: %v, want ErrUnavailable", err)
	}
	server.Resume()
	c.await("redis is back")
	if claim := openCache(t, server.URL()).look("k", revocation.Unknown); claim != "" {
		t.Error("the key can be claimed, and so was never blocked")
	}
}

// Redis restarts with a snapshot from before the block. Neither who saw it fail
// nor who had nothing to ask in the meantime may believe what it says.
func TestGoodDoesNotRiseFromASnapshot(t *testing.T) {
	server := servers.OwnRedis(t)
	busy, idle := openCache(t, server.URL()).settle(), openCache(t, server.URL()).settle()
	busy.confirm("k", busy.claim("k"))
	busy.look("k", revocation.Good)
	idle.look("k", revocation.Good)
	busy.save()
	if err := busy.Revocations().Block(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Start()
	fresh := openCache(t, server.URL())
	for name, c := range map[string]*held{"busy": busy, "idle": idle, "fresh": fresh} {
		for {
			verdict, _, err := c.Revocations().Look(t.Context(), "k")
			if verdict == revocation.Good {
				t.Errorf("%s believes what was blocked", name)
			}
			if err == nil {
				break
			}
			c.await("redis is back")
		}
	}
	// What is confirmed once the trouble is over is believed again.
	for _, c := range []*held{busy, idle, fresh} {
		c.settle()
	}
	busy.flush()
	busy.confirm("k", busy.claim("k"))
	busy.look("k", revocation.Good)
	idle.look("k", revocation.Good)
	fresh.look("k", revocation.Good)
}

// And the same soon after the trouble, when ages are compared.
func TestGoodIsBelievedByItsAge(t *testing.T) {
	c := openCache(t, servers.Redis(t)).settle()
	c.confirm("before", c.claim("before"))
	c.advance(time.Second)
	c.link.change(func(*health) {})
	c.look("before", revocation.Unknown)
	c.advance(margin + time.Second)
	c.confirm("after", c.claim("after"))
	c.look("after", revocation.Good)
	c.advance(revocation.GoodFor / 2)
	c.look("after", revocation.Good)

	// What is not believed can be claimed, and is good once confirmed.
	c.link.change(func(*health) {})
	claim := c.claim("after")
	c.advance(margin + time.Second)
	c.confirm("after", claim)
	c.look("after", revocation.Good)
}

func TestAClaimDoesNotOutliveTrouble(t *testing.T) {
	server := servers.OwnRedis(t)
	c := openCache(t, server.URL()).settle()
	claim := c.claim("k")
	c.save()
	if err := c.Revocations().Block(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	c.await("redis is away")
	server.Start()
	c.await("redis is back")
	c.confirm("k", claim)
	if held, err := c.client().Do(t.Context(), c.client().B().Get().Key(c.link.key("good", "k")).Build()).ToString(); err != nil || held == good {
		t.Errorf("the key holds %q, %v; want the claim as it was saved", held, err)
	}
}

func (c *held) save() {
	c.t.Helper()
	if err := c.client().Do(c.t.Context(), c.client().B().Save().Build()).Error(); err != nil {
		c.t.Fatal(err)
	}
}
