package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// The environment variables that choose how servers are found.
const (
	envWay = "OVERWORLD_TEST_SERVERS"
	envRun = "OVERWORLD_TEST_RUN"
)

// The ways to find a server.
const (
	wayEnv        = "env"
	wayLocal      = "local"
	wayContainers = "containers"
)

// kind is a kind of server.
type kind string

const (
	kindPostgres kind = "PostgreSQL"
	kindRedis    kind = "Redis"
	kindCluster  kind = "Redis Cluster"
	kindS3       kind = "S3"
)

// recipe is how to make a server of a kind.
type recipe struct {
	env        string
	advice     string
	local      func(context.Context, *house, purpose) (machine, string, error)
	containers func(context.Context, *house, purpose) (machine, string, error)
}

// purpose is what a server is for.
type purpose bool

const (
	shared  purpose = false // fast; its data need not outlive it
	private purpose = true  // durable, for one test that may kill it
)

func (k kind) recipe() recipe {
	switch k {
	case kindPostgres:
		return recipe{"OVERWORLD_TEST_POSTGRES", "the package postgresql", localPostgres, containerPostgres}
	case kindRedis:
		return recipe{"OVERWORLD_TEST_REDIS", "the package redis-server (or valkey-server)", localRedis, containerRedis}
	case kindCluster:
		return recipe{"OVERWORLD_TEST_REDIS_CLUSTER", "the package redis-server (or valkey-server)", localCluster, containerCluster}
	default:
		return recipe{"OVERWORLD_TEST_S3", "nothing more than Go, and once the network, to build the S3 server of tests/tools/s3", localS3, containerS3}
	}
}

// ErrAbsent says that this machine lacks what a server needs to be started.
var ErrAbsent = errors.New("not on this machine")

// resolve finds or starts the shared server of a kind.
func (h *house) resolve(ctx context.Context, k kind) (*server, error) {
	r := k.recipe()
	// Within a run of `go run ./tests` the addresses are its own servers, whatever way it found them.
	if address := os.Getenv(r.env); address != "" && (h.way == "" || h.way == wayEnv || h.run != "") {
		return &server{address: address, way: wayEnv}, nil
	}
	if h.way == wayEnv {
		return nil, fmt.Errorf("no %s: %s=env, but %s is not set", k, envWay, r.env)
	}
	m, address, way, err := h.launch(ctx, k, shared)
	if err != nil {
		return nil, err
	}
	h.onClose(m.end)
	return &server{address: address, way: way}, nil
}

// launch starts a new server, from programs on the machine or in a container.
func (h *house) launch(ctx context.Context, k kind, p purpose) (m machine, address, way string, err error) {
	r := k.recipe()
	switch h.way {
	case "", wayEnv, wayLocal, wayContainers:
	default:
		return nil, "", "", fmt.Errorf("%s=%s: want env, local or containers", envWay, h.way)
	}
	var tried []error
	if h.way != wayContainers {
		m, address, err := retryPorts(ctx, h, p, r.local)
		if err == nil {
			return m, address, wayLocal, nil
		}
		if !errors.Is(err, ErrAbsent) {
			return nil, "", "", fmt.Errorf("start %s: %w", k, err)
		}
		tried = append(tried, err)
	}
	if h.way != wayLocal {
		m, address, err := retryPorts(ctx, h, p, r.containers)
		if err == nil {
			return m, address, wayContainers, nil
		}
		if !errors.Is(err, ErrAbsent) {
			return nil, "", "", fmt.Errorf("start %s in a container: %w", k, err)
		}
		tried = append(tried, err)
	}
	return nil, "", "", fmt.Errorf("no %s for the tests: install %s, or start a Docker-compatible engine, or give the address of a server in %s "+
		"(on Debian, as root, `go run ./tests` installs what is missing): %w", k, r.advice, r.env, errors.Join(tried...))
}

// retryPorts starts a server again, on other ports, when it ended at once:
// between choosing a free port and listening on it another process may take it.
func retryPorts(ctx context.Context, h *house, p purpose, start func(context.Context, *house, purpose) (machine, string, error)) (machine, string, error) {
	for attempt := 1; ; attempt++ {
		m, address, err := start(ctx, h, p)
		if err == nil || attempt == 4 || !errors.Is(err, errEnded) {
			return m, address, err
		}
	}
}
