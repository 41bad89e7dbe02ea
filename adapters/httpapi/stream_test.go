package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadRange(t *testing.T) {
	t.Parallel()
	for field, want := range map[string][3]int64{
		"bytes=0-9": {0, 10, 1}, "bytes=0-": {0, 100, 1}, "bytes=99-": {99, 1, 1}, "bytes=99-200": {99, 1, 1}, "bytes=-5": {95, 5, 1}, "bytes=-200": {0, 100, 1},
		"bytes=100-": {0, 0, 0}, "bytes=100-101": {0, 0, 0}, "bytes=-0": {100, 0, 0}, "bytes=9-5": {0, 100, 1}, "bytes=a-": {0, 100, 1}, "bytes=": {0, 100, 1}, "bytes=-": {0, 100, 1},
		"items=0-1": {0, 100, 1}, "bytes=0-1,5-6": {0, 100, 1}, "bytes=0-99999999999999999999": {0, 100, 1}, "bytes=+1-2": {0, 100, 1},
	} {
		offset, length, ok := readRange(field, 100)
		if got := [3]int64{offset, length, map[bool]int64{true: 1}[ok]}; got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
}

func TestBundlesAreRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, player := f.guest()
	binary := []header{{"Content-Type", ""}, {"Content-Type", "application/x-level"}}
	large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	small, big, secret := f.push("a level", binary...), f.push(large, binary...), f.push("for servers", binary...)
	f.activate("client", `{"bundle":"`+small+`"}`)
	f.activate("client", `{"bundle":"`+big+`"}`)
	f.activate("secrets", `{"bundle":"`+secret+`"}`)
	f.do("PUT", configsAt+"/secrets", f.operator, `{"readers":"server"}`).is(http.StatusOK)
	at := func(config, hash string) string { return "/v1/config/bundle?config=" + config + "&sha256=" + hash }

	r := f.do("GET", at("client", small), player, "").is(http.StatusOK)
	if h := r.Header(); r.Body.String() != "a level" || h.Get("ETag") != `"`+small+`"` || h.Get("Content-Type") != "application/x-level" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("%v %s", h, r.Body)
	}
	f.do("GET", at("client", small), player, "", header{"If-None-Match", `"` + small + `"`}).is(http.StatusNotModified)
	if r := f.do("GET", at("client", big), f.server, "").is(http.StatusOK); r.Body.String() != large {
		t.Errorf("%d bytes", r.Body.Len())
	}
	if r := send(t, f.api, "HEAD", at("client", big), player, ""); r.Code != 200 || r.Body.Len() != 0 || r.Header().Get("Content-Length") != "2097152" {
		t.Errorf("HEAD: %d %v", r.Code, r.Header())
	}
	part := f.do("GET", at("client", big), player, "", header{"Range", "bytes=2-5"}).is(http.StatusPartialContent)
	if part.Body.String() != "2345" || part.Header().Get("Content-Range") != "bytes 2-5/2097152" {
		t.Errorf("%v %s", part.Header(), part.Body)
	}
	if part := f.do("GET", at("client", small), player, "", header{"Range", "bytes=-5"}).is(http.StatusPartialContent); part.Body.String() != "level" {
		t.Errorf("%s", part.Body)
	}
	f.do("GET", at("client", small), player, "", header{"Range", "bytes=0-1"}, header{"If-Range", `"other"`}).is(http.StatusOK)
	none := f.do("GET", at("client", small), player, "", header{"Range", "bytes=7-"})
	none.problem(http.StatusRequestedRangeNotSatisfiable, "request.range_not_satisfiable")
	if none.Header().Get("Content-Range") != "bytes */7" {
		t.Errorf("%v", none.Header())
	}
	for _, part := range []string{"bytes=7-", "bytes=0-1"} {
		f.do("GET", at("client", small), player, "", header{"Range", part}, header{"If-None-Match", `"` + small + `"`}).is(http.StatusNotModified)
	}
	for _, path := range []string{at("client", secret), at("secrets", secret), at("other", small), at("client", ""), at("client", "x")} {
		f.do("GET", path, player, "").problem(http.StatusNotFound, "config.bundle_not_found")
	}
	f.do("GET", at("client", small), f.publishable, "").problem(http.StatusNotFound, "config.bundle_not_found")
	f.do("GET", at("secrets", secret), f.server, "").is(http.StatusOK)
	f.do("GET", bundlesAt+"/"+secret+"/content", f.operator, "").is(http.StatusOK)
}

// What the object store gives is held against the hash.
func TestDamagedBundlesAreNotServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	binary := []header{{"Content-Type", ""}, {"Content-Type", "application/x-level"}}
	large := strings.Repeat("0123456789abcdef", 1<<17)
	hashes := []string{f.push(`{"value":1}`), f.push("small", binary...), f.push(large, binary...)}
	for i, config := range []string{"inline", "small", "large"} {
		f.activate(config, `{"bundle":"`+hashes[i]+`"}`)
	}
	f.damage(-1)
	if r := f.do("GET", "/v1/config", f.server, "").is(http.StatusOK); strings.Contains(r.Body.String(), `"value"`) {
		t.Errorf("read inline: %s", r.Body)
	}
	for _, hash := range hashes {
		f.do("GET", bundlesAt+"/"+hash+"/content", f.operator, "").problem(http.StatusServiceUnavailable, "config.bundle_damaged")
		f.do("GET", bundlesAt+"/"+hash+"/content", f.operator, "", header{"Range", "bytes=0-1"}).problem(http.StatusServiceUnavailable, "config.bundle_damaged")
	}
	f.do("POST", configsAt+"/other/releases", f.operator, `{"bundle":"`+hashes[0]+`"}`).problem(http.StatusServiceUnavailable, "config.bundle_damaged")
	if !strings.Contains(f.logs.String(), "config.bundle_damaged") {
		t.Error("nothing is logged")
	}
}

// damage changes one bit of every object: of the byte at a place, or of the last for -1.
func (f *fixture) damage(at int) {
	f.t.Helper()
	for _, key := range f.objects() {
		object, err := f.blobs.Get(f.t.Context(), key, 0, -1)
		if err != nil {
			f.t.Fatal(err)
		}
		content, err := io.ReadAll(object.Content)
		if err != nil {
			f.t.Fatal(err)
		}
		_ = object.Content.Close()
		place := at
		if at < 0 {
			place = len(content) - 1
		}
		content[place] ^= 1
		if err := f.blobs.Put(f.t.Context(), key, bytes.NewReader(content), int64(len(content)), object.ContentType); err != nil {
			f.t.Fatal(err)
		}
	}
}

// Of a bundle that is damaged after it was first read, the parts that are whole are served, and no other.
func TestDamageIsFoundInEveryPart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const chunk = 64 << 10
	large := strings.Repeat("0123456789abcdef", 20*chunk/16) + "the end"
	path := bundlesAt + "/" + f.push(large, header{"Content-Type", ""}, header{"Content-Type", "application/x-level"}) + "/content"
	s := httptest.NewServer(f.api)
	t.Cleanup(s.Close)
	read := func(part [2]int) (status int, content string, err error) {
		request, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+f.operator)
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", part[0], part[1]-1))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text), err
	}
	damaged := 5*chunk + 17
	parts := [][2]int{{0, 1}, {0, chunk}, {chunk - 1, chunk + 1}, {3*chunk + 5, 5 * chunk}, {6 * chunk, 6*chunk + 1}, {20 * chunk, 20*chunk + 7}, {20*chunk - 1, 20*chunk + 1}}
	through := [][2]int{{5 * chunk, 5*chunk + 1}, {damaged, damaged + 1}, {6*chunk - 1, 6 * chunk}, {4 * chunk, 7 * chunk}, {0, len(large)}}
	for _, part := range append(parts, through...) {
		if _, content, err := read(part); err != nil || content != large[part[0]:part[1]] {
			t.Fatalf("%v: %d bytes, %v", part, len(content), err)
		}
	}
	f.damage(damaged)
	for _, part := range parts {
		if _, content, err := read(part); err != nil || content != large[part[0]:part[1]] {
			t.Errorf("%v: %d bytes, %v", part, len(content), err)
		}
	}
	for _, part := range through {
		status, content, err := read(part)
		switch {
		case status == http.StatusServiceUnavailable:
			if part[0] < 5*chunk {
				t.Errorf("%v: %d %s", part, status, content)
			}
		case err == nil || content != large[part[0]:5*chunk]:
			t.Errorf("%v: %d, %d bytes, %v", part, status, len(content), err)
		}
	}
}
