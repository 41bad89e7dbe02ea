// Package plugin lets adapters register themselves for URL schemes. There is no
// init and no global: a Plugin is a function that main hands over.
package plugin

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/mail"
)

// Plugin adds an adapter's openers to the registry.
type Plugin func(*Registry)

// Registry is all the adapters that a binary knows.
type Registry struct {
	Databases Mux[datastore.Datastore]
	Caches    Mux[cache.Cache]
	Blobs     Mux[blob.Store]
	Mail      Mux[mail.Sender]
}

// NewRegistry makes a registry with the given plugins.
func NewRegistry(plugins ...Plugin) *Registry {
	r := &Registry{
		Databases: Mux[datastore.Datastore]{what: "database"},
		Caches:    Mux[cache.Cache]{what: "cache"},
		Blobs:     Mux[blob.Store]{what: "blob store"},
		Mail:      Mux[mail.Sender]{what: "mail sender"},
	}
	for _, add := range plugins {
		add(r)
	}
	return r
}

// Kit is what an opener may use besides its URL.
type Kit struct {
	Logger *slog.Logger
	Clock  clock.Clock
}

// Opener opens the adapter that a URL names. It may connect, but must not
// insist: a server that is away at start is found by Ping.
type Opener[T any] func(ctx context.Context, address *url.URL, kit Kit) (T, error)

// Mux opens URLs by their scheme.
type Mux[T any] struct {
	what    string
	openers map[string]Opener[T]
}

// Handle registers an opener for a scheme. It panics if the scheme has one already:
// two plugins claim it, and main must choose.
func (m *Mux[T]) Handle(scheme string, open Opener[T]) {
	if _, taken := m.openers[scheme]; taken {
		panic(fmt.Sprintf("plugin: two %s adapters claim %s://", m.what, scheme))
	}
	if m.openers == nil {
		m.openers = map[string]Opener[T]{}
	}
	m.openers[scheme] = open
}

// Schemes lists what is registered, sorted.
func (m *Mux[T]) Schemes() []string { return slices.Sorted(maps.Keys(m.openers)) }

// Check is an error that lists the known schemes unless the address is a URL of one of them.
func (m *Mux[T]) Check(address string) error {
	_, _, err := m.find(address)
	return err
}

// Open opens the adapter that the address names.
func (m *Mux[T]) Open(ctx context.Context, address string, kit Kit) (T, error) {
	u, open, err := m.find(address)
	if err != nil {
		var none T
		return none, err
	}
	opened, err := open(ctx, u, kit)
	if err != nil {
		return opened, fmt.Errorf("open %s %s: %w", m.what, Redact(address), err)
	}
	return opened, nil
}

func (m *Mux[T]) find(address string) (*url.URL, Opener[T], error) {
	u, err := url.Parse(address)
	if err != nil {
		// The parser's own error would repeat the address, password and all.
		return nil, nil, fmt.Errorf("%s: not a URL; is a sign in the password not written as %%XX?", m.what)
	}
	open, known := m.openers[u.Scheme]
	if !known {
		return nil, nil, fmt.Errorf("%s %s: unknown scheme %q; this binary knows %s", m.what, Redact(address), u.Scheme, strings.Join(m.Schemes(), "://, ")+"://")
	}
	return u, open, nil
}

// Redact gives an address fit to be shown: the password, and every query
// parameter that sounds like a secret, replaced by xxxxx.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	query, secret := u.Query(), false
	for name := range query {
		lower := strings.ToLower(name)
		for _, word := range []string{"password", "secret", "token", "key", "credential"} {
			if strings.Contains(lower, word) {
				query[name], secret = []string{"xxxxx"}, true
			}
		}
	}
	if _, password := u.User.Password(); !password && !secret {
		return address // putting it together again may spell it differently
	}
	if secret {
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}
