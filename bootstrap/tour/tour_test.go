package tour_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/bootstrap"
	"github.com/overworldhq/overworld/bootstrap/tour"
)

// TestMain makes this binary overworld itself when it is called with a command,
// so that the tour can start its server as it always does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		bootstrap.Main()
		return
	}
	os.Exit(m.Run())
}

func TestTheWholeTour(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	command := exec.CommandContext(t.Context(), binary, "tour")
	command.Env = append(os.Environ(), "TMPDIR="+temporary,
		"OVERWORLD_DATABASE=postgres://nobody@127.0.0.1:1/none") // not the tour's to touch
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), log.String())
	}
	page := out.String()
	if !strings.Contains(page, "every reply was what it should be") {
		t.Errorf("no happy end:\n%s", page)
	}
	if strings.Contains(page, "Left out") {
		t.Errorf("with a server of its own it leaves something out:\n%s", page)
	}
	if whole := regexp.MustCompile(`ow_[a-z]{3}_\w{20,}|eyJ[\w-]{20,}`).FindString(page); whole != "" {
		t.Errorf("it shows a whole token: %s", whole)
	}
	if strings.Contains(page, "\x1b") {
		t.Error("it is coloured, and nobody sees it on a terminal")
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v behind (%v)", left, err)
	}
}

// TestNobodyReadsOn closes the pipe that the tour prints to, as head does.
func TestNobodyReadsOn(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, "tour")
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	command.Stdout = writer
	if err := errors.Join(reader.Close(), command.Start(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Error("it doesn't fail")
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v behind (%v)", left, err)
	}
}

func TestCommandLine(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says string }{
		{"--url http://127.0.0.1:1", "--publishable-key"},
		{"--server-token x", "--url"},
		{"--url http://127.0.0.1:1 --publishable-key x", "the server does not answer"},
	} {
		out, err := exec.CommandContext(t.Context(), binary, append([]string{"tour"}, strings.Fields(c.args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("tour %s: %v, and it doesn't say %q:\n%s", c.args, err, c.says, out)
		}
	}
}

// TestAgainstARunningServer plays on a server through a proxy that spoils one
// kind of reply: the tour must notice.
func TestAgainstARunningServer(t *testing.T) {
	server, err := tour.Start(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	play := func(t *testing.T, spoil func(*http.Response), change func(*tour.Options)) (string, error) {
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.ModifyResponse = func(r *http.Response) error { spoil(r); return nil }
		front := httptest.NewServer(proxy)
		defer front.Close()
		options := server.Options(true)
		options.URL = front.URL
		change(&options)
		var out bytes.Buffer
		err := tour.Play(context.WithoutCancel(t.Context()), &out, options)
		return out.String(), err
	}
	fair := func(*http.Response) {}
	all := func(*tour.Options) {}

	t.Run("credentials that are missing leave steps out", func(t *testing.T) {
		page, err := play(t, fair, func(o *tour.Options) { o.ServerToken, o.SecretKey, o.ForeignKey = "", "", "" })
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"--server-token", "--secret-key", "--foreign-key"} {
			if !strings.Contains(page, "Left out: it needs "+flag) {
				t.Errorf("it doesn't say that it misses %s", flag)
			}
		}
		if !strings.Contains(page, "\x1b[") {
			t.Error("it is not coloured")
		}
	})
	t.Run("a key of an environment is enough", func(t *testing.T) {
		key := environmentKey(t, server.Options(false))
		page, err := play(t, fair, func(o *tour.Options) { o.SecretKey = key })
		if err != nil || !strings.Contains(page, "may not make environments") || strings.Contains(page, "seasons/1/archive") {
			t.Fatalf("%v\n%s", err, page)
		}
	})
	for _, c := range []struct {
		what, says string
		spoil      func(*http.Response)
	}{
		{"no ETag", "there is no ETag", func(r *http.Response) { r.Header.Del("ETag") }},
		{"a wrong status", "the status is 200, not 412", status(412, 200)},
		{"a reply that is let through", "the status is 200, not 401", status(401, 200)},
		{"another code", "storage.version_mismatch", replace("storage.version_mismatch", "storage.whatever")},
		{"a lost member", "current", replace(`"current"`, `"currant"`)},
		{"rounded numbers", "9007199254740993", replace("9007199254740993", "9007199254740992")},
		{"a spoilt archive", "not the one on record", func(r *http.Response) {
			if r.Header.Get("Content-Type") == "application/gzip" {
				r.Body = io.NopCloser(io.MultiReader(strings.NewReader("x"), r.Body))
				r.ContentLength = -1
				r.Header.Del("Content-Length")
			}
		}},
		{"not JSON", "not a JSON object", replace("{", "<")},
		{"the wrong media type", "problem+json", func(r *http.Response) {
			if r.StatusCode >= 400 {
				r.Header.Set("Content-Type", "application/json")
			}
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := play(t, c.spoil, all)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v, and doesn't say %q", err, c.says)
			}
		})
	}
}

func status(from, to int) func(*http.Response) {
	return func(r *http.Response) {
		if r.StatusCode == from {
			r.StatusCode = to
		}
	}
}

func replace(from, to string) func(*http.Response) {
	return func(r *http.Response) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body) // a broken body fails the tour in any case
		changed := strings.ReplaceAll(body.String(), from, to)
		r.Body = io.NopCloser(strings.NewReader(changed))
		r.ContentLength = int64(len(changed))
		r.Header.Del("Content-Length")
	}
}

// environmentKey makes a secret key of the development environment alone.
func environmentKey(t *testing.T, o tour.Options) string {
	t.Helper()
	const spec = `{"kind":"secret_key","name":"narrow","scopes":["projects:read","credentials:write","collections:write","leaderboards:write","configs:read","configs:write","audit:read"]}`
	q, err := http.NewRequestWithContext(t.Context(), "POST", o.URL+"/v1/projects/my-game/environments/development/keys", strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+o.SecretKey)
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var made struct{ Token string }
	if err := json.NewDecoder(r.Body).Decode(&made); err != nil || made.Token == "" {
		t.Fatalf("%s: %v", r.Status, err)
	}
	return made.Token
}
