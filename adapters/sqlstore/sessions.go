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
	sessionsSurplus = &search{
		columns: []column{{"player_id", texts}}, besides: []column{{"live_at", moments}, {"keep", integers}, {"most", integers}},
		narrow: " AND found.revoked_at IS NULL AND found.expires_at > given.live_at", part: "ORDER BY found.id DESC LIMIT given.most OFFSET given.keep",
	}
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
		if query.LiveAt.IsZero() {
			q.Where("environment_id = ? AND player_id = ?", environment, ident(query.Player))
		} else {
			live(q, environment, query.Player, query.LiveAt)
		}
		if query.Before != "" {
			q.Where("id < ?", ident(query.Before))
		}
		q.OrderBy("id", bun.OrderDesc) // UUIDv7: the newest is the greatest
	})
}

func (s sessions) Surplus(ctx context.Context, scope tenancy.Scope, players []identity.PlayerID, when time.Time, keep, limit int) ([]identity.Session, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	surplus := []identity.Session{}
	if len(players) == 0 || limit <= 0 {
		return surplus, nil
	}
	keep = max(keep, 0)
	if !s.shared.engine.RowLocks { // SQLite has no LATERAL, and asking it costs no trip
		for _, player := range players {
			found, err := list(ctx, s.conn, "list surplus sessions", limit, sessionRow.session, func(q *bun.SelectQuery) {
				live(q, environment, player, when).OrderBy("id", bun.OrderDesc).Offset(int64(keep))
			})
			if err != nil {
				return nil, err
			}
			surplus = append(surplus, found...)
		}
		return surplus, nil
	}
	given := make([][]any, len(players))
	for i, player := range players {
		given[i] = []any{ident(player), at(when), int64(keep), int64(limit)}
	}
	var rows []sessionRow
	err = s.query(ctx, "list surplus sessions", func(db bun.IDB) error {
		rows = nil
		return s.gather(ctx, db, sessionsSurplus, environment, given, &rows)
	})
	for _, row := range rows {
		surplus = append(surplus, row.session())
	}
	return surplus, err
}

// live narrows a select to a player's sessions that are live.
func live(q *bun.SelectQuery, environment ident, player identity.PlayerID, when time.Time) *bun.SelectQuery {
	// Said so, SQLite doesn't take it for a range of the index on expires_at, which holds everybody's sessions.
	return q.Where("environment_id = ? AND player_id = ? AND revoked_at IS NULL AND NOT (expires_at <= ?)", environment, ident(player), at(when))
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
	var owners []identity.PlayerID
	find := func(column string, limit int, narrow func(q *bun.SelectQuery)) error {
		found, err := list(ctx, s.conn, "find ended sessions", limit, sessionRow.session, func(q *bun.SelectQuery) {
			narrow(q.Where("environment_id = ? AND ? < ?", environment, bun.Ident(column), at(before)).OrderBy(column, bun.OrderAsc))
		})
		for _, session := range found {
			ids, owners = append(ids, session.ID), append(owners, session.Player)
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
	return s.remove(ctx, scope, ids, owners)
}

func (s sessions) Delete(ctx context.Context, scope tenancy.Scope, deleted ...identity.Session) (count int, err error) {
	if _, err := within(scope); err != nil || len(deleted) == 0 {
		return 0, err
	}
	if !s.inTx {
		err := s.transact(ctx, func(ctx context.Context, tx conn) (err error) {
			count, err = sessions{tx}.Delete(ctx, scope, deleted...)
			return err
		})
		return count, err
	}
	ids, owners := make([]identity.SessionID, len(deleted)), make([]identity.PlayerID, len(deleted))
	for i, session := range deleted {
		ids[i], owners[i] = session.ID, session.Player
	}
	return s.remove(ctx, scope, ids, owners)
}

// remove deletes sessions within a transaction, which comes to them by their owners.
func (s sessions) remove(ctx context.Context, scope tenancy.Scope, ids []identity.SessionID, owners []identity.PlayerID) (int, error) {
	if s.locking() {
		slices.Sort(owners)
		if _, err := players(s).Hold(ctx, scope, slices.Compact(owners)); err != nil {
			return 0, err
		}
		if _, err := s.LockMany(ctx, scope, ids); err != nil {
			return 0, err
		}
	}
	names := make([]ident, len(ids))
	for i, id := range ids {
		names[i] = ident(id)
	}
	var deleted int64
	err := s.exec(ctx, "delete sessions", func(db bun.IDB) error {
		result, err := db.NewDelete().Model((*sessionRow)(nil)).Where("environment_id = ? AND id IN (?)", ident(scope.Environment()), bun.List(names)).Exec(ctx)
		if err != nil {
			return err
		}
		deleted, err = result.RowsAffected()
		return err
	})
	return int(deleted), err
}
