package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// bundle is one as operators see it.
type bundle struct {
	SHA256      string    `json:"sha256" doc:"Of its bytes, in 64 lower-case hexadecimal digits. It names the bundle."`
	Size        int64     `json:"size" doc:"In bytes."`
	ContentType string    `json:"content_type"`
	CreatedAt   time.Time `json:"created_at"`
	TouchedAt   time.Time `json:"touched_at" doc:"When it was last uploaded. Bundles that no kept release names go 30 days after that."`
}

func bundleOf(b configuration.Bundle) *bundle {
	return &bundle{SHA256: b.Hash.String(), Size: b.Size, ContentType: b.ContentType, CreatedAt: b.CreatedAt, TouchedAt: b.TouchedAt}
}

// hashOf reads the name of a bundle out of a path or a query, where any other names none.
func hashOf(text string) (configuration.Hash, error) {
	hash, ok := configuration.ParseHash(text)
	if !ok {
		return hash, configuration.ErrBundleNotFound
	}
	return hash, nil
}

type (
	bundleUpload struct {
		environmentPath
		received configs.Received
	}
	bundleList struct {
		environmentPath
		paging
	}
	bundleDownload struct {
		bundleInput
		byteRange
	}
	bundleInput struct {
		environmentPath
		SHA256 string `path:"sha256" doc:"Of the bundle's bytes, in 64 lower-case hexadecimal digits."`
	}
)

func bundleRoutes(o Options) []route {
	const all = "/v1/projects/{project}/environments/{environment}/bundles"
	at := func(r route) route {
		r.Tag, r.Class = "Configuration", limits.Operate
		return r
	}
	added := func(c *call, a operators.Added) *bundle {
		if a.Created {
			c.created()
		}
		return bundleOf(a.Bundle)
	}
	return []route{
		prepared(at(route{
			Method: http.MethodPost, Path: all, ID: "uploadBundle", Streams: true, Statuses: []int{http.StatusOK, http.StatusCreated},
			Summary: "Upload a bundle",
			Description: "The body is the bundle, of any Content-Type; it is taken in as it comes, and nothing of it is visible before all of it is there. " +
				"200 when the environment has these bytes already: they are the same bundle. One of application/json has to be JSON; beyond config_value_bytes of GET /v1/limits that isn't looked at.",
		}), operator(tenancy.ConfigsWrite), func(ctx context.Context, c *call, in *bundleUpload) (undo func(), err error) {
			err = c.streamed(ctx, func(content io.Reader, size int64, contentType string) error {
				in.received, err = o.Operators.ReceiveBundle(ctx, c.principal, in.place(), configs.Upload{
					Content: content, Size: size, ContentType: contentType, Check: c.checkJSON,
				})
				return err
			})
			if err != nil && in.received.Object != "" {
				o.Configs.Discard(ctx, in.received)
			}
			// What was asked for is told by the hash as well as by the bytes.
			c.raw = in.received.Hash[:]
			return func() { o.Configs.Discard(ctx, in.received) }, err
		}, added, func(ctx context.Context, c *call, in *bundleUpload, tell once.Effect[operators.Added]) (operators.Added, error) {
			return o.Operators.AddBundle(ctx, c.principal, in.place(), in.received, tell)
		}),
		define(at(route{
			Method: http.MethodGet, Path: all, ID: "listBundles", Summary: "List an environment's bundles", Description: "The latest first.",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *bundleList) (*list[*bundle], error) {
			limit, after, err := c.page(in.paging, 2)
			if err != nil {
				return nil, err
			}
			var place configuration.BundlePlace
			if after[0] != "" {
				if place.At, err = time.Parse(time.RFC3339Nano, after[0]); err != nil {
					return nil, errCursor
				}
				place.Hash, _ = configuration.ParseHash(after[1])
			}
			found, err := o.Operators.Bundles(ctx, c.principal, in.place(), place, limit)
			if err != nil {
				return nil, err
			}
			return pageOf(c, limit, found, bundleOf, func(b configuration.Bundle) []string {
				return []string{b.CreatedAt.Format(time.RFC3339Nano), b.Hash.String()}
			}), nil
		}),
		define(at(route{
			Method: http.MethodGet, Path: all + "/{sha256}", ID: "getBundle", Summary: "Read what is known of a bundle",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *bundleInput) (*bundle, error) {
			hash, err := hashOf(in.SHA256)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Bundle(ctx, c.principal, in.place(), hash)
			if err != nil {
				return nil, err
			}
			return bundleOf(found), nil
		}),
		define(at(route{
			Method: http.MethodGet, Path: all + "/{sha256}/content", ID: "downloadBundle", Tagged: true, Streams: true,
			Statuses: []int{http.StatusOK, http.StatusPartialContent}, Summary: "Read a bundle as an operator", Description: "Its bytes, as GET /v1/config/bundle gives them.",
		}), operator(tenancy.ConfigsRead), func(ctx context.Context, c *call, in *bundleDownload) (*stream, error) {
			hash, err := hashOf(in.SHA256)
			if err != nil {
				return nil, err
			}
			found, err := o.Operators.Bundle(ctx, c.principal, in.place(), hash)
			if err != nil {
				return nil, err
			}
			return c.bundle(ctx, o, found, in.byteRange)
		}),
	}
}

// checkJSON refuses a bundle that is not JSON as every other body has to be.
func (c *call) checkJSON(text []byte) error {
	_, err := decodeAny(text, c.api.Limits.BodyDepth)
	var f *fault.Fault
	if errors.As(err, &f) {
		return configuration.ErrNotJSON.WithFields(f.Fields...)
	}
	return err
}
