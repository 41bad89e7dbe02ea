package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// manifest is what a caller gets, signed.
type manifest struct {
	Manifest  string    `json:"manifest" doc:"A JWT, signed with EdDSA by one of the environment's keys; typ is ow-config+jwt. The guide says what to check."`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at" doc:"A day later. Until then the key that signed it is in the environment's jwks.json, unless it was rotated at once."`
}

type manifestRead struct{ callerFacts }

func manifestRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/config/manifest", ID: "getConfigManifest", Tag: "Configuration", Class: limits.Read,
			Summary: "Read a signed manifest of the live configuration",
			Description: "The release, hash and size of what GET /v1/config gives the same caller for the same query, signed with the environment's key. " +
				"Whoever has the bytes can verify them offline, with the keys of GET /v1/environments/{environment_id}/jwks.json.",
		}, runtime(player(), serverToken(tenancy.ConfigsRead), publishableKey()), func(ctx context.Context, c *call, in *manifestRead) (*manifest, error) {
			query, err := in.query(c)
			if err != nil {
				return nil, err
			}
			m, signed, err := o.Configs.Manifest(ctx, c.principal, query)
			if err != nil {
				return nil, err
			}
			return &manifest{Manifest: signed, IssuedAt: m.IssuedAt, ExpiresAt: m.ExpiresAt}, nil
		}),
	}
}
