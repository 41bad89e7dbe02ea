package imports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Graph is the imports of a module's packages, by import path. Of other
// packages it knows that they are imported, and no more.
type Graph struct {
	Module  string
	Imports map[string][]string
}

// layer is what the packages of a folder may reach within the module.
type layer struct {
	folder string
	may    []string // folders; a package's own is always allowed
	// libraries says whether modules of others may be reached.
	libraries bool
}

// layers are tried in order; the first whose folder holds a package is its own.
var layers = []layer{
	{"domain", []string{"domain/fault", "domain/tenancy", "domain/identity"}, false},
	{"ports", []string{"domain", "ports"}, false},
	{"app", []string{"domain", "ports", "app"}, false},
	{"adapters/httpapi", []string{"domain", "ports", "app", "adapters/httpapi"}, true},
	{"adapters/all", []string{"domain", "ports", "adapters"}, true},
	{"adapters", []string{"domain", "ports"}, true}, // and its own folder: see reaches
	{"bootstrap", []string{"domain", "ports", "app", "adapters", "bootstrap"}, true},
	{"tests", []string{"."}, true},
	{".", []string{"domain", "ports", "app", "adapters", "bootstrap"}, true}, // main
}

// impure is what a rule of the game has no use for: I/O and chance.
var impure = []string{
	"crypto/rand", "database/sql", "io/ioutil", "log", "math/rand", "net/http", "os", "plugin", "syscall", "testing",
}

// homes are the only folders that may import a library. Tests may import any.
var homes = map[string][]string{
	"go.uber.org/fx":                {"bootstrap"},
	"go.uber.org/dig":               {"bootstrap"},
	"github.com/google/wire":        {"bootstrap"},
	"github.com/spf13/cobra":        {"bootstrap"},
	"github.com/knadh/koanf":        {"bootstrap"},
	"github.com/uptrace/bun":        {"adapters/sqlstore"},
	"github.com/jackc/pgx":          {"adapters/sqlstore"},
	"modernc.org/sqlite":            {"adapters/sqlstore"},
	"github.com/redis/rueidis":      {"adapters/redis"},
	"github.com/minio/minio-go":     {"adapters/blobstore"},
	"github.com/gorilla/mux":        {"adapters/httpapi"},
	"github.com/danielgtaylor/huma": {"adapters/httpapi"},
	"github.com/golang-jwt/jwt":     {"adapters/jwt"},
	// What makes spans may know what a span is, but not where it goes.
	"go.opentelemetry.io/otel/sdk":       {"bootstrap"},
	"go.opentelemetry.io/otel/exporters": {"bootstrap"},

	"github.com/robfig/cron":                {"adapters/cron"},
	"github.com/santhosh-tekuri/jsonschema": {"adapters/jsonschema"},
}

// Violations are the broken rules, one sentence each, sorted.
func (g Graph) Violations() []string {
	var broken []string
	for _, path := range slices.Sorted(maps.Keys(g.Imports)) {
		folder, _ := g.folder(path)
		broken = append(broken, g.layering(path, folder)...)
		if !within(folder, "tests") {
			broken = append(broken, g.libraries(path, folder)...)
		}
	}
	return broken
}

// layering checks what a package reaches, directly or through others.
func (g Graph) layering(p, folder string) []string {
	var broken []string
	own := layers[slices.IndexFunc(layers, func(l layer) bool { return within(folder, l.folder) })]
	for _, path := range g.reached(p) {
		switch target, ours := g.folder(path); {
		case ours:
			if target != folder && !own.reaches(folder, target) {
				broken = append(broken, fmt.Sprintf("%s reaches %s", folder, target))
			}
		case standard(path):
			if own.folder == "domain" && matches(path, impure) {
				broken = append(broken, fmt.Sprintf("%s reaches %s", folder, path))
			}
		case !own.libraries:
			broken = append(broken, fmt.Sprintf("%s reaches the library %s", folder, path))
		}
	}
	return broken
}

// reaches says whether a package of the layer may reach a folder.
func (l layer) reaches(folder, target string) bool {
	if l.folder == "adapters" {
		// An adapter is one folder below adapters, with what it holds.
		parts := strings.Split(folder, "/")
		if len(parts) > 1 && within(target, parts[0]+"/"+parts[1]) {
			return true
		}
	}
	return slices.ContainsFunc(l.may, func(may string) bool { return within(target, may) })
}

// libraries checks what a package imports itself.
func (g Graph) libraries(p, folder string) []string {
	var broken []string
	for _, path := range g.Imports[p] {
		for library, at := range homes {
			if matches(path, []string{library}) && !slices.ContainsFunc(at, func(home string) bool { return within(folder, home) }) {
				broken = append(broken, fmt.Sprintf("%s imports %s, whose place is %v", folder, path, at))
			}
		}
	}
	slices.Sort(broken)
	return broken
}

// reached are all packages that a package of the module reaches, sorted.
func (g Graph) reached(from string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(from string) {
		for _, path := range g.Imports[from] {
			if !seen[path] {
				seen[path] = true
				visit(path)
			}
		}
	}
	visit(from)
	return slices.Sorted(maps.Keys(seen))
}

// standard says whether a package is of the standard library, whose paths begin
// with no domain name.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// folder is the package's folder in the module: "." for its root.
func (g Graph) folder(path string) (folder string, ours bool) {
	if path == g.Module {
		return ".", true
	}
	return strings.CutPrefix(path, g.Module+"/")
}

// within says whether a folder is another or below it.
func within(folder, parent string) bool {
	return parent == "." || folder == parent || strings.HasPrefix(folder, parent+"/")
}

// matches says whether a path is one of the prefixes or below it, whatever its major version.
func matches(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return within(path, prefix) })
}
