package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/idempotency"
)

// change is define for routes that change something: with an Idempotency-Key they
// have their effect once. The handler runs a use case and passes tell on to it;
// show makes the reply of what came of it, within the transaction that has the
// effect, and perhaps more than once. Without a key there is nobody to tell.
func change[In, Result, Out any](
	r route, who Audience, show func(c *call, result Result) *Out,
	handle func(ctx context.Context, c *call, in *In, tell once.Effect[Result]) (Result, error),
) route {
	return prepared(r, who, func(context.Context, *call, *In) (func(), error) { return func() {}, nil }, show, handle)
}

// prepared is change for routes that do something first which changes nothing that
// anybody sees, such as taking in a large body. undo takes it back if it turns out
// that the handler has nothing to do.
func prepared[In, Result, Out any](
	r route, who Audience, prepare func(ctx context.Context, c *call, in *In) (undo func(), err error), show func(c *call, result Result) *Out,
	handle func(ctx context.Context, c *call, in *In, tell once.Effect[Result]) (Result, error),
) route {
	r = define(r, who, func(context.Context, *call, *In) (*Out, error) { return nil, nil })
	r.keyed = true
	plan := r.input
	r.serve = func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := plan.read(ctx, c, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		undo, err := prepare(ctx, c, in)
		if err != nil {
			return nil, err
		}
		attempt, replay, err := c.attempt(ctx)
		switch {
		case err != nil:
			undo()
			return nil, err
		case replay != nil:
			undo()
			return replay, nil
		}
		if attempt == nil {
			result, err := handle(ctx, c, in, nil)
			if err != nil {
				return nil, err
			}
			return show(c, result), nil
		}
		defer attempt.End()
		var kept *kept
		mine := *c // whoever tells may do so from elsewhere, while this call is being answered
		_, err = handle(ctx, c, in, func(ctx context.Context, tx datastore.Repos, result Result) (err error) {
			told := mine
			kept, err = told.keep(ctx, tx, attempt, show(told.fresh(), result))
			return err
		})
		switch {
		case err != nil:
			return c.lost(ctx, attempt, err)
		case kept == nil:
			return nil, fmt.Errorf("the effect of %s was not told", r.ID)
		}
		return kept, nil
	}
	return r
}

// keyHeader carries the client's name for one intended effect.
const keyHeader = "Idempotency-Key"

// attempt begins one if the request has a key; replay is what was answered to it before.
func (c *call) attempt(ctx context.Context) (attempt *once.Attempt, replay *kept, err error) {
	lines, ok := c.r.Header[keyHeader]
	if !ok {
		return nil, nil, nil
	}
	if len(lines) > 1 {
		return nil, nil, once.ErrKey
	}
	attempt, answer, err := c.api.Ledger.Begin(ctx, c.principal, lines[0], c.fingerprint())
	if err != nil || answer == nil {
		return attempt, nil, err
	}
	replay, err = readKept(answer)
	return nil, replay, err
}

// fingerprint is of all that says what a request asks for.
func (c *call) fingerprint() [sha256.Size]byte {
	// What a body holds may be guessed, a password say, so that a plain hash would give it away.
	h := hmac.New(sha256.New, c.api.fingerprints)
	part := func(text string) { fmt.Fprintf(h, "%d:%s,", len(text), text) }
	part(c.r.Method)
	part(c.r.URL.EscapedPath())
	part(c.r.URL.RawQuery)
	for _, name := range []string{"Content-Type", "If-Match", "If-None-Match"} {
		part(strings.Join(c.r.Header[name], ","))
	}
	part(string(c.raw))
	return [sha256.Size]byte(h.Sum(nil))
}

// kept is a reply as it is stored.
type kept struct {
	Status int            `json:"status"`
	Tag    string         `json:"tag,omitzero"`
	Body   jsontext.Value `json:"body,omitzero"`
	// replayed tells that it is of a request before.
	replayed bool
}

// keep stores the reply in the transaction of its effect.
func (c *call) keep(ctx context.Context, tx datastore.Repos, attempt *once.Attempt, out any) (*kept, error) {
	k := &kept{Status: c.status, Tag: c.tag}
	if _, none := out.(*nothing); none {
		k.Status = http.StatusNoContent
	} else {
		body, err := c.encode(out)
		if err != nil {
			return nil, err
		}
		k.Body = body
	}
	answer, err := json.Marshal(k, asStored)
	if err != nil {
		return nil, fmt.Errorf("encode kept reply: %w", err)
	}
	return k, attempt.Keep(ctx, tx, answer)
}

func readKept(answer []byte) (*kept, error) {
	k := &kept{replayed: true}
	if err := json.Unmarshal(answer, k, asStored); err != nil {
		return nil, fmt.Errorf("decode kept reply: %w", err)
	}
	return k, nil
}

// lost finds out whether an attempt failed because another process was first, so
// that its answer is the one to give.
func (c *call) lost(ctx context.Context, attempt *once.Attempt, cause error) (any, error) {
	answer, err := attempt.Answer(ctx)
	switch {
	case errors.Is(err, once.ErrMismatch):
		return nil, err
	case err != nil || answer == nil:
		if errors.Is(cause, idempotency.ErrTaken) {
			return nil, errors.Join(once.ErrRunning, cause, err)
		}
		return nil, cause
	}
	return readKept(answer)
}

// fresh makes the reply forget what an earlier run of show made of it.
func (c *call) fresh() *call {
	c.status, c.tag = c.route.Statuses[0], ""
	return c
}

// done shows that there is nothing to show.
func done(*call, once.Nothing) *nothing { return &nothing{} }
