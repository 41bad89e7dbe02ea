package coalesce

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/tracing"
)

// Lookup is a Coalescer of reads: concurrent readers share a query, and readers
// of one key its row.
type Lookup[K comparable, V any] struct {
	readers *Coalescer[wanted[K], found[V]]
	missing error
}

// Bounds of the queries that readers share.
const (
	lookupBatch   = 128
	lookupFlights = 8
	lookupFull    = 32
	lookupQueue   = 8192
)

// wanted is a key of an environment's.
type wanted[K comparable] struct {
	scope tenancy.Scope
	key   K
}

type found[V any] struct {
	value V
	ok    bool
}

// LookupOptions are those of a Lookup.
type LookupOptions struct {
	// Missing is the error of a key that there is nothing of.
	Missing error
	// Deadline bounds one query.
	Deadline time.Duration
	// Tracer, if not nil, begins a span of the given Name for each query.
	Tracer tracing.Tracer
	Name   string
}

// NewLookup makes one. Find gives what there is of an environment's keys, each
// asked for once. What is found is as new as if each reader had asked by himself, because a query begins
// after all its readers came. Readers of one key get one value, and may not change
// what it points to.
//
// A query that fails, fails for all its readers.
func NewLookup[K comparable, V any](options LookupOptions, find func(ctx context.Context, scope tenancy.Scope, keys []K) (map[K]V, error)) *Lookup[K, V] {
	queries := Options{
		Batch: lookupBatch, Flights: lookupFlights, Full: lookupFull, Queue: lookupQueue, Deadline: options.Deadline,
		Splits: func(error) bool { return false }, Tracer: options.Tracer, Name: options.Name,
	}
	return &Lookup[K, V]{missing: options.Missing, readers: New(queries, func(ctx context.Context, items []wanted[K]) ([]found[V], error) {
		keys := map[tenancy.Scope][]K{}
		asked := make(map[wanted[K]]bool, len(items))
		for _, item := range items {
			if !asked[item] {
				asked[item] = true
				keys[item.scope] = append(keys[item.scope], item.key)
			}
		}
		there := make(map[tenancy.Scope]map[K]V, len(keys))
		for scope, keys := range keys {
			var err error
			if there[scope], err = find(ctx, scope, keys); err != nil {
				return nil, err
			}
		}
		answers := make([]found[V], len(items))
		for i, item := range items {
			value, ok := there[item.scope][item.key]
			answers[i] = found[V]{value, ok}
		}
		return answers, nil
	})}
}

// Get gives what there is of a key.
func (l *Lookup[K, V]) Get(ctx context.Context, scope tenancy.Scope, key K) (V, error) {
	answer, err := l.readers.Do(ctx, wanted[K]{scope, key})
	if err != nil {
		return answer.value, fmt.Errorf("look up: %w", err)
	}
	if !answer.ok {
		return answer.value, l.missing
	}
	return answer.value, nil
}
