package ranking

import (
	"context"

	"github.com/overworldhq/overworld/domain/identity"
)

// Window is how many places Before and After a player's own are wanted at most.
type Window struct{ Before, After int }

// Question is what an index is asked: for a player's place, or for a page. The zero one
// asks for no places. Questions can be compared.
type Question struct {
	// Player is whose place is asked for, with a Window of others; no places when the
	// player has none. Empty: a page is asked for.
	Player identity.PlayerID
	Window
	// Limit is how many places a page has at most, and From what they follow; the zero
	// position is before all.
	Limit int
	From  Position
	// Known, if not 0, is the sequence of a view that the asker has: if it is still the
	// ladder's, Places are not told.
	Known int64
}

// Asker answers questions as Index.Read does.
type Asker func(ctx context.Context, at Ladder, shared bool, questions ...Question) ([]View, error)

// Top gives up to limit places after a position; nil is the beginning.
func (a Asker) Top(ctx context.Context, at Ladder, after *Position, limit int, shared bool) (View, error) {
	page := Question{Limit: limit}
	if after != nil {
		page.From = *after
	}
	return a.one(ctx, at, shared, page)
}

// Around gives the place of a player and the window around it; no places when the
// player has none.
func (a Asker) Around(ctx context.Context, at Ladder, player identity.PlayerID, window Window, shared bool) (View, error) {
	return a.one(ctx, at, shared, Question{Player: player, Window: window})
}

// Find gives the places of those players that have one, in the order of the players.
func (a Asker) Find(ctx context.Context, at Ladder, players []identity.PlayerID, shared bool) (View, error) {
	questions := make([]Question, 1, 1+len(players))
	for _, player := range players {
		questions = append(questions, Question{Player: player})
	}
	views, err := a(ctx, at, shared, questions...)
	if err != nil {
		return View{}, err
	}
	found := views[0]
	for _, view := range views[1:] {
		found.Places = append(found.Places, view.Places...)
	}
	return found, nil
}

// Sequence gives a View without places.
func (a Asker) Sequence(ctx context.Context, at Ladder) (View, error) {
	return a.one(ctx, at, false, Question{})
}

func (a Asker) one(ctx context.Context, at Ladder, shared bool, question Question) (View, error) {
	views, err := a(ctx, at, shared, question)
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}
