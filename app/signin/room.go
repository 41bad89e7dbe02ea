package signin

import (
	"context"
	"sync"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// makeRoom ends the oldest sessions of players who have just signed in, where they have too many. To look
// each time would make a sign-in dearer by half: so it is done when this process first sees a player and
// then each time he has signed in a tenth of what there may be, for which room was made the last time.
//
// Nobody waits for it again, or fails for it: what can't be done now is done when he signs in the next time.
func (u *UseCases) makeRoom(ctx context.Context, scope tenancy.Scope, players ...identity.PlayerID) {
	room := u.parts.Limits.PlayerSessions / 10
	due, step := u.rooms.take(scope, players, room)
	if len(due) == 0 {
		return
	}
	ended, err := u.parts.Revoker.EndSurplus(ctx, scope, u.parts.Limits.PlayerSessions-room, step, due...)
	if err != nil || ended >= access.SurplusStep { // then there may be more
		u.rooms.forget(scope, due)
	}
}

// rooms remembers how often players may sign in until it is time to look at their sessions. Of whom it has
// forgotten, or never knew, it is time.
type rooms struct {
	mu sync.Mutex
	// Of two generations, the younger of which takes the older's place when it is full.
	young, old map[guest]int
}

type guest struct {
	environment tenancy.EnvironmentID
	player      identity.PlayerID
}

// mostRooms bounds a generation, to some megabytes.
const mostRooms = 1 << 15

// take notes that the players have signed in, one as often as he is among them, and gives those
// whose sessions are to be looked at, each once, after which they may sign in so often; and how many of each
// are to end at most. Of a player it knows those are as many as he has begun since the last look, so that nobody
// looks for further ones among all that were deleted; another may have any number.
func (r *rooms) take(scope tenancy.Scope, players []identity.PlayerID, room int) (due []identity.PlayerID, step int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	times := map[identity.PlayerID]int{}
	for _, player := range players {
		times[player]++
	}
	for _, player := range players {
		began := times[player]
		if began == 0 {
			continue // he was among those before
		}
		times[player] = 0
		key := guest{scope.Environment(), player}
		left, young := r.young[key]
		known := young
		if !young {
			left, known = r.old[key]
		}
		left -= began
		if !known || left < 0 {
			due = append(due, player)
			if known {
				step = max(step, room-left)
			} else {
				step = max(step, access.SurplusStep)
			}
			left = room
		}
		if len(r.young) >= mostRooms && !young {
			r.young, r.old = nil, r.young
		}
		if r.young == nil {
			r.young = map[guest]int{}
		}
		r.young[key] = left
	}
	return due, step
}

func (r *rooms) forget(scope tenancy.Scope, players []identity.PlayerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, player := range players {
		key := guest{scope.Environment(), player}
		delete(r.young, key)
		delete(r.old, key)
	}
}
