package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/clock"
)

// Ranks is the rank index of this process. It costs some two hundred bytes an entry. Ladders that nobody
// used for idleAfter are forgotten when another is built; and beyond mostEntries those that were not used the
// longest, unless that was a moment ago. Never one that a writer is at.
type Ranks struct {
	clock   clock.Clock
	most    int // entries
	mu      sync.RWMutex
	ladders map[ranking.Ladder]*ladder
}

var _ ranking.Index = (*Ranks)(nil)

const (
	idleAfter   = time.Hour
	mostEntries = 5_000_000 // about a gigabyte
	// inUse is how lately a ladder was used that is not forgotten to make room.
	inUse = time.Minute
)

// NewRanks makes an index in which every ladder is cold.
func NewRanks(clock clock.Clock) *Ranks {
	return &Ranks{clock: clock, most: mostEntries, ladders: map[ranking.Ladder]*ladder{}}
}

// ladder is one index.
type ladder struct {
	used     atomic.Int64 // when, in microseconds since 1970
	mu       sync.RWMutex
	lost     bool // it was forgotten: whoever still has it looks for another
	state    condition
	builder  string
	heard    time.Time // from the builder
	sequence int64
	order    sorted
	entries  map[uuid.UUID]entry
	gone     map[uuid.UUID]int64 // revisions of those without a place, and
	hidden   map[uuid.UUID]entry // what would be theirs
	intents  map[string]intended
}

type condition uint8

const (
	cold condition = iota
	building
	ready
)

type entry struct {
	key      ranking.Key
	revision int64
	metadata string
}

type intended struct {
	players []identity.PlayerID
	at      time.Time
}

// change changes a ladder, which is made if it isn't there.
func (r *Ranks) change(at ranking.Ladder, do func(l *ladder)) {
	for {
		l := r.ladder(at)
		l.used.Store(r.clock.Now().UnixMicro())
		l.mu.Lock()
		if !l.lost {
			defer l.mu.Unlock()
			do(l)
			return
		}
		l.mu.Unlock()
	}
}

// ladder finds the ladder, made if it isn't there.
func (r *Ranks) ladder(at ranking.Ladder) *ladder {
	if l := r.known(at); l != nil {
		return l
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.ladders[at]
	if !ok {
		l = &ladder{intents: map[string]intended{}}
		r.ladders[at] = l
	}
	return l
}

// known finds the ladder; nil when there is nothing of it.
func (r *Ranks) known(at ranking.Ladder) *ladder {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ladders[at]
}

// makeRoom forgets ladders before another one is built.
func (r *Ranks) makeRoom(forLadder ranking.Ladder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now().UnixMicro()
	type candidate struct {
		at   ranking.Ladder
		l    *ladder
		idle time.Duration
		size int
	}
	var all []candidate
	entries := 0
	for at, l := range r.ladders {
		l.mu.RLock()
		size := len(l.entries) + len(l.gone)
		l.mu.RUnlock()
		entries += size
		if at != forLadder {
			all = append(all, candidate{at, l, time.Duration(now-l.used.Load()) * time.Microsecond, size})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.idle, a.idle) })
	for _, c := range all {
		if c.idle < inUse || c.idle < idleAfter && entries <= r.most {
			return
		}
		c.l.mu.Lock()
		if len(c.l.intents) == 0 {
			c.l.lost = true
			delete(r.ladders, c.at)
			entries -= c.size
		}
		c.l.mu.Unlock()
	}
}

// Intend notes an intent.
func (r *Ranks) Intend(ctx context.Context, at ranking.Ladder, intent ranking.Intent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.change(at, func(l *ladder) { l.intents[intent.ID] = intended{slices.Clone(intent.Players), r.clock.Now()} })
	return nil
}

// Apply applies even when ctx has ended: it costs little, and what it tells has been committed.
func (r *Ranks) Apply(_ context.Context, at ranking.Ladder, marks []ranking.Mark, intents ...string) error {
	ids, err := playersOf(marks)
	if err != nil {
		return err
	}
	r.change(at, func(l *ladder) {
		for _, id := range intents {
			delete(l.intents, id)
		}
		if l.state != cold {
			l.put(ids, marks)
		}
	})
	return nil
}

func playersOf(marks []ranking.Mark) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(marks))
	for i, m := range marks {
		var err error
		if ids[i], err = uuid.Parse(string(m.Player)); err != nil {
			return nil, fmt.Errorf("player %q: %w", m.Player, err)
		}
	}
	return ids, nil
}

func memberOf(key ranking.Key, id uuid.UUID) (m member) {
	copy(m[copy(m[:], key[:]):], id[:])
	return m
}

func (l *ladder) put(ids []uuid.UUID, marks []ranking.Mark) {
	changed := false
	for i, m := range marks {
		id := ids[i]
		was, known := l.entries[id]
		if max(was.revision, l.gone[id]) >= m.Revision {
			continue
		}
		changed = true
		placeless := m.Gone || m.Hidden
		if known && (placeless || was.key != m.Key) {
			l.order.remove(memberOf(was.key, id))
		}
		delete(l.hidden, id)
		if placeless {
			delete(l.entries, id)
			l.gone[id] = m.Revision
			if m.Hidden {
				l.hidden[id] = entry{m.Key, m.Revision, m.Metadata}
			}
			continue
		}
		if !known || was.key != m.Key {
			l.order.add(memberOf(m.Key, id))
		}
		delete(l.gone, id)
		l.entries[id] = entry{m.Key, m.Revision, m.Metadata}
	}
	if changed {
		l.sequence++
	}
}

// read looks at a ladder that is ready and owes nothing.
func (r *Ranks) read(ctx context.Context, at ranking.Ladder, look func(*ladder, *ranking.View) error) (ranking.View, error) {
	if err := ctx.Err(); err != nil {
		return ranking.View{}, err
	}
	l := r.known(at)
	if l == nil {
		return ranking.View{}, ranking.ErrCold
	}
	now := r.clock.Now()
	l.used.Store(now.UnixMicro())
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.lost || l.state != ready {
		return ranking.View{}, ranking.ErrCold
	}
	if owed := l.owed(now); owed != nil {
		return ranking.View{}, owed
	}
	view := ranking.View{Sequence: l.sequence, Count: int64(l.order.size), Places: []ranking.Place{}}
	if err := look(l, &view); err != nil {
		return ranking.View{}, err
	}
	return view, nil
}

func (l *ladder) owed(now time.Time) error {
	owed := &ranking.Owed{}
	for id, one := range l.intents {
		if now.Sub(one.at) >= ranking.IntentFor && len(owed.Intents) < ranking.OwedAtOnce {
			owed.Intents = append(owed.Intents, ranking.Intent{ID: id, Players: one.players})
		}
	}
	if len(owed.Intents) == 0 {
		return nil
	}
	return owed
}

// Read answers questions.
func (r *Ranks) Read(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) ([]ranking.View, error) {
	views := make([]ranking.View, 0, len(questions))
	_, err := r.read(ctx, at, func(l *ladder, all *ranking.View) error {
		for _, q := range questions {
			view := ranking.View{Sequence: all.Sequence, Count: all.Count}
			if q.Known == 0 || q.Known != all.Sequence {
				var err error
				if view.Places, err = l.answer(q, shared); err != nil {
					return err
				}
			}
			views = append(views, view)
		}
		return nil
	})
	return views, err
}

func (l *ladder) answer(q ranking.Question, shared bool) ([]ranking.Place, error) {
	if q.Player != "" {
		id, e, ok := l.entry(q.Player)
		if !ok {
			return []ranking.Place{}, nil
		}
		m := memberOf(e.key, id)
		rank := l.order.rank(&m)
		first := max(0, rank-q.Before)
		return l.places(first, rank-first+1+q.After, shared), nil
	}
	first := 0
	if q.From != (ranking.Position{}) {
		id, err := uuid.Parse(string(q.From.Player))
		if err != nil {
			return nil, fmt.Errorf("player %q: %w", q.From.Player, err)
		}
		m := memberOf(q.From.Key, id)
		first = l.order.rank(&m)
		if e, ok := l.entries[id]; ok && e.key == q.From.Key {
			first++
		}
	}
	return l.places(first, q.Limit, shared), nil
}

// Shadow gives the place that a player would have.
func (r *Ranks) Shadow(ctx context.Context, at ranking.Ladder, player identity.PlayerID, key *ranking.Key, window ranking.Window, shared bool) (ranking.View, error) {
	return r.read(ctx, at, func(l *ladder, view *ranking.View) error {
		id, _, listed := l.entry(player)
		e, ok := l.hidden[id]
		if key != nil {
			e, ok = entry{key: *key}, true
		}
		if listed || !ok {
			return nil
		}
		m := memberOf(e.key, id)
		ahead := l.order.rank(&m)
		one := ranking.Place{Rank: int64(ahead) + 1, Player: player, Key: e.key, Metadata: e.metadata}
		if shared {
			one.Rank = int64(l.better(e.key)) + 1
		}
		first := max(0, ahead-window.Before)
		view.Places = ranking.With(l.places(first, ahead-first+window.After, shared), one, shared)
		view.Count++
		return nil
	})
}

// Held gives marks.
func (r *Ranks) Held(ctx context.Context, at ranking.Ladder, players []identity.PlayerID) ([]ranking.Mark, error) {
	marks := []ranking.Mark{}
	_, err := r.read(ctx, at, func(l *ladder, _ *ranking.View) error {
		for _, player := range players {
			id, e, listed := l.entry(player)
			m := memberOf(e.key, id)
			hidden, isHidden := l.hidden[id]
			revision, isGone := l.gone[id]
			switch {
			case listed && !l.order.has(&m):
				marks = append(marks, ranking.Mark{Player: player, Gone: true})
			case listed:
				marks = append(marks, ranking.Mark{Player: player, Key: e.key, Metadata: e.metadata, Revision: e.revision})
			case isHidden:
				marks = append(marks, ranking.Mark{Player: player, Key: hidden.key, Metadata: hidden.metadata, Revision: hidden.revision, Hidden: true})
			case isGone:
				marks = append(marks, ranking.Mark{Player: player, Revision: revision, Gone: true})
			}
		}
		return nil
	})
	return marks, err
}

// entry finds a player's; what is no UUID is nobody's.
func (l *ladder) entry(player identity.PlayerID) (uuid.UUID, entry, bool) {
	id, err := uuid.Parse(string(player))
	e, ok := l.entries[id]
	return id, e, ok && err == nil
}

// places gives up to limit places that follow the first ones.
func (l *ladder) places(first, limit int, shared bool) []ranking.Place {
	members := l.order.from(first, limit)
	places := make([]ranking.Place, len(members))
	for i := range members {
		m := &members[i]
		id := uuid.UUID(m[len(ranking.Key{}):])
		p := &places[i]
		*p = ranking.Place{Rank: int64(first+i) + 1, Player: identity.PlayerID(id.String()), Key: m.key(), Metadata: l.entries[id].metadata}
		switch {
		case !shared:
		case i == 0:
			p.Rank = int64(l.better(p.Key)) + 1
		case [ranking.Prefix]byte(p.Key[:]) == [ranking.Prefix]byte(places[i-1].Key[:]):
			p.Rank = places[i-1].Rank
		}
	}
	return places
}

// better is how many entries have a better run than that of the key.
func (l *ladder) better(key ranking.Key) int {
	var m member
	copy(m[:], key[:ranking.Prefix])
	return l.order.rank(&m)
}

// Build begins from nothing but the intents.
func (r *Ranks) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.makeRoom(at)
	now := r.clock.Now()
	var err error
	r.change(at, func(l *ladder) {
		switch {
		case l.state == ready:
			err = ranking.ErrBuilt
			return
		case l.state == building && l.builder != builder && now.Sub(l.heard) < ranking.BuildFor:
			err = ranking.ErrBuilding
			return
		}
		l.state, l.builder, l.heard = building, builder, now
		l.order, l.entries, l.gone, l.hidden = sorted{}, map[uuid.UUID]entry{}, map[uuid.UUID]int64{}, map[uuid.UUID]entry{}
		l.sequence = max(l.sequence+1, now.UnixMicro())
	})
	return err
}

// Fill applies what the builder read.
func (r *Ranks) Fill(ctx context.Context, at ranking.Ladder, builder string, marks []ranking.Mark) error {
	ids, err := playersOf(marks)
	if err != nil {
		return err
	}
	return r.build(ctx, at, builder, func(l *ladder) { l.put(ids, marks) })
}

// Finish makes the ladder ready.
func (r *Ranks) Finish(ctx context.Context, at ranking.Ladder, builder string) error {
	return r.build(ctx, at, builder, func(l *ladder) { l.state, l.builder = ready, "" })
}

func (r *Ranks) build(ctx context.Context, at ranking.Ladder, builder string, do func(*ladder)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := r.known(at)
	if l == nil {
		return ranking.ErrNotBuilding
	}
	now := r.clock.Now()
	l.used.Store(now.UnixMicro())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost || l.state != building || l.builder != builder {
		return ranking.ErrNotBuilding
	}
	l.heard = now
	do(l)
	return nil
}

// Drop keeps the intents of writers that are at it, and the sequence.
func (r *Ranks) Drop(ctx context.Context, at ranking.Ladder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := r.known(at)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.builder = cold, ""
	l.order, l.entries, l.gone, l.hidden = sorted{}, nil, nil, nil
	return nil
}
