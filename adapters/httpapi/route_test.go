package httpapi

import (
	"context"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestUndeclaredRoutesDontStart(t *testing.T) {
	t.Parallel()
	type named struct {
		Name string `path:"name"`
	}
	sound := route{Method: "GET", Path: "/v1/x/{name}", ID: "x", Tag: "t", Summary: "s"}
	serve := func(r route, who Audience) route {
		return define(r, who, func(context.Context, *call, *named) (*nothing, error) { return &nothing{}, nil })
	}
	change := func(change func(*route)) route {
		r := serve(sound, public())
		change(&r)
		return r
	}
	if err := serve(sound, public()).check(); err != nil {
		t.Fatal(err)
	}
	other := serve(sound, public())
	other.Method, other.keyed = "PUT", true
	for _, c := range []struct {
		want string
		bad  []route
	}{
		{"no audience", []route{serve(sound, Audience{})}},
		{"no audience", []route{serve(sound, runtime())}},
		{"no audience", []route{serve(sound, runtime(secretKey("")))}},
		{"no audience", []route{serve(sound, runtime(Grant{tenancy.PlayerToken, tenancy.PlayersRead}))}},
		{"no audience", []route{serve(sound, Audience{Public: true, Grants: []Grant{player()}})}},
		{"no effect", []route{change(func(r *route) { r.Method = "DELETE" })}},
		{"no handler", []route{sound}},
		{"no operation id", []route{change(func(r *route) { r.ID = "" })}},
		{"no tag or summary", []route{change(func(r *route) { r.Summary = "" })}},
		{"no known rate class", []route{change(func(r *route) { r.Class = "fast" })}},
		{"no path parameter other", []route{change(func(r *route) { r.Path = "/v1/x/{other}" })}},
		{"two routes are x", []route{serve(sound, public()), other}},
		{"two routes are GET /v1/x/{name}", []route{serve(sound, public()), change(func(r *route) { r.ID = "y" })}},
	} {
		_, err := (&API{metrics: must(newMetrics(nil))}).mount(c.bad)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestRoutesTellTheirAudience(t *testing.T) {
	t.Parallel()
	operators, seen := 0, map[string]bool{}
	for _, r := range Routes() {
		if seen[r.OperationID] || !r.Audience.declared() {
			t.Errorf("%+v", r)
		}
		seen[r.OperationID] = true
		if r.Audience.Operator {
			operators++
		}
		if strings.HasPrefix(r.Path, "/v1/projects") != r.Audience.Operator && r.Path != "/v1/workers" {
			t.Errorf("%s: who names an environment in the path must be an operator, and nobody else", r.Path)
		}
	}
	if operators < 15 || len(seen) < 35 {
		t.Errorf("%d operators' routes of %d", operators, len(seen))
	}
}
