package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/overworldhq/overworld"

// concurrent are the folders whose packages run under the race detector: those
// in which goroutines share memory. Not the domain, which is pure; not the
// integration tests, which watch other processes; and of the two databases only
// PostgreSQL: the repositories are the same, and SQLite compiled to Go takes ten
// times as long there.
var concurrent = []string{
	"adapters/all", "adapters/blobstore", "adapters/httpapi", "adapters/memory", "adapters/redis",
	"adapters/sqlstore/postgres", "adapters/system", "app", "bootstrap", "ports",
}

// step is one `go test`.
type step struct {
	folder   string // of the module
	race     bool
	packages []string
}

// plan splits the packages into steps.
func plan(ctx context.Context, o options) ([]step, error) {
	if len(o.packages) > 0 {
		return []step{{".", o.race, o.packages}}, nil
	}
	steps := []step{{".", false, []string{"./..."}}}
	if o.race {
		packages, err := list(ctx)
		if err != nil {
			return nil, err
		}
		raced := slices.DeleteFunc(slices.Clone(packages), func(p string) bool { return !meets(p) })
		calm := slices.DeleteFunc(packages, meets)
		steps = []step{{".", true, raced}, {".", false, calm}}
		steps = slices.DeleteFunc(steps, func(s step) bool { return len(s.packages) == 0 })
	}
	outside := filepath.Join("tests", "outside")
	switch _, err := os.Stat(filepath.Join(outside, "go.mod")); {
	case err == nil:
		steps = append(steps, step{outside, false, []string{"./..."}})
	case !os.IsNotExist(err):
		return nil, err
	}
	return steps, nil
}

// meets says whether goroutines meet in the package.
func meets(path string) bool {
	folder := strings.TrimPrefix(path, module+"/")
	return slices.ContainsFunc(concurrent, func(c string) bool { return folder == c || strings.HasPrefix(folder, c+"/") })
}

func list(ctx context.Context) ([]string, error) {
	var faults bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "./...")
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &faults)
	}
	return strings.Fields(string(out)), nil
}
