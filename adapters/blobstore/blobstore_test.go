package blobstore

import (
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/blob/blobtest"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

func openStore(t *testing.T, address string) blob.Store {
	t.Helper()
	store, err := plugin.NewRegistry(Plugin).Blobs.Open(t.Context(), address, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestFolder(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openStore(t, "file://"+t.TempDir()) })
}

func TestBucket(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openStore(t, servers.S3(t)) })
}

func TestPrefixesKeepStoresOfOneBucketApart(t *testing.T) {
	t.Parallel()
	address := servers.S3(t)
	whole, a, b := openStore(t, address), openStore(t, address+"&prefix=a/"), openStore(t, address+"&prefix=b.")
	for _, store := range []blob.Store{a, b} {
		if err := store.Put(t.Context(), "k/1", strings.NewReader("content"), 7, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Delete(t.Context(), "k/1"); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(t.Context(), "k/2", strings.NewReader("content"), 7, "text/plain"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		store blob.Store
		want  []string
	}{{"a", a, []string{"k/2"}}, {"b", b, []string{"k/1"}}, {"whole", whole, []string{"a/k/2", "b.k/1"}}} {
		found, err := c.store.List(t.Context(), "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, info := range found {
			got = append(got, info.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s has %q, want %q", c.name, got, c.want)
		}
	}
	if found, err := b.List(t.Context(), "k", "k/0", 10); err != nil || len(found) != 1 {
		t.Errorf("list after a key = %v, %v; want one", found, err)
	}
	if info, err := b.Stat(t.Context(), "k/1"); err != nil || info.Key != "k/1" {
		t.Errorf("stat = %+v, %v", info, err)
	}
}

func TestBucketIsMadeOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	server := servers.OwnS3(t)
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/not-there-yet"
	if err := openStore(t, address.String()).Ping(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("ping of no bucket: %v, want ErrUnavailable", err)
	}
	create := *address
	create.RawQuery += "&create=true"
	for range 2 {
		if err := openStore(t, create.String()).Ping(t.Context()); err != nil {
			t.Errorf("ping of a bucket to be made: %v", err)
		}
	}
	store := openStore(t, address.String())
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}

	// A store that is away is found by ping, and is used again when it is back.
	server.Stop()
	away := openStore(t, create.String())
	for operation, err := range map[string]error{
		"ping": away.Ping(t.Context()), "put": away.Put(t.Context(), "k", strings.NewReader("v"), 1, ""),
		"delete": away.Delete(t.Context(), "k"),
	} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", operation, err)
		}
	}
	server.Start()
	if err := away.Put(t.Context(), "k", strings.NewReader("v"), 1, ""); err != nil {
		t.Errorf("put when it is back: %v", err)
	}
}

func TestBucketWithAWrongKey(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(servers.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(address.User.Username(), "wrong-secret")
	if err := openStore(t, address.String()).Ping(t.Context()); !errors.Is(err, fault.ErrUnavailable) || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("ping: %v, want ErrUnavailable without the secret", err)
	}
}

func TestKeyOfTheEnvironment(t *testing.T) {
	address, err := url.Parse(servers.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := address.User.Password()
	t.Setenv("AWS_ACCESS_KEY_ID", address.User.Username())
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	address.User = nil
	if err := openStore(t, address.String()).Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	registry := plugin.NewRegistry(Plugin)
	for _, address := range []string{
		"file://", "file:///tmp?x=1", "file:///dev/null/x", "s3://", "s3://k:s@host", "s3://k:s@host/", "s3://k:s@host/a/b", "s3://host/bucket", "s3://k@host/bucket",
		"s3://k:s@host/bucket?regoin=x", "s3://k:s@host/bucket?tls=maybe", "s3://k:s@host/bucket?prefix=../", "s3://k:s@host/bucket?path_style=2", "s3://k:s@host/bucket?create=perhaps",
	} {
		if _, err := registry.Blobs.Open(t.Context(), address, plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: system.Clock{}}); err == nil {
			t.Errorf("%s was opened", address)
		}
	}
}
