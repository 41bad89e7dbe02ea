package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
)

// bucket is a store in a bucket. S3 makes an object visible once all of it is there.
type bucket struct {
	client    *minio.Core
	transport *http.Transport
	name      string
	region    string
	prefix    string
	create    bool // make the bucket if it is not there
	links     bool // let objects be read by links
	closed    atomic.Bool
}

var _ blob.Store = (*bucket)(nil)

const (
	// wholeUpTo is how much of a content of unknown length is read before it
	// is sent in parts, and partSize the size of those: at most 10,000, so 160 GiB.
	wholeUpTo = 1 << 20
	partSize  = 16 << 20
	// emptySHA256 is that of no bytes.
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Put sends a content of known length, or a short one, in one request, and else in parts.
func (b *bucket) Put(ctx context.Context, key string, from io.Reader, size int64, contentType string) error {
	contentType, err := checkPut(key, contentType)
	if err != nil {
		return err
	}
	if err := b.usable(ctx); err != nil {
		return err
	}
	c := &content{ctx: ctx, from: from, left: size}
	var body io.Reader = c
	if size < 0 {
		var head bytes.Buffer
		n, err := io.Copy(&head, io.LimitReader(c, wholeUpTo))
		if err != nil {
			return fmt.Errorf("read object: %w", err)
		}
		if n < wholeUpTo {
			size = n
		}
		body = io.MultiReader(&head, c)
	}
	if size == 0 {
		// An empty body is never read, so nobody else would notice that there is more.
		if _, err := io.Copy(io.Discard, body); err != nil {
			return fmt.Errorf("read object: %w", err)
		}
		// Signed by a hash made in advance, since in chunks an empty body would not
		// be empty, and some servers take its last chunk for another request.
		_, err = b.client.PutObject(ctx, b.name, b.prefix+key, http.NoBody, 0, "", emptySHA256, minio.PutObjectOptions{ContentType: contentType, DisableContentSha256: true})
		return b.explain(ctx, "store object", err)
	}
	options := minio.PutObjectOptions{ContentType: contentType}
	if size < 0 {
		options.PartSize = partSize
	}
	_, err = b.client.Client.PutObject(ctx, b.name, b.prefix+key, body, size, options)
	if err != nil && c.failed != nil {
		return fmt.Errorf("read object: %w", c.failed)
	}
	return b.explain(ctx, "store object", err)
}

// Get asks for the range; S3 refuses one that begins at the end of the object or
// has no bytes, and for those the size decides.
func (b *bucket) Get(ctx context.Context, key string, offset, length int64) (blob.Object, error) {
	if !blob.ValidKey(key) {
		return blob.Object{}, blob.ErrKey
	}
	if err := b.usable(ctx); err != nil {
		return blob.Object{}, err
	}
	if offset < 0 || length == 0 {
		return b.nothing(ctx, key, offset)
	}
	options := minio.GetObjectOptions{}
	ranged := offset > 0 || length > 0
	if ranged {
		last := int64(0) // to the end
		if length > 0 && length <= math.MaxInt64-offset {
			last = offset + length - 1
		}
		if err := options.SetRange(offset, last); err != nil {
			return blob.Object{}, fmt.Errorf("open object: %w", err)
		}
	}
	body, found, headers, err := b.client.GetObject(ctx, b.name, b.prefix+key, options)
	if minio.ToErrorResponse(err).Code == "InvalidRange" {
		return b.nothing(ctx, key, offset)
	}
	if err != nil {
		return blob.Object{}, b.explain(ctx, "open object", err)
	}
	info := b.info(found)
	if ranged {
		if info.Size, err = wholeSize(headers.Get("Content-Range")); err != nil {
			_ = body.Close()
			return blob.Object{}, unavailable("open object", err)
		}
	}
	return blob.Object{Info: info, Content: body}, nil
}

// nothing is an object opened where it has no bytes to give.
func (b *bucket) nothing(ctx context.Context, key string, offset int64) (blob.Object, error) {
	info, err := b.Stat(ctx, key)
	if err != nil {
		return blob.Object{}, err
	}
	if _, err := window(offset, 0, info.Size); err != nil {
		return blob.Object{}, err
	}
	return blob.Object{Info: info, Content: http.NoBody}, nil
}

// wholeSize reads the size of the object out of "bytes 0-4/10" (RFC 9110, 14.4).
func wholeSize(contentRange string) (int64, error) {
	_, size, _ := strings.Cut(contentRange, "/")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the server answered a range with Content-Range %q", contentRange)
	}
	return n, nil
}

func (b *bucket) Stat(ctx context.Context, key string) (blob.Info, error) {
	if !blob.ValidKey(key) {
		return blob.Info{}, blob.ErrKey
	}
	if err := b.usable(ctx); err != nil {
		return blob.Info{}, err
	}
	found, err := b.client.StatObject(ctx, b.name, b.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return blob.Info{}, b.explain(ctx, "read object", err)
	}
	return b.info(found), nil
}

func (b *bucket) info(found minio.ObjectInfo) blob.Info {
	return blob.Info{
		Key: strings.TrimPrefix(found.Key, b.prefix), Size: found.Size, ContentType: found.ContentType,
		ModifiedAt: found.LastModified.UTC().Truncate(time.Microsecond),
	}
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	if !blob.ValidKey(key) {
		return blob.ErrKey
	}
	if err := b.usable(ctx); err != nil {
		return err
	}
	err := b.client.RemoveObject(ctx, b.name, b.prefix+key, minio.RemoveObjectOptions{})
	if err = b.explain(ctx, "delete object", err); errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

func (b *bucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	found := []blob.Info{}
	if limit < 1 {
		return found, nil
	}
	options := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true, MaxKeys: min(limit, 1000)}
	if after != "" {
		options.StartAfter = b.prefix + after
	}
	for object := range b.client.ListObjectsIter(ctx, b.name, options) {
		if object.Err != nil {
			return nil, b.explain(ctx, "list objects", object.Err)
		}
		info := b.info(object)
		info.ContentType = ""
		if found = append(found, info); len(found) == limit {
			break
		}
	}
	return found, ctx.Err()
}

// Ping tells whether the bucket is there, and makes it if it shall.
func (b *bucket) Ping(ctx context.Context) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	there, err := b.client.BucketExists(ctx, b.name)
	if err == nil && !there {
		if !b.create {
			return unavailable("reach the bucket", fmt.Errorf("there is no bucket %s", b.name))
		}
		err = b.client.MakeBucket(ctx, b.name, minio.MakeBucketOptions{Region: b.region})
		if code := minio.ToErrorResponse(err).Code; code == "BucketAlreadyOwnedByYou" {
			err = nil // another replica was first
		}
	}
	return b.explain(ctx, "reach the bucket", err)
}

// Close lets go of idle connections; those in use go with their requests.
func (b *bucket) Close() error {
	b.closed.Store(true)
	b.transport.CloseIdleConnections()
	return nil
}

func (b *bucket) usable(ctx context.Context) error {
	if b.closed.Load() {
		return errClosed
	}
	return ctx.Err()
}

// explain is the one place that knows S3's error codes.
func (b *bucket) explain(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", operation, ctx.Err())
	}
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchKey":
		return blob.ErrNotFound
	case "InvalidRange":
		return blob.ErrRange
	case "ExistingObjectIsDirectory", "ObjectParentIsFile", // versitygw, over a folder
		"XMinioParentIsObject", "XMinioObjectExistsAsDirectory":
		return blob.ErrKey.With("An object of this store is the folder of this key, or the reverse.")
	}
	return unavailable(operation, err)
}

func unavailable(operation string, err error) error {
	return fault.ErrUnavailable.Because(fmt.Errorf("%s: %w", operation, err))
}
