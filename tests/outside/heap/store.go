package heap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Plugin registers heap://.
func Plugin(r *plugin.Registry) { r.Blobs.Handle("heap", open) }

func open(_ context.Context, address *url.URL, kit plugin.Kit) (blob.Store, error) {
	if address.String() != "heap:" && address.String() != "heap://" {
		return nil, errors.New("heap:// takes nothing more")
	}
	return &Store{clock: kit.Clock, objects: map[string]object{}}, nil
}

// Store is a map under a lock.
type Store struct {
	clock   clock.Clock
	mu      sync.RWMutex
	objects map[string]object // nil: closed
}

var _ blob.Store = (*Store)(nil)

// object is never changed once it is in the map, so readers need no lock.
type object struct {
	content     []byte
	contentType string
	modifiedAt  time.Time
}

func (o object) info(key string) blob.Info {
	return blob.Info{Key: key, Size: int64(len(o.content)), ContentType: o.contentType, ModifiedAt: o.modifiedAt}
}

var errClosed = fault.ErrUnavailable.Because(errors.New("the heap is closed"))

// check is what every operation on a key begins with. The caller holds the lock.
func (s *Store) check(ctx context.Context, key string) error {
	if !blob.ValidKey(key) {
		return blob.ErrKey
	}
	return s.usable(ctx)
}

func (s *Store) usable(ctx context.Context) error {
	if s.objects == nil {
		return errClosed
	}
	return ctx.Err()
}

// Put reads all of the content before it takes the lock.
func (s *Store) Put(ctx context.Context, key string, content io.Reader, size int64, contentType string) error {
	if !blob.ValidKey(key) {
		return blob.ErrKey
	}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	for _, c := range []byte(contentType) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("content type %q is not printable ASCII", contentType)
		}
	}
	limit := content
	if size >= 0 {
		limit = io.LimitReader(content, size+1)
	}
	all, err := io.ReadAll(limit)
	if err != nil {
		return fmt.Errorf("read object: %w", err)
	}
	if size >= 0 && int64(len(all)) != size {
		return blob.ErrSize
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.objects[key] = object{all, contentType, s.clock.Now()}
	return nil
}

func (s *Store) find(ctx context.Context, key string) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.check(ctx, key); err != nil {
		return object{}, err
	}
	o, there := s.objects[key]
	if !there {
		return object{}, blob.ErrNotFound
	}
	return o, nil
}

func (s *Store) Get(ctx context.Context, key string, offset, length int64) (blob.Object, error) {
	o, err := s.find(ctx, key)
	if err != nil {
		return blob.Object{}, err
	}
	if offset < 0 || offset > int64(len(o.content)) {
		return blob.Object{}, blob.ErrRange
	}
	rest := o.content[offset:]
	if length >= 0 && length < int64(len(rest)) {
		rest = rest[:length]
	}
	return blob.Object{Info: o.info(key), Content: io.NopCloser(bytes.NewReader(rest))}, nil
}

func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	o, err := s.find(ctx, key)
	if err != nil {
		return blob.Info{}, err
	}
	return o.info(key), nil
}

func (s *Store) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(ctx, key); err != nil {
		return err
	}
	delete(s.objects, key)
	return nil
}

func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	found := []blob.Info{}
	for key, o := range s.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			info := o.info(key)
			info.ContentType = ""
			found = append(found, info)
		}
	}
	slices.SortFunc(found, func(a, b blob.Info) int { return strings.Compare(a.Key, b.Key) })
	return found[:min(len(found), max(limit, 0))], nil
}

func (s *Store) Ping(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.usable(ctx)
}

func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects = nil
	return nil
}
