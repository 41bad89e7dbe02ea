package coalesce

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Commits are the options of writers who share transactions of the database, under
// the name that their spans have.
func Commits(name string, store datastore.Datastore, deadline time.Duration, tracer tracing.Tracer) Options {
	options := Options{Batch: 64, Flights: 4, Full: 32, Queue: 4096, Deadline: deadline, Splits: spoilt, Name: name, Tracer: tracer}
	if store.Exclusive() {
		options.Flights = 1 // such an engine has one writer at a time
	}
	return options
}

// spoilt tells whether one item may be why a whole commit failed: not when the
// database is away, nor when time ran out.
func spoilt(err error) bool {
	return fault.KindOf(err) != fault.Unavailable && !errors.Is(err, context.DeadlineExceeded)
}

// ByScope does the items of each environment, told by their places among all, one
// environment after another in one order, so that commits which lock rows of
// several don't wait for each other in a circle.
func ByScope[T any](items []T, scope func(T) tenancy.Scope, do func(scope tenancy.Scope, at []int) error) error {
	places := map[tenancy.Scope][]int{}
	for i, item := range items {
		places[scope(item)] = append(places[scope(item)], i)
	}
	for _, one := range slices.SortedFunc(maps.Keys(places), func(a, b tenancy.Scope) int {
		return strings.Compare(string(a.Environment()), string(b.Environment()))
	}) {
		if err := do(one, places[one]); err != nil {
			return err
		}
	}
	return nil
}
