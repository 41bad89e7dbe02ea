package identity_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/identity"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newTicket(seed byte) identity.Ticket {
	return identity.Ticket{
		Hash:    identity.HashTicket("e1", identity.WriteTicket([identity.TicketEntropy]byte{seed})),
		Purpose: identity.Register, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

func TestCode(t *testing.T) {
	ticket, key := newTicket(1), []byte("key")
	code := ticket.Code(key)
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{7}(-[0-9A-HJKMNP-TV-Z]{7}){3}$`).MatchString(code) {
		t.Errorf("code %s", code)
	}
	if code != ticket.Code(key) {
		t.Error("the same ticket has two codes")
	}
	other := ticket
	other.Purpose = identity.Reset
	changed := ticket
	changed.Replaces = "hash"
	for name, stranger := range map[string]string{"another ticket": newTicket(2).Code(key), "another key": ticket.Code([]byte("yek")), "another purpose": other.Code(key), "another password": changed.Code(key)} {
		if stranger == code {
			t.Errorf("%s has the same code", name)
		}
	}
	for _, spelt := range []string{
		code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), " " + strings.ReplaceAll(code, "-", " - ") + " ",
		strings.NewReplacer("0", "O", "1", "l").Replace(code), strings.ReplaceAll(code, "1", "i"),
	} {
		if _, proof := ticket.Try(spelt, key, 5, at); proof != identity.Proved {
			t.Errorf("%q: %d", spelt, proof)
		}
	}
	for _, wrong := range []string{"", "-", code[:len(code)-1], code + "0", strings.Repeat(code, 100), strings.Repeat("-", 1<<16) + code, code[1:] + code[:1]} {
		if got, proof := ticket.Try(wrong, key, 5, at); proof != identity.Wrong || got.Tries != 1 {
			t.Errorf("%q: %d, %d tries", wrong, proof, got.Tries)
		}
	}
}

// A ticket is good until it expires, for the code and up to its number of wrong ones.
func TestTicketModel(t *testing.T) {
	key := []byte("key")
	rapid.Check(t, func(t *rapid.T) {
		ticket := newTicket(3)
		most := rapid.IntRange(1, 6).Draw(t, "tries")
		now, wrong := at, 0
		for {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "wait")))
			right := rapid.Bool().Draw(t, "right")
			code := "nonsense"
			if right {
				code = ticket.Code(key)
			}
			next, proof := ticket.Try(code, key, most, now)
			want := identity.Wrong
			switch {
			case !now.Before(at.Add(time.Hour)):
				want = identity.Spent
			case right:
				want = identity.Proved
			default:
				if wrong++; wrong >= most {
					want = identity.Spent
				}
			}
			if proof != want {
				t.Fatalf("after %s and %d wrong of %d: %d, want %d", now.Sub(at), wrong, most, proof, want)
			}
			if proof != identity.Wrong {
				return
			}
			ticket = next
		}
	})
}
