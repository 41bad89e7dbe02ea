package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	driver "modernc.org/sqlite"

	"github.com/overworldhq/overworld/adapters/sqlstore"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/plugin"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Plugin adds SQLite.
func Plugin(r *plugin.Registry) { r.Databases.Handle("sqlite", open) }

// database is a store that also knows its file.
type database struct {
	*sqlstore.Store
	path string
}

var (
	_ datastore.Datastore    = (*database)(nil)
	_ datastore.ServerLocker = (*database)(nil)
)

// open makes the file and its folder if they are not there, readable by their
// owner only: they hold the players' data.
func open(_ context.Context, address *url.URL, kit plugin.Kit) (datastore.Datastore, error) {
	path, err := fileOf(address)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make file: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("make file: %w", err)
	}
	return assemble(path, writing, kit)
}

// writing sets the connection up that writes. BEGIN IMMEDIATE takes the file's one write lock at
// once: a transaction never finds out half-way that another writer was faster.
var writing = url.Values{"_txlock": {"immediate"}}

// assemble makes the store of a file that is there.
func assemble(path string, writing url.Values, kit plugin.Kit) (*database, error) {
	write, err := pool(path, writing, 1)
	if err != nil {
		return nil, err
	}
	read, err := pool(path, url.Values{"_query_only": {"true"}}, max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, err
	}
	watch, err := pool(path, url.Values{"_query_only": {"true"}}, 1)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return &database{path: path, Store: sqlstore.New(sqlstore.Engine{
		Name:  "sqlite",
		Write: write, Read: read, Watch: watch,
		Dialect:    func() schema.Dialect { return sqlitedialect.New() },
		Exclusive:  true,
		Migrations: files,
		Classify:   classify,
		Pools:      func() []datastore.Pool { return []datastore.Pool{poolOf("write", write), poolOf("read", read)} },
		Clock:      kit.Clock,
	})}, nil
}

// fileOf reads the path: what follows the scheme's two slashes, so that three of
// them begin an absolute one.
func fileOf(address *url.URL) (string, error) {
	path := filepath.FromSlash(address.Host + address.Path)
	switch {
	case path == "" || strings.HasSuffix(path, string(filepath.Separator)):
		return "", errors.New("name a file: sqlite:///absolute/path.db or sqlite://relative/path.db")
	case address.RawQuery != "" || address.Fragment != "" || address.User != nil:
		return "", errors.New("a SQLite address is a path and nothing else")
	}
	return path, nil
}

// pool opens up to size connections, each set up alike.
func pool(path string, special url.Values, size int) (*sql.DB, error) {
	settings := url.Values{
		// How long SQLite waits for another process's lock before it gives up;
		// after that the store tries again.
		"_busy_timeout": {"1000"},
		"_foreign_keys": {"on"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"}, // in WAL mode less than FULL may lose the last commits with the power
		"_dqs":          {"false"},
	}
	for name, values := range special {
		settings[name] = values
	}
	// A file: URI, because a plain name would end at a question mark in it.
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: settings.Encode()}
	connector, err := driver.NewConnector(name.String())
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

func poolOf(name string, db *sql.DB) datastore.Pool {
	s := db.Stats()
	return datastore.Pool{
		Name: name, Max: s.MaxOpenConnections, Open: s.OpenConnections, InUse: s.InUse, Waits: s.WaitCount, Waited: s.WaitDuration,
	}
}

// LockServer locks a file beside the database, not the database itself, so that
// other processes can go on using it. The operating system frees the lock when
// the process ends.
func (d *database) LockServer(context.Context) (unlock func() error, err error) {
	lock := flock.New(d.path+".lock", flock.SetPermissions(0o600))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	case !got:
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), datastore.ErrInUse)
	}
	return lock.Unlock, nil
}
