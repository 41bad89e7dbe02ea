package servers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is the URL of an empty bucket made for this test and removed after it:
// s3://access:secret@host:port/bucket?path_style=true&region=us-east-1&tls=false
func S3(t testing.TB) string {
	t.Helper()
	return newBucket(t, everything.use(t, kindS3).address)
}

func newBucket(t testing.TB, address string) string {
	t.Helper()
	made, err := makeBucket(t.Context(), address, nameFor(t, "-"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeBucket(context.Background(), made); err != nil {
			t.Errorf("remove bucket: %v", err)
		}
	})
	return made
}

// makeBucket makes a bucket and gives its URL.
func makeBucket(ctx context.Context, address, bucket string) (string, error) {
	client, u, err := s3Client(address)
	if err != nil {
		return "", err
	}
	if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		return "", fmt.Errorf("make bucket: %w", err)
	}
	u.Path = "/" + bucket
	return u.String(), nil
}

func removeBucket(ctx context.Context, address string) error {
	client, u, err := s3Client(address)
	if err != nil {
		return err
	}
	bucket := strings.TrimPrefix(u.Path, "/")
	for object := range client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return object.Err
		}
		if err := client.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{}); err != nil {
			return err
		}
	}
	for upload := range client.ListIncompleteUploads(ctx, bucket, "", true) {
		if upload.Err != nil {
			return upload.Err
		}
		if err := client.RemoveIncompleteUpload(ctx, bucket, upload.Key); err != nil {
			return err
		}
	}
	return client.RemoveBucket(ctx, bucket)
}

func s3Client(address string) (*minio.Client, *url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return nil, nil, errors.New("the address of the S3 server is not of the form s3://access:secret@host:port")
	}
	secret, _ := u.User.Password()
	lookup := minio.BucketLookupAuto
	if u.Query().Get("path_style") == "true" {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(u.User.Username(), secret, ""),
		Secure:       u.Query().Get("tls") != "false",
		Region:       u.Query().Get("region"),
		BucketLookup: lookup,
	})
	return client, u, err
}

func s3Address(port int, access, secret string) string {
	query := url.Values{"region": {"us-east-1"}, "tls": {"false"}, "path_style": {"true"}}
	u := url.URL{Scheme: "s3", User: url.UserPassword(access, secret), Host: loopback(port), RawQuery: query.Encode()}
	return u.String()
}

func localS3(ctx context.Context, h *house, _ purpose) (machine, string, error) {
	program, err := tool(ctx, "s3", runtime.GOOS)
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	// Our own program, under the cache of the current user: it runs as that user.
	var as *owner
	dir, err := h.folder("s3", as)
	if err != nil {
		return nil, "", err
	}
	access, secret := random(8), random(16)
	server := &process{
		command: func() *exec.Cmd {
			cmd := as.command(dir, program, "-listen", loopback(port), "-dir", filepath.Join(dir, "data"))
			cmd.Env = append(os.Environ(), "S3_ACCESS_KEY="+access, "S3_SECRET_KEY="+secret)
			return cmd
		},
		answers:  func(ctx context.Context) error { return s3Answers(ctx, port) },
		graceful: syscall.SIGTERM,
		log:      filepath.Join(dir, "log"),
	}
	return server, s3Address(port, access, secret), server.start(ctx)
}

// s3Answers is nil when something speaks S3: a request without a signature is refused by name.
func s3Answers(ctx context.Context, port int) error {
	_, err := s3Greeting(ctx, "http://"+loopback(port))
	return err
}

func s3Greeting(ctx context.Context, endpoint string) (server string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	reply, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusForbidden {
		return "", fmt.Errorf("a request without credentials was answered with %s", reply.Status)
	}
	return reply.Header.Get("Server"), nil
}

// s3Version is what the server says it is.
func s3Version(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("not a URL")
	}
	scheme := "https://"
	if u.Query().Get("tls") == "false" {
		scheme = "http://"
	}
	name, err := s3Greeting(ctx, scheme+u.Host)
	if err != nil || name != "VERSITYGW" {
		return name, err
	}
	// It names itself but no version; the one of the tests is known by its program.
	program, err := tool(ctx, "s3", runtime.GOOS)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, "-version").Output()
	return strings.TrimSpace(string(out)), err
}
