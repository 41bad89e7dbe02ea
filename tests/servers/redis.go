package servers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// Redis is the URL of a Redis server, redis://host:port/0?prefix=…, with a key
// prefix made for this test. The server is shared: a test that would flush or
// stop it takes [OwnRedis]. Keys are not removed after the test.
func Redis(t testing.TB) string {
	t.Helper()
	return withPrefix(t, everything.use(t, kindRedis).address)
}

// RedisCluster is like [Redis] for a cluster of three masters; the second and
// third are in the query parameter addr.
func RedisCluster(t testing.TB) string {
	t.Helper()
	return withPrefix(t, everything.use(t, kindCluster).address)
}

func withPrefix(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the address of the Redis server is not a URL")
	}
	query := u.Query()
	query.Set("prefix", nameFor(t, "-")+":")
	u.RawQuery = query.Encode()
	return u.String()
}

func redisAddress(port int) string { return "redis://" + loopback(port) + "/0" }

func localRedis(ctx context.Context, h *house, p purpose) (machine, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	server, err := redisProcess(h, port, redisSave(p)...)
	if err != nil {
		return nil, "", err
	}
	return server, redisAddress(port), server.start(ctx)
}

// redisSave is when the server saves. A private one does so when it is stopped,
// so that it can return with old data.
func redisSave(p purpose) []string {
	if p == shared {
		return []string{"--save", ""}
	}
	return []string{"--save", "3600 1"}
}

func redisProcess(h *house, port int, more ...string) (*process, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if program, err = exec.LookPath("valkey-server"); err != nil {
			return nil, fmt.Errorf("%w: neither redis-server nor valkey-server in PATH", ErrAbsent)
		}
	}
	as, err := unprivileged("redis", "valkey")
	if err != nil {
		return nil, err
	}
	dir, err := h.folder("redis", as)
	if err != nil {
		return nil, err
	}
	arguments := append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--appendonly", "no"}, more...)
	return &process{
		command:  func() *exec.Cmd { return as.command(dir, program, arguments...) },
		answers:  func(ctx context.Context) error { return redisAnswers(ctx, loopback(port)) },
		graceful: syscall.SIGTERM,
		log:      filepath.Join(dir, "log"),
	}, nil
}

func redisAnswers(ctx context.Context, address string) error {
	_, err := redisDo(ctx, address, "PING")
	return err
}

// redisDo runs one command on one node.
func redisDo(ctx context.Context, address string, command ...string) (string, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
	})
	if err != nil {
		return "", err
	}
	defer client.Close()
	reply := client.Do(ctx, client.B().Arbitrary(command...).Build())
	text, err := reply.ToString()
	if err != nil {
		return "", fmt.Errorf("redis %s: %w", command[0], err)
	}
	return text, nil
}

// redisVersion is what the server says it is.
func redisVersion(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("not a URL")
	}
	info, err := redisDo(ctx, u.Host, "INFO", "server")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"valkey_version", "redis_version"} {
		for line := range strings.Lines(info) {
			if version, found := strings.CutPrefix(strings.TrimSpace(line), name+":"); found {
				return version, nil
			}
		}
	}
	return "", errors.New("INFO tells no version")
}

const (
	clusterMasters = 3
	clusterSlots   = 16384
)

func clusterAddress(ports []int) string {
	query := url.Values{}
	for _, port := range ports[1:] {
		query.Add("addr", loopback(port))
	}
	return redisAddress(ports[0]) + "?" + query.Encode()
}

func localCluster(ctx context.Context, h *house, _ purpose) (machine, string, error) {
	nodes, ports := machines{}, []int{}
	for range clusterMasters {
		port, err := freePort()
		if err != nil {
			return nil, "", errors.Join(err, nodes.end())
		}
		node, err := redisProcess(h, port, "--save", "", "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
		if err != nil {
			return nil, "", errors.Join(err, nodes.end())
		}
		if err := node.start(ctx); err != nil {
			return nil, "", errors.Join(err, nodes.end())
		}
		nodes, ports = append(nodes, node), append(ports, port)
	}
	if err := joinCluster(ctx, ports); err != nil {
		return nil, "", errors.Join(err, nodes.end())
	}
	return nodes, clusterAddress(ports), nil
}

// joinCluster shares the slots among the nodes and introduces them to each
// other, and returns when every node serves.
func joinCluster(ctx context.Context, ports []int) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for i, port := range ports {
		command := []string{"CLUSTER", "ADDSLOTS"}
		for slot := i * clusterSlots / len(ports); slot < (i+1)*clusterSlots/len(ports); slot++ {
			command = append(command, strconv.Itoa(slot))
		}
		if _, err := redisDo(ctx, loopback(port), command...); err != nil {
			return err
		}
		// Different epochs, so that the nodes have nothing to settle.
		if _, err := redisDo(ctx, loopback(port), "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for _, port := range ports[1:] {
		if _, err := redisDo(ctx, loopback(ports[0]), "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(port)); err != nil {
			return err
		}
	}
	for _, port := range ports {
		for {
			info, err := redisDo(ctx, loopback(port), "CLUSTER", "INFO")
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_size:%d\r", len(ports))) {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("redis cluster does not form: %w: %s", ctx.Err(), info)
			}
			wait(ctx, 50*time.Millisecond)
		}
	}
	return nil
}

// machines are several that serve as one.
type machines []machine

var _ machine = machines(nil)

func (m machines) each(f func(machine) error) error {
	var faults []error
	for _, one := range m {
		faults = append(faults, f(one))
	}
	return errors.Join(faults...)
}

func (m machines) start(ctx context.Context) error {
	return m.each(func(one machine) error { return one.start(ctx) })
}
func (m machines) stop() error   { return m.each(machine.stop) }
func (m machines) kill() error   { return m.each(machine.kill) }
func (m machines) pause() error  { return m.each(machine.pause) }
func (m machines) resume() error { return m.each(machine.resume) }
func (m machines) end() error    { return m.each(machine.end) }
