package configs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"sync"

	"github.com/overworldhq/overworld/domain/configuration"
)

// Item is a config as some callers get it. All of them share it.
type Item struct {
	Config  string
	Release int
	Bundle  configuration.Bundle
	Value   []byte // JSON, without white space around its parts; nil: to be read by its link
	digest  [sha256.Size]byte

	once   sync.Once
	framed []byte
	err    error
}

// Framed gives what frame made of the item, its value apart, which it is asked for once.
func (i *Item) Framed(frame func(*Item) ([]byte, error)) ([]byte, error) {
	i.once.Do(func() { i.framed, i.err = frame(i) })
	return i.framed, i.err
}

// readAtOnce is how many values are read from the object store at once, for one environment.
const readAtOnce = 8

// errUnread is a value that can't be read now: the object store is away, or too slow.
type errUnread struct{ cause error }

func (e *errUnread) Error() string { return "read value: " + e.cause.Error() }
func (e *errUnread) Unwrap() error { return e.cause }

// fill gives the items their values. What was read stays read when others can't be. Only one
// load of the feed is under way, so it is alone with f.values.
func (f *feed) fill(ctx context.Context, items []*Item) error {
	next := map[configuration.Hash][]byte{}
	var missing []configuration.Bundle
	for _, item := range items {
		hash := item.Bundle.Hash
		if _, seen := next[hash]; seen {
			continue
		}
		value, known := f.values[hash]
		if next[hash] = value; !known {
			missing = append(missing, item.Bundle)
		}
	}
	if err := f.read(ctx, missing, next); err != nil {
		// What the snapshot before has is needed as well.
		for hash, value := range next {
			if value != nil {
				f.values[hash] = value
			}
		}
		return &errUnread{err}
	}
	for _, item := range items {
		item.Value = next[item.Bundle.Hash]
	}
	maps.DeleteFunc(next, func(_ configuration.Hash, value []byte) bool { return value == nil }) // which is tried again
	f.values = next
	return nil
}

// read reads bundles, some at once, into their places; nil for those that are damaged.
func (f *feed) read(ctx context.Context, bundles []configuration.Bundle, into map[configuration.Hash][]byte) error {
	var mu sync.Mutex
	var failed error
	var readers sync.WaitGroup
	for range min(readAtOnce, len(bundles)) {
		readers.Go(func() {
			for {
				mu.Lock()
				if len(bundles) == 0 || failed != nil {
					mu.Unlock()
					return
				}
				bundle := bundles[0]
				bundles = bundles[1:]
				mu.Unlock()
				value, err := f.configs.value(ctx, bundle)
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, err)
				} else {
					into[bundle.Hash] = value
				}
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return failed
}

// value gives the bytes of a bundle as they are sent, nil when they are damaged: then whoever follows the
// link is told so, and everything else is served.
func (u *UseCases) value(ctx context.Context, bundle configuration.Bundle) ([]byte, error) {
	content, err := u.Bytes(ctx, bundle)
	if errors.Is(err, configuration.ErrDamaged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	compact.Grow(len(content))
	if err := json.Compact(&compact, content); err != nil {
		return nil, nil //nolint:nilerr // it is none, whatever it is called: the link gives it as it is
	}
	return compact.Bytes(), nil
}
