package signin

import (
	"context"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/app/once"
)

// granted is what became of one who shared a commit.
type granted struct {
	grant Grant
	err   error
}

// shared is a commit that concurrent callers share.
type shared[Item any] struct {
	commit  func(ctx context.Context, items []Item) ([]granted, error)
	writers *coalesce.Coalescer[Item, granted]
}

func newShared[Item any](options coalesce.Options, commit func(ctx context.Context, items []Item) ([]granted, error)) shared[Item] {
	return shared[Item]{commit, coalesce.New(options, commit)}
}

// join does one item with those that are there, or alone if it has effects: they
// may fail, or wait for another process.
func (s shared[Item]) join(ctx context.Context, item Item, effects []once.Effect[Grant]) (Grant, error) {
	var done granted
	if once.Wanted(effects) {
		all, err := s.commit(ctx, []Item{item})
		if err != nil {
			return Grant{}, err
		}
		done = all[0]
	} else {
		var err error
		if done, err = s.writers.Do(ctx, item); err != nil {
			return Grant{}, err
		}
	}
	if done.err != nil {
		return Grant{}, done.err
	}
	return done.grant, nil
}
