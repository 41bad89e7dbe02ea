package storage

import (
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Actor is who reads or writes, as far as documents care.
type Actor struct {
	kind   actorKind
	player Owner
}

type actorKind uint8

const (
	anyone actorKind = iota
	playerActor
	trusted // a server or an operator
)

// ActorOf tells what a principal is to documents. Its scopes are the route's to check.
func ActorOf(p tenancy.Principal) Actor {
	if player, ok := identity.Caller(p); ok {
		return Actor{kind: playerActor, player: Owner(player)}
	}
	switch p.Kind() {
	case tenancy.ServerToken, tenancy.SecretKey, tenancy.LocalOperator:
		return Actor{kind: trusted}
	}
	return Actor{}
}

// ReadableBy tells whether the actor may see the document. Who may not is told
// that there is none.
func (d Document) ReadableBy(a Actor) bool {
	switch a.kind {
	case trusted:
		return true
	case playerActor:
		return d.Read == Public || d.Read == OwnerOnly && d.Owner == a.player
	}
	return false
}

// ReviewableBy tells whether the actor may see what the document was before it
// became this (it may be a tombstone): of players only its owner. Each of its
// revisions must be readable by him as well.
func (d Document) ReviewableBy(a Actor) bool {
	return a.kind == trusted || a.kind == playerActor && d.Owner == a.player && d.ReadableBy(a)
}

// mayWrite tells whether the actor may write under the owner, over current (nil: none).
func (a Actor) mayWrite(owner Owner, current *Document, rules Rules) bool {
	switch a.kind {
	case trusted:
		return true
	case playerActor:
		access := rules.Write // of what he would make
		if current != nil && !current.Deleted {
			access = current.Write
		}
		return owner == a.player && owner != Shared && access != ServerOnly
	}
	return false
}

// Visible narrows a listing of an owner's documents to what the actor may see.
func (a Actor) Visible(owner Owner) []Access {
	switch {
	case a.kind == trusted:
		return AllAccess()
	case a.kind == playerActor && owner == a.player && owner != Shared:
		return []Access{OwnerOnly, Public}
	case a.kind == playerActor:
		return []Access{Public}
	}
	return nil
}
