package blobstore

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/overworldhq/overworld/ports/blob"
)

// List walks the folders in the order of keys, and goes only where keys that
// are asked for can be.
func (f *folder) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	if err := f.usable(ctx); err != nil {
		return nil, err
	}
	w := walk{folder: f, ctx: ctx, prefix: prefix, after: after, limit: limit, found: []blob.Info{}}
	if err := w.enter(objects, ""); err != nil {
		return nil, broken("list objects", err)
	}
	return w.found, nil
}

type walk struct {
	*folder
	ctx           context.Context
	prefix, after string
	limit         int
	found         []blob.Info
}

// place is a file or folder. Its key ends in a slash if it is a folder, which is
// what makes places sort as the keys in them do.
type place struct {
	fs.DirEntry
	key string
}

func (w *walk) enter(dir, base string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.entries(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since we saw it
	}
	if err != nil {
		return err
	}
	places := make([]place, 0, len(entries))
	for _, entry := range entries {
		segment, object, ok := decode(entry.Name())
		key := base + segment
		if !object {
			key += "/"
		}
		// Links and other strangers are not of our making.
		if ok && (object && entry.Type().IsRegular() || !object && entry.IsDir()) && w.wants(key) {
			places = append(places, place{entry, key})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.key, b.key) })
	for _, p := range places {
		if len(w.found) >= w.limit {
			return nil
		}
		if p.IsDir() {
			if err := w.enter(path.Join(dir, p.Name()), p.key); err != nil {
				return err
			}
			continue
		}
		info, err := p.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Size() >= headerSize {
			w.found = append(w.found, infoOf(p.key, "", info))
		}
	}
	return nil
}

// wants tells whether an object has a key that is asked for, or a folder may hold one.
func (w *walk) wants(key string) bool {
	if !strings.HasSuffix(key, "/") {
		return strings.HasPrefix(key, w.prefix) && key > w.after
	}
	return (strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)) &&
		(key > w.after || strings.HasPrefix(w.after, key))
}
