package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// run runs one `go test` and reports its events as they come. Tests that fail
// are no error here; a `go test` that cannot run is.
func (s step) run(ctx context.Context, o options, environment []string, r *report) error {
	arguments := []string{"test", "-json", "-timeout", o.timeout.String()}
	if s.race {
		arguments = append(arguments, "-race")
	}
	if o.short {
		arguments = append(arguments, "-short")
	}
	if o.run != "" {
		arguments = append(arguments, "-run", o.run)
	}
	if o.count > 0 {
		arguments = append(arguments, "-count", strconv.Itoa(o.count))
	}
	cmd := exec.CommandContext(ctx, "go", append(arguments, s.packages...)...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	// The group, since `go test` leaves an interrupt to its children.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	readErr := read(events, r)
	waitErr := cmd.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if readErr != nil {
		return fmt.Errorf("read go test: %w", readErr)
	}
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) && r.failed > 0 {
		return nil // it exits so because of what was reported
	}
	if waitErr != nil {
		return fmt.Errorf("go test: %w", waitErr)
	}
	return nil
}

func read(events io.Reader, r *report) error {
	decoder := json.NewDecoder(events)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.add(e)
	}
}
