package tour

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Server is a process of this very binary that serves from a folder of its
// own, on its embedded defaults, until Stop.
type Server struct {
	URL string

	// credentials are those of the first start, by place and kind as they are
	// printed: "development", "publishable key".
	credentials map[[2]string]string
	folder      string
	stop        context.CancelFunc
	read        chan struct{} // closed when its output has ended
	wait        func() error
	log         *tail
}

const (
	startTime = time.Minute
	stopTime  = 30 * time.Second
)

// Start runs a server and waits until it listens. Settings of the
// environment are kept from it, so that it can't reach anybody's data.
func Start(ctx context.Context, environ []string) (*Server, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	folder, err := os.MkdirTemp("", "overworld-tour-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	command := exec.CommandContext(running, binary, "serve",
		"--data", folder, "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--log-level", "warn")
	command.Env = without(environ, "OVERWORLD_")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopTime
	s := &Server{credentials: map[[2]string]string{}, folder: folder, stop: stop, read: make(chan struct{}), wait: command.Wait, log: &tail{}}
	command.Stderr = s.log
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("start a server: %w", err), os.RemoveAll(folder))
	}
	listening := make(chan string, 1)
	go func() {
		defer close(s.read)
		s.follow(out, listening)
	}()

	late := time.NewTimer(startTime)
	defer late.Stop()
	select {
	case s.URL = <-listening:
		return s, nil
	case <-s.read:
		err = errors.New("it ended before it listened")
	case <-late.C:
		err = fmt.Errorf("it does not listen after %s", startTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = s.Stop() // how it ended matters less than that it did
	return nil, fmt.Errorf("start a server: %w\n%s", err, s.log)
}

var (
	credentialLine = regexp.MustCompile(`^  (\S.*?)\s{2,}(\S.*?)\s{2,}(ow_\w+)$`)
	addressLine    = regexp.MustCompile(` listens on (http://[^\s,]+)`)
)

// follow reads what the server prints to its end. The credentials come before
// the address, so whoever has the address may read them.
func (s *Server) follow(out io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(out)
	for told := false; lines.Scan(); {
		if told {
			continue
		}
		if m := credentialLine.FindStringSubmatch(lines.Text()); m != nil {
			s.credentials[[2]string{m[1], m[2]}] = m[3]
		}
		if m := addressLine.FindStringSubmatch(lines.Text()); m != nil {
			told = true
			listening <- m[1]
		}
	}
}

// Options are those to play on this server with all its credentials.
func (s *Server) Options(color bool) Options {
	return Options{
		URL:            s.URL,
		PublishableKey: s.credentials[[2]string{"development", "publishable key"}],
		ServerToken:    s.credentials[[2]string{"development", "server token"}],
		SecretKey:      s.credentials[[2]string{"whole project", "secret key"}],
		ForeignKey:     s.credentials[[2]string{"staging", "publishable key"}],
		Color:          color,
	}
}

// Stop ends the server as an operator would, and removes its folder.
func (s *Server) Stop() error {
	s.stop()
	<-s.read
	err := s.wait()
	if errors.Is(err, context.Canceled) {
		err = nil // it ended well, because it was told to
	}
	if err != nil {
		err = fmt.Errorf("stop the server: %w\n%s", err, s.log)
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

func without(environ []string, prefix string) []string {
	kept := make([]string, 0, len(environ))
	for _, variable := range environ {
		if !strings.HasPrefix(variable, prefix) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// tail keeps the end of a log. It is written by one goroutine and read after
// that has ended.
type tail struct{ kept bytes.Buffer }

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept.Write(p)
	if over := t.kept.Len() - tailSize; over > 0 {
		t.kept.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return t.kept.String() }
