package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/overworldhq/overworld/tests/integration/harness"
	"github.com/overworldhq/overworld/tests/servers"
)

// stack is one installation under test: its settings, and its database's processor time.
type stack struct {
	name     string
	settings map[string]string
	servers  *servers.Durable // nil when embedded
}

const (
	embedded   = "embedded"
	production = "production"
)

// newStack starts what the stack needs; folder is for its data.
func newStack(ctx context.Context, name, folder string) (*stack, error) {
	s := &stack{name: name, settings: map[string]string{
		"LISTEN": "127.0.0.1:0", "LOG_FORMAT": "json", "DATA": folder, "PPROF": "true", "DRAIN_SECONDS": "0",
	}}
	// The load comes from one address, from few callers, and to one environment.
	s.settings["LIMITS_CONNECTIONS"], s.settings["LIMITS_WAITING_POLLS"], s.settings["LIMITS_PLAYER_POLLS"] = "15000", "12600", "12600"
	for _, class := range []string{"SIGN_IN", "READ", "WRITE", "OPERATE", "EMAIL_LOGIN", "EMAIL_CODE", "EMAIL_INBOX"} {
		for _, who := range []string{"CALLER", "ADDRESS"} {
			s.settings["LIMITS_RATES_"+class+"_"+who] = "1000000/s burst 1000000"
		}
	}
	if name == embedded {
		return s, nil
	}
	var err error
	if s.servers, err = servers.StartDurable(ctx, os.Getenv("OVERWORLD_TEST_SERVERS")); err != nil {
		return nil, err
	}
	var key [32]byte
	rand.Read(key[:])
	s.settings["MASTER_KEY"] = hex.EncodeToString(key[:])
	s.settings["DATABASE"], s.settings["CACHE"] = s.servers.Postgres, s.servers.Redis
	return s, nil
}

// title is what the stack is, for people.
func (s *stack) title() string {
	if s.servers == nil {
		return "embedded: SQLite and the process's own memory"
	}
	return "production: PostgreSQL " + s.servers.PostgresVersion + ", durable, and Redis"
}

func (s *stack) close() error {
	if s.servers == nil {
		return nil
	}
	return s.servers.Close()
}

// replica is the program, serving.
type replica struct {
	stack   *stack
	place   place
	metrics string // URL
	child   *child
}

var (
	listens    = regexp.MustCompile(`listens on http://(\S+?),`)
	toldWithin = time.Minute
)

// serve makes a project and starts the program.
func (s *stack) serve(ctx context.Context, program string) (*replica, error) {
	command := harness.Stack{Settings: s.settings}
	if _, err := command.Run(ctx, program, "migrate"); err != nil {
		return nil, err
	}
	printed, err := command.Run(ctx, program, "project", "create", "bench")
	if err != nil {
		return nil, err
	}
	credentials := harness.ReadCredentials("bench", printed)
	key := credentials.Publishable["production"]
	if key == "" {
		return nil, errors.New("the program printed no publishable key")
	}
	return s.again(program, place{publishable: key, laps: s.leaderboard(credentials.Secret, credentials.Server["production"]), live: &live{secret: credentials.Secret}})
}

// again starts the program for a project that has been made.
func (s *stack) again(program string, at place) (*replica, error) {
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.settings["METRICS_LISTEN"] = metrics
	command := harness.Stack{Settings: s.settings}
	cmd := exec.Command(program, "serve")
	cmd.Env = command.Environment()
	child, found, err := start(cmd, filepath.Join(s.settings["DATA"], "server.log"), listens)
	if err != nil {
		return nil, err
	}
	at.address = found
	return &replica{stack: s, place: at, metrics: "http://" + metrics, child: child}, nil
}

// used is the processor time of the server and of what it stands on.
func (r *replica) used() (cpu, error) {
	server, err := servers.CPU(r.child.pid())
	if err != nil || r.stack.servers == nil {
		return cpu{server: server}, err
	}
	database, err := r.stack.servers.PostgresCPU()
	if err != nil {
		return cpu{}, err
	}
	cache, err := r.stack.servers.RedisCPU()
	return cpu{server, database, cache}, err
}

// profile saves a CPU profile of the server over the coming seconds.
func (r *replica) profile(ctx context.Context, length time.Duration, path string) error {
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", r.metrics, max(1, int(length.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d: %.200s", reply.StatusCode, body)
	}
	return os.WriteFile(path, body, 0o600)
}

// child is a process of ours.
type child struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan error
}

// start starts a command, whose errors go to a file, and waits until it prints what tells that
// it serves: the pattern, whose first group is given.
func start(cmd *exec.Cmd, log string, pattern *regexp.Regexp) (*child, string, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, "", err
	}
	cmd.Stderr = file
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	c := &child{cmd: cmd, log: file, done: make(chan error, 1)}
	found := make(chan string, 1)
	go func() {
		var text bytes.Buffer
		buffer := make([]byte, 4096)
		for {
			n, err := out.Read(buffer)
			text.Write(buffer[:n])
			if match := pattern.FindSubmatch(text.Bytes()); match != nil {
				select {
				case found <- string(match[1]):
				default:
				}
			}
			if err != nil {
				break
			}
		}
		c.done <- cmd.Wait()
	}()
	select {
	case address := <-found:
		return c, address, nil
	case err := <-c.done:
		text, _ := os.ReadFile(log)
		return nil, "", fmt.Errorf("%s ended at its start: %w: %s", cmd.Path, err, text)
	case <-time.After(toldWithin):
		return nil, "", errors.Join(fmt.Errorf("%s doesn't say where it listens", cmd.Path), c.stop())
	}
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the process gracefully.
func (c *child) stop() error {
	defer c.log.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-time.After(toldWithin):
		return errors.Join(errors.New("the server does not stop"), c.cmd.Process.Kill())
	}
}

// kill ends the process as a crash does.
func (c *child) kill() error {
	defer c.log.Close()
	if err := c.cmd.Process.Kill(); err != nil {
		return err
	}
	if err := <-c.done; err == nil {
		return errors.New("the server ended by itself")
	}
	return nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
