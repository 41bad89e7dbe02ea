package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/limits"
)

// Route is what a route declares, for those who try every one of them.
type Route struct {
	Method      string
	Path        string // a template: /v1/players/{player}
	OperationID string
	Audience    Audience
	Class       limits.Class // empty: not limited
}

// Routes lists every route of the API.
func Routes() []Route {
	table := table(Options{})
	routes := make([]Route, len(table))
	for i, r := range table {
		routes[i] = Route{Method: r.Method, Path: r.Path, OperationID: r.ID, Audience: r.audience, Class: r.Class}
	}
	return routes
}

// route is one line of the table.
type route struct {
	Method      string
	Path        string
	ID          string
	Tag         string
	Class       limits.Class
	Summary     string
	Description string
	// Statuses are those of success; 200 when there are none.
	Statuses []int
	// Tagged routes answer with an ETag, and 304 to a matching If-None-Match.
	Tagged bool
	// Page routes answer people: any query parameter is fine there.
	Page bool
	// Streams routes take or give bytes of any length and type, and have BundleTime for it.
	Streams bool
	// Copies routes copy such bytes, and have BundleTime for it, too.
	Copies bool
	// Waits routes may wait for a change for as long as configs.MostWait.
	Waits bool
	// Vital routes tell whether the process lives. They pass by the gate, and are not
	// traced: they are asked every second.
	Vital bool

	audience Audience
	// keyed routes take an Idempotency-Key.
	keyed   bool
	input   *input
	output  reflect.Type
	serve   func(ctx context.Context, c *call) (any, error)
	observe *observers
}

// nothing is the input or output of a route that has none.
type nothing struct{}

// define completes a route with its audience and its handler. The handler's
// input says which parameters and which body the route reads, and its output what it writes.
func define[In, Out any](r route, who Audience, handle func(ctx context.Context, c *call, in *In) (*Out, error)) route {
	r.audience = who
	r.input = inputOf(reflect.TypeFor[In]())
	r.output = reflect.TypeFor[Out]()
	if len(r.Statuses) == 0 {
		r.Statuses = []int{http.StatusOK}
	}
	plan := r.input
	r.serve = func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := plan.read(ctx, c, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		out, err := handle(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	return r
}

// encoded is define for routes whose replies are encoded once for all who get them:
// Out is what the page's body holds.
func encoded[In, Out any](r route, who Audience, handle func(ctx context.Context, c *call, in *In) (*page, error)) route {
	r = define(r, who, func(context.Context, *call, *In) (*Out, error) { return nil, nil })
	plan := r.input
	r.serve = func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := plan.read(ctx, c, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		out, err := handle(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	return r
}

// check is an error that says what the route fails to declare.
func (r route) check() error {
	var faults []error
	missing := func(what string) {
		faults = append(faults, fmt.Errorf("route %s %s declares no %s", r.Method, r.Path, what))
	}
	if !r.audience.declared() {
		missing("audience")
	}
	if r.serve == nil {
		missing("handler")
		return errors.Join(faults...)
	}
	if r.Method != http.MethodGet && !r.keyed {
		missing("effect: it changes something, so make it with change")
	}
	if r.ID == "" {
		missing("operation id")
	}
	if r.Tag == "" || r.Summary == "" {
		missing("tag or summary")
	}
	if r.Class != "" && !slices.Contains(limits.Classes(), r.Class) {
		missing("known rate class")
	}
	for _, name := range pathNames(r.Path) {
		if !slices.ContainsFunc(r.input.params, func(p param) bool { return p.in == "path" && p.name == name }) {
			missing("path parameter " + name)
		}
	}
	return errors.Join(faults...)
}

// time is how long a request may take.
func (r *route) time(l limits.Limits) time.Duration {
	switch {
	case r.Streams, r.Copies:
		return l.BundleTime
	case r.Waits:
		return l.RequestTime + configs.MostWait
	}
	return l.RequestTime
}

// pathNames lists the parameters of a path template.
func pathNames(path string) []string {
	var names []string
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}
