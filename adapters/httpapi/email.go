package httpapi

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/signin"
)

// emailPassword is an address with a password.
type emailPassword struct {
	Email    string `json:"email" doc:"An e-mail address of at most 254 ASCII characters. Case doesn't count."`
	Password string `json:"password" doc:"8 to 128 characters, none of the commonest passwords. It is compared in Unicode normalization form C."`
}

// password gives the password as it is hashed: however a device composes its letters.
func (b emailPassword) password() string { return norm.NFC.String(b.Password) }

type (
	emailInput struct{ Body emailPassword }
	resetInput struct {
		Body struct {
			Email string `json:"email"`
		}
	}
	ticketCode struct {
		Ticket string `json:"ticket" doc:"What asking for the code was answered with."`
		Code   string `json:"code" doc:"What was mailed. Case, spaces and hyphens don't count."`
	}
	verifyInput  struct{ Body ticketCode }
	confirmInput struct {
		Body struct {
			Ticket   string `json:"ticket" doc:"What asking for the code was answered with."`
			Code     string `json:"code" doc:"What was mailed. Case, spaces and hyphens don't count."`
			Password string `json:"password" doc:"The new one: 8 to 128 characters, none of the commonest passwords."`
		}
	}
)

// ticket is what who asked for a code holds.
type ticket struct {
	Ticket    string    `json:"ticket" doc:"The mailed code is good only with it. Keep it until then; it is no secret from the player."`
	ExpiresAt time.Time `json:"expires_at" doc:"When the code has become useless."`
}

func ticketOf(_ *call, t signin.Issued) *ticket {
	return &ticket{Ticket: t.Ticket, ExpiresAt: t.ExpiresAt}
}

const sameAnswer = "The answer and its time are the same for every address, whether it belongs to a player or not."

func emailRoutes(o Options) []route {
	const path = "/v1/auth/email/"
	return []route{
		change(route{
			Method: http.MethodPost, Path: path + "register", ID: "registerEmail", Tag: "Sign-in", Class: limits.SignIn,
			Statuses: []int{http.StatusAccepted},
			Summary:  "Sign up with an e-mail address and a password",
			Description: "Mails a code that /v1/auth/email/verify makes the player with; there is none before. " + sameAnswer +
				" The owner of an address that belongs to a player is told so by mail.",
		}, runtime(publishableKey()), ticketOf, func(ctx context.Context, c *call, in *emailInput, tell once.Effect[signin.Issued]) (signin.Issued, error) {
			return o.SignIn.Register(ctx, c.principal, in.Body.Email, in.Body.password(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: path + "verify", ID: "verifyEmail", Tag: "Sign-in", Class: limits.SignIn,
			Statuses: []int{http.StatusCreated},
			Summary:  "Finish signing up with the mailed code",
			Description: "Makes the player and signs him in. A ticket is good for one use and takes a few wrong codes. " +
				"Whoever has the code reads the address's mail, and only he learns that it belongs to a player by now (409).",
		}, runtime(publishableKey()), grantOf, func(ctx context.Context, c *call, in *verifyInput, tell once.Effect[signin.Grant]) (signin.Grant, error) {
			return o.SignIn.Verify(ctx, c.principal, signin.TicketCode(in.Body), c.device(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: path + "login", ID: "signInEmail", Tag: "Sign-in", Class: limits.SignIn,
			Summary:     "Sign in with an e-mail address and a password",
			Description: "A wrong password and an unknown address are answered alike, in as much time. Attempts are counted for each address and client (email_login of GET /v1/limits).",
		}, runtime(publishableKey()), grantOf, func(ctx context.Context, c *call, in *emailInput, tell once.Effect[signin.Grant]) (signin.Grant, error) {
			return o.SignIn.Login(ctx, c.principal, in.Body.Email, in.Body.password(), c.device(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: path + "reset", ID: "resetPassword", Tag: "Sign-in", Class: limits.SignIn,
			Statuses: []int{http.StatusAccepted},
			Summary:  "Ask for a new password", Description: "Mails a code to an address that belongs to a player. " + sameAnswer,
		}, runtime(publishableKey()), ticketOf, func(ctx context.Context, c *call, in *resetInput, tell once.Effect[signin.Issued]) (signin.Issued, error) {
			return o.SignIn.Reset(ctx, c.principal, in.Body.Email, tell)
		}),
		change(route{
			Method: http.MethodPost, Path: path + "reset/confirm", ID: "confirmPasswordReset", Tag: "Sign-in", Class: limits.SignIn,
			Statuses: []int{http.StatusNoContent},
			Summary:  "Set the new password with the mailed code", Description: "Ends all sessions of the player, on every replica, and tells him by mail. Then sign in.",
		}, runtime(publishableKey()), done, func(ctx context.Context, c *call, in *confirmInput, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
			return none, o.SignIn.ConfirmReset(ctx, c.principal, signin.TicketCode{Ticket: in.Body.Ticket, Code: in.Body.Code}, norm.NFC.String(in.Body.Password), tell)
		}),
	}
}
