// Package shelf keeps what was made lately, within a bound of bytes, so that it isn't
// made for each request. It forgets what was not asked for the longest. It knows nothing
// of when a thing is out of date: names must differ for things that do.
package shelf

import (
	"container/list"
	"sync"
)

// Shelf keeps values by name. Make one with New.
type Shelf[K comparable, V any] struct {
	most int

	mu    sync.Mutex
	bytes int
	known map[K]*list.Element
	order *list.List // of kept[K, V], the latest asked for first
}

type kept[K comparable, V any] struct {
	name  K
	value V
	bytes int
}

// New makes a shelf for so many bytes.
func New[K comparable, V any](bytes int) *Shelf[K, V] {
	return &Shelf[K, V]{most: bytes, known: map[K]*list.Element{}, order: list.New()}
}

// Get gives what is kept under the name.
func (s *Shelf[K, V]) Get(name K) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.known[name]
	if !ok {
		return value, false
	}
	s.order.MoveToFront(e)
	return e.Value.(kept[K, V]).value, true
}

// Put keeps a value of so many bytes in the place of what the name had. One that is larger
// than the shelf is not kept.
func (s *Shelf[K, V]) Put(name K, value V, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.known[name]; ok {
		s.remove(e)
	}
	if bytes > s.most {
		return
	}
	s.known[name] = s.order.PushFront(kept[K, V]{name, value, bytes})
	for s.bytes += bytes; s.bytes > s.most; {
		s.remove(s.order.Back())
	}
}

func (s *Shelf[K, V]) remove(e *list.Element) {
	gone := s.order.Remove(e).(kept[K, V])
	delete(s.known, gone.name)
	s.bytes -= gone.bytes
}
