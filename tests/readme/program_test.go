package readme

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// root is the repository, seen from this package.
const root = "../.."

// binary is the program, built once for the tests of this package.
var binary string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "overworld-readme-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "overworld")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
		return 1
	}
	return m.Run()
}

// run runs a command in the repository and gives what it prints to standard output.
func run(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	command.Dir = root
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, out.String(), log.String())
	}
	return out.String()
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDefaultAddress makes sure that the port in the README is the one it is.
func TestDefaultAddress(t *testing.T) {
	settings := run(t, exec.CommandContext(t.Context(), binary, "config", "print"))
	if !regexp.MustCompile(`(?m)^listen +127\.0\.0\.1:8420 +default`).MatchString(settings) {
		t.Errorf("the README says 127.0.0.1:8420:\n%s", settings)
	}
}

// serve runs a server with the setting on a free port, and gives its address.
func serve(t *testing.T, setting string) string {
	t.Helper()
	server := exec.Command(binary, "serve") // the cleanup ends it, after t.Context has ended
	server.Env = append(os.Environ(), setting, "OVERWORLD_LISTEN=127.0.0.1:0", "OVERWORLD_METRICS_LISTEN=off")
	var log bytes.Buffer
	server.Stderr = &log
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, rest, ok := strings.Cut(lines.Text(), " listens on "); ok {
				url, _, _ := strings.Cut(rest, ",")
				address <- url
			}
		}
		ended <- server.Wait()
	}()
	t.Cleanup(func() {
		if err := errors.Join(server.Process.Signal(syscall.SIGTERM), <-ended); err != nil {
			t.Errorf("stop the server: %v\n%s", err, log.String())
		}
	})
	select {
	case url := <-address:
		return url
	case err := <-ended:
		ended <- err
		t.Fatalf("the server ended: %v\n%s", err, log.String())
		return ""
	}
}
