package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/fault"
)

//go:embed pages.html
var pagesSource string

// pages are the templates of what people read.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"type": typeOf, "name": refName, "status": func(e entry, code string) int { return statusOf(fault.New(e.Kind, code, "")) },
	"join": strings.Join,
}).Parse(pagesSource))

// pagePolicy keeps a page from loading anything: it brings all it needs.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type problemInput struct {
	Code string `path:"code" doc:"The code of a problem."`
}

func pageRoutes() []route {
	document := sync.OnceValues(OpenAPI)
	reference := sync.OnceValues(func() ([]byte, error) { return render("reference", referenceOf(describe(table(Options{})))) })
	html := func(c *call, body []byte, err error) (*page, error) {
		c.header().Set("Content-Security-Policy", pagePolicy)
		return tagged(c, "text/html; charset=utf-8", body, err)
	}
	at := func(path, id, summary string) route {
		return route{Method: http.MethodGet, Path: path, ID: id, Tag: "About", Class: limits.Read, Page: true, Tagged: true, Summary: summary}
	}
	return []route{
		define(at("/", "getRoot", "Say what this is and where to read on"), public(),
			func(_ context.Context, c *call, _ *nothing) (*page, error) {
				body, err := render("root", nil)
				return html(c, body, err)
			}),
		define(at("/docs", "getReference", "Read the API's reference"), public(),
			func(_ context.Context, c *call, _ *nothing) (*page, error) {
				body, err := reference()
				return html(c, body, err)
			}),
		define(at("/v1/openapi.json", "getOpenAPI", "Get this document"), public(),
			func(_ context.Context, c *call, _ *nothing) (*page, error) {
				body, err := document()
				return tagged(c, "application/json", body, err)
			}),
		define(at("/problems", "listProblems", "List every code a problem can have"), public(),
			func(_ context.Context, c *call, _ *nothing) (*page, error) {
				body, err := render("problems", catalogue)
				return html(c, body, err)
			}),
		define(at("/problems/{code}", "getProblem", "Read what a problem means and what to do about it"), public(),
			func(_ context.Context, c *call, in *problemInput) (*page, error) {
				e, ok := catalogue[in.Code]
				if !ok {
					return nil, errProblem
				}
				body, err := render("problem", map[string]any{"Code": in.Code, "Entry": e})
				return html(c, body, err)
			}),
	}
}

// tagged is a page whose entity tag is made from its bytes.
func tagged(c *call, contentType string, body []byte, err error) (*page, error) {
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	c.tag = hex.EncodeToString(sum[:12])
	return &page{contentType: contentType, body: body}, nil
}

func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// reference is the OpenAPI document in the order in which people read it.
type reference struct {
	Doc   *huma.OpenAPI
	Tags  []referenceTag
	Types []referenceType
}

type referenceTag struct {
	Name       string
	Operations []*huma.Operation
}

type referenceType struct {
	Name    string
	Members []referenceMember
}

type referenceMember struct {
	Name     string
	Required bool
	Schema   *huma.Schema
}

func referenceOf(doc *huma.OpenAPI) reference {
	r := reference{Doc: doc}
	for _, tag := range doc.Tags {
		group := referenceTag{Name: tag.Name}
		for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
			item := doc.Paths[path]
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
				if op != nil && op.Tags[0] == tag.Name {
					group.Operations = append(group.Operations, op)
				}
			}
		}
		r.Tags = append(r.Tags, group)
	}
	all := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t := referenceType{Name: name}
		for _, member := range slices.Sorted(maps.Keys(all[name].Properties)) {
			t.Members = append(t.Members, referenceMember{member, slices.Contains(all[name].Required, member), all[name].Properties[member]})
		}
		r.Types = append(r.Types, t)
	}
	return r
}

// typeOf says in a few words what a schema holds.
func typeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return refName(s)
	case len(s.OneOf) > 0:
		return "int64"
	case s.Type == huma.TypeArray:
		return "array of " + typeOf(s.Items)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprint(word)
		}
		return strings.Join(words, " | ")
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	}
	return s.Type
}

// refName is the name of the type that a schema refers to, or its items do.
func refName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	if s.Items != nil {
		return refName(s.Items)
	}
	return strings.TrimPrefix(s.Ref, schemas)
}
