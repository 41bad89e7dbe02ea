package redis

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/ports/revocation"
)

const (
	// claimFor is how long a claim stands. One that lapses costs only that
	// the next reader asks the database once more.
	claimFor = 10 * time.Second
	// margin is added to the age of a confirmation before it is compared with
	// the last trouble: the clocks of a server and of the one that takes over
	// from it may differ by that much, and so may the moments at which
	// replicas notice.
	margin = 5 * time.Second

	good    = "good"
	blocked = "blocked"
	// claimPrefix leads every claim, so that none is like the words above.
	claimPrefix = "claim "
)

// Revocations remembers good keys for all replicas. A key on the server holds
// good, blocked, or the claim on it.
//
// A server may come back from a failure with what it held some time before,
// and so with a good key whose block it forgot. So whatever was confirmed before
// the last trouble that this process had with the server, or that it can't have
// seen because it wasn't connected, is not believed, and a claim does not outlive trouble.
type Revocations struct {
	link   *link
	name   string // of this process, unlike any other's, in its claims
	claims atomic.Uint64

	mu sync.Mutex
	// owed are the keys that could not be blocked, and until when it matters.
	owed map[string]time.Time
}

var _ revocation.Memory = (*Revocations)(nil)

func newRevocations(l *link) *Revocations {
	return &Revocations{link: l, name: uuid.NewString(), owed: map[string]time.Time{}}
}

// replaceScript is a compare-and-set: what the key must hold, what it shall hold, and for how many milliseconds.
var replaceScript = rueidis.NewLuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

func replace(ctx context.Context, client rueidis.Client, name, old, with string, life time.Duration) (bool, error) {
	return replaceScript.Exec(ctx, client, []string{name}, []string{old, with, strconv.FormatInt(life.Milliseconds(), 10)}).AsBool()
}

// Look is one GET while all goes well.
func (r *Revocations) Look(ctx context.Context, key string) (verdict revocation.Verdict, claim revocation.Claim, err error) {
	name := r.link.key("good", key)
	err = r.link.do(ctx, "look", func(ctx context.Context, client rueidis.Client) error {
		held, err := client.Do(ctx, client.B().Get().Key(name).Build()).ToString()
		switch {
		case rueidis.IsRedisNil(err):
			claim, err = r.claim(ctx, client, name, "")
			return err
		case err != nil:
			return err
		case held != good:
			return nil
		}
		believed, err := r.believed(ctx, client, name)
		if err != nil {
			return err
		}
		if believed {
			verdict = revocation.Good
			return nil
		}
		claim, err = r.claim(ctx, client, name, good)
		return err
	})
	if err != nil {
		return revocation.Unknown, "", err
	}
	return verdict, claim, nil
}

// believed tells whether a key that is good was confirmed after the last
// trouble. How long ago that was follows from how long it has to live. Trouble
// is looked at after the key was read: a new connection counts as trouble
// before anything is read through it.
func (r *Revocations) believed(ctx context.Context, client rueidis.Client, name string) (bool, error) {
	calm := r.link.clock.Now().Sub(r.link.state.Load().trouble)
	if calm > revocation.GoodFor+margin {
		return true, nil
	}
	left, err := client.Do(ctx, client.B().Pttl().Key(name).Build()).AsInt64()
	if err != nil {
		return false, err
	}
	age := revocation.GoodFor - time.Duration(left)*time.Millisecond
	// More than its whole time to live, or none: no longer the key that was read.
	return left > 0 && age >= 0 && age+margin < calm, nil
}

// claim claims a key if it still holds what was seen of it, or nothing.
func (r *Revocations) claim(ctx context.Context, client rueidis.Client, name, seen string) (revocation.Claim, error) {
	troubles := r.link.state.Load().troubles
	claim := claimPrefix + r.name + " " + strconv.FormatUint(r.claims.Add(1), 10)
	got := true
	var err error
	if seen == "" {
		err = client.Do(ctx, client.B().Set().Key(name).Value(claim).Nx().Px(claimFor).Build()).Error()
		if rueidis.IsRedisNil(err) {
			got, err = false, nil
		}
	} else {
		got, err = replace(ctx, client, name, seen, claim, claimFor)
	}
	if err != nil || !got {
		return "", err
	}
	return revocation.Claim(strconv.FormatUint(troubles, 10) + " " + claim), nil
}

// Confirm is void when there was trouble since the claim was given: the server
// may then hold the claim again though a block has been.
func (r *Revocations) Confirm(ctx context.Context, key string, claim revocation.Claim) error {
	troubles, held, ok := strings.Cut(string(claim), " ")
	if !ok || !strings.HasPrefix(held, claimPrefix) || troubles != r.troubles() {
		return ctx.Err()
	}
	name := r.link.key("good", key)
	return r.link.do(ctx, "confirm", func(ctx context.Context, client rueidis.Client) error {
		confirmed, err := replace(ctx, client, name, held, good, revocation.GoodFor)
		if confirmed && troubles != r.troubles() {
			// It went through a new connection, so it should have been void.
			_, err = replace(ctx, client, name, good, held, time.Millisecond)
		}
		return err
	})
}

func (r *Revocations) troubles() string {
	return strconv.FormatUint(r.link.state.Load().troubles, 10)
}

// Block blocks as many keys as it can reach: an error means that some may not be.
// Those are blocked as soon as the server is there again, because other
// replicas may not have noticed that it was away and believe what it holds. A
// caller who leaves doesn't stop it: the revocation may go on without him.
func (r *Revocations) Block(ctx context.Context, keys ...string) error {
	if err := ctx.Err(); err != nil || len(keys) == 0 {
		return err
	}
	// They are owed from the start: the server may be back, and settled with,
	// before this learns that it failed.
	r.owe(r.link.clock.Now().Add(revocation.GoodFor), keys)
	return r.link.do(context.WithoutCancel(ctx), "block", func(ctx context.Context, client rueidis.Client) error {
		return r.block(ctx, client, keys)
	})
}

func (r *Revocations) owe(until time.Time, keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		r.owed[key] = until
	}
}

func (r *Revocations) block(ctx context.Context, client rueidis.Client, keys []string) error {
	commands := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		commands[i] = client.B().Set().Key(r.link.key("good", key)).Value(blocked).Px(revocation.BlockFor).Build()
	}
	for _, result := range client.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		delete(r.owed, key)
	}
	return nil
}

// settle blocks the keys that are owed.
func (r *Revocations) settle(ctx context.Context, client rueidis.Client) error {
	r.mu.Lock()
	now := r.link.clock.Now()
	var keys []string
	for key, until := range r.owed {
		if until.Before(now) {
			delete(r.owed, key) // whatever was good then is so no more
			continue
		}
		keys = append(keys, key)
	}
	r.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return r.block(ctx, client, keys)
}
