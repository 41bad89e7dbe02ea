package registry

import (
	"slices"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

// State is what a server is ready for.
type State string

const (
	Starting State = "starting" // no seats yet, and not listed
	Ready    State = "ready"
	Draining State = "draining" // no new seats; who is there stays
)

// Server is a registered server with its seats.
type Server struct {
	ID ServerID
	// Generation grows with each registration of the id, and is never used again.
	Generation int64
	Announcement
	State State
	// Hidden keeps a draining server out of lists.
	Hidden bool
	// Players is how many are there by the server's last word.
	Players int
	// Seats are those reserved or taken, by their numbers.
	Seats        []Seat
	RegisteredAt time.Time
	// ExpiresAt is the end of the lease.
	ExpiresAt time.Time
	// Ended tells that the registration was ended; the generation is kept for a while.
	Ended bool
	// Revision counts all writes of the record, over its generations.
	Revision int64
	// Changes counts those that change anything but the lease.
	Changes int64
}

// Alive tells whether the server is up, as far as is known at now.
func (s Server) Alive(now time.Time) bool { return !s.Ended && now.Before(s.ExpiresAt) }

// Listed tells whether a living server is shown to those who look for one.
func (s Server) Listed() bool { return s.State != Starting && !s.Hidden }

// Of is an error unless the caller is the process that registered this generation.
func (s Server) Of(generation int64) error {
	switch {
	case generation != s.Generation:
		return ErrSuperseded
	case s.Ended:
		return ErrDeregistered
	}
	return nil
}

// Register gives the server that a process registers, after what is known of its
// id (nil: nothing). It is a new generation: seats of the one before are gone.
// The announcement must be Checked.
func Register(id ServerID, before *Server, a Announcement, state State, now time.Time, lease time.Duration) (Server, error) {
	if state == "" {
		state = Ready
	}
	if state != Starting && state != Ready {
		var check fault.Check
		check.Add("/state", "not_allowed", "starting or ready.")
		return Server{}, check.Err()
	}
	// The time makes it grow even after all was forgotten of the id, which
	// takes longer than clocks differ.
	s := Server{ID: id, Generation: now.UnixMicro(), Announcement: a, State: state, RegisteredAt: now, ExpiresAt: now.Add(lease), Revision: 1, Changes: 1}
	if before != nil {
		s.Generation = max(s.Generation, before.Generation+1)
		s.Revision, s.Changes = before.Revision+1, before.Changes+1
	}
	return s, nil
}

// Drain gives the server that takes nobody in any more. Its players stay. It lasts
// for this generation, whatever its heartbeats say.
func (s Server) Drain(hidden bool) Server {
	next := s
	next.State, next.Hidden = Draining, hidden
	return next.after(s)
}

// Deregister gives the server whose registration was ended: all its seats are free.
func (s Server) Deregister(now time.Time) Server {
	next := s
	next.Ended, next.Seats, next.Players, next.ExpiresAt = true, nil, 0, now
	return next.after(s)
}

// after counts the step from the state before.
func (s Server) after(before Server) Server {
	s.Revision = before.Revision + 1
	if s.shows(before) {
		s.Changes = before.Changes
	} else {
		s.Changes = before.Changes + 1
	}
	return s
}

// shows tells whether both are the same but for the lease. The rest of the
// announcement is another only in another generation.
func (s Server) shows(other Server) bool {
	return s.Generation == other.Generation && s.State == other.State && s.Hidden == other.Hidden && s.Ended == other.Ended &&
		s.Players == other.Players && s.Map == other.Map && slices.Equal(s.Tags, other.Tags) && slices.Equal(s.Seats, other.Seats)
}
