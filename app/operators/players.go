package operators

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Players searches the players of an environment.
func (u *UseCases) Players(ctx context.Context, p tenancy.Principal, place Place, query identity.PlayerQuery) ([]identity.Player, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Players().Search(ctx, scope, query)
}

// PlayersByEmail gives the player who signs in by the address: one or none.
func (u *UseCases) PlayersByEmail(ctx context.Context, p tenancy.Principal, place Place, address identity.Address) ([]identity.Player, error) {
	environment, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return nil, err
	}
	player, err := u.parts.Store.Players().ByLogin(ctx, scope, identity.Email, identity.EmailSubject(environment.ID, address))
	if errors.Is(err, identity.ErrPlayerNotFound) {
		return []identity.Player{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find player: %w", err)
	}
	return []identity.Player{player}, nil
}

// Inspected is a player with his ways to sign in.
type Inspected struct {
	Player identity.Player
	Logins []identity.Login
}

// Player gives one player.
func (u *UseCases) Player(ctx context.Context, p tenancy.Principal, place Place, id identity.PlayerID) (Inspected, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Inspected{}, err
	}
	return inspect(ctx, u.parts.Store, scope, id)
}

func inspect(ctx context.Context, repos datastore.Repos, scope tenancy.Scope, id identity.PlayerID) (Inspected, error) {
	player, err := repos.Players().Get(ctx, scope, id)
	if err != nil {
		return Inspected{}, fmt.Errorf("find player: %w", err)
	}
	logins, err := repos.Players().Logins(ctx, scope, id)
	return Inspected{player, logins}, err
}

// Ban keeps a player out from the next request on, on every replica, until the
// given time by the system's clock; zero is for good. It replaces a ban before
// it. His sessions stay, and go on when it is over.
func (u *UseCases) Ban(ctx context.Context, p tenancy.Principal, place Place, id identity.PlayerID, reason string, until time.Time, effects ...once.Effect[Inspected]) (Inspected, error) {
	ban, err := identity.NewBan(reason, until, u.parts.Clock.Now())
	if err != nil {
		return Inspected{}, err
	}
	return u.setBan(ctx, p, place, id, audit.PlayerBanned, ban, effects)
}

// Unban lifts a ban. Lifting none changes nothing.
func (u *UseCases) Unban(ctx context.Context, p tenancy.Principal, place Place, id identity.PlayerID, effects ...once.Effect[Inspected]) error {
	_, err := u.setBan(ctx, p, place, id, audit.PlayerUnbanned, identity.Ban{}, effects)
	return err
}

func (u *UseCases) setBan(
	ctx context.Context, p tenancy.Principal, place Place, id identity.PlayerID, action audit.Action, ban identity.Ban, effects []once.Effect[Inspected],
) (Inspected, error) {
	_, scope, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return Inspected{}, err
	}
	if ban != (identity.Ban{}) {
		if err := u.parts.Revoker.EndAllSurplus(ctx, scope, id); err != nil {
			return Inspected{}, err
		}
	}
	var inspected Inspected
	err = u.parts.Revoker.RevokeSessions(ctx, scope, func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		// The lock keeps new sessions out, so that the list below is all there are;
		// one that begins after the commit finds the ban when it is first asked about.
		player, err := tx.Players().Lock(ctx, scope, id)
		if err != nil {
			return nil, fmt.Errorf("read player: %w", err)
		}
		now := u.parts.Clock.Now()
		if err := tx.Players().SetBan(ctx, scope, id, ban); err != nil {
			return nil, fmt.Errorf("store ban: %w", err)
		}
		event := audit.By(p, action, now).In(scope).On("player", string(id))
		event.Before, event.After = banSummary(player.Ban), banSummary(ban)
		if err := u.record(ctx, tx, event); err != nil {
			return nil, err
		}
		if inspected, err = inspect(ctx, tx, scope, id); err != nil {
			return nil, err
		}
		if err := once.Tell(ctx, tx, inspected, effects); err != nil || ban == (identity.Ban{}) {
			return nil, err
		}
		live, err := tx.Sessions().List(ctx, scope, identity.SessionQuery{Player: id, LiveAt: now, Limit: math.MaxInt32})
		if err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		affected := make([]identity.SessionID, len(live))
		for i, session := range live {
			affected[i] = session.ID
		}
		return affected, nil
	})
	return inspected, err
}

func banSummary(ban identity.Ban) map[string]string {
	if ban == (identity.Ban{}) {
		return nil
	}
	s := map[string]string{"reason": ban.Reason}
	if !ban.Until.IsZero() {
		s["until"] = ban.Until.UTC().Format(time.RFC3339)
	}
	return s
}
