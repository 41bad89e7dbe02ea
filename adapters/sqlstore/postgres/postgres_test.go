package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/adapters/sqlstore/postgres"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/datastore/datastoretest"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

func TestConformance(t *testing.T) {
	datastoretest.Run(t, func(t *testing.T) datastore.Datastore { return open(t, migrated(t)) })
}

func TestReopen(t *testing.T) {
	datastoretest.RunReopen(t, func(t *testing.T) func(t *testing.T) datastore.Datastore {
		address := servers.Postgres(t)
		return func(t *testing.T) datastore.Datastore { return open(t, address) }
	})
}

// migrated is the address of a database with the schema, copied from a template.
func migrated(t *testing.T) string {
	t.Helper()
	return servers.PostgresTemplate(t, "sqlstore_"+schemaHash(t), func(address string) error {
		ds, err := openURL(context.Background(), address)
		if err != nil {
			return err
		}
		_, err = ds.Migrate(context.Background())
		return errors.Join(err, ds.Close())
	})
}

// schemaHash names the template after what is in it.
func schemaHash(t *testing.T) string {
	t.Helper()
	files, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile("migrations/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		hash.Write(text)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

func open(t testing.TB, address string) datastore.Datastore {
	t.Helper()
	ds, err := openURL(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ds.Close(); err != nil {
			t.Error(err)
		}
	})
	return ds
}

func openURL(ctx context.Context, address string) (datastore.Datastore, error) {
	return plugin.NewRegistry(postgres.Plugin).Databases.Open(ctx, address, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}})
}

func TestAddresses(t *testing.T) {
	for _, scheme := range []string{"postgres", "postgresql"} {
		address := edited(t, servers.Postgres(t), func(u *url.URL) { u.Scheme = scheme })
		if err := open(t, address).Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	_, err := openURL(t.Context(), "postgres://me:hunter2@localhost/game?pool_max_conns=many")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a bad parameter: %v", err)
	}
}

// TestADatabaseOfTheCLocale has no encoding of its own; what is stored comes back all the same.
func TestADatabaseOfTheCLocale(t *testing.T) {
	home := servers.Postgres(t)
	conn, err := pgx.Connect(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := conn.Config().Database + "_c"
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name+" ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := conn.Exec(t.Context(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	}()
	ds := open(t, edited(t, home, func(u *url.URL) { u.Path = "/" + name }))
	if _, err := ds.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	project := tenancy.Project{ID: tenancy.ProjectID(system.IDs{}.New()), Slug: "z", Name: "Žluťoučký kůň 🐎", CreatedAt: system.Clock{}.Now()}
	if err := ds.Projects().Create(t.Context(), project); err != nil {
		t.Fatal(err)
	}
	if got, err := ds.Projects().BySlug(t.Context(), "z"); err != nil || got != project {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestNobodyThere opens a server that is away: opening works, using it says so.
func TestNobodyThere(t *testing.T) {
	for name, address := range map[string]string{
		"closed port":    "postgres://me:secret@127.0.0.1:1/game",
		"wrong password": withPassword(t, servers.Postgres(t), "wrong"),
		"no database":    withPath(t, servers.Postgres(t), "/gone"),
	} {
		forGood := name != "closed port"
		ds, err := openURL(t.Context(), address)
		if err != nil {
			t.Errorf("%s: open: %v", name, err)
			continue
		}
		for what, err := range map[string]error{
			"ping":  ds.Ping(t.Context()),
			"write": ds.Projects().Create(t.Context(), project(t, "p")),
			"tx":    ds.InTx(t.Context(), func(context.Context, datastore.Repos) error { return nil }),
		} {
			if !errors.Is(err, fault.ErrUnavailable) || errors.Is(err, datastore.ErrRefused) != forGood || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if err := ds.Close(); err != nil {
			t.Error(err)
		}
	}
}

func withPassword(t *testing.T, address, password string) string {
	return edited(t, address, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), password) })
}

func withPath(t *testing.T, address, path string) string {
	return edited(t, address, func(u *url.URL) { u.Path = path })
}

func edited(t *testing.T, address string, edit func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	edit(u)
	return u.String()
}

func project(t *testing.T, slug string) tenancy.Project {
	t.Helper()
	p, err := tenancy.NewProject(tenancy.ProjectID(slug), slug, "", system.Clock{}.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// warm fills the pool with connections that were used a moment ago, which the
// pool therefore trusts.
func warm(t *testing.T, ds datastore.Datastore) {
	t.Helper()
	const connections = 8
	inside, leave, done := make(chan struct{}, 2*connections), make(chan struct{}), make(chan error, connections)
	for range connections {
		go func() {
			done <- ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
				_, err := tx.Projects().List(ctx, "", 1)
				inside <- struct{}{}
				<-leave
				return err
			})
		}()
	}
	for range connections {
		select {
		case <-inside:
		case err := <-done:
			close(leave)
			t.Fatalf("before it was inside: %v", err)
		}
	}
	close(leave)
	for range connections {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// administer connects beside the pool.
func administer(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func killBackends(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	const kill = `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	var n int
	if err := admin.QueryRow(t.Context(), kill).Scan(&n); err != nil || n == 0 {
		t.Fatalf("killed %d: %v", n, err)
	}
}

func TestKilledConnectionsAreNotNoticedByReadsAndTransactions(t *testing.T) {
	address := migrated(t)
	ds, admin := open(t, address), administer(t, address)
	for round, use := range []func() error{
		func() error { _, err := ds.Projects().List(t.Context(), "", 1); return err },
		func() error { return ds.Ping(t.Context()) },
		func() error {
			return ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
				return tx.Projects().Create(ctx, project(t, "in-tx"))
			})
		},
	} {
		warm(t, ds)
		killBackends(t, admin)
		if err := use(); err != nil {
			t.Errorf("use %d: %v", round, err)
		}
	}
}

func TestConnectionKilledWithinATransaction(t *testing.T) {
	address := migrated(t)
	ds, admin := open(t, address), administer(t, address)
	runs := 0
	err := ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		if err := tx.Projects().Create(ctx, project(t, "once")); err != nil {
			return err
		}
		if runs++; runs == 1 {
			killBackends(t, admin)
		}
		_, err := tx.Projects().BySlug(ctx, "once")
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs: %v", runs, err)
	}
	if _, err := ds.Projects().BySlug(t.Context(), "once"); err != nil {
		t.Error(err)
	}
}

// TestAWriteWhoseConnectionDiesIsNotRepeated kills the connection while the
// statement runs: whether it was done can't be known, so the caller must be told.
func TestAWriteWhoseConnectionDiesIsNotRepeated(t *testing.T) {
	address := migrated(t)
	ds, admin, holder := open(t, address), administer(t, address), administer(t, address)
	for _, query := range []string{"BEGIN", "INSERT INTO projects VALUES ('other', 'p', '', now())"} {
		if _, err := holder.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- ds.Projects().Create(t.Context(), project(t, "p")) }() // waits for the slug
	const kill = `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for killed := 0; ; {
		select {
		case err := <-done:
			if !errors.Is(err, fault.ErrUnavailable) || killed != 1 {
				t.Errorf("killed %d times: %v", killed, err)
			}
			return
		default:
		}
		var n int
		if err := admin.QueryRow(t.Context(), kill).Scan(&n); err != nil {
			t.Fatal(err)
		}
		killed += n
	}
}

// TestOneFaultClearsThePool: after one write met a dead connection, no later one does.
func TestOneFaultClearsThePool(t *testing.T) {
	address := migrated(t)
	ds, admin := open(t, address), administer(t, address)
	warm(t, ds)
	killBackends(t, admin)
	// It may work, if the pool has looked at the connection first.
	if err := ds.Projects().Create(t.Context(), project(t, "first")); err != nil && !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("the first write: %v", err)
	}
	if err := ds.Projects().Create(t.Context(), project(t, "next")); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

func TestARestart(t *testing.T) {
	server := servers.OwnPostgres(t)
	ds := open(t, server.URL())
	if _, err := ds.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ds.Projects().Create(t.Context(), project(t, "before")); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){server.Stop, server.Kill} {
		warm(t, ds)
		end()
		if _, err := ds.Projects().BySlug(t.Context(), "before"); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("read while away: %v", err)
		}
		if err := ds.InTx(t.Context(), func(context.Context, datastore.Repos) error { return nil }); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("transaction while away: %v", err)
		}
		server.Start()
		if _, err := ds.Projects().BySlug(t.Context(), "before"); err != nil {
			t.Errorf("the first read after a restart: %v", err)
		}
		warm(t, ds)
		end()
		server.Start() // nobody noticed that it was away
		if _, err := ds.Projects().BySlug(t.Context(), "before"); err != nil {
			t.Errorf("the first read after an unseen restart: %v", err)
		}
	}
}

func TestAFrozenServerEndsWithTheContext(t *testing.T) {
	server := servers.OwnPostgres(t)
	ds := open(t, server.URL())
	if err := ds.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := ds.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	server.Resume()
	if err := ds.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// serializable makes the sessions of an address as strict as CockroachDB always is.
func serializable(address string) string {
	return address + "&default_transaction_isolation=serializable"
}

func TestConformanceSerializable(t *testing.T) {
	datastoretest.Run(t, func(t *testing.T) datastore.Datastore { return open(t, serializable(migrated(t))) })
}

func TestSerializationFaultsAreTriedAgain(t *testing.T) {
	address := migrated(t)
	ds, admin := open(t, serializable(address)), administer(t, address)
	if err := ds.Projects().Create(t.Context(), project(t, "p")); err != nil {
		t.Fatal(err)
	}
	runs := 0
	err := ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		if _, err := tx.Projects().BySlug(ctx, "p"); err != nil {
			return err
		}
		if runs++; runs == 1 { // someone else is faster
			if _, err := admin.Exec(ctx, "UPDATE projects SET name = name"); err != nil {
				return err
			}
		}
		return tx.Projects().Delete(ctx, "p", time.Unix(1, 0))
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs: %v", runs, err)
	}

	runs = 0
	err = ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
		runs++
		if _, err := tx.Runs().List(ctx); err != nil {
			return err
		}
		if _, err := admin.Exec(ctx, "INSERT INTO job_runs VALUES ('j', '', now(), now(), NULL, 1, 0, '') ON CONFLICT (job) DO UPDATE SET runs = job_runs.runs + 1"); err != nil {
			return err
		}
		return tx.Runs().Record(ctx, "j", "a", time.Unix(1, 0), time.Unix(1, 0), "")
	})
	if !errors.Is(err, datastore.ErrContention) || runs < 2 {
		t.Errorf("always slower than the others: %d runs: %v", runs, err)
	}
}

// TestAPlanThatTheSchemaLeftBehind: a migration must not break the statements that
// replicas have prepared, nor a pooler's reset.
func TestAPlanThatTheSchemaLeftBehind(t *testing.T) {
	for name, parameters := range map[string]string{"prepared": "", "not prepared": "&statement_cache_capacity=0"} {
		t.Run(name, func(t *testing.T) {
			address := migrated(t)
			ds := open(t, address+"&pool_max_conns=1"+parameters)
			project := tenancy.Project{ID: "p", Slug: "game", Name: "game", CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			environment := tenancy.Environment{ID: "e", ProjectID: "p", Slug: "home", Name: "home", Version: 1, CreatedAt: project.CreatedAt}
			player := identity.Player{ID: "x", DisplayName: "Zoë", CreatedAt: project.CreatedAt, LastSeenAt: project.CreatedAt}
			for _, err := range []error{
				ds.Projects().Create(t.Context(), project),
				ds.Environments().Create(t.Context(), environment),
				ds.Players().Create(t.Context(), environment.Scope(), identity.Newcomer{Player: player, Login: identity.Login{Method: identity.Guest, Player: "x", CreatedAt: project.CreatedAt}}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			conn, err := pgx.Connect(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			read := func(after string) {
				t.Helper()
				if got, err := ds.Players().Get(t.Context(), environment.Scope(), "x"); err != nil || got.DisplayName != "Zoë" {
					t.Errorf("%s: %+v, %v", after, got, err)
				}
			}
			read("at first")
			read("again")
			if _, err := conn.Exec(t.Context(), "ALTER TABLE players ALTER COLUMN display_name TYPE varchar(200)"); err != nil {
				t.Fatal(err)
			}
			read("after a change of the schema")
		})
	}
}

// TestPlansGrowWithTheTables: signing in, refreshing and saving read a few rows,
// also where the tables were empty when it was first done and nothing has analyzed
// them since.
func TestPlansGrowWithTheTables(t *testing.T) {
	address := migrated(t)
	ds := open(t, address+"&pool_max_conns=1")
	const rounds, together = 100, 10
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	project := tenancy.Project{ID: "p", Slug: "game", Name: "game", CreatedAt: began}
	environment := tenancy.Environment{ID: "e", ProjectID: "p", Slug: "home", Name: "home", Version: 1, CreatedAt: began}
	if err := errors.Join(ds.Projects().Create(t.Context(), project), ds.Environments().Create(t.Context(), environment)); err != nil {
		t.Fatal(err)
	}
	scope := environment.Scope()
	for round := range rounds {
		var newcomers []identity.Newcomer
		var keys []identity.LoginKey
		var players []identity.PlayerID
		var sessions []identity.Session
		var documents []storage.Write
		var servers []registry.Write
		for i := range together {
			player := identity.NewPlayer(identity.PlayerID(fmt.Sprintf("%08d", round*together+i)), began)
			login := identity.Login{Method: identity.Guest, Subject: sha256.Sum256([]byte(player.ID)), Player: player.ID, CreatedAt: began}
			session := identity.NewSession(identity.SessionID(player.ID), player.ID, began, time.Hour)
			newcomers, keys = append(newcomers, identity.Newcomer{Player: player, Login: login}), append(keys, login.Key())
			players, sessions = append(players, player.ID), append(sessions, session)
			ref := storage.Ref{Owner: storage.Owner(player.ID), Collection: "saves", Key: "slot"}
			servers = append(servers, registry.Write{Server: registry.Server{
				ID: registry.ServerID(player.ID), Generation: 1, Revision: 1, State: registry.Ready, RegisteredAt: began, ExpiresAt: began.Add(time.Hour),
			}})
			documents = append(documents, storage.Write{Document: storage.Document{
				Ref: ref, Value: []byte("{}"), Version: 1, Read: storage.OwnerOnly, Write: storage.OwnerOnly, CreatedAt: began, UpdatedAt: began,
			}})
		}
		err := ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
			if _, err := tx.Players().LockByLogins(ctx, scope, keys); err != nil {
				return err
			}
			err := errors.Join(tx.Players().Create(ctx, scope, newcomers...), tx.Sessions().Create(ctx, scope, sessions...))
			if err != nil {
				return err
			}
			found, err := tx.Players().LockByLogins(ctx, scope, keys)
			if err != nil || len(found) != together {
				return fmt.Errorf("%d found: %w", len(found), err)
			}
			if owners, err := tx.Players().LockOwners(ctx, scope, ids(sessions)); err != nil || len(owners) != together {
				return fmt.Errorf("%d owners: %w", len(owners), err)
			}
			if _, err := tx.Sessions().LockMany(ctx, scope, ids(sessions)); err != nil {
				return err
			}
			return errors.Join(tx.Players().Seen(ctx, scope, began.Add(time.Hour), players...), tx.Sessions().Update(ctx, scope, sessions...))
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := ds.InTx(t.Context(), func(ctx context.Context, tx datastore.Repos) error {
				refs := make([]storage.Ref, len(documents))
				for i, w := range documents {
					refs[i] = w.Document.Ref
				}
				if _, err := tx.Documents().LockMany(ctx, scope, refs); err != nil {
					return err
				}
				named := make([]registry.ServerID, len(servers))
				for i, w := range servers {
					named[i] = w.Server.ID
				}
				if _, err := tx.Servers().LockMany(ctx, scope, named); err != nil {
					return err
				}
				return errors.Join(tx.Documents().WriteMany(ctx, scope, documents), tx.Servers().WriteMany(ctx, scope, servers))
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range servers {
				servers[i].Before = w.Server.Revision
				servers[i].Server.Revision++
			}
			for i, w := range documents {
				documents[i].Before, documents[i].Past = w.Document.Version, []storage.Document{w.Document}
				documents[i].Document.Version++
			}
		}
	}
	if err := ds.Close(); err != nil { // its connection tells what it read when it ends
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for {
		var inserted int64
		if err := conn.QueryRow(t.Context(), "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'players'").Scan(&inserted); err != nil {
			t.Fatal(err)
		}
		if inserted >= rounds*together {
			break
		} // else it is still on its way
	}
	rows, err := conn.Query(t.Context(), `SELECT relname, seq_tup_read + COALESCE((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid = s.relid), 0)::bigint
		FROM pg_stat_user_tables AS s`)
	if err != nil {
		t.Fatal(err)
	}
	var table string
	var read int64
	_, err = pgx.ForEachRow(rows, []any{&table, &read}, func() error {
		t.Logf("%s: %d rows read", table, read)
		if read > 40*rounds*together && table != "environments" {
			t.Errorf("%d rows of %s read for %d players", read, table, rounds*together)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ids(sessions []identity.Session) []identity.SessionID {
	ids := make([]identity.SessionID, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	return ids
}
