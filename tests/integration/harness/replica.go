package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within bounds whatever a healthy process does; it is long because the machine
// may be building at the same time.
const within = 60 * time.Second

// Replica is a running server process.
type Replica struct {
	t   testing.TB
	URL string

	metrics string
	cmd     *exec.Cmd
	out     *buffer
	log     *buffer
	done    chan struct{} // closed when the process has ended
	exit    error
}

var listens = regexp.MustCompile(`listens on http://(\S+?),`)

// Serve starts a replica and waits until it is ready. It ends with the test,
// which shows its log when it failed.
func (s *Stack) Serve(t testing.TB) *Replica {
	t.Helper()
	r, err := s.TryServe(t)
	if err != nil {
		t.Fatal(err)
	}
	Eventually(t, within, "readiness", func() bool {
		ready, err := r.Readiness()
		return err == nil && ready.Status == http.StatusOK
	})
	return r
}

// TryServe starts a replica and waits until it listens; the error is that it ended before.
func (s *Stack) TryServe(t testing.TB) (*Replica, error) {
	t.Helper()
	r := &Replica{t: t, out: &buffer{}, log: &buffer{}, done: make(chan struct{}), metrics: freeAddress(t)}
	r.cmd = exec.Command(Program(t), "serve")
	r.cmd.Dir = t.TempDir()
	r.cmd.Env = s.With("METRICS_LISTEN=" + r.metrics).Environment()
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = r.out, r.log, bound()
	started := make(chan error)
	go func() {
		// The kernel ends the child with the thread that started it, so the thread must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(r.done)
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.exit = r.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		r.signal(syscall.SIGKILL)
		<-r.done
		if t.Failed() {
			t.Logf("log of the replica at %s, without its requests:\n%s", r.URL, tail(r.notes(), 16<<10))
		}
	})
	listening := poll(within, func() bool {
		if found := listens.FindStringSubmatch(r.out.String()); found != nil {
			r.URL = "http://" + found[1]
			return true
		}
		return r.Ended()
	})
	switch {
	case !listening:
		return nil, errors.New("the server does not say where it listens")
	case r.URL == "":
		return nil, fmt.Errorf("the server ended at its start: %w: %s", r.exit, r.log)
	}
	return r, nil
}

// notes are the log without the lines of requests that went as they may.
func (r *Replica) notes() string {
	var kept strings.Builder
	for line := range strings.Lines(r.log.String()) {
		if !strings.Contains(line, `"msg":"mail"`) && !strings.Contains(line, `"msg":"request"`) || strings.Contains(line, `"status":5`) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func tail(text string, size int) string {
	if len(text) > size {
		return "…" + text[len(text)-size:]
	}
	return text
}

func (r *Replica) signal(s syscall.Signal) {
	if !r.Ended() {
		_ = r.cmd.Process.Signal(s) // it may have just ended
	}
}

// Kill ends the process with SIGKILL.
func (r *Replica) Kill() {
	r.signal(syscall.SIGKILL)
	<-r.done
}

// Terminate asks the process to stop, as SIGTERM does, and returns at once.
func (r *Replica) Terminate() { r.signal(syscall.SIGTERM) }

// Wait waits for the end of the process and gives how it ended; nil is exit code 0.
func (r *Replica) Wait() error {
	r.t.Helper()
	select {
	case <-r.done:
		return r.exit
	case <-time.After(within):
		r.t.Fatal("the server does not end")
		return nil
	}
}

// Stop stops the process gracefully, and fails the test if that is not clean.
func (r *Replica) Stop() {
	r.t.Helper()
	r.Terminate()
	if err := r.Wait(); err != nil {
		r.t.Errorf("the server stopped uncleanly: %v", err)
	}
}

// Pause freezes the process, and returns when it is frozen.
func (r *Replica) Pause() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		r.t.Fatalf("the server does not pause: %v", err)
	}
}

// Resume continues a paused process.
func (r *Replica) Resume() { r.signal(syscall.SIGCONT) }

// Ended tells whether the process has.
func (r *Replica) Ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Output is what the process has printed for people.
func (r *Replica) Output() string { return r.out.String() }

// Log gives the log's entries whose message is the given one; "" is all.
func (r *Replica) Log(message string) []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(r.log.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && (message == "" || entry["msg"] == message) {
			found = append(found, entry)
		}
	}
	return found
}

// Faults gives the log's errors: what went wrong on our side.
func (r *Replica) Faults() []map[string]any {
	var found []map[string]any
	for _, entry := range r.Log("") {
		if entry["level"] == "ERROR" {
			found = append(found, entry)
		}
	}
	return found
}

// Readiness is the reply of /readyz.
type Readiness struct {
	Status int
	Body   string
}

// Readiness asks the replica whether it is ready.
func (r *Replica) Readiness() (Readiness, error) {
	status, body, err := get(r.URL + "/readyz")
	return Readiness{status, body}, err
}

// Metrics is what the replica tells Prometheus.
func (r *Replica) Metrics() string {
	r.t.Helper()
	status, body, err := get("http://" + r.metrics + "/metrics")
	if err != nil || status != http.StatusOK {
		r.t.Fatalf("metrics: %d %v", status, err)
	}
	return body
}

// Degraded tells, by the replica's metrics, whether it does without a part.
func (r *Replica) Degraded(part string) bool {
	r.t.Helper()
	name := fmt.Sprintf("overworld_degraded{part=%q} ", part)
	for line := range strings.Lines(r.Metrics()) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value) == "1"
		}
	}
	r.t.Fatalf("there is no metric %s", name)
	return false
}

func get(url string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(body), err
}
