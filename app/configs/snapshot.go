package configs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// snapshot is the current releases of an environment at one version. It never
// changes, but for the answers that it remembers.
type snapshot struct {
	version int64
	configs []released // by name

	mu      sync.RWMutex
	answers map[string]*Answer // by choice
}

// released is a config with its current release.
type released struct {
	config  configuration.Config
	release configuration.Release
	bundles map[configuration.Hash]content
}

type content struct {
	configuration.Bundle
	value []byte // nil: not read inline
}

// Bounds of what a snapshot remembers.
const (
	mostAnswers = 4096
	// mostInlined bounds the bytes of all values: the configs that come after it by
	// name are read by link.
	mostInlined = 64 << 20
)

// load reads what an environment's configs are. What is read may be newer than the version
// that was seen before it, never older.
func (u *UseCases) load(ctx context.Context, scope tenancy.Scope, version int64, before *snapshot) (*snapshot, error) {
	s := &snapshot{version: version, answers: map[string]*Answer{}}
	var configs []configuration.Config
	var releases []configuration.Release
	var bundles []configuration.Bundle
	// In one transaction, so that configs, releases and bundles are of one moment.
	err := u.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) (err error) {
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
		if bundles, err = tx.Bundles().GetMany(ctx, scope, named); err != nil {
			return fmt.Errorf("read bundles: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	inlined := int64(0)
	for _, config := range configs {
		at := slices.IndexFunc(releases, func(r configuration.Release) bool { return r.Config == config.Name && r.Number == config.Release })
		if at < 0 {
			continue
		}
		one := released{config: config, release: releases[at], bundles: map[configuration.Hash]content{}}
		for _, hash := range one.release.Bundles() {
			i := slices.IndexFunc(bundles, func(b configuration.Bundle) bool { return b.Hash == hash })
			if i < 0 {
				return nil, fmt.Errorf("release %d of %s names a bundle that is not there: %s", one.release.Number, config.Name, hash)
			}
			c := content{Bundle: bundles[i]}
			if u.Inline(c.Bundle) && inlined+c.Size <= mostInlined {
				inlined += c.Size
				if c.value, err = u.value(ctx, c.Bundle, before); err != nil {
					return nil, err
				}
			}
			one.bundles[hash] = c
		}
		s.configs = append(s.configs, one)
	}
	return s, nil
}

// value gives the bytes of a bundle, nil when they are damaged: then whoever follows the
// link is told so, and everything else is served.
func (u *UseCases) value(ctx context.Context, bundle configuration.Bundle, before *snapshot) ([]byte, error) {
	if before != nil {
		for _, one := range before.configs {
			if known, ok := one.bundles[bundle.Hash]; ok && known.value != nil {
				return known.value, nil
			}
		}
	}
	value, err := u.Bytes(ctx, bundle)
	if errors.Is(err, configuration.ErrDamaged) {
		return nil, nil
	}
	return value, err
}

// Answer is what a caller gets. Callers of one choice share it; it never changes.
type Answer struct {
	// Tag is different for each content.
	Tag   string
	Items []Item // by name

	once    sync.Once
	encoded []byte
	err     error
}

// Item is a config as one caller gets it.
type Item struct {
	Config  string
	Release int
	Bundle  configuration.Bundle
	Value   []byte // JSON; nil: to be read by its link
}

// Encoded gives what encode made of the answer, which it is asked for once.
func (a *Answer) Encoded(encode func(*Answer) ([]byte, error)) ([]byte, error) {
	a.once.Do(func() { a.encoded, a.err = encode(a) })
	return a.encoded, a.err
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
	s.mu.RLock()
	known := s.answers[string(choice)]
	s.mu.RUnlock()
	if known != nil {
		return known
	}
	made := s.make(choice)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.answers[string(choice)]; known != nil {
		return known
	}
	if len(s.answers) < mostAnswers {
		s.answers[string(choice)] = made
	}
	return made
}

func (s *snapshot) make(choice []byte) *Answer {
	a := &Answer{Items: []Item{}}
	h := sha256.New()
	for i, one := range s.configs {
		if choice[i] == 0 {
			continue
		}
		c := one.bundles[one.release.Rules[choice[i]-1].Bundle]
		a.Items = append(a.Items, Item{Config: one.config.Name, Release: one.release.Number, Bundle: c.Bundle, Value: c.value})
		fmt.Fprintf(h, "%s %d %s %t\n", one.config.Name, one.release.Number, c.Hash, c.value != nil)
	}
	a.Tag = hex.EncodeToString(h.Sum(nil)[:16])
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
