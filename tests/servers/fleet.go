package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Fleet is the shared servers of one run of all tests, over many test processes.
type Fleet struct {
	Servers []Found

	house *house
	run   string
	temp  string
}

// Found is a server of a fleet.
type Found struct {
	Kind    string
	Way     string // env, local or containers
	Version string
	Took    time.Duration

	variable, address string
}

// Start finds or starts one server of each kind, all at once. way is "", env,
// local or containers. The error is [ErrAbsent] when the machine lacks a server
// and installing one would help.
func Start(ctx context.Context, way string) (*Fleet, error) {
	f := &Fleet{house: &house{way: way, managed: true}, run: random(4)}
	temp, err := f.house.folder("tests", nil)
	if err == nil {
		err = os.Chmod(temp, 0o711) // as the folder above it
	}
	if err != nil {
		return nil, errors.Join(err, f.house.close())
	}
	f.temp = temp
	kinds := []kind{kindPostgres, kindRedis, kindCluster, kindS3}
	f.Servers = make([]Found, len(kinds))
	faults := make([]error, len(kinds))
	var all sync.WaitGroup
	for i, k := range kinds {
		all.Go(func() { f.Servers[i], faults[i] = f.find(ctx, k) })
	}
	all.Wait()
	if err := errors.Join(append(faults, ctx.Err())...); err != nil {
		return nil, errors.Join(err, f.house.close())
	}
	return f, nil
}

func (f *Fleet) find(ctx context.Context, k kind) (Found, error) {
	began := time.Now()
	s, err := f.house.find(ctx, k)
	if err != nil {
		return Found{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	version, err := k.version(ctx, s.address)
	if err != nil {
		return Found{}, fmt.Errorf("ask %s for its version: %w", k, err)
	}
	return Found{
		Kind: string(k), Way: s.way, Version: version, Took: time.Since(began),
		variable: k.recipe().env, address: s.address,
	}, nil
}

func (k kind) version(ctx context.Context, address string) (string, error) {
	switch k {
	case kindPostgres:
		return postgresVersion(ctx, address)
	case kindS3:
		return s3Version(ctx, address)
	default:
		return redisVersion(ctx, address)
	}
}

// Environment is what hands the fleet on to test processes.
func (f *Fleet) Environment() []string {
	environment := []string{
		envRun + "=" + f.run,
		envWay + "=" + f.house.way,
		// What an interrupted test leaves is removed with the fleet.
		"TMPDIR=" + f.temp,
	}
	for _, s := range f.Servers {
		environment = append(environment, s.variable+"="+s.address)
	}
	return environment
}

// Close stops what Start started, and removes what tests left on the rest.
func (f *Fleet) Close() error {
	var faults []error
	for _, s := range f.Servers {
		if s.Kind == string(kindPostgres) && s.Way == wayEnv {
			faults = append(faults, f.dropTemplates(s.address))
		}
	}
	return errors.Join(append(faults, f.house.close())...)
}

func (f *Fleet) dropTemplates(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), administer)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return errors.Join(dropTemplatesOf(ctx, conn, f.run), conn.Close(ctx))
}

// Root is the folder of the repository, found above the current one.
func Root() (string, error) {
	source, err := toolSource("s3")
	return strings.TrimSuffix(source, filepath.Join("tests", "tools", "s3")), err
}
