package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// signingKey is a key that signs access tokens, as operators see it.
type signingKey struct {
	KeyID     string    `json:"kid"`
	CreatedAt time.Time `json:"created_at"`
	SignsFrom time.Time `json:"signs_from" doc:"When it takes over from the key before."`
	GoneAt    time.Time `json:"gone_at,omitzero" doc:"When it leaves the key set; absent while it has no successor."`
}

func signingKeysOf(_ *call, keys identity.KeySet) *list[signingKey] {
	shown := &list[signingKey]{}
	for _, k := range keys {
		shown.Items = append(shown.Items, signingKey{KeyID: k.ID, CreatedAt: k.CreatedAt, SignsFrom: k.SignsFrom, GoneAt: k.GoneAt})
	}
	return shown
}

type signingKeyRotate struct {
	environmentPath
	Body struct {
		AtOnce bool `json:"at_once,omitempty" doc:"For a leaked key: the others go now, and every access token that they signed is refused."`
	}
}

func signingKeyRoutes(o Options) []route {
	const path = "/v1/projects/{project}/environments/{environment}/signing-keys"
	return []route{
		define(route{
			Method: http.MethodGet, Path: path, ID: "listSigningKeys", Tag: "Keys", Class: limits.Operate,
			Summary: "List the keys that sign access tokens", Description: "All that are published now, on one page. Their public halves are in the environment's jwks.json.",
		}, operator(tenancy.CredentialsRead), func(ctx context.Context, c *call, in *environmentInput) (*list[signingKey], error) {
			keys, err := o.Operators.SigningKeys(ctx, c.principal, in.place())
			return signingKeysOf(c, keys), err
		}),
		change(route{
			Method: http.MethodPost, Path: path, ID: "rotateSigningKey", Tag: "Keys", Class: limits.Operate, Statuses: []int{http.StatusCreated},
			Summary: "Rotate the key that signs access tokens",
			Description: "A new key is published now and signs ten minutes later; the others stay published until the last token they signed has expired. " +
				"Nobody is signed out, unless at_once says so. The reply lists all that are published.",
		}, operator(tenancy.CredentialsWrite), signingKeysOf, func(ctx context.Context, c *call, in *signingKeyRotate, tell once.Effect[identity.KeySet]) (identity.KeySet, error) {
			return o.Operators.RotateSigningKey(ctx, c.principal, in.place(), in.Body.AtOnce, tell)
		}),
	}
}
