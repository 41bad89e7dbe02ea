package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// bundleLink is where a bundle's bytes are to be had.
type bundleLink struct {
	URL         string    `json:"url" doc:"Of the object store, for which no credential is needed; or, beginning with /, of this server, for which the caller's is."`
	ExpiresAt   time.Time `json:"expires_at,omitzero" doc:"Until when it may be followed. Absent: it doesn't end."`
	SHA256      string    `json:"sha256" doc:"Of the bytes: hold against it what comes from the object store."`
	Size        int64     `json:"size" doc:"In bytes."`
	ContentType string    `json:"content_type"`
}

type bundleLinkRead struct {
	Config string `query:"config" doc:"The config that a release of gives this bundle."`
	SHA256 string `query:"sha256" doc:"Of the bundle's bytes, in 64 lower-case hexadecimal digits."`
}

func bundleLinkRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/config/bundle-link", ID: "getConfigBundleLink", Tag: "Configuration", Class: limits.Read,
			Summary: "Find out where to read a bundle",
			Description: "A link to the object store, if this installation's gives any, that is good for 15 minutes: large bundles then don't pass through this server. " +
				"Else it is GET /v1/config/bundle.",
		}, runtime(player(), serverToken(tenancy.ConfigsRead), publishableKey()), func(ctx context.Context, c *call, in *bundleLinkRead) (*bundleLink, error) {
			hash, err := hashOf(in.SHA256)
			if err != nil {
				return nil, err
			}
			link, err := o.Configs.Link(ctx, c.principal, in.Config, hash)
			if err != nil {
				return nil, err
			}
			shown := &bundleLink{URL: link.URL, ExpiresAt: link.ExpiresAt, SHA256: in.SHA256, Size: link.Bundle.Size, ContentType: link.Bundle.ContentType}
			if shown.URL == "" {
				shown.URL = bundleURL(in.Config, in.SHA256)
			}
			return shown, nil
		}),
	}
}
