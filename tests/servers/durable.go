package servers

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Durable is a PostgreSQL and a Redis server of one run's own, as durable as in
// production: what is measured with servers that do not wait for the disk says nothing.
type Durable struct {
	// Postgres is the URL of an empty database, Redis that of an empty server.
	Postgres, Redis string
	// PostgresVersion is what the server says of itself.
	PostgresVersion string

	house           *house
	postgres, redis machine
}

// StartDurable starts both servers; way is "", local or containers.
func StartDurable(ctx context.Context, way string) (*Durable, error) {
	d := &Durable{house: &house{way: way, managed: true}}
	var err error
	if d.postgres, d.Postgres, _, err = d.house.launch(ctx, kindPostgres, private); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.redis, d.Redis, _, err = d.house.launch(ctx, kindRedis, private); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.PostgresVersion, err = postgresVersion(ctx, d.Postgres); err != nil {
		return nil, errors.Join(fmt.Errorf("ask PostgreSQL for its version: %w", err), d.Close())
	}
	return d, nil
}

// PostgresCPU is the processor time that PostgreSQL has used so far, with all its
// processes, those that have ended among them. It is an error where it can't be
// told: outside Linux, and of a container.
func (d *Durable) PostgresCPU() (time.Duration, error) { return machineCPU(d.postgres) }

// RedisCPU is like PostgresCPU.
func (d *Durable) RedisCPU() (time.Duration, error) { return machineCPU(d.redis) }

// Close stops both servers and removes their data.
func (d *Durable) Close() error {
	var faults []error
	for _, m := range []machine{d.redis, d.postgres} {
		if m != nil {
			faults = append(faults, m.end())
		}
	}
	return errors.Join(append(faults, d.house.close())...)
}

func machineCPU(m machine) (time.Duration, error) {
	p, ok := m.(*process)
	if !ok {
		return 0, errors.New("the processor time of a container is not known")
	}
	return CPU(p.cmd.Process.Pid)
}
