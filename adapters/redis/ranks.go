package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/google/uuid"
	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
)

// Ranks is the rank index of all replicas. The keys of a ladder, all in one slot:
//
//	m  hash    what the ladder should hold, and its state
//	z  zset    members, each a key and the player's 16 bytes, all with score 0
//	h  hash    player to key and revision
//	g  hash    player to revision, of those without a place; to key and revision, of the hidden ones
//	d  hash    player to metadata, of those who have any
//	i  zset    intents, by the microsecond they were noted at
//
// Each script answers with a status first; the scripts say the rest.
type Ranks struct {
	link *link

	mu sync.Mutex
	// trusted tells at which count of troubles a ladder's server was last found to be
	// the one that the ladder was built on.
	trusted map[ranking.Ladder]uint64
}

var _ ranking.Index = (*Ranks)(nil)

func newRanks(l *link) *Ranks { return &Ranks{link: l, trusted: map[ranking.Ladder]uint64{}} }

const (
	// memberSize is that of a key and a player's UUID.
	memberSize = len(ranking.Key{}) + 16
	// maxTrusted bounds what is remembered of ladders; past it all are checked again.
	maxTrusted = 10_000
)

// What a script answers first.
const (
	isCold int64 = iota
	isOwed
	isFine
	isBuilt
	isBusy
)

var (
	//go:embed scripts/common.lua
	commonLua string
	//go:embed scripts/intend.lua
	intendLua string
	//go:embed scripts/apply.lua
	applyLua string
	//go:embed scripts/build.lua
	buildLua string
	//go:embed scripts/read.lua
	readLua string
	//go:embed scripts/held.lua
	heldLua string
	//go:embed scripts/shadow.lua
	shadowLua string

	intendScript = rankScript(intendLua)
	applyScript  = rankScript(applyLua)
	buildScript  = rankScript(buildLua)
	readScript   = rankScript(readLua)
	heldScript   = rankScript(heldLua)
	shadowScript = rankScript(shadowLua)
)

func rankScript(text string) *rueidis.Lua { return rueidis.NewLuaScript(commonLua + text) }

// errAnswer is a script's answer that can't be.
var errAnswer = errors.New("the script's answer can't be read")

// run runs a script on a ladder and gives its answer after the status. The script is
// told whether it must compare the server's run id with the one the ladder was built
// on: it must, unless this process has since its last trouble with the server.
func (r *Ranks) run(ctx context.Context, what string, script *rueidis.Lua, at ranking.Ladder, args ...string) (status int64, answer []rueidis.RedisMessage, err error) {
	return r.through(ctx, r.link.do, what, script, at, args)
}

// tell runs a script that tells what the index must not miss, or all of it is lost: short
// troubles of the link are waited out. It may run twice.
func (r *Ranks) tell(ctx context.Context, what string, script *rueidis.Lua, at ranking.Ladder, args ...string) error {
	_, _, err := r.through(ctx, r.link.persist, what, script, at, args)
	return err
}

// way is one of the two in which a link does something.
type way func(ctx context.Context, operation string, f func(context.Context, rueidis.Client) error) error

func (r *Ranks) through(ctx context.Context, do way, what string, script *rueidis.Lua, at ranking.Ladder, args []string) (status int64, answer []rueidis.RedisMessage, err error) {
	keys := r.keys(at)
	given := append(make([]string, 1, 1+len(args)), args...)
	err = do(ctx, what, func(ctx context.Context, client rueidis.Client) error {
		for {
			troubles := r.link.state.Load().troubles
			checked := !r.trusts(at, troubles)
			given[0] = "0"
			if checked {
				given[0] = "1"
			}
			answer, err = script.Exec(ctx, client, keys, given).ToArray()
			if err != nil {
				return err
			}
			if len(answer) == 0 {
				return errAnswer
			}
			if status, err = answer[0].AsInt64(); err != nil {
				return err
			}
			if checked {
				r.trust(at, troubles)
			} else if r.link.state.Load().troubles != troubles {
				continue // it may have gone through a new connection, so it should have been told to compare
			}
			answer = answer[1:]
			return nil
		}
	})
	return status, answer, err
}

func (r *Ranks) trusts(at ranking.Ladder, troubles uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, ok := r.trusted[at]
	return ok && since == troubles
}

func (r *Ranks) trust(at ranking.Ladder, troubles uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trusted) >= maxTrusted {
		clear(r.trusted)
	}
	r.trusted[at] = troubles
}

func (r *Ranks) keys(at ranking.Ladder) []string {
	base := fmt.Sprintf("{%s/%s/%d/%d}", at.Scope.Environment(), at.Board, at.Season, at.Epoch)
	keys := make([]string, 0, 6)
	for _, part := range []string{"m", "z", "h", "g", "d", "i"} {
		keys = append(keys, r.link.key("rank", base+part))
	}
	return keys
}

// Intend notes an intent: its id and the players, 16 bytes each.
func (r *Ranks) Intend(ctx context.Context, at ranking.Ladder, intent ranking.Intent) error {
	id, err := uuid.Parse(intent.ID)
	if err != nil {
		return fmt.Errorf("intent %q: %w", intent.ID, err)
	}
	text := append(make([]byte, 0, 16*(1+len(intent.Players))), id[:]...)
	for _, player := range intent.Players {
		id, err := uuid.Parse(string(player))
		if err != nil {
			return fmt.Errorf("player %q: %w", player, err)
		}
		text = append(text, id[:]...)
	}
	return r.tell(ctx, "note intent", intendScript, at, string(text))
}

// Apply applies even when the caller has left: what it tells has been committed.
func (r *Ranks) Apply(ctx context.Context, at ranking.Ladder, marks []ranking.Mark, intents ...string) error {
	args := make([]string, 0, 1+len(intents)+4*len(marks))
	args = append(args, strconv.Itoa(len(intents)))
	for _, intent := range intents {
		id, err := uuid.Parse(intent)
		if err != nil {
			return fmt.Errorf("intent %q: %w", intent, err)
		}
		args = append(args, string(id[:]))
	}
	args, err := appendMarks(args, marks)
	if err != nil {
		return err
	}
	return r.tell(context.WithoutCancel(ctx), "apply ranks", applyScript, at, args...)
}

// appendMarks adds four arguments a mark: player, key (empty when it is gone), revision
// (negative when it is hidden), metadata.
func appendMarks(args []string, marks []ranking.Mark) ([]string, error) {
	for _, m := range marks {
		id, err := uuid.Parse(string(m.Player))
		if err != nil {
			return nil, fmt.Errorf("player %q: %w", m.Player, err)
		}
		key, metadata, revision := string(m.Key[:]), m.Metadata, m.Revision
		switch {
		case m.Gone:
			key, metadata = "", ""
		case m.Hidden:
			revision = -revision
		}
		args = append(args, string(id[:]), key, strconv.FormatInt(revision, 10), metadata)
	}
	return args, nil
}

// owed reads intents as Intend wrote them.
func owed(answer []rueidis.RedisMessage) error {
	owed := &ranking.Owed{}
	for _, one := range answer {
		text, err := one.ToString()
		if err != nil || len(text) < 16 || len(text)%16 != 0 {
			return fmt.Errorf("read intents: %w", errors.Join(errAnswer, err))
		}
		intent := ranking.Intent{ID: uuidText(text[:16])}
		for rest := text[16:]; rest != ""; rest = rest[16:] {
			intent.Players = append(intent.Players, identity.PlayerID(uuidText(rest[:16])))
		}
		owed.Intents = append(owed.Intents, intent)
	}
	return owed
}

func uuidText(bytes string) string { return uuid.UUID([]byte(bytes)).String() }

// Read answers questions with one script.
func (r *Ranks) Read(ctx context.Context, at ranking.Ladder, shared bool, questions ...ranking.Question) ([]ranking.View, error) {
	args := make([]string, 0, 1+questionSize*len(questions))
	args = append(args, flag(shared))
	for _, q := range questions {
		var err error
		if args, err = appendQuestion(args, q); err != nil {
			return nil, err
		}
	}
	return r.read(ctx, readScript, at, shared, args...)
}

// read runs a script that looks.
func (r *Ranks) read(ctx context.Context, script *rueidis.Lua, at ranking.Ladder, shared bool, args ...string) ([]ranking.View, error) {
	status, answer, err := r.run(ctx, "read ranks", script, at, args...)
	if err != nil {
		return nil, err
	}
	switch status {
	case isCold:
		return nil, ranking.ErrCold
	case isOwed:
		return nil, owed(answer)
	}
	views, err := readViews(answer, shared)
	if err != nil {
		return nil, fmt.Errorf("read ranks: %w", err)
	}
	return views, nil
}

// questionSize is how many arguments a question has: the sequence that is known; the player, or
// the member that a page follows, or nothing; and two numbers.
const questionSize = 4

func appendQuestion(args []string, q ranking.Question) ([]string, error) {
	known := strconv.FormatInt(q.Known, 10)
	if q.Player != "" {
		// What is no UUID is no player's id, and not found.
		id, _ := uuid.Parse(string(q.Player))
		return append(args, known, string(id[:]), strconv.Itoa(q.Before), strconv.Itoa(q.After)), nil
	}
	from := ""
	if q.From != (ranking.Position{}) {
		id, err := uuid.Parse(string(q.From.Player))
		if err != nil {
			return nil, fmt.Errorf("player %q: %w", q.From.Player, err)
		}
		from = string(q.From.Key[:]) + string(id[:])
	}
	return append(args, known, from, strconv.Itoa(q.Limit), ""), nil
}

// answerSize is how many items an answer has: how many are before the first place, or -1 when the
// places are known; how many are better, or -1; the members, one after the other; and their
// metadata, an item each, or nothing.
const answerSize = 4

// readViews reads sequence, count, and the answers.
func readViews(answer []rueidis.RedisMessage, shared bool) ([]ranking.View, error) {
	if len(answer)%answerSize != 2 {
		return nil, errAnswer
	}
	sequence, err := answer[0].AsInt64()
	count, err2 := answer[1].AsInt64()
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	views := make([]ranking.View, len(answer)/answerSize)
	for i := range views {
		views[i] = ranking.View{Sequence: sequence, Count: count}
		if views[i].Places, err = readPlaces(answer[2+answerSize*i:], shared); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func readPlaces(answer []rueidis.RedisMessage, shared bool) ([]ranking.Place, error) {
	before, err := answer[0].AsInt64()
	better, err2 := answer[1].AsInt64()
	members, err3 := answer[2].ToString()
	var metadata []rueidis.RedisMessage
	var err4 error
	if answer[3].IsArray() {
		metadata, err4 = answer[3].ToArray()
	}
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	if before < 0 {
		return nil, nil
	}
	n := len(members) / memberSize
	if len(members)%memberSize != 0 || len(metadata) > 0 && len(metadata) != n {
		return nil, errAnswer
	}
	places := make([]ranking.Place, n)
	for i := range places {
		p, member := &places[i], members[i*memberSize:(i+1)*memberSize]
		p.Rank = before + int64(i) + 1
		copy(p.Key[:], member)
		p.Player = identity.PlayerID(uuidText(member[len(p.Key):]))
		if len(metadata) > 0 {
			// One without metadata has none.
			if p.Metadata, err = metadata[i].ToString(); err != nil && !rueidis.IsRedisNil(err) {
				return nil, err
			}
		}
		switch {
		case !shared:
		case i == 0:
			p.Rank = better + 1
		case [ranking.Prefix]byte(places[i-1].Key[:]) == [ranking.Prefix]byte(p.Key[:]):
			p.Rank = places[i-1].Rank
		}
	}
	return places, nil
}

// Shadow gives the place that a player would have.
func (r *Ranks) Shadow(ctx context.Context, at ranking.Ladder, player identity.PlayerID, key *ranking.Key, window ranking.Window, shared bool) (ranking.View, error) {
	id, _ := uuid.Parse(string(player)) // as with Around
	given := ""
	if key != nil {
		given = string(key[:])
	}
	views, err := r.read(ctx, shadowScript, at, shared, flag(shared), string(id[:]), given, strconv.Itoa(window.Before), strconv.Itoa(window.After))
	switch {
	case err != nil:
		return ranking.View{}, err
	case len(views) == 1:
		return views[0], nil
	case len(views) != 2 || len(views[1].Places) != 1:
		return ranking.View{}, fmt.Errorf("read ranks: %w", errAnswer)
	}
	view := views[0]
	view.Places = ranking.With(view.Places, views[1].Places[0], shared)
	view.Count++
	return view, nil
}

// Held gives marks.
func (r *Ranks) Held(ctx context.Context, at ranking.Ladder, players []identity.PlayerID) ([]ranking.Mark, error) {
	args, known := make([]string, 0, len(players)), make([]identity.PlayerID, 0, len(players))
	for _, player := range players {
		if id, err := uuid.Parse(string(player)); err == nil { // else no player has it
			args, known = append(args, string(id[:])), append(known, player)
		}
	}
	marks := []ranking.Mark{}
	for len(known) > 0 {
		n := min(fillAtOnce, len(known))
		status, answer, err := r.run(ctx, "read marks", heldScript, at, args[:n]...)
		switch {
		case err != nil:
			return nil, err
		case status == isCold:
			return nil, ranking.ErrCold
		case status == isOwed:
			return nil, owed(answer)
		}
		if marks, err = appendHeld(marks, known[:n], answer); err != nil {
			return nil, fmt.Errorf("read marks: %w", err)
		}
		args, known = args[n:], known[n:]
	}
	return marks, nil
}

// appendHeld reads three items for each player; see held.lua.
func appendHeld(marks []ranking.Mark, players []identity.PlayerID, answer []rueidis.RedisMessage) ([]ranking.Mark, error) {
	if len(answer) != 3*len(players) {
		return nil, errAnswer
	}
	for i, player := range players {
		entry, err := answer[3*i].ToString()
		place, err2 := answer[3*i+1].AsInt64()
		metadata, err3 := answer[3*i+2].ToString()
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, err
		}
		if entry == "" {
			continue
		}
		m := ranking.Mark{Player: player, Gone: true}
		if keySize := len(m.Key); len(entry) > keySize && place >= 0 {
			m.Gone, m.Hidden, m.Metadata = false, place == 0, metadata
			entry = entry[copy(m.Key[:], entry):]
		}
		if place >= 0 {
			if m.Revision, err = strconv.ParseInt(entry, 10, 64); err != nil {
				m = ranking.Mark{Player: player, Gone: true}
			}
		}
		marks = append(marks, m)
	}
	return marks, nil
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// Build begins from nothing but the intents.
func (r *Ranks) Build(ctx context.Context, at ranking.Ladder, builder string) error {
	status, err := r.build(ctx, at, "begin", builder)
	switch {
	case err != nil:
		return err
	case status == isBuilt:
		return ranking.ErrBuilt
	case status == isBusy:
		return ranking.ErrBuilding
	}
	return nil
}

// fillAtOnce is how many marks a script applies to a ladder that is built: the
// server does nothing else meanwhile.
const fillAtOnce = 100

// Fill applies what the builder read.
func (r *Ranks) Fill(ctx context.Context, at ranking.Ladder, builder string, marks []ranking.Mark) error {
	for few := range slices.Chunk(marks, fillAtOnce) {
		args, err := appendMarks(nil, few)
		if err != nil {
			return err
		}
		if err := r.still(r.build(ctx, at, "fill", builder, args...)); err != nil {
			return err
		}
	}
	if len(marks) == 0 {
		return r.still(r.build(ctx, at, "fill", builder))
	}
	return nil
}

// Finish makes the ladder ready.
func (r *Ranks) Finish(ctx context.Context, at ranking.Ladder, builder string) error {
	return r.still(r.build(ctx, at, "finish", builder))
}

// Drop keeps the intents of writers that are at it.
func (r *Ranks) Drop(ctx context.Context, at ranking.Ladder) error {
	_, err := r.build(ctx, at, "drop", "")
	return err
}

func (r *Ranks) build(ctx context.Context, at ranking.Ladder, step, builder string, marks ...string) (int64, error) {
	args := append([]string{step, builder, strconv.FormatInt(ranking.BuildFor.Microseconds(), 10)}, marks...)
	status, _, err := r.run(ctx, step+" ranks", buildScript, at, args...)
	return status, err
}

func (r *Ranks) still(status int64, err error) error {
	if err == nil && status != isFine {
		return ranking.ErrNotBuilding
	}
	return err
}
