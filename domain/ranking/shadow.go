package ranking

import (
	"bytes"
	"slices"

	"github.com/overworldhq/overworld/domain/identity"
)

// Compare is negative when a is ahead of b.
func Compare(a, b Place) int {
	if c := bytes.Compare(a.Key[:], b.Key[:]); c != 0 {
		return c
	}
	return bytes.Compare([]byte(a.Player), []byte(b.Player))
}

// With gives sorted places as they would be if one more were among their season's,
// which already has the rank that it would have there.
func With(places []Place, one Place, shared bool) []Place {
	among := make([]Place, 0, len(places)+1)
	at := len(places)
	for i, p := range places {
		if Compare(p, one) > 0 {
			at = min(at, i)
			if !shared || !bytes.Equal(p.Key[:Prefix], one.Key[:Prefix]) {
				p.Rank++
			}
		}
		among = append(among, p)
	}
	return slices.Insert(among, at, one)
}

// Without gives places as they would be if the player's were not among their season's.
func Without(places []Place, player identity.PlayerID) []Place {
	left := make([]Place, 0, len(places))
	at := slices.IndexFunc(places, func(p Place) bool { return p.Player == player })
	for i, p := range places {
		if at >= 0 && p.Rank > places[at].Rank {
			p.Rank--
		}
		if i != at {
			left = append(left, p)
		}
	}
	return left
}
