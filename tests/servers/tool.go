package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

var toolMu sync.Mutex

// tool is the path of a helper program built from tests/tools/<name>, a module
// of its own, for an operating system. It is built once and kept in the user's cache.
func tool(ctx context.Context, name, system string) (string, error) {
	toolMu.Lock()
	defer toolMu.Unlock()
	source, err := toolSource(name)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // no home
	}
	sum, err := digest(source, system)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", source, err)
	}
	program := filepath.Join(cache, "overworld-tests", name+"-"+sum)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
		return "", err
	}
	unlock, err := lockFile(program + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(program); err == nil {
		return program, nil // another process has built it meanwhile
	}
	// Without cgo it runs in any container too. Built beside and renamed, so that
	// nobody starts half a program.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program+".new", ".")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", source, err, out)
	}
	return program, os.Rename(program+".new", program)
}

// toolSource finds the helper's module above the current folder, which for a
// test is its package's.
func toolSource(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		source := filepath.Join(dir, "tests", "tools", name)
		if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
			return source, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: no tests/tools/%s above the current folder", ErrAbsent, name)
		}
	}
}

// digest changes with the source, the compiler and the target.
func digest(source, system string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), system, runtime.GOARCH)
	entries, err := os.ReadDir(source)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(source, entry.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, entry.Name(), len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
