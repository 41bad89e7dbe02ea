package mailing

import (
	"fmt"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
)

// words is what the mails of a game are made of.
type words struct {
	game    string
	address identity.Address
	code    string
	good    time.Duration
}

func (w words) register() (subject, text string) {
	return w.game + ": your code", fmt.Sprintf(`Welcome to %s!

Your code is

    %s

Enter it in the game to finish signing up with %s. It is good for %s,
and only on the device on which you signed up.

If that was not you, do nothing: no account is made without the code.
`, w.game, w.code, w.address, span(w.good))
}

func (w words) knownAlready() (subject, text string) {
	return w.game + ": you have an account", fmt.Sprintf(`Somebody, most likely you, wants to sign up for %s with %s.

You have an account with this address already: sign in with your password. If you
have forgotten it, ask for a new one in the game.

If that was not you, do nothing: nobody was let in.
`, w.game, w.address)
}

func (w words) link() (subject, text string) {
	return w.game + ": your code", fmt.Sprintf(`A player of %s wants to sign in with %s from now on.

If that is you, enter this code in the game:

    %s

It is good for %s. If it is not you, do nothing.
`, w.game, w.address, w.code, span(w.good))
}

func (w words) reset() (subject, text string) {
	return w.game + ": a new password", fmt.Sprintf(`Somebody, most likely you, has asked for a new password for %s.

Your code is

    %s

Enter it in the game with the password you choose. It is good for %s, and only
on the device on which you asked. You will be signed out everywhere.

If that was not you, do nothing: your password stays as it is. Give the code to nobody.
`, w.game, w.code, span(w.good))
}

func (w words) passwordChanged() (subject, text string) {
	return w.game + ": your password was changed", fmt.Sprintf(`The password of %s for %s has just been changed, and
all devices have been signed out.

If that was not you, somebody can read your mail: secure your mailbox first, then
ask for a new password in the game.
`, w.address, w.game)
}

// span says how long a code is good, to the minute, or past three hours in whole hours.
func span(d time.Duration) string {
	d = max(d.Round(time.Minute), time.Minute)
	if d > 3*time.Hour {
		d = d.Truncate(time.Hour)
	}
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	if d >= time.Hour && d%time.Hour == 0 {
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/time.Minute), "minute")
}
