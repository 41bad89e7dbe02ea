package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
)

// Every code in the source has its page, of the same kind, and no page is left over.
func TestCatalogueHasEveryCode(t *testing.T) {
	t.Parallel()
	made := map[string]string{}
	for _, folder := range []string{"domain", "ports", "app", "adapters", "bootstrap"} {
		collectCodes(t, folder, made)
	}
	if len(made) < 40 || made["storage.version_mismatch"] != "Stale" || made["request.invalid"] != "Invalid" {
		t.Fatalf("the source is not read right: %v", made)
	}
	kinds := map[string]fault.Kind{
		"Internal": fault.Internal, "Malformed": fault.Malformed, "Unauthenticated": fault.Unauthenticated, "Forbidden": fault.Forbidden,
		"NotFound": fault.NotFound, "Conflict": fault.Conflict, "Stale": fault.Stale, "TooLarge": fault.TooLarge, "Unsupported": fault.Unsupported,
		"Invalid": fault.Invalid, "TooMany": fault.TooMany, "Unavailable": fault.Unavailable, "Timeout": fault.Timeout,
	}
	for _, code := range slices.Sorted(maps.Keys(made)) {
		e, ok := catalogue[code]
		kind, known := kinds[made[code]]
		switch {
		case !ok:
			t.Errorf("%s is in the source and not in the catalogue", code)
		case !known || e.Kind != kind:
			t.Errorf("%s is %s in the source and %s in the catalogue", code, made[code], e.Kind)
		case e.Title == "" || e.Happened == "" || e.Do == "":
			t.Errorf("%s is explained too thinly", code)
		}
	}
	for code := range catalogue {
		if made[code] == "" {
			t.Errorf("%s is in the catalogue and not in the source", code)
		}
	}
	for _, kind := range kinds {
		if statuses[kind] == 0 {
			t.Errorf("%s has no status", kind)
		}
	}
}

// collectCodes finds fault.New(kind, code, …) in the Go files of a folder.
func collectCodes(t *testing.T, folder string, made map[string]string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../.."), folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../../"+path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			made1, ok := n.(*ast.CallExpr)
			if !ok || len(made1.Args) < 3 || !isNew(made1.Fun, file.Name.Name) {
				return true
			}
			literal, ok := made1.Args[1].(*ast.BasicLit)
			if !ok {
				return true // passed on from a caller, who is found himself
			}
			code, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			made[code] = name(made1.Args[0])
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isNew(fun ast.Expr, pkg string) bool {
	switch fun := fun.(type) {
	case *ast.SelectorExpr:
		return name(fun.X) == "fault" && fun.Sel.Name == "New"
	case *ast.Ident:
		return pkg == "fault" && fun.Name == "New"
	}
	return false
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func TestProblemPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for code, e := range catalogue {
		r := f.do("GET", "/problems/"+code, "", "").is(200)
		if !strings.Contains(r.Body.String(), "<h1>"+e.Title+"</h1>") || !strings.HasPrefix(r.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s", code, r.Body)
		}
	}
	f.do("GET", "/problems/no.such", "", "").problem(404, "request.unknown_problem")
	for _, path := range []string{"/", "/docs", "/problems"} {
		r := f.do("GET", path+"?theme=dark", "", "").is(200)
		if policy := r.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(r.Body.String(), "<script") {
			t.Errorf("%s: policy %q", path, policy)
		}
		f.do("GET", path, "", "", header{"If-None-Match", r.Header().Get("ETag")}).is(304)
	}
	docs := f.do("GET", "/docs", "", "").Body.String()
	for _, r := range Routes() {
		if !strings.Contains(docs, `id="`+r.OperationID+`"`) {
			t.Errorf("%s is not in the reference", r.OperationID)
		}
	}
}
