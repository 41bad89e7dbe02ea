package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// problem is an error reply (RFC 9457).
type problem struct {
	Type      string         `json:"type" doc:"A page about this problem, relative to the server."`
	Title     string         `json:"title" doc:"What kind of problem it is, the same each time."`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What happened, for people."`
	Code      string         `json:"code" doc:"What programs switch on; it never changes."`
	RequestID string         `json:"request_id" doc:"Finds the request in the server's logs."`
	Errors    []problemField `json:"errors,omitempty" doc:"Every member and parameter at fault, up to 100."`
	Current   any            `json:"current,omitempty" doc:"With status 412: what the caller should have had, if there is something and he may see it."`
	Ban       *ban           `json:"ban,omitempty" doc:"With identity.banned: why, and until when."`
}

type problemField struct {
	In      string `json:"in,omitempty" enum:"path,query,header,document,bundle" doc:"Where the parameter stands; absent for a member of the body. document: in the document that the request would have made; bundle: in the bundle that it names."`
	Pointer string `json:"pointer" doc:"An RFC 6901 JSON pointer into the body, or into what in names."`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// statusGone is what logs and metrics say of a client that didn't wait for its reply.
const statusGone = 499

// refuse sends an error as a problem, and logs it when it is ours.
func (c *call) refuse(ctx context.Context, err error) {
	f := faultOf(ctx, err)
	gone := errors.Is(c.r.Context().Err(), context.Canceled)
	if !gone && f.Code != errOverloaded.Code && (f.Kind == fault.Internal || f.Kind == fault.Unavailable) {
		level := slog.LevelWarn
		if f.Kind == fault.Internal {
			level = slog.LevelError
		}
		c.api.Logger.LogAttrs(ctx, level, "request failed",
			slog.String("request_id", c.requestID), slog.String("operation", c.route.ID),
			slog.String("code", f.Code), slog.String("error", err.Error()))
	}
	if c.written == 0 {
		c.problem(f)
	}
	if gone {
		c.written = statusGone
	}
}

// faultOf finds the fault in an error. What isn't one is internal, unless it is
// only that the request's time ran out or its client left: of that a part that it then
// didn't wait for says that it is away. Who is refused for overload was refused before.
func faultOf(ctx context.Context, err error) *fault.Fault {
	var f *fault.Fault
	if errors.As(err, &f) && f.Kind != fault.Internal && (f.Kind != fault.Unavailable || errors.Is(err, errOverloaded)) {
		return f
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.ErrTimeout
	case ctx.Err() != nil:
		return fault.ErrUnavailable
	case f != nil && f.Kind == fault.Unavailable:
		return f
	}
	return fault.ErrInternal
}

const problemType = "application/problem+json"

// problemOf gives what every problem tells.
func problemOf(f *fault.Fault, requestID string) problem {
	return problem{Type: "/problems/" + f.Code, Title: titleOf(f), Status: statusOf(f), Detail: f.Detail, Code: f.Code, RequestID: requestID}
}

// problem sends a fault.
func (c *call) problem(f *fault.Fault) {
	p := problemOf(f, c.requestID)
	p.Current = current(f.Current)
	if banned, ok := f.Current.(identity.Ban); ok {
		p.Ban = &ban{Reason: banned.Reason, At: banned.At, Until: banned.Until}
	}
	c.code = f.Code
	p.Errors = fieldsOf(f.Fields)
	wait := f.RetryAfter
	if wait <= 0 && f.Kind == fault.Unavailable {
		wait = fault.ErrUnavailable.RetryAfter
	}
	if wait > 0 {
		c.header().Set("Retry-After", seconds(wait))
	}
	if f.Kind == fault.Unauthenticated && c.header().Get("WWW-Authenticate") == "" {
		c.challenge(true)
	}
	if f.Kind != fault.Unauthenticated {
		c.header().Del("WWW-Authenticate")
	}
	c.header().Del("ETag")
	c.header().Set("Cache-Control", "no-store")
	body, err := c.encode(p)
	if err != nil {
		// Only current could fail to be written, and it is the one part to do without.
		p.Current = nil
		body, _ = c.encode(p)
	}
	c.send(p.Status, problemType, body)
}

// fieldsOf gives the wire form of members at fault.
func fieldsOf(fields []fault.Field) []problemField {
	shown := make([]problemField, len(fields))
	for i, field := range fields {
		in := field.In
		if in == "body" {
			in = ""
		}
		shown[i] = problemField{In: in, Pointer: field.Pointer, Code: field.Code, Detail: field.Detail}
	}
	return shown
}

// current gives the wire form of what a stale caller should have had.
func current(v any) any {
	switch v := v.(type) {
	case storage.Document:
		return documentOf(v)
	case identity.Player:
		return fullProfile(v)
	case storage.Collection:
		return collectionOf(v)
	case operators.Configured:
		return configOf(v)
	case operators.Leaderboard:
		return leaderboardOf(v.Board, v.Season)
	case ranking.Reward:
		return rewardOf(v)
	case tenancy.Environment:
		return environmentOf(v)
	}
	return nil
}

// titleOf gives the title of a fault's code, or of its status for a code that
// came from an adapter we know nothing of.
func titleOf(f *fault.Fault) string {
	if entry, ok := catalogue[f.Code]; ok {
		return entry.Title
	}
	return http.StatusText(statusOf(f))
}

// seconds rounds up, so that who waits that long has waited long enough.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}
