package servers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// administer bounds one statement on the maintenance database.
const administer = 2 * time.Minute

// Postgres is the URL of an empty database made for this test and dropped after it.
func Postgres(t testing.TB) string {
	t.Helper()
	return everything.database(t, "")
}

// PostgresTemplate is like [Postgres], but the database is a copy of one that
// prepare filled. prepare runs once a name in a run, also when several test
// processes share the server; the name must change with what prepare does
// (a hash of the migrations, for one) and have at most 30 bytes. prepare must
// have closed its connections when it returns.
func PostgresTemplate(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	found := everything.use(t, kindPostgres)
	template, err := everything.admin(found).template(t.Context(), everything.run, name, prepare)
	if err != nil {
		t.Fatalf("prepare database template %s: %v", name, err)
	}
	return everything.database(t, template)
}

func (h *house) database(t testing.TB, template string) string {
	t.Helper()
	admin := h.admin(h.use(t, kindPostgres))
	name := nameFor(t, "_")
	if err := admin.create(t.Context(), name, template); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin.drop(context.Background(), name); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return admin.urlOf(name)
}

// admins creates and drops databases, over one connection.
type admins struct {
	address string
	own     string // marks the templates of this process

	mu    sync.Mutex
	conn  *pgx.Conn
	ready map[string]bool // templates
}

// admin is the way to create databases on the shared server.
func (h *house) admin(s *server) *admins {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.admins == nil {
		h.admins = &admins{address: s.address, own: random(6), ready: map[string]bool{}}
		outlives := s.way == wayEnv && h.run == ""
		h.closers = append(h.closers, func() error { return h.admins.close(outlives) })
	}
	return h.admins
}

func (a *admins) create(ctx context.Context, name, template string) error {
	return a.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return createDatabase(ctx, conn, name, template)
	})
}

func (a *admins) drop(ctx context.Context, name string) error {
	return a.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
		return err
	})
}

// template makes the template if no other process of the run has, and gives its full name.
func (a *admins) template(ctx context.Context, run, name string, prepare func(url string) error) (string, error) {
	if run == "" {
		run = a.own
	}
	full := templatePrefix(run) + name
	return full, a.do(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		if a.ready[full] {
			return nil
		}
		// Held by the connection, so the next process waits here until the template is ready.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", full); err != nil {
			return err
		}
		defer func() {
			_, unlock := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", full)
			err = errors.Join(err, unlock)
		}()
		// The flag is set last, so a database without it was left by a process that died.
		var ready bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", full).Scan(&ready); err != nil {
			return err
		}
		if !ready {
			if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(full)+" WITH (FORCE)"); err != nil {
				return err
			}
			if err := createDatabase(ctx, conn, full, ""); err != nil {
				return err
			}
			if err := prepare(a.urlOf(full)); err != nil {
				return err
			}
			if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(full)+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"); err != nil {
				return err
			}
		}
		a.ready[full] = true
		return nil
	})
}

// do runs f with the connection, alone.
func (a *admins) do(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, administer)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil || a.conn.IsClosed() {
		conn, err := pgx.Connect(ctx, a.address)
		if err != nil {
			return err
		}
		a.conn = conn
	}
	return f(ctx, a.conn)
}

func (a *admins) urlOf(database string) string {
	u, err := url.Parse(a.address)
	if err != nil {
		panic("a URL that pgx has connected to: " + err.Error())
	}
	u.Path = "/" + database
	return u.String()
}

// close ends the connection, after dropping this process's templates from a
// server that will outlive it.
func (a *admins) close(dropTemplates bool) error {
	var fault error
	if dropTemplates {
		fault = a.do(context.Background(), func(ctx context.Context, conn *pgx.Conn) error {
			return dropTemplatesOf(ctx, conn, a.own)
		})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return fault
	}
	return errors.Join(fault, a.conn.Close(context.Background()))
}

func createDatabase(ctx context.Context, conn *pgx.Conn, name, template string) error {
	statement := "CREATE DATABASE " + quote(name)
	if template != "" {
		statement += " TEMPLATE " + quote(template)
	}
	// Copying files beats writing every page to the log, which is what versions
	// from 15 do unless told; older ones know no other way.
	var major int
	if _, err := fmt.Sscanf(conn.PgConn().ParameterStatus("server_version"), "%d", &major); err == nil && major >= 15 {
		statement += " STRATEGY file_copy"
	}
	_, err := conn.Exec(ctx, statement)
	return err
}

func templatePrefix(run string) string { return "tpl_" + run + "_" }

func dropTemplatesOf(ctx context.Context, conn *pgx.Conn, run string) error {
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", templatePrefix(run))
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(name)+" WITH IS_TEMPLATE false"); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE "+quote(name)); err != nil {
			return err
		}
	}
	return nil
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
