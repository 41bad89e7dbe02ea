package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// apiVersion is the version of the API, not of a build.
const apiVersion = "1.0.0"

const schemas = "#/components/schemas/"

// OpenAPI gives the API's description: OpenAPI 3.1, as indented JSON, the same
// for the same source.
func OpenAPI() ([]byte, error) {
	raw, err := json.Marshal(describe(table(Options{})))
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	document, err := jsontext.AppendFormat(nil, raw, jsontext.WithIndent("  "))
	return append(document, '\n'), err
}

// describe writes the route table as an OpenAPI document. The schemas come from
// the very types that are decoded and encoded.
func describe(table []route) *huma.OpenAPI {
	registry := huma.NewMapRegistry(schemas, schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[int64](), reflect.TypeFor[exactInt64]())
	registry.RegisterTypeAlias(reflect.TypeFor[int](), reflect.TypeFor[int32]())
	registry.RegisterTypeAlias(rawListType, reflect.TypeFor[[]map[string]any]())
	registry.RegisterTypeAlias(reflect.TypeFor[jsontext.Value](), reflect.TypeFor[map[string]any]())
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Overworld", Version: apiVersion,
			Description: "The backend of a multiplayer game: players, what they save, and what operators do. Conventions that hold for every route are in docs/api.md.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/"}},
		Components: &huma.Components{
			Schemas:         registry,
			SecuritySchemes: securitySchemes(),
			Parameters: map[string]*huma.Param{"IdempotencyKey": {
				Name: keyHeader, In: "header", Description: "Your name for this one intent, such as a random UUID: the request can be sent again for 24 hours, has its effect once, and gets the same answer.",
				Schema: &huma.Schema{Type: "string", MinLength: new(1), MaxLength: new(once.MaxKey)},
			}, "int64": {
				Name: int64Parameter, In: "query", Description: "string: write every int64 as a string of decimal digits, for clients whose numbers are doubles.",
				Schema: &huma.Schema{Type: "string", Enum: []any{"string"}},
			}},
			Headers: map[string]*huma.Header{
				"IdempotencyReplayed": {Description: "true: this is what was answered before to the request with this Idempotency-Key.", Schema: &huma.Schema{Type: "string", Enum: []any{"true"}}},
				"ETag":                {Description: `The version of what was answered, in quotes: "12".`, Schema: &huma.Schema{Type: "string"}},
				"RateLimit":           {Description: "What is left of the rate: r requests now, and all of it in t seconds.", Schema: &huma.Schema{Type: "string"}},
				"RateLimitPolicy":     {Description: "The rate of this class of routes: q requests in w seconds.", Schema: &huma.Schema{Type: "string"}},
			},
			Responses: map[string]*huma.Response{"Problem": {
				Description: "Anything that went wrong (RFC 9457). code says what, and /problems/{code} explains it.",
				Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: registry.Schema(reflect.TypeFor[problem](), true, "")}},
			}},
		},
	}
	requests := map[string]bool{}
	for _, r := range table {
		op := operationOf(r, registry)
		doc.AddOperation(op)
		if op.RequestBody != nil && r.input.body != nil {
			reachable(registry, op.RequestBody.Content["application/json"].Schema, requests)
		}
		if !slices.ContainsFunc(doc.Tags, func(t *huma.Tag) bool { return t.Name == r.Tag }) {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: r.Tag})
		}
	}
	for name, s := range registry.Map() {
		// What we write never says null, and may gain members in a later version.
		if !requests[name] && s.AdditionalProperties == false {
			s.AdditionalProperties = nil
		}
		for _, member := range s.Properties {
			member.Nullable = false
		}
	}
	return doc
}

// exactInt64 describes int64, on both ways.
type exactInt64 int64

func (exactInt64) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: "integer", Format: "int64"},
		{Type: "string", Pattern: "^-?[0-9]{1,19}$", Description: "Sent with ?int64=string, and always accepted."},
	}}
}

// anyJSON is a JSON value of any kind; a jsontext.Value is described as an object.
type anyJSON struct{ jsontext.Value }

func (anyJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "Any JSON value."}
}

// schemaName names a type in the document: listOf for pages of it.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if inner, ok := strings.CutPrefix(name, "List"); ok && inner != "" {
		return inner + "List"
	}
	return name
}

func reachable(registry huma.Registry, s *huma.Schema, seen map[string]bool) {
	if s == nil {
		return
	}
	if name, ok := strings.CutPrefix(s.Ref, schemas); ok && !seen[name] {
		seen[name] = true
		reachable(registry, registry.SchemaFromRef(s.Ref), seen)
	}
	reachable(registry, s.Items, seen)
	for _, member := range s.Properties {
		reachable(registry, member, seen)
	}
}

func operationOf(r route, registry huma.Registry) *huma.Operation {
	op := &huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.ID, Tags: []string{r.Tag}, Summary: r.Summary, Description: r.Description,
		Responses: map[string]*huma.Response{"4XX": {Ref: "#/components/responses/Problem"}, "5XX": {Ref: "#/components/responses/Problem"}},
		Security:  security(r.audience), Extensions: map[string]any{},
	}
	if r.Class != "" {
		op.Extensions["x-rate-class"] = r.Class
	}
	for _, p := range r.input.params {
		s := huma.SchemaFromField(registry, p.field, "")
		if p.field.Type == idType {
			s.Format = "uuid"
		}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: p.name, In: p.in, Required: p.in == "path", Description: s.Description, Schema: bare(s),
		})
	}
	if !r.Page {
		op.Parameters = append(op.Parameters, &huma.Param{Ref: "#/components/parameters/int64"})
	}
	if r.keyed {
		op.Parameters = append(op.Parameters, &huma.Param{Ref: "#/components/parameters/IdempotencyKey"})
	}
	if r.input.body != nil {
		op.RequestBody = &huma.RequestBody{Required: !r.input.bodyOpt, Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(r.input.bodyOf, true, upper(r.ID)+"Body")},
		}}
	}
	if r.Streams && r.Method == http.MethodPost {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
	}
	if r.input.media != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, media := range r.input.media {
			op.RequestBody.Content[media] = &huma.MediaType{Schema: rawSchemas[media]}
		}
	}
	for _, status := range r.Statuses {
		op.Responses[strconv.Itoa(status)] = responseOf(r, status, registry)
	}
	if r.Tagged && r.Method == http.MethodGet {
		op.Responses["304"] = &huma.Response{Description: "If-None-Match names the current ETag."}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "If-None-Match", In: "header", Description: "ETags of copies at hand; 304 if one of them is current.", Schema: &huma.Schema{Type: "string"},
		})
	}
	return op
}

func responseOf(r route, status int, registry huma.Registry) *huma.Response {
	response := &huma.Response{Description: http.StatusText(status), Headers: map[string]*huma.Param{}}
	if r.Tagged {
		response.Headers["ETag"] = &huma.Param{Ref: "#/components/headers/ETag"}
	}
	if r.keyed {
		response.Headers["Idempotency-Replayed"] = &huma.Param{Ref: "#/components/headers/IdempotencyReplayed"}
	}
	if r.Class != "" {
		response.Headers["RateLimit"] = &huma.Param{Ref: "#/components/headers/RateLimit"}
		response.Headers["RateLimit-Policy"] = &huma.Param{Ref: "#/components/headers/RateLimitPolicy"}
	}
	switch r.output {
	case reflect.TypeFor[nothing]():
	case reflect.TypeFor[stream]():
		response.Content = map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
	case reflect.TypeFor[page]():
		contentType, s := "text/html", &huma.Schema{Type: "string"}
		if strings.HasSuffix(r.Path, ".json") {
			contentType, s = "application/json", &huma.Schema{Type: "object"}
		}
		response.Content = map[string]*huma.MediaType{contentType: {Schema: s}}
	default:
		response.Content = map[string]*huma.MediaType{"application/json": {Schema: registry.Schema(r.output, true, upper(r.ID)+"Reply")}}
	}
	return response
}

// rawSchemas describe the bodies that are taken as they stand.
var rawSchemas = map[string]*huma.Schema{
	mergePatch: {Type: "object", Description: "RFC 7396: members replace those of the value, null removes."},
	jsonPatch: {Type: "array", Description: "RFC 6902: operations in their order, all or none.", Items: &huma.Schema{
		Type: "object", Required: []string{"op", "path"}, Properties: map[string]*huma.Schema{
			"op":    {Type: "string", Enum: []any{"add", "remove", "replace", "move", "copy", "test"}},
			"path":  {Type: "string", Description: "A JSON pointer (RFC 6901)."},
			"from":  {Type: "string", Description: "A JSON pointer, of move and copy."},
			"value": {Description: "Any JSON value, of add, replace and test."},
		},
	}},
}

// bare gives a parameter's schema without what the parameter says itself.
func bare(s *huma.Schema) *huma.Schema {
	s.Description = ""
	return s
}

func upper(id string) string { return strings.ToUpper(id[:1]) + id[1:] }

// schemeOf names each kind of credential in the document.
var schemeOf = map[tenancy.Kind]string{
	tenancy.SecretKey: "secretKey", tenancy.PublishableKey: "publishableKey", tenancy.ServerToken: "serverToken", tenancy.PlayerToken: "playerToken",
}

func securitySchemes() map[string]*huma.SecurityScheme {
	bearer := func(format, description string) *huma.SecurityScheme {
		return &huma.SecurityScheme{Type: "http", Scheme: "bearer", BearerFormat: format, Description: description}
	}
	return map[string]*huma.SecurityScheme{
		"secretKey":      bearer("ow_sec_…", "Held by operators and their tools."),
		"publishableKey": bearer("ow_pub_…", "Ships inside the game client: signs players in."),
		"serverToken":    bearer("ow_srv_…", "Held by dedicated game servers."),
		"playerToken":    bearer("JWT", "A signed-in player's access token."),
	}
}

// security lists the kinds of credentials, any one of which serves, with the scope each needs.
func security(a Audience) []map[string][]string {
	alternatives := []map[string][]string{}
	for _, g := range a.Grants {
		scopes := []string{}
		if g.Permission != "" {
			scopes = append(scopes, string(g.Permission))
		}
		alternatives = append(alternatives, map[string][]string{schemeOf[g.Kind]: scopes})
	}
	return alternatives
}
