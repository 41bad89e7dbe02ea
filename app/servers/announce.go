package servers

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Register lists a server, as a new generation of its id; with no id it gets one.
func (u *UseCases) Register(
	ctx context.Context, p tenancy.Principal, id registry.ServerID, a registry.Announcement, state registry.State, effects ...once.Effect[registry.Server],
) (registry.Server, error) {
	if id == "" {
		id = registry.ServerID(u.parts.IDs.New())
	}
	a, err := a.Checked(id, u.parts.Limits.Registry())
	if err != nil {
		return registry.Server{}, err
	}
	done, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: id, effects: told(effects, serverOf),
		apply: func(before *registry.Server, now time.Time) (outcome, error) {
			next, err := registry.Register(id, before, a, state, now, u.lease())
			return outcome{server: next}, err
		},
	})
	return done.server, err
}

// Named is a server, and the generation of it that a process registered.
type Named struct {
	ID         registry.ServerID
	Generation int64
}

// of is a change by the process that registered the generation.
func (n Named) of(apply func(s registry.Server, now time.Time) (registry.Server, error)) func(*registry.Server, time.Time) (outcome, error) {
	return existing(func(s registry.Server, now time.Time) (registry.Server, error) {
		if err := s.Of(n.Generation); err != nil {
			return s, err
		}
		return apply(s, now)
	})
}

// Heartbeat goes on with a server's lease.
func (u *UseCases) Heartbeat(ctx context.Context, p tenancy.Principal, n Named, b registry.Beat, effects ...once.Effect[registry.Server]) (registry.Server, error) {
	done, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: n.ID, effects: told(effects, serverOf), patient: true,
		apply: n.of(func(s registry.Server, now time.Time) (registry.Server, error) {
			return s.Beat(b, u.parts.Limits.Registry(), now, u.lease())
		}),
	})
	return done.server, err
}

// Drain keeps new players from a server, and hidden, the server from lists.
func (u *UseCases) Drain(ctx context.Context, p tenancy.Principal, n Named, hidden bool, effects ...once.Effect[registry.Server]) (registry.Server, error) {
	done, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: n.ID, effects: told(effects, serverOf),
		apply: n.of(func(s registry.Server, _ time.Time) (registry.Server, error) { return s.Drain(hidden), nil }),
	})
	return done.server, err
}

// Deregister ends a registration: the server is listed no more, and its seats are free.
func (u *UseCases) Deregister(ctx context.Context, p tenancy.Principal, n Named, effects ...once.Effect[once.Nothing]) error {
	_, err := u.do(ctx, work{
		principal: p, scope: p.Scope(), server: n.ID, effects: told(effects, nothing),
		apply: n.of(func(s registry.Server, now time.Time) (registry.Server, error) { return s.Deregister(now), nil }),
	})
	return err
}

func nothing(outcome) (none once.Nothing, _ error) { return none, nil }

// ForceDrain is Drain by an operator, whatever the generation.
func (u *UseCases) ForceDrain(
	ctx context.Context, p tenancy.Principal, environment tenancy.Environment, id registry.ServerID, hidden bool, effects ...once.Effect[registry.Server],
) (registry.Server, error) {
	done, err := u.do(ctx, work{
		principal: p, scope: environment.Scope(), server: id, action: audit.ServerDrained, effects: told(effects, serverOf),
		apply: existing(func(s registry.Server, now time.Time) (registry.Server, error) {
			if !s.Alive(now) {
				return s, registry.ErrServerNotFound
			}
			return s.Drain(hidden), nil
		}),
	})
	return done.server, err
}

// ForceDeregister is Deregister by an operator, whatever the generation.
func (u *UseCases) ForceDeregister(
	ctx context.Context, p tenancy.Principal, environment tenancy.Environment, id registry.ServerID, effects ...once.Effect[once.Nothing],
) error {
	_, err := u.do(ctx, work{
		principal: p, scope: environment.Scope(), server: id, action: audit.ServerDeregistered, effects: told(effects, nothing),
		apply: existing(func(s registry.Server, now time.Time) (registry.Server, error) {
			if s.Ended {
				return s, registry.ErrServerNotFound
			}
			return s.Deregister(now), nil
		}),
	})
	return err
}
