package configs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/ports/datastore"
)

// snapshot is the current releases of an environment at one version. It never
// changes, but for the answers that it remembers.
type snapshot struct {
	version int64
	configs []released // by name
	seed    maphash.Seed
	// lately has answers that were given, each at the place that its choice's hash says: most
	// callers get one of a few, and however many others there are, it grows no larger.
	lately [256]atomic.Pointer[Answer]
}

// released is a config with its current release.
type released struct {
	config  configuration.Config
	release configuration.Release
	items   []*Item // by rule
}

// mostInlined bounds the bytes of all values: the configs that come after it by
// name are read by link.
const mostInlined = 64 << 20

// load reads what an environment's configs are. What is read may be newer than the version
// that was seen before it, never older. It is an errUnread if a value can't be read.
func (f *feed) load(ctx context.Context) (*snapshot, error) {
	u, scope, s := f.configs, f.scope, &snapshot{seed: maphash.MakeSeed()}
	var configs []configuration.Config
	var releases []configuration.Release
	bundles := map[configuration.Hash]configuration.Bundle{}
	// In one transaction, so that configs, releases and bundles are of one moment.
	err := u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
		if s.version, err = tx.Configs().Version(ctx, scope); err != nil {
			return fmt.Errorf("read configs' version: %w", err)
		}
		if configs, err = tx.Configs().List(ctx, scope, "", math.MaxInt32); err != nil {
			return fmt.Errorf("list configs: %w", err)
		}
		if releases, err = tx.Configs().Current(ctx, scope); err != nil {
			return fmt.Errorf("read releases: %w", err)
		}
		var named []configuration.Hash
		for _, r := range releases {
			named = append(named, r.Bundles()...)
		}
		found, err := tx.Bundles().GetMany(ctx, scope, named)
		if err != nil {
			return fmt.Errorf("read bundles: %w", err)
		}
		for _, b := range found {
			bundles[b.Hash] = b
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var inline []*Item
	inlined := int64(0)
	for _, config := range configs {
		at := slices.IndexFunc(releases, func(r configuration.Release) bool { return r.Config == config.Name && r.Number == config.Release })
		if at < 0 {
			continue
		}
		one := released{config: config, release: releases[at]}
		byHash := map[configuration.Hash]*Item{}
		for _, rule := range one.release.Rules {
			item := byHash[rule.Bundle]
			if item == nil {
				bundle, ok := bundles[rule.Bundle]
				if !ok {
					return nil, fmt.Errorf("release %d of %s names a bundle that is not there: %s", one.release.Number, config.Name, rule.Bundle)
				}
				item = &Item{Config: config.Name, Release: one.release.Number, Bundle: bundle}
				byHash[rule.Bundle] = item
				if u.Inline(bundle) && inlined+bundle.Size <= mostInlined {
					inlined += bundle.Size
					inline = append(inline, item)
				}
			}
			one.items = append(one.items, item)
		}
		s.configs = append(s.configs, one)
	}
	if err := f.fill(ctx, inline); err != nil {
		return nil, err
	}
	for _, one := range s.configs {
		for _, item := range one.items {
			item.digest = sha256.Sum256(fmt.Appendf(nil, "%s %d %s %t", item.Config, item.Release, item.Bundle.Hash, item.Value != nil))
		}
	}
	return s, nil
}

// Answer is what a caller gets. Callers of one choice share it; it never changes.
type Answer struct {
	// Tag is different for each content.
	Tag    string
	Items  []*Item // by name
	choice []byte
}

// answer resolves the configs of the names, all of them for none, that the caller may read.
func (s *snapshot) answer(facts configuration.Facts, names []string, now time.Time) *Answer {
	var room [64]byte
	choice := room[:0]
	for _, one := range s.configs {
		rule := -1
		if one.config.MayRead(facts.Caller) && (len(names) == 0 || slices.Contains(names, one.config.Name)) {
			rule = one.release.Resolve(facts, now)
		}
		choice = append(choice, byte(rule+1)) // rules are few
	}
	place := &s.lately[maphash.Bytes(s.seed, choice)%uint64(len(s.lately))]
	if known := place.Load(); known != nil && bytes.Equal(known.choice, choice) {
		return known
	}
	made := s.choose(choice)
	place.Store(made)
	return made
}

func (s *snapshot) choose(choice []byte) *Answer {
	a := &Answer{Items: []*Item{}, choice: slices.Clone(choice)}
	h := sha256.New()
	for i, one := range s.configs {
		if choice[i] == 0 {
			continue
		}
		item := one.items[choice[i]-1]
		a.Items = append(a.Items, item)
		h.Write(item.digest[:])
	}
	a.Tag = fmt.Sprintf("%x", h.Sum(nil)[:16])
	return a
}

// find gives the config of the name, if the caller may read it.
func (s *snapshot) find(facts configuration.Facts, name string) (released, bool) {
	i, ok := slices.BinarySearchFunc(s.configs, name, func(r released, name string) int { return strings.Compare(r.config.Name, name) })
	if !ok || !s.configs[i].config.MayRead(facts.Caller) {
		return released{}, false
	}
	return s.configs[i], true
}

// bundle gives the bundle of a hash, if the current release names it.
func (r released) bundle(hash configuration.Hash) (configuration.Bundle, bool) {
	for _, item := range r.items {
		if item.Bundle.Hash == hash {
			return item.Bundle, true
		}
	}
	return configuration.Bundle{}, false
}
