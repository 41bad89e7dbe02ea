package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"

	"github.com/overworldhq/overworld/tests/servers"
)

// bareVariable makes this program the bare handler instead: it serves what it
// reads from its standard input, in a process of its own so that its processor time is known.
const bareVariable = "OVERWORLD_BENCH_BARE"

var bareListens = regexp.MustCompile(`bare (\S+)\n`)

// serveBare answers every request with the same bytes; with none, that nothing has changed.
func serveBare() error {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	fmt.Printf("bare %s\n", listener.Addr())
	err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(body) == 0 {
			w.Header().Set("ETag", `"00000000000000000000000000000000"`)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// bareHandler measures a handler that answers these bytes.
func bareHandler(ctx context.Context, folder string, reply []byte, l load) (f figures, err error) {
	child, open, err := startBare(folder, reply)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, child.stop()) }()
	l.open = open
	l.used = func() (cpu, error) {
		used, err := servers.CPU(child.pid())
		return cpu{server: used}, err
	}
	f, err = drive(ctx, l)
	f.database, f.cache = -1, -1
	return f, err
}

// startBare starts the bare handler, and gives what opens connections to it.
func startBare(folder string, reply []byte) (*child, func(int) (operation, func(), error), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), bareVariable+"=1")
	body := filepath.Join(folder, "body")
	if err := os.WriteFile(body, reply, 0o600); err != nil {
		return nil, nil, err
	}
	stdin, err := os.Open(body)
	if err != nil {
		return nil, nil, err
	}
	defer stdin.Close()
	cmd.Stdin = stdin
	child, address, err := start(cmd, filepath.Join(folder, "bare.log"), bareListens)
	if err != nil {
		return nil, nil, err
	}
	return child, func(int) (operation, func(), error) {
		c, err := dial(address)
		if err != nil {
			return nil, nil, err
		}
		request, status := append([]byte(nil), c.request("GET", documentPath(1), "x", nil)...), http.StatusOK
		if len(reply) == 0 {
			status = http.StatusNotModified
		}
		return func() error {
			_, err := c.want(status, request)
			return err
		}, c.close, nil
	}, nil
}

// documentReply is as long as the reply to a get of a document.
func documentReply() []byte {
	return []byte(`{"owner":"019ab4c2-0000-7000-8000-000000000000","collection":"saves","key":"slot-1","value":` + documentValue +
		`,"version":1,"read":"owner","write":"owner","created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"}`)
}
