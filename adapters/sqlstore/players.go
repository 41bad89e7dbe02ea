package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type playerRow struct {
	bun.BaseModel `bun:"table:players,alias:players"`
	EnvironmentID ident
	ID            ident
	DisplayName   prose
	NameKey       prose
	Handle        ident `bun:",nullzero"`
	Metadata      prose
	Version       int64
	BannedAt      instant
	BannedUntil   instant
	BanReason     prose
	CreatedAt     instant
	LastSeenAt    instant
}

func playerRowOf(environment ident, p identity.Player) playerRow {
	return playerRow{
		EnvironmentID: environment, ID: ident(p.ID), DisplayName: prose(p.DisplayName), NameKey: prose(identity.NameKey(p.DisplayName)),
		Handle: ident(p.Handle), Metadata: prose(p.Metadata), Version: p.Version,
		BannedAt: at(p.Ban.At), BannedUntil: at(p.Ban.Until), BanReason: prose(p.Ban.Reason),
		CreatedAt: at(p.CreatedAt), LastSeenAt: at(p.LastSeenAt),
	}
}

func (r playerRow) player() identity.Player {
	return identity.Player{
		ID: identity.PlayerID(r.ID), DisplayName: string(r.DisplayName), Handle: string(r.Handle), Metadata: string(r.Metadata), Version: r.Version,
		Ban:       identity.Ban{Reason: string(r.BanReason), At: r.BannedAt.Time, Until: r.BannedUntil.Time},
		CreatedAt: r.CreatedAt.Time, LastSeenAt: r.LastSeenAt.Time,
	}
}

type loginRow struct {
	bun.BaseModel `bun:"table:logins,alias:logins"`
	EnvironmentID ident
	Method        ident
	Subject       []byte
	PlayerID      ident
	CreatedAt     instant
	Label         prose
	Secret        prose
}

func loginRowOf(environment ident, l identity.Login) loginRow {
	return loginRow{
		EnvironmentID: environment, Method: ident(l.Method), Subject: l.Subject[:], PlayerID: ident(l.Player), CreatedAt: at(l.CreatedAt),
		Label: prose(l.Label), Secret: prose(l.Secret),
	}
}

// given is a login as a row of loginsMade.
func (r loginRow) given() []any {
	return []any{r.Method, r.Subject, r.PlayerID, r.CreatedAt, r.Label, r.Secret}
}

func (r loginRow) login() identity.Login {
	l := identity.Login{
		Method: identity.Method(r.Method), Player: identity.PlayerID(r.PlayerID), Label: string(r.Label), Secret: string(r.Secret), CreatedAt: r.CreatedAt.Time,
	}
	copy(l.Subject[:], r.Subject)
	return l
}

type players struct{ conn }

var _ identity.Players = players{}

func (p players) Get(ctx context.Context, scope tenancy.Scope, id identity.PlayerID) (identity.Player, error) {
	return p.one(ctx, scope, playerByID, ident(id))
}

var (
	playerKey   = []column{{"id", texts}}
	playersByID = &search{columns: playerKey}
)

func (p players) GetMany(ctx context.Context, scope tenancy.Scope, ids []identity.PlayerID) ([]identity.Player, error) {
	given := make([][]any, len(ids))
	for i, id := range ids {
		given[i] = []any{ident(id)}
	}
	return p.many(ctx, "read players", scope, playersByID, given)
}

func (p players) many(ctx context.Context, what string, scope tenancy.Scope, by *search, given [][]any) ([]identity.Player, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := make([]identity.Player, 0, len(given))
	if len(given) == 0 {
		return found, nil
	}
	var rows []playerRow
	err = p.query(ctx, what, func(db bun.IDB) error {
		rows = nil
		return p.gather(ctx, db, by, environment, given, &rows)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, row.player())
	}
	return found, nil
}

func (p players) Lock(ctx context.Context, scope tenancy.Scope, id identity.PlayerID) (identity.Player, error) {
	return p.one(ctx, scope, playerLocked, ident(id))
}

func (p players) Hold(ctx context.Context, scope tenancy.Scope, ids []identity.PlayerID) ([]identity.PlayerID, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	held := make([]identity.PlayerID, 0, len(ids))
	if len(ids) == 0 {
		return held, nil
	}
	given := make([][]any, len(ids))
	for i, id := range slices.Sorted(slices.Values(ids)) {
		given[i] = []any{ident(id)}
	}
	var rows []playerName
	err = p.query(ctx, "hold players", func(db bun.IDB) error {
		rows = nil
		return p.gather(ctx, db, playersHeld, environment, given, &rows)
	})
	for _, row := range rows {
		held = append(held, identity.PlayerID(row.ID))
	}
	return held, err
}

// playerName is a player's row of which nothing is read but who it is.
type playerName struct {
	bun.BaseModel `bun:"table:players,alias:players"`
	ID            ident
}

func (p players) Update(ctx context.Context, scope tenancy.Scope, player identity.Player) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	row := playerRowOf(environment, player)
	return p.exec(ctx, "update player", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model(&row).Column("display_name", "name_key", "handle", "metadata", "version").
			Where("environment_id = ? AND id = ? AND version = ?", environment, row.ID, row.Version-1).Exec(ctx)
		return changed(result, p.duplicate(err, "players_environment_id_handle_key", identity.ErrHandleTaken), identity.ErrProfileStale)
	})
}

func (p players) SetBan(ctx context.Context, scope tenancy.Scope, id identity.PlayerID, ban identity.Ban) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	return p.exec(ctx, "set ban", func(db bun.IDB) error {
		result, err := db.NewUpdate().Model((*playerRow)(nil)).
			Set("banned_at = ?, banned_until = ?, ban_reason = ?", at(ban.At), at(ban.Until), prose(ban.Reason)).
			Where("environment_id = ? AND id = ?", environment, ident(id)).Exec(ctx)
		return changed(result, err, identity.ErrPlayerNotFound)
	})
}

func (p players) Search(ctx context.Context, scope tenancy.Scope, query identity.PlayerQuery) ([]identity.Player, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, p.conn, "search players", query.Limit, playerRow.player, func(q *bun.SelectQuery) {
		q.Where("environment_id = ?", environment)
		if query.ID != "" {
			q.Where("id = ?", ident(query.ID))
		}
		if query.Handle != "" {
			q.Where("handle = ?", ident(query.Handle))
		}
		if query.NamePrefix == "" {
			if query.After.ID != "" {
				q.Where("id < ?", ident(query.After.ID))
			}
			q.OrderBy("id", bun.OrderDesc) // UUIDv7: the newest is the greatest
			return
		}
		begins(q.Where("name_key <> ''"), "name_key", identity.NameKey(query.NamePrefix))
		if query.After.ID != "" {
			q.Where("(name_key, id) > (?, ?)", ident(query.After.NameKey), ident(query.After.ID))
		}
		q.OrderBy("name_key", bun.OrderAsc).OrderBy("id", bun.OrderAsc)
	})
}

func (p players) Logins(ctx context.Context, scope tenancy.Scope, id identity.PlayerID) ([]identity.Login, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, p.conn, "list logins", unbounded, loginRow.login, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND player_id = ?", environment, ident(id)).
			OrderBy("method", bun.OrderAsc).OrderBy("subject", bun.OrderAsc)
	})
}

func (p players) ByLogin(ctx context.Context, scope tenancy.Scope, method identity.Method, subject [sha256.Size]byte) (identity.Player, error) {
	return p.one(ctx, scope, playerByLogin, ident(method), subject[:])
}

func (p players) one(ctx context.Context, scope tenancy.Scope, r *repeated, arguments ...any) (identity.Player, error) {
	environment, err := within(scope)
	if err != nil {
		return identity.Player{}, err
	}
	var row playerRow
	err = p.query(ctx, "read player", func(db bun.IDB) error {
		return missing(p.first(ctx, db, r, &row, append([]any{environment}, arguments...)...), identity.ErrPlayerNotFound)
	})
	if err != nil {
		return identity.Player{}, err
	}
	return row.player(), nil
}

var (
	loginsByKey   = &search{columns: []column{{"method", texts}, {"subject", octets}}}
	playersHeld   = &search{columns: playerKey, lock: forReference}
	playersLocked = &search{columns: playerKey, lock: forChange}
	// DISTINCT sorts, so that the players are locked in one order.
	ownersLocked = &search{
		columns: playerKey, lock: forChange,
		through: `SELECT DISTINCT (SELECT player_id FROM sessions WHERE environment_id = {environment} AND sessions.id = given.id) AS id FROM given ORDER BY id`,
	}
	playersSeen = &amend{model: (*playerRow)(nil), key: playerKey, set: []column{{"last_seen_at", moments}}, rising: "last_seen_at"}
	playersMade = &bulk{
		columns: []column{
			{"id", texts}, {"display_name", texts}, {"name_key", texts}, {"handle", texts}, {"metadata", texts}, {"version", integers},
			{"banned_at", moments}, {"banned_until", moments}, {"ban_reason", texts}, {"created_at", moments}, {"last_seen_at", moments},
		},
		text: `INSERT INTO players (environment_id, id, display_name, name_key, handle, metadata, version, banned_at, banned_until, ban_reason, created_at, last_seen_at)
			SELECT {environment}, id, display_name, name_key, handle, metadata, version, banned_at, banned_until, ban_reason, created_at, last_seen_at FROM given`,
	}
	loginsMade = &bulk{
		columns: []column{{"method", texts}, {"subject", octets}, {"player_id", texts}, {"created_at", moments}, {"label", texts}, {"secret", texts}},
		text: `INSERT INTO logins (environment_id, method, subject, player_id, created_at, label, secret)
			SELECT {environment}, method, subject, player_id, created_at, label, secret FROM given WHERE true ON CONFLICT DO NOTHING`,
	}
)

func (p players) LockByLogins(ctx context.Context, scope tenancy.Scope, keys []identity.LoginKey) (map[identity.LoginKey]identity.Player, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := make(map[identity.LoginKey]identity.Player, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	given := make([][]any, len(keys))
	for i, key := range keys {
		given[i] = []any{ident(key.Method), key.Subject[:]}
	}
	var rows []loginRow
	err = p.query(ctx, "find logins", func(db bun.IDB) error {
		rows = nil
		return p.gather(ctx, db, loginsByKey, environment, given, &rows)
	})
	if err != nil {
		return nil, err
	}
	ids := make([]ident, len(rows))
	for i, row := range rows {
		ids[i] = row.PlayerID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	given = given[:0]
	for _, id := range ids {
		given = append(given, []any{id})
	}
	locked, err := p.many(ctx, "lock players", scope, playersLocked, given)
	if err != nil {
		return nil, err
	}
	byID := make(map[identity.PlayerID]identity.Player, len(locked))
	for _, player := range locked {
		byID[player.ID] = player
	}
	for _, row := range rows {
		login := row.login()
		if player, ok := byID[login.Player]; ok {
			found[login.Key()] = player
		}
	}
	return found, nil
}

func (p players) LockOwners(ctx context.Context, scope tenancy.Scope, ids []identity.SessionID) ([]identity.Player, error) {
	given := make([][]any, len(ids))
	for i, id := range ids {
		given[i] = []any{ident(id)}
	}
	return p.many(ctx, "lock players", scope, ownersLocked, given)
}

func (p players) Create(ctx context.Context, scope tenancy.Scope, newcomers ...identity.Newcomer) error {
	environment, err := within(scope)
	if err != nil || len(newcomers) == 0 {
		return err
	}
	// Whoever comes with the same logins meets this one at the index in one order.
	newcomers = slices.SortedFunc(slices.Values(newcomers), func(a, b identity.Newcomer) int {
		return bytes.Compare(a.Login.Subject[:], b.Login.Subject[:])
	})
	made, ways := make([][]any, len(newcomers)), make([][]any, len(newcomers))
	for i, n := range newcomers {
		r := playerRowOf(environment, n.Player)
		var handle any
		if r.Handle != "" {
			handle = r.Handle
		}
		made[i] = []any{r.ID, r.DisplayName, r.NameKey, handle, r.Metadata, r.Version, r.BannedAt, r.BannedUntil, r.BanReason, r.CreatedAt, r.LastSeenAt}
		n.Login.Player = n.Player.ID
		ways[i] = loginRowOf(environment, n.Login).given()
	}
	return p.atomically(ctx, "create players", func(db bun.IDB) error {
		if _, err := p.spread(ctx, db, playersMade, environment, made); err != nil {
			return p.orphan(err, tenancy.ErrEnvironmentNotFound)
		}
		result, err := p.spread(ctx, db, loginsMade, environment, ways)
		return changedAll(len(ways), result, err, identity.ErrLoginTaken)
	})
}

func (p players) Seen(ctx context.Context, scope tenancy.Scope, when time.Time, ids ...identity.PlayerID) error {
	environment, err := within(scope)
	if err != nil || len(ids) == 0 {
		return err
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	given := make([][]any, len(ids))
	for i, id := range ids {
		given[i] = []any{ident(id), at(when)}
	}
	return p.exec(ctx, "note players as seen", func(db bun.IDB) error {
		_, err := p.change(ctx, db, playersSeen, environment, given)
		return err
	})
}
