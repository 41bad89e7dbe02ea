package custody

import (
	"context"
	"fmt"
	"time"

	"github.com/overworldhq/overworld/ports/blob"
)

const (
	// Kept is how long an object must have been a stray at every look until it is deleted. It is
	// far longer than anything takes from storing an object to telling the database of it, and
	// time to notice that a database is not the one it should be.
	Kept = 7 * 24 * time.Hour
	// page is how many objects are looked at together.
	page = 500
)

// Sweep looks at all objects whose keys begin with prefix, and deletes those that have
// been strays for Kept. strays tells which of some, in the order of their keys, nobody needs now. It
// does nothing unless database and store belong together.
func (k *Keeper) Sweep(ctx context.Context, prefix string, strays func(ctx context.Context, objects []blob.Info) ([]string, error)) error {
	if err := k.Settle(ctx); err != nil {
		return fmt.Errorf("nothing is swept: %w", err)
	}
	for after := ""; ; {
		objects, err := k.blobs.List(ctx, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list objects: %w", err)
		}
		last := ""
		if len(objects) == page {
			last = objects[page-1].Key
		}
		found, err := strays(ctx, objects)
		if err != nil {
			return err
		}
		if err := k.follow(ctx, prefix, after, last, found); err != nil {
			return err
		}
		if last == "" {
			return nil
		}
		after = last
	}
}

// follow notes what are strays of a part of the keys, forgets which are none any more, and deletes
// those that were for long.
func (k *Keeper) follow(ctx context.Context, prefix, after, last string, strays []string) error {
	records, now := k.store.Custody(), k.clock.Now()
	noted, err := records.Strays(ctx, prefix, after, last)
	if err != nil {
		return err
	}
	since := make(map[string]time.Time, len(noted))
	for _, one := range noted {
		since[one.Object] = one.Since
	}
	var fresh, over []string
	for _, key := range strays {
		at, known := since[key]
		delete(since, key)
		switch {
		case !known:
			fresh = append(fresh, key)
		case now.Sub(at) >= Kept:
			if err := k.blobs.Delete(ctx, key); err != nil {
				return fmt.Errorf("delete stray object: %w", err)
			}
			over = append(over, key)
		}
	}
	for key := range since {
		over = append(over, key)
	}
	if err := records.Note(ctx, fresh, now); err != nil {
		return err
	}
	return records.Forget(ctx, over)
}
