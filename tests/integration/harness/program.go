package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/overworldhq/overworld/tests/servers"
)

// Program is the path of the binary, built from this repository once a test
// process. With OVERWORLD_TEST_RACE set to anything, it has the race detector in it.
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Build is Program for those that are no test.
func Build() (string, error) { return program() }

var program = sync.OnceValues(func() (string, error) {
	root, err := servers.Root()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // no home
	}
	sum := sha256.Sum256([]byte(root))
	path := filepath.Join(cache, "overworld-tests", "overworld-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	// Built beside and renamed: a process that runs the old one keeps it.
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	arguments := []string{"build", "-o", fresh}
	if os.Getenv("OVERWORLD_TEST_RACE") != "" {
		arguments = append(arguments, "-race")
	}
	build := exec.Command("go", append(arguments, ".")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return path, os.Rename(fresh, path)
})
