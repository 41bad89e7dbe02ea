package servers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// startWithin bounds how long a started server may take until it answers. It is
// long because the machine may be building at the same time.
const startWithin = 90 * time.Second

// everything is what this test process started; Main closes it.
var everything = &house{way: os.Getenv(envWay), run: os.Getenv(envRun)}

// Main is the whole body of a TestMain: it runs the tests and stops every
// server that they started. It does not return.
func Main(m *testing.M) {
	everything.managed = true
	code := m.Run()
	if err := everything.close(); err != nil {
		fmt.Fprintln(os.Stderr, "stop test servers:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// house is what one process has started.
type house struct {
	way string // "", "env", "local" or "containers"
	run string // the id of the run of `go run ./tests` this process is part of, or ""

	mu      sync.Mutex
	managed bool // somebody will call close
	root    string
	count   int
	shared  map[kind]func() (*server, error)
	admins  *admins
	closers []func() error
}

// server is a running shared server.
type server struct {
	address string // its URL; see the kinds for the form
	way     string // how it was found
}

// use gives the shared server of a kind to a test, or fails it.
func (h *house) use(t testing.TB, k kind) *server {
	t.Helper()
	h.check(t)
	found, err := h.find(context.Background(), k)
	if err != nil {
		giveUp(t, err)
	}
	return found
}

func (h *house) check(t testing.TB) {
	t.Helper()
	if !h.managed {
		t.Fatal("this package needs `func TestMain(m *testing.M) { servers.Main(m) }`, which stops the test servers")
	}
}

// giveUp fails the test, unless -short excuses it.
func giveUp(t testing.TB, err error) {
	t.Helper()
	if testing.Short() {
		t.Skip(err)
	}
	t.Fatal(err)
}

// find finds or starts the shared server of a kind, once.
func (h *house) find(ctx context.Context, k kind) (*server, error) {
	h.mu.Lock()
	once, known := h.shared[k]
	if !known {
		once = sync.OnceValues(func() (*server, error) {
			return h.resolve(ctx, k)
		})
		if h.shared == nil {
			h.shared = map[kind]func() (*server, error){}
		}
		h.shared[k] = once
	}
	h.mu.Unlock()
	return once()
}

// folder makes an empty folder for a server that runs as the given owner.
func (h *house) folder(name string, as *owner) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.root == "" {
		root, err := os.MkdirTemp("", "overworld-test-")
		if err != nil {
			return "", err
		}
		// Others may pass through, to reach the folders of servers that run as another user.
		if err := os.Chmod(root, 0o711); err != nil {
			return "", err
		}
		h.root = root
	}
	h.count++
	dir := filepath.Join(h.root, fmt.Sprintf("%s-%d", name, h.count))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, as.take(dir)
}

func (h *house) onClose(f func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closers = append(h.closers, f)
}

// close stops everything, last started first.
func (h *house) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var faults []error
	for _, closer := range slices.Backward(h.closers) {
		faults = append(faults, closer())
	}
	h.closers = nil
	if h.root != "" {
		faults = append(faults, os.RemoveAll(h.root))
		h.root = ""
	}
	return errors.Join(faults...)
}

// random is n random bytes in hexadecimal.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// nameFor is a name for a test's own piece of a server: recognisable, unique,
// and of lower-case letters, digits and the separator only.
func nameFor(t testing.TB, separator string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return -1
		}
	}, t.Name())
	return "t" + separator + clean[:min(len(clean), 40)] + separator + random(6)
}
