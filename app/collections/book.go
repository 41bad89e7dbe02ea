package collections

import (
	"context"
	"fmt"
	"maps"
	"math"
	"sync"
	"sync/atomic"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/schema"
)

// Book holds the declarations of the environments in use.
type Book struct {
	compiler schema.Compiler
	plain    storage.Rules // of what nobody declared

	mu    sync.RWMutex
	sets  map[tenancy.EnvironmentID]*Set
	swept int // how many the last sweep left
}

// few is how many sets are kept without looking for those that nobody asks for.
const few = 256

func NewBook(compiler schema.Compiler, limits limits.Limits) *Book {
	return &Book{
		compiler: compiler, sets: map[tenancy.EnvironmentID]*Set{},
		plain: storage.Rules{EditLimits: limits.Storage(), Revisions: int64(limits.DocumentRevisions)},
	}
}

// Set is the declarations of one environment at one version.
type Set struct {
	book    *Book
	version int64
	// declared are the rules by collection, made when they are first needed.
	declared map[string]func() (storage.Rules, error)
	used     atomic.Bool // since the last sweep
}

// Of gives an environment's declarations as repos see them: within a
// transaction, all that were acknowledged before it. The transaction may not be
// one that changes declarations: it could be undone, and its version be another's.
func (b *Book) Of(ctx context.Context, repos datastore.Repos, scope tenancy.Scope) (*Set, error) {
	version, err := repos.Collections().Version(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("read version of declarations: %w", err)
	}
	b.mu.RLock()
	known := b.sets[scope.Environment()]
	b.mu.RUnlock()
	if known != nil && known.version == version {
		if !known.used.Load() {
			known.used.Store(true)
		}
		return known, nil
	}
	set := &Set{book: b, version: version, declared: map[string]func() (storage.Rules, error){}}
	if version > 0 {
		// What is read now may be newer than the version, never older; who asks next
		// then finds another version, and reads again.
		// All, also when the limit of how many there may be was lowered since.
		all, err := repos.Collections().List(ctx, scope, "", math.MaxInt32)
		if err != nil {
			return nil, fmt.Errorf("list declarations: %w", err)
		}
		for _, one := range all {
			set.declared[one.Name] = sync.OnceValues(func() (storage.Rules, error) { return b.stored(one) })
		}
	}
	set.used.Store(true)
	b.keep(scope.Environment(), set)
	return set, nil
}

// keep remembers a set. Whenever there are twice of what was left the last time, those are forgotten that nobody
// has asked for since, such as those of deleted environments.
func (b *Book) keep(environment tenancy.EnvironmentID, set *Set) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sets[environment] = set
	if len(b.sets) < max(few, 2*b.swept) {
		return
	}
	maps.DeleteFunc(b.sets, func(_ tenancy.EnvironmentID, one *Set) bool { return !one.used.Swap(false) })
	b.swept = len(b.sets)
}

// Rules gives what the documents of a collection obey.
func (s *Set) Rules(collection string) (storage.Rules, error) {
	one, ok := s.declared[collection]
	if !ok {
		return s.book.plain, nil
	}
	return one()
}

// stored gives the rules of a declaration that was found good when it was made.
func (b *Book) stored(c storage.Collection) (storage.Rules, error) {
	rules, err := b.Rules(c.Declaration)
	if err != nil {
		return rules, fault.ErrInternal.Because(fmt.Errorf("declaration of %s: %w", c.Name, err))
	}
	return rules, nil
}

// Judged is how many faults of one value are told.
const Judged = 100

// Rules gives what documents obey under a declaration. A schema that can't be used is
// fault.ErrInvalid, with fields under /schema.
func (b *Book) Rules(d storage.Declaration) (storage.Rules, error) {
	if d.Schema == nil {
		return b.plain.Declared(d, nil), nil
	}
	compiled, err := b.compiler.Compile(d.Schema)
	if err != nil {
		return storage.Rules{}, refused(err)
	}
	return b.plain.Declared(d, func(value []byte) ([]fault.Field, error) {
		found, err := compiled.Judge(value, Judged)
		if err != nil {
			return nil, err
		}
		return fields("", found), nil
	}), nil
}
