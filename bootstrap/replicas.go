package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.uber.org/fx"

	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/lease"
)

// presence announces this replica to the others and refuses company that
// would be wrong: a second server on an embedded database, or any beside a replica
// whose cache is its own, because revocations and rate limits would then
// not reach it.
type presence struct {
	in presenceIn

	mine   lease.Lease
	unlock func() error
	stop   context.CancelFunc
	ended  chan struct{}
}

type presenceIn struct {
	fx.In

	Store   datastore.Datastore
	Cache   cache.Cache
	Clock   clock.Clock
	Logger  *slog.Logger
	Replica replicaID
}

// replicaID names this process among the replicas.
type replicaID string

const (
	sharedPrefix = "replica/shared/"
	alonePrefix  = "replica/alone/"
	presenceTTL  = 10 * time.Second
)

// enter announces this replica. What a killed process left behind lapses
// within presenceTTL, so company is refused only if it is still there then.
func (p *presence) enter(ctx context.Context) error {
	if locker, ok := p.in.Store.(datastore.ServerLocker); ok {
		unlock, err := locker.LockServer(ctx)
		p.unlock = unlock
		return err
	}
	prefix, unwelcome := alonePrefix, "replica/"
	if p.in.Cache.Shared() {
		prefix, unwelcome = sharedPrefix, alonePrefix
	}
	var err error
	p.mine, _, err = p.in.Store.Leases().Acquire(ctx, prefix+string(p.in.Replica), string(p.in.Replica), p.in.Clock.Now(), presenceTTL)
	if err != nil {
		return fmt.Errorf("announce this replica: %w", err)
	}
	if err := p.in.Store.Leases().Forget(ctx, "replica/", p.in.Clock.Now().Add(-time.Hour)); err != nil {
		return p.leave(ctx, fmt.Errorf("forget replicas of the past: %w", err))
	}
	giveUp := time.NewTimer(presenceTTL + 2*time.Second)
	defer giveUp.Stop()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for told := false; ; told = true {
		others, err := p.others(ctx, unwelcome)
		if err != nil {
			return err
		}
		if len(others) == 0 {
			break
		}
		if !told {
			p.in.Logger.Info("another replica may be alive; waiting for its announcement to lapse", "replicas", strings.Join(others, " "))
		}
		select {
		case <-ctx.Done():
			return p.leave(context.WithoutCancel(ctx), ctx.Err())
		case <-giveUp.C:
			return p.leave(ctx, fmt.Errorf("%s is using this database: a replica whose cache is memory:// must be the only one, because revocations and rate limits could not reach it; give all replicas one redis:// cache", strings.Join(others, ", ")))
		case <-look.C:
		}
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop, p.ended = stop, make(chan struct{})
	go p.renew(renewing)
	return nil
}

// others are the live replicas that must not be there, by name.
func (p *presence) others(ctx context.Context, prefix string) ([]string, error) {
	all, err := p.in.Store.Leases().List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("look for other replicas: %w", err)
	}
	var names []string
	for _, l := range all {
		if l.Holder != string(p.in.Replica) && p.in.Clock.Now().Before(l.ExpiresAt) {
			names = append(names, l.Holder)
		}
	}
	return names, nil
}

func (p *presence) renew(ctx context.Context) {
	defer close(p.ended)
	ticker := time.NewTicker(presenceTTL / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// A replica that was paused or cut off announces itself again.
		mine, _, err := p.in.Store.Leases().Acquire(ctx, p.mine.Name, p.mine.Holder, p.in.Clock.Now(), presenceTTL)
		if err != nil {
			if ctx.Err() == nil {
				p.in.Logger.Warn("announcing this replica", "error", err)
			}
			continue
		}
		p.mine = mine
	}
}

// leave withdraws the announcement; because, if any, is why.
func (p *presence) leave(ctx context.Context, because error) error {
	if p.unlock != nil {
		return errors.Join(because, p.unlock())
	}
	if p.stop != nil {
		p.stop()
		<-p.ended
	}
	if p.mine.Name == "" {
		return because
	}
	if err := p.in.Store.Leases().Release(ctx, p.mine); err != nil {
		return errors.Join(because, fmt.Errorf("withdraw this replica: %w", err))
	}
	return because
}
