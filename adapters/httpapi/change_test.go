package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

const mySecret = `{"device_secret":"0123456789abcdef0123456789abcdef"}`

func keyed(key string) header { return header{keyHeader, key} }

// replays insists on the very reply that was given before.
func (r reply) replays(first reply) {
	r.t.Helper()
	if r.Code != first.Code || r.Body.String() != first.Body.String() || r.Header().Get("ETag") != first.Header().Get("ETag") ||
		r.Header().Get("Content-Type") != first.Header().Get("Content-Type") || r.Header().Get("Cache-Control") != first.Header().Get("Cache-Control") {
		r.t.Errorf("got %d %v %s\nwant %d %v %s", r.Code, r.Header(), r.Body, first.Code, first.Header(), first.Body)
	}
	if first.Header().Get("Idempotency-Replayed") != "" || r.Header().Get("Idempotency-Replayed") != "true" {
		r.t.Errorf("Idempotency-Replayed: %q, then %q", first.Header().Get("Idempotency-Replayed"), r.Header().Get("Idempotency-Replayed"))
	}
}

func TestAKeyGivesTheSameAnswerAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	guest := f.do("POST", "/v1/auth/guest", f.publishable, mySecret, keyed("a")).is(http.StatusCreated)
	f.do("POST", "/v1/auth/guest", f.publishable, mySecret, keyed("a")).replays(guest)

	const environments = "/v1/projects/game/environments"
	made := f.do("POST", environments+"?int64=string", f.whole, `{"slug":"qa"}`, keyed("a")).is(http.StatusCreated)
	f.do("POST", environments+"?int64=string", f.whole, `{"slug":"qa"}`, keyed("a")).replays(made)
	if made.Header().Get("ETag") != `"1"` || !strings.Contains(made.Body.String(), `"version":"1"`) {
		t.Errorf("made %v %s", made.Header(), made.Body)
	}
	edited := f.do("PATCH", environments+"/qa", f.whole, `{"name":"<Quality & \u0041>"}`, keyed("b"), header{"If-Match", `"1"`}).is(http.StatusOK)
	f.do("PATCH", environments+"/qa", f.whole, `{"name":"<Quality & \u0041>"}`, keyed("b"), header{"If-Match", `"1"`}).replays(edited)

	key := f.do("POST", environments+"/qa/keys", f.whole, `{"kind":"publishable_key","name":"k"}`, keyed("c")).is(http.StatusCreated)
	f.do("POST", environments+"/qa/keys", f.whole, `{"kind":"publishable_key","name":"k"}`, keyed("c")).replays(key)
	revoked := f.do("DELETE", environments+"/qa/keys/"+key.text("id"), f.whole, "", keyed("d")).is(http.StatusNoContent)
	f.do("DELETE", environments+"/qa/keys/"+key.text("id"), f.whole, "", keyed("d")).replays(revoked)
	rotated := f.do("POST", environments+"/qa/signing-keys", f.whole, "{}", keyed("e")).is(http.StatusCreated)
	f.do("POST", environments+"/qa/signing-keys", f.whole, "{}", keyed("e")).replays(rotated)
	if listed := f.do("GET", environments+"/qa/signing-keys", f.whole, ""); listed.Body.String() != rotated.Body.String() {
		t.Errorf("rotating answered %s, and there is %s", rotated.Body, listed.Body)
	}
	gone := f.do("DELETE", environments+"/qa?confirm=qa", f.whole, "", keyed("f")).is(http.StatusNoContent)
	f.do("DELETE", environments+"/qa?confirm=qa", f.whole, "", keyed("f")).replays(gone)
	f.do("DELETE", environments+"/qa?confirm=qa", f.whole, "").problem(http.StatusNotFound, "tenancy.environment_not_found")
}

func TestAKeyedWriteOfADocumentIsOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token := f.guest()
	const path = "/v1/players/me/documents/saves/one"
	put := f.do("PUT", path, token, `{"value":{"n": 1.0}}`, keyed("a"), header{"If-None-Match", "*"}).is(http.StatusCreated)
	f.do("PUT", path, token, `{"value":{"n": 1.0}}`, keyed("a"), header{"If-None-Match", "*"}).replays(put)
	for key, change := range map[string]struct{ method, path, body, media string }{
		"b": {"PATCH", path, `{"m":1}`, mergePatch},
		"c": {"POST", path + "/increment", `{"increments":[{"path":"/count","by":5}]}`, "application/json"},
		"d": {"POST", "/v1/players/me/documents:batch?values=true", `{"operations":[{"collection":"saves","key":"one","increments":[{"path":"/count","by":5}]}]}`, "application/json"},
	} {
		headers := []header{keyed(key), {"Content-Type", ""}, {"Content-Type", change.media}}
		first := f.do(change.method, change.path, token, change.body, headers...).is(http.StatusOK)
		for range 3 {
			f.do(change.method, change.path, token, change.body, headers...).replays(first)
		}
	}
	got := f.do("GET", path, token, "").is(http.StatusOK).json()
	if value := got["value"].(map[string]any); got["version"] != json.Number("4") || value["count"] != json.Number("10") {
		t.Errorf("%v", got)
	}
	deleted := f.do("DELETE", path, token, "", keyed("e"), header{"If-Match", `"4"`}).is(http.StatusNoContent)
	f.do("DELETE", path, token, "", keyed("e"), header{"If-Match", `"4"`}).replays(deleted)
}

// Long after the grace in which a refresh repeats itself, its key still does.
func TestAKeyedRefreshSurvivesALostReply(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.do("POST", "/v1/auth/guest", f.publishable, mySecret).is(http.StatusCreated)
	body := `{"refresh_token":"` + first.text("refresh_token") + `"}`
	next := f.do("POST", "/v1/auth/refresh", f.publishable, body, keyed("r")).is(http.StatusOK)
	f.clock.advance(time.Hour)
	f.do("POST", "/v1/auth/refresh", f.publishable, body, keyed("r")).replays(next)
	// Without it, or with another, the token is what it always was: used twice.
	f.do("POST", "/v1/auth/refresh", f.publishable, body, keyed("s")).problem(http.StatusUnauthorized, "identity.refresh_reused")
	f.do("POST", "/v1/auth/refresh", f.publishable, body, keyed("s")).problem(http.StatusUnauthorized, "identity.session_ended")
}

func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const path = "/v1/projects/game/environments"
	f.do("POST", path, f.whole, `{"slug":"qa"}`, keyed("k")).is(http.StatusCreated)
	for _, other := range []struct {
		method, path, body string
		headers            []header
	}{
		{"POST", path, `{"slug":"other"}`, nil},
		{"POST", path, `{"slug":"qa" }`, nil},
		{"POST", path + "?int64=string", `{"slug":"qa"}`, nil},
		{"POST", path, `{"slug":"qa"}`, []header{{"Content-Type", ""}, {"Content-Type", "application/json; charset=utf-8"}}},
		{"PATCH", path + "/staging", `{}`, nil},
		{"PATCH", path + "/staging", `{}`, []header{{"If-Match", "*"}}},
		{"DELETE", path + "/staging?confirm=staging", "", nil},
	} {
		f.do(other.method, other.path, f.whole, other.body, append(other.headers, keyed("k"))...).problem(http.StatusUnprocessableEntity, "idempotency.mismatch")
	}
	f.do("GET", path+"/staging", f.whole, "").is(http.StatusOK)
	f.do("GET", path+"/other", f.whole, "").problem(http.StatusNotFound, "tenancy.environment_not_found")
	// Another caller's equal key is another key.
	f.do("PATCH", path+"/development", f.operator, `{}`, keyed("k")).is(http.StatusOK)
	// A day later the key is free.
	f.clock.advance(once.Remembered)
	f.do("POST", path, f.whole, `{"slug":"other"}`, keyed("k")).is(http.StatusCreated)
}

func TestOnlySuccessIsRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const path = "/v1/projects/game/environments"
	body := `{"slug":"staging"}`
	f.do("POST", path, f.whole, body, keyed("k")).problem(http.StatusConflict, "tenancy.slug_taken")
	f.do("DELETE", path+"/staging?confirm=staging", f.whole, "").is(http.StatusNoContent)
	f.do("POST", path, f.whole, body, keyed("k")).is(http.StatusCreated)
	// What is refused before is refused still: a key is no way around.
	f.do("POST", path, f.operator, body, keyed("k")).problem(http.StatusForbidden, "tenancy.wrong_environment")
	f.do("POST", path, "", body, keyed("k")).problem(http.StatusUnauthorized, "auth.credential_required")
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, bad := range [][]header{{keyed("tab\there")}, {keyed("ünïcode")}, {keyed(strings.Repeat("k", 256))}, {keyed("one"), keyed("two")}} {
		f.do("POST", "/v1/auth/guest", f.publishable, mySecret, bad...).problem(http.StatusBadRequest, "idempotency.malformed_key")
	}
	f.do("POST", "/v1/auth/guest", f.publishable, mySecret, keyed(strings.Repeat("~", 255))).is(http.StatusCreated)
	// All clients hold the same key, and none of them would say who it is.
	got := f.do("POST", "/v1/auth/guest", f.publishable, "{}", keyed("first-start")).faults(http.StatusUnprocessableEntity, "idempotency.secret_required")
	if len(got) != 1 || got[0] != "/device_secret required" {
		t.Errorf("%q", got)
	}
	f.do("GET", "/v1/limits", "", "", keyed("")).is(http.StatusOK)
}

// effects serves routes whose use case the test writes.
func (f *fixture) effects(serve func(ctx context.Context, tell once.Effect[int]) (int, error)) *API {
	f.t.Helper()
	o := f.options
	o.Metrics = nil
	api, err := serving(o, []route{change(route{Method: "POST", Path: "/v1/effect", ID: "effect", Tag: "t", Summary: "s"}, runtime(publishableKey()),
		func(c *call, n int) *sampleReply {
			if n == 1 {
				c.created()
				c.tag = "made"
			}
			return &sampleReply{N: n}
		}, func(ctx context.Context, _ *call, _ *nothing, tell once.Effect[int]) (int, error) {
			return serve(ctx, tell)
		})})
	if err != nil {
		f.t.Fatal(err)
	}
	return api
}

type sampleReply struct {
	N int `json:"n"`
}

func TestAnEffectThatIsNotToldIsAFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	api := f.effects(func(context.Context, once.Effect[int]) (int, error) { return 1, nil })
	send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).problem(http.StatusInternalServerError, "service.internal")
	if !strings.Contains(f.logs.String(), "the effect of effect was not told") {
		t.Error("the log does not say why")
	}
}

// A transaction that runs again tells again; only the last one counts.
func TestTheLastTellingCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ran := 0
	api := f.effects(func(ctx context.Context, tell once.Effect[int]) (int, error) {
		ran++
		_ = f.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if err := tell(ctx, tx, 1); err != nil {
				return err
			}
			return fault.ErrUnavailable
		})
		return 2, f.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return tell(ctx, tx, 2) })
	})
	first := send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).is(http.StatusOK)
	if first.Body.String() != `{"n":2}` || first.Header().Get("ETag") != "" {
		t.Errorf("%v %s", first.Header(), first.Body)
	}
	send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).replays(first)
	if ran != 1 {
		t.Errorf("ran %d times", ran)
	}
}

func TestADuplicateWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	api := f.effects(func(ctx context.Context, tell once.Effect[int]) (int, error) {
		close(inside)
		<-leave
		return 1, f.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return tell(ctx, tx, 1) })
	})
	first := make(chan reply)
	go func() { first <- send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")) }()
	<-inside
	busy := send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k"))
	busy.problem(http.StatusConflict, "idempotency.in_progress")
	if busy.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", busy.Header().Get("Retry-After"))
	}
	close(leave)
	answered := (<-first).is(http.StatusCreated)
	send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).replays(answered)
}

// A commit that others share goes on when a caller has given up waiting for it, and
// tells after the caller was answered.
func TestAnEffectIsToldThoughItsCallerGaveUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	left, told := make(chan struct{}), make(chan error)
	api := f.effects(func(ctx context.Context, tell once.Effect[int]) (int, error) {
		go func() {
			err := f.store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx datastore.Repos) error { return tell(ctx, tx, 1) })
			<-left
			told <- err
		}()
		return 0, fault.ErrTimeout
	})
	send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).problem(http.StatusGatewayTimeout, "service.timeout")
	close(left)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	r := send(t, api, "POST", "/v1/effect", f.publishable, "", keyed("k")).is(http.StatusCreated)
	if r.Body.String() != `{"n":1}` || r.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v %s", r.Header(), r.Body)
	}
}

// Two processes at once: whoever commits first has the effect, the other gives its
// answer, even if what it ran into first was the effect itself.
func TestTheSlowerOfTwoReplicasGivesTheAnswerOfTheFaster(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]error{"at its commit": nil, "at the effect": fault.ErrInvalid} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			faster := f.effects(func(ctx context.Context, tell once.Effect[int]) (int, error) {
				return 1, f.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return tell(ctx, tx, 1) })
			})
			f.options.Ledger = once.NewLedger(f.store, f.clock, f.options.Vault) // another process's
			var first reply
			slower := f.effects(func(ctx context.Context, tell once.Effect[int]) (int, error) {
				first = send(t, faster, "POST", "/v1/effect", f.publishable, "", keyed("k"))
				if fails != nil {
					return 0, fails
				}
				return 7, f.store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return tell(ctx, tx, 7) })
			})
			second := send(t, slower, "POST", "/v1/effect", f.publishable, "", keyed("k"))
			second.replays(first.is(http.StatusCreated))
		})
	}
}

func TestKeptRepliesAreSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	grant := f.do("POST", "/v1/auth/guest", f.publishable, mySecret, keyed("k")).is(http.StatusCreated)
	id, err := f.app.Operators.Credentials(t.Context(), tenancy.Local("test"), operators.Place{Project: "game", Environment: "development"}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(id, func(c tenancy.Credential) bool { return c.Kind == tenancy.PublishableKey })
	holder := string(id[at].Environment) + "/publishable_key/" + id[at].ID
	record, err := f.store.Idempotency().Find(t.Context(), idempotency.Key{Holder: holder, Name: "k"}, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"refresh_token", "access_token", "player_id"} {
		if strings.Contains(string(record.Reply), grant.text(member)) {
			t.Errorf("%s is stored as it is", member)
		}
	}
	if want := f.clock.Now().Add(24 * time.Hour); !record.ExpiresAt.Equal(want) {
		t.Errorf("kept until %v, want %v", record.ExpiresAt, want)
	}
}
