package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func TestOpenAPIHasEveryRoute(t *testing.T) {
	t.Parallel()
	raw, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := OpenAPI()
	if !bytes.Equal(raw, again) {
		t.Error("the document is another each time")
	}
	var doc struct {
		OpenAPI    string `json:"openapi"`
		Paths      map[string]map[string]operationJSON
		Components map[string]map[string]any
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	ids := map[string]bool{}
	operations := 0
	for _, methods := range doc.Paths {
		operations += len(methods)
	}
	for _, r := range Routes() {
		op, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok || op.OperationID != r.OperationID || ids[r.OperationID] {
			t.Errorf("%s %s is not there, or twice", r.Method, r.Path)
			continue
		}
		ids[r.OperationID] = true
		op.check(t, r)
	}
	if operations != len(ids) {
		t.Errorf("%d operations, %d routes", operations, len(ids))
	}
	var anything any
	if err := json.Unmarshal(raw, &anything); err != nil {
		t.Fatal(err)
	}
	checkRefs(t, anything, anything)
}

type operationJSON struct {
	OperationID string `json:"operationId"`
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Parameters  []struct {
		Name, In, Description string
		Ref                   string `json:"$ref"`
		Required              bool
	}
	Responses map[string]map[string]any
}

func (op operationJSON) check(t *testing.T, r Route) {
	t.Helper()
	var inPath []string
	for _, p := range op.Parameters {
		if p.In == "path" {
			inPath = append(inPath, p.Name)
			if !p.Required {
				t.Errorf("%s: %s may be absent from the path", r.OperationID, p.Name)
			}
		}
	}
	slices.Sort(inPath)
	named := pathNames(r.Path)
	slices.Sort(named)
	if !slices.Equal(inPath, named) {
		t.Errorf("%s has parameters %q", r.OperationID, inPath)
	}
	if op.Summary == "" || len(op.Tags) != 1 || len(op.Responses) < 3 || op.Responses["4XX"] == nil || op.Responses["5XX"] == nil {
		t.Errorf("%s is described too thinly: %+v", r.OperationID, op)
	}
	if op.Security == nil || (len(op.Security) == 0) != r.Audience.Public || len(op.Security) != len(r.Audience.Grants) {
		t.Errorf("%s: security %v", r.OperationID, op.Security)
	}
}

// checkRefs follows every $ref of the document.
func checkRefs(t *testing.T, root, at any) {
	t.Helper()
	switch at := at.(type) {
	case []any:
		for _, one := range at {
			checkRefs(t, root, one)
		}
	case map[string]any:
		if ref, ok := at["$ref"].(string); ok {
			target := root
			for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				object, _ := target.(map[string]any)
				target = object[step]
			}
			if target == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, one := range at {
			checkRefs(t, root, one)
		}
	}
}

func TestCommittedOpenAPIIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/openapi.json is not what the routes say; run: go run . openapi > docs/openapi.json")
	}
}

var described = sync.OnceValue(func() *huma.OpenAPI { return describe(table(Options{})) })

// documented checks a reply against the schema of its operation.
func (f *fixture) documented(r reply, method, target string) {
	f.t.Helper()
	if !strings.HasSuffix(strings.Split(r.Header().Get("Content-Type"), ";")[0], "json") || method == http.MethodHead || strings.HasPrefix(target, "/v1/openapi.json") {
		return
	}
	doc := described()
	path, _, _ := strings.Cut(target, "?")
	response := doc.Components.Responses["Problem"]
	if r.Code < 300 || r.Code == http.StatusServiceUnavailable && r.Header().Get("Content-Type") == "application/json" {
		request, err := http.NewRequestWithContext(f.t.Context(), method, path, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		on, err := (&call{api: f.api, r: request}).find()
		if err != nil {
			f.t.Fatal(err)
		}
		item := doc.Paths[on.routes[method].Path]
		op := map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[method]
		if response = op.Responses[itoa(r.Code)]; response == nil {
			f.t.Errorf("%s %s: status %d is not documented", method, path, r.Code)
			return
		}
	}
	content := response.Content[r.Header().Get("Content-Type")]
	if content == nil {
		f.t.Errorf("%s %s: %s is not documented", method, path, r.Header().Get("Content-Type"))
		return
	}
	var value any
	if err := json.Unmarshal(r.Body.Bytes(), &value); err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
	}
	faults := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, content.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, faults)
	for _, fault := range faults.Errors {
		f.t.Errorf("%s %s is not as documented: %v: %s", method, path, fault, r.Body)
	}
}
