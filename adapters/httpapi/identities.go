package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/signin"
	"github.com/overworldhq/overworld/domain/identity"
)

// linkedIdentity is a way to sign in as its player sees it.
type linkedIdentity struct {
	Method   string    `json:"method" enum:"guest,email"`
	Email    string    `json:"email,omitempty" doc:"The address, as it was written when it was linked; with email only."`
	LinkedAt time.Time `json:"linked_at"`
}

func identityOf(l identity.Login) *linkedIdentity {
	return &linkedIdentity{Method: string(l.Method), Email: l.Label, LinkedAt: l.CreatedAt}
}

func identityRoutes(o Options) []route {
	const path = "/v1/players/me/identities"
	return []route{
		define(route{
			Method: http.MethodGet, Path: path, ID: "listOwnIdentities", Tag: "Players", Class: limits.Read,
			Summary: "List how you can sign in", Description: "All on one page.",
		}, runtime(player()), func(ctx context.Context, c *call, _ *nothing) (*list[*linkedIdentity], error) {
			found, err := o.SignIn.Identities(ctx, c.principal)
			if err != nil {
				return nil, err
			}
			shown := &list[*linkedIdentity]{}
			for _, login := range found {
				shown.Items = append(shown.Items, identityOf(login))
			}
			return shown, nil
		}),
		change(route{
			Method: http.MethodPost, Path: path + "/email", ID: "linkEmail", Tag: "Players", Class: limits.SignIn,
			Statuses: []int{http.StatusAccepted},
			Summary:  "Link an e-mail address and a password",
			Description: "Mails a code that /v1/players/me/identities/email/verify links the address with; nothing is linked before. " +
				"The player stays the same one. " + sameAnswer,
		}, runtime(player()), ticketOf, func(ctx context.Context, c *call, in *emailInput, tell once.Effect[signin.Issued]) (signin.Issued, error) {
			return o.SignIn.LinkEmail(ctx, c.principal, in.Body.Email, in.Body.password(), tell)
		}),
		change(route{
			Method: http.MethodPost, Path: path + "/email/verify", ID: "verifyLinkedEmail", Tag: "Players", Class: limits.SignIn,
			Summary:     "Finish linking with the mailed code",
			Description: "Whoever has the code reads the address's mail, and only he learns that it belongs to another player (409, which names nobody).",
		}, runtime(player()), func(_ *call, l identity.Login) *linkedIdentity { return identityOf(l) },
			func(ctx context.Context, c *call, in *verifyInput, tell once.Effect[identity.Login]) (identity.Login, error) {
				return o.SignIn.VerifyEmail(ctx, c.principal, signin.TicketCode(in.Body), tell)
			}),
	}
}
