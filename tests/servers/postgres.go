package servers

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

const postgresUser = "overworld"

// postgresSettings are the settings of a test server. The shared one never
// survives its run, so it need not wait for the disk; a private one is as
// durable as in production, because tests kill it.
func postgresSettings(p purpose) []string {
	settings := []string{"max_connections=300", "wal_level=minimal", "max_wal_senders=0"}
	if p == shared {
		// Without autovacuum nobody else connects to a template while it is copied.
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "checkpoint_timeout=1h")
	}
	var arguments []string
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	return arguments
}

// postgresAddress is the URL of the maintenance database.
func postgresAddress(port int, password string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresUser, password),
		Host: loopback(port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return u.String()
}

func localPostgres(ctx context.Context, h *house, p purpose) (machine, string, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, "", err
	}
	as, err := unprivileged("postgres")
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	dir, err := h.folder("postgres", as)
	if err != nil {
		return nil, "", err
	}
	password, data := random(16), filepath.Join(dir, "data")
	if err := initdb(ctx, as, bin, dir, data, password); err != nil {
		return nil, "", err
	}
	arguments := append([]string{
		"-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		// In a file, so that a killed server leaves nothing in the system's shared memory.
		"-c", "dynamic_shared_memory_type=mmap",
	}, postgresSettings(p)...)
	address := postgresAddress(port, password)
	server := &process{
		command:  func() *exec.Cmd { return as.command(dir, filepath.Join(bin, "postgres"), arguments...) },
		answers:  func(ctx context.Context) error { return postgresAnswers(ctx, address) },
		graceful: syscall.SIGINT, // "fast": connections are cut, data is saved
		log:      filepath.Join(dir, "log"),
	}
	return server, address, server.start(ctx)
}

// postgresPrograms is the folder of the newest PostgreSQL of this machine.
func postgresPrograms() (string, error) {
	if _, err := exec.LookPath("initdb"); err == nil {
		if path, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), nil
		}
	}
	var folders []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(filepath.Join(pattern, "initdb"))
		for _, path := range found {
			folders = append(folders, filepath.Dir(path))
		}
	}
	if len(folders) == 0 {
		return "", fmt.Errorf("%w: neither initdb and postgres in PATH nor /usr/lib/postgresql/*/bin", ErrAbsent)
	}
	return slices.MaxFunc(folders, func(a, b string) int { return postgresMajor(a) - postgresMajor(b) }), nil
}

// postgresMajor is the major version in a folder's name.
func postgresMajor(folder string) int {
	digits := strings.FieldsFunc(filepath.Base(filepath.Dir(folder)), func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	major, _ := strconv.Atoi(digits[0])
	return major
}

// initdb makes an empty cluster. Its collation is a language's where that can be
// had, as in most installations, so that a query which relies on the order of
// bytes without saying so fails here.
func initdb(ctx context.Context, as *owner, bin, dir, data, password string) error {
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if err := as.take(secret); err != nil {
		return err
	}
	arguments := []string{
		"-D", data, "-U", postgresUser, "--pwfile", secret, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync",
	}
	var out []byte
	var err error
	for _, collation := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US"}, nil} {
		cmd := as.command(dir, filepath.Join(bin, "initdb"), append(arguments, collation...)...)
		if out, err = cmd.CombinedOutput(); err == nil || ctx.Err() != nil {
			break
		}
		if err := os.RemoveAll(data); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func postgresAnswers(ctx context.Context, address string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// postgresVersion is what the server says it is.
func postgresVersion(ctx context.Context, address string) (string, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var version string
	err = conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	version, _, _ = strings.Cut(version, " ") // what follows names the package it came in
	return version, err
}
