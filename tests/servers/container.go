package servers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// container is a server in a container. A helper process, tests/tools/containers,
// owns the container and removes it when its input ends: when this process ends it
// or ends itself.
type container struct {
	description description
	answers     func(context.Context) error

	helper  *exec.Cmd
	orders  io.WriteCloser
	replies *bufio.Scanner
	log     string // file
}

var _ machine = (*container)(nil)

// description is what the helper wants to know.
type description struct {
	Image string            `json:"image"`
	Cmd   []string          `json:"cmd"`
	Env   map[string]string `json:"env"`
	Ports map[string]int    `json:"ports"` // "5432/tcp": the port on loopback
	Files map[string]string `json:"files"` // path in the container: program on this machine
}

func newContainer(ctx context.Context, h *house, d description, answers func(context.Context) error) (machine, error) {
	// Building the helper takes a while, so look whether there is anything to talk to.
	if h.way != wayContainers && !engineLikely() {
		return nil, fmt.Errorf("%w: no Docker-compatible engine (neither DOCKER_HOST nor a socket in a usual place)", ErrAbsent)
	}
	program, err := tool(ctx, "containers", runtime.GOOS)
	if err != nil {
		return nil, err
	}
	var as *owner
	dir, err := h.folder("container", as)
	if err != nil {
		return nil, err
	}
	c := &container{description: d, answers: answers, log: filepath.Join(dir, "log")}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.helper = exec.Command(program)
	c.helper.Stderr = log
	if c.orders, err = c.helper.StdinPipe(); err != nil {
		return nil, err
	}
	replies, err := c.helper.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.replies = bufio.NewScanner(replies)
	if err := c.helper.Start(); err != nil {
		return nil, err
	}
	first, err := json.Marshal(d)
	if err == nil {
		err = c.order(string(first))
	}
	if err == nil {
		err = c.ready(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// engineLikely says whether an engine may be there: it knows the usual places only.
func engineLikely() bool {
	if os.Getenv("DOCKER_HOST") != "" || os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") != "" {
		return true
	}
	sockets := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"), filepath.Join(dir, "podman", "podman.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		sockets = append(sockets, filepath.Join(home, ".docker", "run", "docker.sock"), filepath.Join(home, ".testcontainers.properties"))
	}
	for _, path := range sockets {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// order sends the helper a line and waits until it is done.
func (c *container) order(line string) error {
	if _, err := io.WriteString(c.orders, line+"\n"); err != nil {
		return fmt.Errorf("%w: %s", err, tail(c.log))
	}
	if !c.replies.Scan() {
		return fmt.Errorf("the container's helper has ended: %s", tail(c.log))
	}
	var reply struct {
		Error  string
		Absent bool
	}
	if err := json.Unmarshal(c.replies.Bytes(), &reply); err != nil {
		return fmt.Errorf("read the container's helper: %w", err)
	}
	switch {
	case reply.Absent:
		return fmt.Errorf("%w: no Docker-compatible engine answers: %s", ErrAbsent, reply.Error)
	case reply.Error != "":
		return errors.New(reply.Error)
	}
	return nil
}

// ready returns when the server in the container answers.
func (c *container) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		probe, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := c.answers(probe)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the server in %s does not answer: %w", c.description.Image, err)
		}
		wait(ctx, 20*time.Millisecond)
	}
}

func (c *container) start(ctx context.Context) error {
	if err := c.order("start"); err != nil {
		return err
	}
	return c.ready(ctx)
}

func (c *container) stop() error   { return c.order("stop") }
func (c *container) kill() error   { return c.order("kill") }
func (c *container) pause() error  { return c.order("pause") }
func (c *container) resume() error { return c.order("resume") }

func (c *container) end() error {
	if err := c.orders.Close(); err != nil {
		return err
	}
	if err := c.helper.Wait(); err != nil {
		return fmt.Errorf("remove container: %w: %s", err, tail(c.log))
	}
	return nil
}
