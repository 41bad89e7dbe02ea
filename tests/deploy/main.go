package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	compose := flag.String("compose", "docker compose", "the compose `command`")
	keep := flag.Bool("keep", false, "leave everything running at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := try(ctx, strings.Fields(*compose), *keep); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

// project is one installation that compose runs, and its secrets.
type project struct {
	command     []string
	environment []string
	url         string
}

var replicas = []string{"overworld-1", "overworld-2"}

func try(ctx context.Context, command []string, keep bool) (failure error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	p := project{
		command: append(command, "-p", "overworld-try", "-f", "deploy/compose.yaml"),
		url:     "http://127.0.0.1:" + port,
		environment: append(os.Environ(), "OVERWORLD_PORT="+port, "OVERWORLD_MASTER_KEY="+secret(),
			"POSTGRES_PASSWORD="+secret(), "S3_SECRET_KEY="+secret()),
	}
	if !keep {
		defer func() {
			if _, err := p.compose(context.WithoutCancel(ctx), "down", "--volumes"); failure == nil {
				failure = err
			}
		}()
	}
	if _, err := p.compose(ctx, "up", "-d", "--build"); err != nil {
		return err
	}
	if err := until(ctx, "ready replica behind the load balancer", func() bool { return ready(ctx, p.url) }); err != nil {
		return err
	}
	fmt.Println("up at", p.url)
	if _, err := p.overworld(ctx, "project", "create", "space-race", "--name", "Space Race"); err != nil {
		return err
	}
	issue := func(kind string, more ...string) (string, error) {
		return p.overworld(ctx, append([]string{"key", "create", "--project", "space-race", "--kind", kind, "--quiet"}, more...)...)
	}
	key, err := issue("publishable_key", "--environment", "development")
	if err != nil {
		return err
	}
	server, err := issue("server_token", "--environment", "development", "--scope", "*")
	if err != nil {
		return err
	}
	operator, err := issue("secret_key", "--scope", "*")
	if err != nil {
		return err
	}
	played, err := p.overworld(ctx, "tour", "--url", "http://load-balancer:8420", "--publishable-key", key, "--server-token", server, "--secret-key", operator)
	if err != nil {
		return err
	}
	fmt.Println("tour through the load balancer:", played[strings.LastIndexByte(played, '\n')+1:])
	return p.roll(ctx, key)
}

// roll stops and starts each replica under load.
func (p project) roll(ctx context.Context, key string) error {
	l := newLoad(p.url, key)
	if err := l.start(ctx, 8); err != nil {
		return err
	}
	err := func() error {
		for _, replica := range replicas {
			for _, any := range replicas {
				before := l.served(any)
				if err := until(ctx, "request served by "+any, func() bool { return l.served(any) > before || l.failed() }); err != nil {
					return err
				}
			}
			if _, err := p.compose(ctx, "stop", replica); err != nil {
				return err
			}
			fmt.Println("stopped", replica)
			if _, err := p.compose(ctx, "start", replica); err != nil {
				return err
			}
		}
		return nil
	}()
	report, failed := l.stop()
	fmt.Println(report)
	if err != nil {
		return err
	}
	return failed
}

// compose runs a command of compose and gives what it prints.
func (p project) compose(ctx context.Context, arguments ...string) (string, error) {
	all := append(p.command[1:len(p.command):len(p.command)], arguments...)
	cmd := exec.CommandContext(ctx, p.command[0], all...)
	cmd.Env = p.environment
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", p.command[0], strings.Join(all, " "), err, &said, &out)
	}
	return strings.TrimSpace(out.String()), nil
}

// overworld runs a command of the program where the first replica runs.
func (p project) overworld(ctx context.Context, arguments ...string) (string, error) {
	return p.compose(ctx, append([]string{"exec", "-T", replicas[0], "/overworld"}, arguments...)...)
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return false
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	reply.Body.Close()
	return reply.StatusCode == http.StatusOK
}

// until waits for what must come within two minutes.
func until(ctx context.Context, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("there is still no %s", what)
		case <-again.C:
		}
	}
	return nil
}

func secret() string {
	var bytes [32]byte
	rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}
