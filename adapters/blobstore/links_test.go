package blobstore

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/tests/servers"
)

// TestALinkReadsOneObject and nothing else, without any credential.
func TestALinkReadsOneObject(t *testing.T) {
	t.Parallel()
	store := openStore(t, servers.S3(t)+"&links=true&prefix=p/")
	linker, ok := store.(blob.Linker)
	if !ok {
		t.Fatal("with links=true it gives none")
	}
	for _, key := range []string{"a/one", "a/two"} {
		if err := store.Put(t.Context(), key, strings.NewReader("content of "+key), -1, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	link, err := linker.Link(t.Context(), "a/one", 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	read := func(link, part string, status int, want string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		if part != "" {
			request.Header.Set("Range", part)
		}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		if err != nil || reply.StatusCode != status || status < 300 && (string(body) != want || reply.Header.Get("Content-Type") != "text/plain") {
			t.Errorf("%s %s: %s %q, %v", link, part, reply.Status, body, err)
		}
	}
	read(link, "", http.StatusOK, "content of a/one")
	read(link, "bytes=11-", http.StatusPartialContent, "a/one")
	read(strings.Replace(link, "a/one", "a/two", 1), "", http.StatusForbidden, "")
	address, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	if query.Get("X-Amz-Expires") != "900" {
		t.Errorf("it lasts %s seconds", query.Get("X-Amz-Expires"))
	}
	query.Set("X-Amz-Expires", "9000")
	address.RawQuery = query.Encode()
	read(address.String(), "", http.StatusForbidden, "")
	address.RawQuery = ""
	read(address.String(), "", http.StatusForbidden, "")

	if _, err := linker.Link(t.Context(), "../one", time.Minute); !errors.Is(err, blob.ErrKey) {
		t.Errorf("no key: %v", err)
	}
}

func TestStoresThatGiveNoLinks(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"file://" + t.TempDir(), "s3://k:s@127.0.0.1:1/bucket?tls=false", "s3://k:s@127.0.0.1:1/bucket?links=false"} {
		if _, gives := openStore(t, address).(blob.Linker); gives {
			t.Errorf("%s gives links", address)
		}
	}
}
