package blobstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/plugin"
)

const (
	defaultRegion = "us-east-1"
	// tries is how often a request that can be repeated is sent.
	tries = 3
)

// openBucket connects only if it may have to make the bucket, and doesn't insist on that.
func openBucket(ctx context.Context, address *url.URL, kit plugin.Kit) (blob.Store, error) {
	b, err := parseBucket(address)
	if err != nil {
		return nil, err
	}
	if b.create {
		if err := b.Ping(ctx); err != nil {
			kit.Logger.Warn("the bucket is out of reach", "error", err)
		}
	}
	if b.links {
		return linking{b}, nil
	}
	return b, nil
}

func parseBucket(address *url.URL) (*bucket, error) {
	query := address.Query()
	for name := range query {
		if !slices.Contains([]string{"create", "links", "path_style", "prefix", "region", "tls"}, name) {
			return nil, fmt.Errorf("unknown parameter %q", name)
		}
	}
	b := &bucket{name: strings.Trim(address.Path, "/"), region: defaultRegion, prefix: query.Get("prefix")}
	if address.Host == "" || b.name == "" || strings.Contains(b.name, "/") {
		return nil, errors.New("want s3://host/bucket")
	}
	if b.prefix != "" && !blob.ValidKey(strings.TrimSuffix(b.prefix, "/")) {
		return nil, errors.New("the prefix is not the beginning of a key")
	}
	if query.Has("region") {
		b.region = query.Get("region")
	}
	tls, err := flag(query, "tls", true)
	if err != nil {
		return nil, err
	}
	if b.create, err = flag(query, "create", false); err != nil {
		return nil, err
	}
	if b.links, err = flag(query, "links", false); err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupAuto
	if query.Has("path_style") {
		byPath, err := flag(query, "path_style", false)
		if err != nil {
			return nil, err
		}
		if lookup = minio.BucketLookupDNS; byPath {
			lookup = minio.BucketLookupPath
		}
	}
	key, err := keyOf(address.User)
	if err != nil {
		return nil, err
	}
	if b.transport, err = minio.DefaultTransport(tls); err != nil {
		return nil, err
	}
	b.client, err = minio.NewCore(address.Host, &minio.Options{
		Creds: key, Secure: tls, Transport: b.transport, Region: b.region, BucketLookup: lookup, MaxRetries: tries,
	})
	return b, err
}

func flag(query url.Values, name string, unset bool) (bool, error) {
	if !query.Has(name) {
		return unset, nil
	}
	value, err := strconv.ParseBool(query.Get(name))
	if err != nil {
		return false, fmt.Errorf("%s is %q; want true or false", name, query.Get(name))
	}
	return value, nil
}

func keyOf(user *url.Userinfo) (*credentials.Credentials, error) {
	id, secret, token := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")
	if user != nil {
		id, token = user.Username(), ""
		secret, _ = user.Password()
	}
	if id == "" || secret == "" {
		return nil, errors.New("no key: write it into the URL, s3://KEY:SECRET@host/bucket, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	return credentials.NewStaticV4(id, secret, token), nil
}
