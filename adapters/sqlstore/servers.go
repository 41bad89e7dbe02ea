package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

type serverRow struct {
	bun.BaseModel `bun:"table:servers,alias:servers"`
	EnvironmentID ident
	ID            ident
	Generation    int64
	Revision      int64
	Changes       int64
	State         ident
	Hidden        bool
	Ended         bool
	Players       int64
	MaxPlayers    int64
	Name          ident
	Region        ident
	Version       ident
	Map           ident
	Mode          ident
	Host          ident
	Ports         jsonText[map[string]int]
	Tags          jsonText[[]string]
	Seats         jsonText[[]seatJSON]
	Metadata      ident
	RegisteredAt  instant
	ExpiresAt     instant
}

// seatJSON is how registry.Seat is stored: short, because a busy server writes all
// of its seats with each heartbeat. Times are microseconds since 1970, or 0.
type seatJSON struct {
	Number   int    `json:"n"`
	Player   string `json:"p"`
	Ticket   string `json:"t,omitempty"`
	Until    int64  `json:"u,omitempty"`
	Admitted int64  `json:"a,omitempty"`
}

func (r serverRow) server() registry.Server {
	s := registry.Server{
		ID: registry.ServerID(r.ID), Generation: r.Generation, State: registry.State(r.State), Hidden: r.Hidden, Players: int(r.Players),
		RegisteredAt: r.RegisteredAt.Time, ExpiresAt: r.ExpiresAt.Time, Ended: r.Ended, Revision: r.Revision, Changes: r.Changes,
		Announcement: registry.Announcement{
			Name: string(r.Name), Region: string(r.Region), Version: string(r.Version), Map: string(r.Map), Mode: string(r.Mode),
			Address: registry.Address{Host: string(r.Host), Ports: r.Ports.Value}, Tags: r.Tags.Value, MaxPlayers: int(r.MaxPlayers), Metadata: string(r.Metadata),
		},
	}
	for _, seat := range r.Seats.Value {
		s.Seats = append(s.Seats, registry.Seat{
			Number: seat.Number, Player: identity.PlayerID(seat.Player), Ticket: seat.Ticket, Until: micros(seat.Until), AdmittedAt: micros(seat.Admitted),
		})
	}
	return s
}

func micros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// microsOf is the other way round.
func microsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

type servers struct{ conn }

var _ registry.Servers = servers{}

var (
	serverKey     = []column{{"id", texts}}
	serversByID   = &search{columns: serverKey}
	serversLocked = &search{columns: serverKey, lock: forUpdate}
	// serversWritten does with servers what documentsWritten does with documents.
	serversWritten = &bulk{
		columns: append(slices.Clip(serverKey),
			column{"generation", integers}, column{"revision", integers}, column{"changes", integers}, column{"state", texts}, column{"hidden", truths},
			column{"ended", truths}, column{"players", integers}, column{"max_players", integers}, column{"name", texts}, column{"region", texts},
			column{"version", texts}, column{"map", texts}, column{"mode", texts}, column{"host", texts}, column{"ports", texts}, column{"tags", texts},
			column{"seats", texts}, column{"metadata", texts}, column{"registered_at", moments}, column{"expires_at", moments}, column{"stored", integers}),
		text: `INSERT INTO servers (environment_id, id, generation, revision, changes, state, hidden, ended, players, max_players, name, region,
				version, map, mode, host, ports, tags, seats, metadata, registered_at, expires_at)
			SELECT {environment}, id, generation, revision, changes, state, hidden, ended, players, max_players, name, region,
				version, map, mode, host, ports, tags, seats, metadata, registered_at, expires_at FROM given
			WHERE given.stored = COALESCE((SELECT one.revision FROM servers AS one WHERE one.environment_id = {environment} AND one.id = given.id), 0)
			ON CONFLICT (environment_id, id) DO UPDATE SET
				generation = excluded.generation, revision = excluded.revision, changes = excluded.changes, state = excluded.state, hidden = excluded.hidden,
				ended = excluded.ended, players = excluded.players, max_players = excluded.max_players, name = excluded.name, region = excluded.region,
				version = excluded.version, map = excluded.map, mode = excluded.mode, host = excluded.host, ports = excluded.ports, tags = excluded.tags,
				seats = excluded.seats, metadata = excluded.metadata, registered_at = excluded.registered_at, expires_at = excluded.expires_at
			WHERE servers.revision = (SELECT given.stored FROM given WHERE given.id = excluded.id)`,
	}
)

func (s servers) GetMany(ctx context.Context, scope tenancy.Scope, ids []registry.ServerID) ([]registry.Server, error) {
	return s.many(ctx, "read servers", scope, serversByID, ids)
}

func (s servers) LockMany(ctx context.Context, scope tenancy.Scope, ids []registry.ServerID) ([]registry.Server, error) {
	return s.many(ctx, "lock servers", scope, serversLocked, ids)
}

func (s servers) many(ctx context.Context, what string, scope tenancy.Scope, by *search, ids []registry.ServerID) ([]registry.Server, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	found := make([]registry.Server, 0, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	given := make([][]any, len(ids))
	for i, id := range slices.Sorted(slices.Values(ids)) {
		given[i] = []any{ident(id)}
	}
	var rows []serverRow
	err = s.query(ctx, what, func(db bun.IDB) error {
		rows = nil
		return s.gather(ctx, db, by, environment, given, &rows)
	})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, row.server())
	}
	return found, nil
}

func (s servers) WriteMany(ctx context.Context, scope tenancy.Scope, writes []registry.Write) error {
	environment, err := within(scope)
	if err != nil {
		return err
	}
	if len(writes) == 0 {
		return nil
	}
	// Rows are locked, and those that are not there yet met at the index, in one order.
	writes = slices.SortedFunc(slices.Values(writes), func(a, b registry.Write) int { return strings.Compare(string(a.Server.ID), string(b.Server.ID)) })
	given := make([][]any, len(writes))
	for i, w := range writes {
		if w.Before < 0 || w.Server.Revision <= w.Before {
			return fmt.Errorf("write servers: revision %d can't follow %d", w.Server.Revision, w.Before)
		}
		if given[i], err = serverGiven(w); err != nil {
			return fmt.Errorf("write servers: %w", err)
		}
	}
	return s.atomically(ctx, "write servers", func(db bun.IDB) error {
		result, err := s.spread(ctx, db, serversWritten, environment, given)
		return changedAll(len(writes), result, s.orphan(err, tenancy.ErrEnvironmentNotFound), registry.ErrServerStale)
	})
}

// serverGiven is a write as a row of a bulk.
func serverGiven(w registry.Write) ([]any, error) {
	s := w.Server
	seats := make([]seatJSON, len(s.Seats))
	for i, seat := range s.Seats {
		seats[i] = seatJSON{seat.Number, string(seat.Player), seat.Ticket, microsOf(seat.Until), microsOf(seat.AdmittedAt)}
	}
	var texts [3]ident
	for i, value := range []any{s.Address.Ports, append([]string{}, s.Tags...), seats} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		texts[i] = ident(text)
	}
	return []any{
		ident(s.ID), s.Generation, s.Revision, s.Changes, ident(s.State), s.Hidden, s.Ended, int64(s.Players), int64(s.MaxPlayers),
		ident(s.Name), ident(s.Region), ident(s.Version), ident(s.Map), ident(s.Mode), ident(s.Address.Host), texts[0], texts[1], texts[2],
		ident(s.Metadata), at(s.RegisteredAt), at(s.ExpiresAt), w.Before,
	}, nil
}

func (s servers) Marks(ctx context.Context, scope tenancy.Scope, now time.Time, limit int) ([]registry.Mark, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.conn, "read server marks", limit, func(r serverRow) registry.Mark {
		return registry.Mark{ID: registry.ServerID(r.ID), Generation: r.Generation, Changes: r.Changes, ExpiresAt: r.ExpiresAt.Time}
	}, func(q *bun.SelectQuery) {
		q.Column("id", "generation", "changes", "expires_at").
			Where("environment_id = ? AND expires_at > ?", environment, at(now)).OrderBy("id", bun.OrderAsc)
	})
}

func (s servers) List(ctx context.Context, scope tenancy.Scope, after registry.ServerID, limit int) ([]registry.Server, error) {
	environment, err := within(scope)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.conn, "list servers", limit, serverRow.server, func(q *bun.SelectQuery) {
		q.Where("environment_id = ? AND id > ?", environment, ident(after)).OrderBy("id", bun.OrderAsc)
	})
}

func (s servers) Count(ctx context.Context, scope tenancy.Scope, most int) (int, error) {
	environment, err := within(scope)
	if err != nil {
		return 0, err
	}
	var n int
	err = s.query(ctx, "count servers", func(db bun.IDB) error {
		return db.NewRaw("SELECT count(*) FROM (SELECT 1 FROM servers WHERE environment_id = ? LIMIT ?) AS found", environment, max(0, most)).Scan(ctx, &n)
	})
	return n, err
}

// Prune asks once more before it deletes, because a server may have come back since
// it was found.
func (s servers) Prune(ctx context.Context, scope tenancy.Scope, before time.Time, limit int) (int, error) {
	environment, err := within(scope)
	if err != nil || limit <= 0 {
		return 0, err
	}
	var pruned int64
	err = s.exec(ctx, "prune servers", func(db bun.IDB) error {
		dead := db.NewSelect().Model((*serverRow)(nil)).Column("id").
			Where("environment_id = ? AND expires_at < ?", environment, at(before)).OrderBy("id", bun.OrderAsc).Limit(int64(limit))
		result, err := db.NewDelete().Model((*serverRow)(nil)).
			Where("environment_id = ? AND id IN (?) AND expires_at < ?", environment, dead, at(before)).Exec(ctx)
		if err != nil {
			return err
		}
		pruned, err = result.RowsAffected()
		return err
	})
	return int(pruned), err
}
