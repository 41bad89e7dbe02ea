package signin

import (
	"context"
	"sync/atomic"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/ports/secrets"
)

// Desk is where passwords are hashed: a few at once, with a short line before it,
// because each takes a core and much memory for a while. Who doesn't fit in the
// line is turned away before he costs anything.
type Desk struct {
	passwords secrets.Passwords
	turns     chan struct{}
	line      chan struct{} // those at the desk and those who wait
	refused   atomic.Int64
}

// NewDesk makes the process's one desk.
func NewDesk(passwords secrets.Passwords, limits limits.Limits) *Desk {
	return &Desk{passwords: passwords, turns: make(chan struct{}, limits.Hashes()), line: make(chan struct{}, limits.Hashes()+limits.PasswordQueue)}
}

// Queue is how busy the desk is.
type Queue struct {
	Hashing, Waiting int
	Refused          int64 // so far
}

// Queue tells of this moment.
func (d *Desk) Queue() Queue {
	hashing := len(d.turns)
	return Queue{Hashing: hashing, Waiting: max(0, len(d.line)-hashing), Refused: d.refused.Load()}
}

// turn is a caller's at the desk, for as many hashes as it takes until it is left.
type turn struct {
	secrets.Passwords
	leave func()
}

// enter waits for a turn; identity.ErrHashingBusy, at once, when too many wait already.
func (d *Desk) enter(ctx context.Context) (turn, error) {
	select {
	case d.line <- struct{}{}:
	default:
		d.refused.Add(1)
		return turn{}, identity.ErrHashingBusy
	}
	select {
	case d.turns <- struct{}{}:
		return turn{d.passwords, func() { <-d.turns; <-d.line }}, nil
	case <-ctx.Done():
		<-d.line
		return turn{}, ctx.Err()
	}
}

// hash is a turn of one hash, if it may then be made.
func (u *UseCases) hash(ctx context.Context, password string, may func() error) (string, error) {
	at, err := u.parts.Desk.enter(ctx)
	if err != nil {
		return "", err
	}
	defer at.leave()
	if err := may(); err != nil {
		return "", err
	}
	return at.Hash(password), nil
}
