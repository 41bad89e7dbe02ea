package main

import (
	"bufio"
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes the binary that a third party would ship.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "overworld")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

var address = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

func TestTheServerRunsOnAnOutsideAdapter(t *testing.T) {
	binary, data := build(t), filepath.Join(t.TempDir(), "data")
	serve := func(blobs string) *exec.Cmd {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(stop)
		return exec.CommandContext(ctx, binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--blobs", blobs)
	}

	server := serve("heap://")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = server.Stdout // one pipe: it may tell where it listens on either
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	listens, told := "", &strings.Builder{}
	for listens == "" && lines.Scan() {
		told.WriteString(lines.Text() + "\n")
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			listens = found[1]
		}
	}
	if listens == "" {
		t.Fatalf("it never said where it listens: %s", told)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() { // so that it never waits for us
		}
	}()
	reply, err := http.Get("http://" + listens + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if err := reply.Body.Close(); err != nil || reply.StatusCode != http.StatusOK {
		t.Errorf("readyz answers %s, %v", reply.Status, err)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-drained
	if err := server.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}

	// It was the adapter that served: the same binary refuses a scheme that nobody brought, and lists ours.
	refusal, err := serve("heep://").CombinedOutput()
	if err == nil || !strings.Contains(string(refusal), "heap://") || !strings.Contains(string(refusal), "file://") {
		t.Errorf("with another scheme: %v\n%s", err, refusal)
	}
	refusal, err = serve("heap://host").CombinedOutput()
	if err == nil || !strings.Contains(string(refusal), "takes nothing more") {
		t.Errorf("with an address that ours refuses: %v\n%s", err, refusal)
	}
}
