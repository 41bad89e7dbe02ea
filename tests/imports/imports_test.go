package imports

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/overworldhq/overworld"

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	g, err := Load(os.DirFS("../.."), module)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"domain/fault", "ports/plugin", "bootstrap", "tests/imports"} {
		if g.Imports[module+"/"+folder] == nil {
			t.Errorf("%s was not looked at", folder)
		}
	}
	for _, broken := range g.Violations() {
		t.Error(broken)
	}
}

func TestLoadReadsThisModuleOnly(t *testing.T) {
	t.Parallel()
	g, err := Load(fstest.MapFS{
		"go.mod":                 {},
		"main.go":                {Data: []byte(`package main; import "fmt"`)},
		"a/a.go":                 {Data: []byte(`package a; import ("os"; "fmt")`)},
		"a/tagged.go":            {Data: []byte("//go:build never\n\npackage a; import `net/http`")},
		"a/a_test.go":            {Data: []byte(`package a; import "testing"`)},
		"a/testdata/b.go":        {Data: []byte(`package b; import "testing"`)},
		"a/.hidden/b.go":         {Data: []byte(`package b; import "testing"`)},
		"tools/other/go.mod":     {},
		"tools/other/sub/sub.go": {Data: []byte(`package sub; import "testing"`)},
	}, "m")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"m": {"fmt"}, "m/a": {"fmt", "net/http", "os"}}
	if !reflect.DeepEqual(g.Imports, want) {
		t.Errorf("got %v, want %v", g.Imports, want)
	}
}

// Each rule, broken by one import more in a tree that keeps them all.
func TestBrokenRulesAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"domain/storage", "os", "domain/storage reaches os"},
		{"domain/storage", "os/exec", "domain/storage reaches os/exec"},
		{"domain/storage", "database/sql/driver", "domain/storage reaches database/sql/driver"},
		{"domain/storage", "net/http", "domain/storage reaches net/http"},
		{"domain/storage", "math/rand/v2", "domain/storage reaches math/rand/v2"},
		{"domain/storage", "example.com/lib", "domain/storage reaches the library example.com/lib"},
		{"domain/storage", module + "/domain/audit", "domain/storage reaches domain/audit"},
		{"domain/storage", module + "/ports/blob", "domain/storage reaches ports/blob"},
		{"domain/tenancy", "os", "domain/storage reaches os"}, // through tenancy
		{"ports/blob", "example.com/lib", "ports/blob reaches the library example.com/lib"},
		{"ports/blob", module + "/app/documents", "ports/blob reaches app/documents"},
		{"app/documents", module + "/adapters/memory", "app/documents reaches adapters/memory"},
		{"app/documents", "example.com/lib", "app/documents reaches the library example.com/lib"},
		{"adapters/memory", module + "/app/documents", "adapters/memory reaches app/documents"},
		{"adapters/memory", module + "/adapters/sqlstore", "adapters/memory reaches adapters/sqlstore"},
		{"adapters/memory", module + "/bootstrap", "adapters/memory reaches bootstrap"},
		{"adapters/all", module + "/app/documents", "adapters/all reaches app/documents"},
		{"adapters/httpapi", module + "/adapters/memory", "adapters/httpapi reaches adapters/memory"},
		{"bootstrap", module + "/tests/servers", "bootstrap reaches tests/servers"},
		{"app/documents", "go.uber.org/fx", "app/documents imports go.uber.org/fx, whose place is [bootstrap]"},
		{"adapters/httpapi", "github.com/google/wire", "adapters/httpapi imports github.com/google/wire, whose place is [bootstrap]"},
		{"bootstrap", "github.com/uptrace/bun", "bootstrap imports github.com/uptrace/bun, whose place is [adapters/sqlstore]"},
		{"bootstrap", "github.com/gorilla/mux", "bootstrap imports github.com/gorilla/mux, whose place is [adapters/httpapi]"},
		{"bootstrap", "github.com/danielgtaylor/huma/v2", "bootstrap imports github.com/danielgtaylor/huma/v2, whose place is [adapters/httpapi]"},
		{"adapters/memory", "github.com/redis/rueidis", "adapters/memory imports github.com/redis/rueidis, whose place is [adapters/redis]"},
	} {
		g := sound()
		if broken := g.Violations(); len(broken) > 0 {
			t.Fatalf("the sound tree breaks rules: %q", broken)
		}
		g.Imports[module+"/"+c.from] = append(g.Imports[module+"/"+c.from], c.to)
		if broken := g.Violations(); !slices.Contains(broken, c.want) {
			t.Errorf("%s importing %s: got %q", c.from, c.to, broken)
		}
	}
}

// sound is a small tree that keeps all rules.
func sound() Graph {
	g := Graph{Module: module, Imports: map[string][]string{}}
	for folder, imports := range map[string]string{
		"domain/fault":               "fmt",
		"domain/tenancy":             "./domain/fault",
		"domain/identity":            "./domain/tenancy",
		"domain/storage":             "./domain/fault ./domain/tenancy ./domain/identity fmt",
		"domain/audit":               "./domain/tenancy",
		"ports/blob":                 "./domain/fault net/http",
		"app/documents":              "./domain/storage ./ports/blob",
		"adapters/memory":            "./ports/blob example.com/lib",
		"adapters/sqlstore":          "./domain/storage github.com/uptrace/bun",
		"adapters/sqlstore/postgres": "./adapters/sqlstore",
		"adapters/redis":             "github.com/redis/rueidis",
		"adapters/httpapi":           "./app/documents github.com/gorilla/mux",
		"adapters/all":               "./adapters/memory ./adapters/sqlstore/postgres",
		"bootstrap":                  "./adapters/all ./adapters/httpapi go.uber.org/fx",
		"tests/servers":              "github.com/redis/rueidis ./bootstrap",
	} {
		g.Imports[module+"/"+folder] = strings.Fields(strings.ReplaceAll(imports, "./", module+"/"))
	}
	return g
}
