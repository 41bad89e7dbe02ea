package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:sessions"`
	EnvironmentID ident
	ID            ident
	PlayerID      ident
	Generation    int64
	RotatedAt     instant
	CreatedAt     instant
	ExpiresAt     instant
	RevokedAt     instant
	Reason        prose
	Client        prose
	Address       prose
}

func sessionRowOf(environment ident, s identity.Session) sessionRow {
	return sessionRow{
		EnvironmentID: environment, ID: ident(s.ID), PlayerID: ident(s.Player), Generation: s.Generation,
		RotatedAt: at(s.RotatedAt), CreatedAt: at(s.CreatedAt), ExpiresAt: at(s.ExpiresAt), RevokedAt: at(s.RevokedAt),
		Reason: prose(s.Reason), Client: prose(s.Client), Address: prose(s.Address),
	}
}

func (r sessionRow) session() identity.Session {
	return identity.Session{
		ID: identity.SessionID(r.ID), Player: identity.PlayerID(r.PlayerID), Generation: r.Generation,
		RotatedAt: r.RotatedAt.Time, CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time, RevokedAt: r.RevokedAt.Time,
		Reason: identity.RevokeReason(r.Reason), Client: string(r.Client), Address: string(r.Address),
	}
}

type sessions struct{ conn }

var _ identity.Sessions = sessions{}

var (
	sessionKey   = []column{{"id", texts}}
	sessionState = []column{
		{"generation", integers}, {"rotated_at", moments}, {"expires_at", moments}, {"revoked_at", moments},
		{"reason", texts}, {"client", texts}, {"address", texts},
	}
	sessionsLocked  = &search{columns: sessionKey, lock: forUpdate}
	sessionsChanged = &amend{model: (*sessionRow)(nil), key: sessionKey, set: sessionState}
	sessionsMade    = &bulk{
		columns: append(append(slices.Clip(sessionKey), sessionState...), column{"player_id", texts}, column{"created_at", moments}),
		text: `INSERT INTO sessions (environment_id, id, player_id, generation, rotated_at, created_at, expires_at, revoked_at, reason, client, address)
			SELECT {environment}, id, player_id, generation, rotated_at, created_at, expires_at, revoked_at, reason, client, address FROM given`,
	}
)

func (r sessionRow) given() []any {
	return []any{r.ID, r.Generation, r.RotatedAt, r.ExpiresAt, r.RevokedAt, r.Reason, r.Client, r.Address}
}

func (s sessions) Create(ctx context.Context, scope tenancy.Scope, created ...identity.Session) error {
	environment, err := within(scope)
	if err != nil || len(created) == 0 {
		return err
	}
	given := make([][]any, len(created))
	for i, session := range created {
		row := sessionRowOf(environment, session)
		given[i] = append(row.given(), row.PlayerID, row.CreatedAt)
	}
	return s.exec(ctx, "create sessions", func(db bun.IDB) error {
		_, err := s.spread(ctx, db, sessionsMade, environment, given)
		return s.orphan(err, identity.ErrPlayerNotFound)
	})
}

func (s sessions) Get(ctx context.Context, scope tenancy.Scope, id identity.SessionID) (identity.Session, error) {
	return s.one(ctx, scope, id, sessionByID)
}

func (s sessions) Lock(ctx context.Context, scope tenancy.Scope, id identity.SessionID) (identity.Session, error) {
	return s.one(ctx, scope, id, sessionLocked)
}

func (s sessions) one(ctx context.Context, scope tenancy.Scope, id identity.SessionID, r *repeated) (identity.Session, error) {
	environment, err := within(scope)
	if err != nil {
		return identity.Session{}, err
	}
	var row sessionRow
	err = s.query(ctx, "read session", func(db bun.IDB) error {
		return missing(s.first(ctx, db, r, &row, environment, ident(id)), identity.ErrSessionNotFound)
	})
	if err != nil {
		return identity.Session{}, err
	}
	return row.session(), nil
}

func (s sessions) LockMany(ctx context.Context, scope tenancy.Scope, ids []identity.SessionID) ([]identity.Session, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := make([]identity.Session, 0, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	given := make([][]any, len(ids))
	for i, id := range slices.Sorted(slices.Values(ids)) {
		given[i] = []any{ident(id)}
	}
	var rows []sessionRow
	err = s.query(ctx, "lock sessions", func(db bun.IDB) error {
		rows = nil
		return s.gather(ctx, db, sessionsLocked, environment, given, &rows)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, row.session())
	}
	return found, nil
}

func (s sessions) Update(ctx context.Context, scope tenancy.Scope, changes ...identity.Session) error {
	environment, err := within(scope)
	if err != nil || len(changes) == 0 {
		return err
	}
	given := make([][]any, len(changes))
	for i, session := range slices.SortedFunc(slices.Values(changes), func(a, b identity.Session) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
		given[i] = sessionRowOf(environment, session).given()
	}
	return s.atomically(ctx, "update sessions", func(db bun.IDB) error {
		result, err := s.change(ctx, db, sessionsChanged, environment, given)
		return changedAll(len(changes), result, err, identity.ErrSessionNotFound)
	})
}

func (s sessions) List(ctx context.Context, scope tenancy.Scope, query identity.SessionQuery) ([]identity.Session, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.conn, "list sessions", query.Limit, sessionRow.session, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND player_id = ?", environment, ident(query.Player))
		if query.Before != "" {
			q.Where("id < ?", ident(query.Before))
		}
		if !query.LiveAt.IsZero() {
			// Said so, SQLite doesn't take it for a range of the index on expires_at,
			// which holds everybody's sessions.
			q.Where("revoked_at IS NULL AND NOT (expires_at <= ?)", at(query.LiveAt))
		}
		q.OrderBy("id", bun.OrderDesc) // UUIDv7: the newest is the greatest
	})
}

func (s sessions) RevokeAll(ctx context.Context, scope tenancy.Scope, player identity.PlayerID, reason identity.RevokeReason, when time.Time) ([]identity.SessionID, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	var ended []identity.SessionID
	err = s.exec(ctx, "end sessions", func(db bun.IDB) error {
		ended = []identity.SessionID{}
		return db.NewUpdate().Model((*sessionRow)(nil)).Set("revoked_at = ?, reason = ?", at(when), prose(reason)).
			Where("environment_id = ? AND player_id = ? AND revoked_at IS NULL AND expires_at > ?", environment, ident(player), at(when)).
			Returning("id").Scan(ctx, &ended)
	})
	return ended, err
}

// Purge finds the expired and the revoked through an index each. It need not ask
// again before it deletes, because no session comes back to life. As everyone who is at sessions it comes
// by their players first, and takes them in one order.
func (s sessions) Purge(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (purged int, err error) {
	environment, err := within(scope)
	if err != nil || limit <= 0 {
		return 0, err
	}
	if !s.inTx {
		err := s.transact(ctx, func(ctx context.Context, tx conn) (err error) {
			purged, err = sessions{tx}.Purge(ctx, scope, before, limit)
			return err
		})
		return purged, err
	}
	var ids []identity.SessionID
	var names []ident
	var owners []identity.PlayerID
	find := func(column string, limit int, narrow func(q *bun.SelectQuery)) error {
		found, err := list(ctx, s.conn, "find ended sessions", limit, sessionRow.session, func(q *bun.SelectQuery) {
			narrow(q.Where("environment_id = ? AND ? < ?", environment, bun.Ident(column), at(before)).OrderBy(column, bun.OrderAsc))
		})
		for _, session := range found {
			ids, names, owners = append(ids, session.ID), append(names, ident(session.ID)), append(owners, session.Player)
		}
		return err
	}
	if err := find("expires_at", limit, func(*bun.SelectQuery) {}); err != nil {
		return 0, err
	}
	if len(ids) < limit {
		if err := find("revoked_at", limit-len(ids), func(q *bun.SelectQuery) { q.Where("expires_at >= ?", at(before)) }); err != nil {
			return 0, err
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	if s.locking() {
		slices.Sort(owners)
		if _, err := players(s).Hold(ctx, scope, slices.Compact(owners)); err != nil {
			return 0, err
		}
		if _, err := s.LockMany(ctx, scope, ids); err != nil {
			return 0, err
		}
	}
	var deleted int64
	err = s.exec(ctx, "purge sessions", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*sessionRow)(nil)).Where("environment_id = ? AND id IN (?)", environment, bun.List(names)).Exec(ctx)
		if err != nil {
			return err
		}
		deleted, err = result.RowsAffected()
		return err
	})
	return int(deleted), err
}
